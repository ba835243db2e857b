"""Files of a web service into one zip: the example of the old package, and its answer today.

python zip_files.py zip|archive out.zip URL…
"""

import sys
import zipfile

import codap


def zip_files(out, urls):
    """In Python: any object that one can make of a reply."""
    fr = codap.FirstReply()
    for url in urls:
        fr.push(codap.fetch, url)
    with zipfile.ZipFile(out, "w") as archive:
        for file in fr:  # in the order in which they come
            archive.writestr(file.uri.rpartition("/")[2], file)
    return len(fr)


def archive_files(out, urls):
    """Without Python: each file is written as it comes, in bounded memory, whole or not at all."""
    return codap.archive(out, urls).entries


if __name__ == "__main__":
    how, out, *urls = sys.argv[1:]
    make = {"zip": zip_files, "archive": archive_files}[how]
    print(make(out, urls), "files in", out)
