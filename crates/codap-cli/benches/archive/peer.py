"""What one would write in Python: requests in 32 threads, into a zipfile."""

import sys
import threading
import zipfile
from concurrent.futures import ThreadPoolExecutor, as_completed

import requests

local = threading.local()


def fetch(uri):
    if not hasattr(local, "session"):
        local.session = requests.Session()
    reply = local.session.get(uri)
    reply.raise_for_status()
    return uri, reply.content


def main(list_of_uris, archive):
    with open(list_of_uris) as lines:
        uris = [line.strip() for line in lines]
    with (
        ThreadPoolExecutor(32) as threads,
        zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as out,
    ):
        for done in as_completed([threads.submit(fetch, uri) for uri in uris]):
            uri, body = done.result()
            out.writestr(uri.split("/", 3)[3], body)


main(*sys.argv[1:])
