"""The examples in python/examples, as one would run them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from fault import Fault, rule
from scripts import clean

EXAMPLES = Path(__file__).parents[3] / "python/examples"
SEEN = set()


def example(name: str, *arguments: str) -> str:
    SEEN.add(name)
    ended = subprocess.run(
        [sys.executable, EXAMPLES / name, *arguments], capture_output=True, text=True, timeout=60
    )
    assert (ended.returncode, ended.stderr) == (0, ""), ended.stderr
    return ended.stdout


def test_dictionary() -> None:
    assert example("dictionary.py") == "bar: tabby, siamese, manx, sphynx; george is climbing\n"


def test_ordered() -> None:
    assert example("ordered.py") == "".join(f"{x}\n" for x in range(10))


def test_first_reply() -> None:
    assert example("first_reply.py") == "seven\nseven\n"


def test_fibonacci() -> None:
    numbers = [int(word) for word in example("fibonacci.py").split()]
    assert len(numbers) == 30 and numbers[-1] == 514229


@pytest.mark.parametrize("how", ["zip", "archive"])
def test_zip_files(tmp_path: Path, how: str) -> None:
    with Fault(rule("/*", body={"generated": {"size": 1000, "seed": 3}})) as server:
        urls = [server.url(f"/file-{n}.txt") for n in range(30)]
        out = tmp_path / "out.zip"
        assert example("zip_files.py", how, str(out), *urls) == f"30 files in {out}\n"
    with zipfile.ZipFile(out) as archive:
        assert archive.testzip() is None
        assert sorted(archive.namelist()) == sorted(f"file-{n}.txt" for n in range(30))
        assert {info.file_size for info in archive.infolist()} == {1000}


def test_a_flask_page_under_gevent() -> None:
    """Served by gevent's own server, asked by twenty at once."""
    SEEN.add("flask_page.py")
    said = clean(
        """
import flask_page, gevent, requests
from gevent.pywsgi import WSGIServer
server = WSGIServer(('127.0.0.1', 0), flask_page.app, log=None)
server.start()
url = f'http://127.0.0.1:{server.server_port}/'
replies = [r.get() for r in [gevent.spawn(requests.get, url, timeout=30) for _ in range(20)]]
print({reply.status_code for reply in replies}, {reply.text.count('<img') for reply in replies})
# Nobody waited for the minute that goes into what is not shown.
print('<title>Ada</title>' in replies[0].text)
server.stop()
""",
        PYTHONPATH=str(EXAMPLES),
    )
    assert said == "{200} {3}\nTrue\n"


def test_a_fastapi_page() -> None:
    SEEN.add("fastapi_page.py")
    said = clean(
        """
import asyncio, fastapi_page, httpx
async def main():
    transport = httpx.ASGITransport(fastapi_page.app)
    async with httpx.AsyncClient(transport=transport, base_url='http://test') as client:
        replies = await asyncio.gather(*[client.get(f'/users/{n}') for n in range(20)])
    print({reply.status_code for reply in replies})
    print([reply.json()['photos'] for reply in replies] == [3 * n for n in range(20)])
    print(replies[7].json()['about'])
asyncio.run(main())
""",
        PYTHONPATH=str(EXAMPLES),
    )
    first = (EXAMPLES / "fastapi_page.py").read_text().splitlines()[0]
    assert said == f"{{200}}\nTrue\n{first}\n"


def left_out(server: str) -> bool:
    return server in os.environ.get("CODAP_TEST_WITHOUT", "").split(",")


def test_three_stores() -> None:
    SEEN.add("stores.py")
    if left_out("mongodb") or left_out("s3"):
        pytest.skip("LEFT OUT: a server that this test needs")
    mongodb, s3 = os.environ.get("CODAP_TEST_MONGODB"), os.environ.get("CODAP_TEST_S3")
    assert mongodb and s3, "no servers: cargo xtask test --only python, or cargo xtask servers"
    import boto3
    import pymongo

    with pymongo.MongoClient(mongodb) as client:
        client.site.users.replace_one({"_id": 7}, {"_id": 7, "name": "Ada"}, upsert=True)
    bucket = boto3.client(
        "s3",
        endpoint_url=s3,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    bucket.create_bucket(Bucket="photos")
    bucket.put_object(Bucket="photos", Key="7.png", Body=b"x" * 1000)
    weather = rule("/weather", body={"json": {"sky": "clear"}})
    news = rule("/news", body={"text": "none"})
    with Fault(weather, news) as server:
        said = example("stores.py", mongodb, s3, server.base)
    assert json.loads(said.replace("'", '"')) == {
        "user": "Ada",
        "photo": 1000,
        "weather": "clear",
        "news": "none",
    }


def test_none_is_left_out() -> None:
    assert {file.name for file in EXAMPLES.glob("*.py")} == SEEN
