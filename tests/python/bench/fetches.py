"""5,000 small documents from a loopback server, 64 at a time."""

from __future__ import annotations

import asyncio
import os
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import aiohttp
import httpx
import requests
import turns

import codap

N = 5000
AT_ONCE = 64
SIZE = 512
# What is slow is measured on fewer: the unit is a request.
FEW = 1000


@contextmanager
def server() -> Iterator[str]:
    """The server of `cargo xtask bench sources`, which counts: the judge of how many there were."""
    command = [os.environ["CODAP_BENCH_RAW"], "serve"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin and process.stdout
    yield process.stdout.readline().strip()
    process.stdin.write("\n")
    process.stdin.flush()
    assert int(process.stdout.readline()) > 0
    process.communicate()


def rows(home: str, quick: bool, only: str) -> list[dict[str, Any]]:
    if only not in "GET 512 B, KV, n=5000, fetch":
        return []
    with server() as base:
        return measured(base, quick)


def measured(base: str, quick: bool) -> list[dict[str, Any]]:
    run = asyncio.new_event_loop().run_until_complete
    sessions: list[Any] = []

    async def open_sessions() -> None:
        sessions.append(aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=AT_ONCE)))
        limits = httpx.Limits(max_connections=AT_ONCE, max_keepalive_connections=AT_ONCE)
        sessions.append(httpx.AsyncClient(limits=limits, timeout=60))

    run(open_sessions())
    web, client = sessions
    own, pool = threading.local(), ThreadPoolExecutor(32)

    def kv() -> None:
        page = codap.KV(limit=AT_ONCE)
        for number in range(N):
            page.put(number, codap.fetch, f"{base}{number}")
        check(sum(len(page[number]) for number in range(N)), N)

    def ordered_in_a_loop() -> None:
        async def main() -> None:
            documents, total = codap.Ordered(limit=AT_ONCE), 0
            for number in range(N):
                documents.push(codap.fetch, f"{base}{number}")
            async for document in documents:
                total += len(document)
            check(total, N)

        run(main())

    def with_aiohttp() -> None:
        async def get(number: int) -> int:
            async with web.get(f"{base}{number}") as reply:
                return len(await reply.read())

        async def main() -> None:
            check(sum(await asyncio.gather(*map(get, range(N)))), N)

        run(main())

    def with_httpx() -> None:
        async def get(number: int) -> int:
            return len((await client.get(f"{base}{number}")).content)

        async def main() -> None:
            check(sum(await asyncio.gather(*map(get, range(FEW)))), FEW)

        run(main())

    def with_requests() -> None:
        def get(number: int) -> int:
            if not hasattr(own, "session"):
                own.session = requests.Session()
            return len(own.session.get(f"{base}{number}").content)

        check(sum(pool.map(get, range(FEW))), FEW)

    def raw() -> None:
        subprocess.run([os.environ["CODAP_BENCH_RAW"], "reqwest", base], check=True)

    contestants = {
        "codap": kv,
        "codap in a loop": ordered_in_a_loop,
        "aiohttp": with_aiohttp,
        "httpx": with_httpx,
        "requests + 32 threads": with_requests,
        "raw reqwest, a process of its own": raw,
    }
    times = turns.take(contestants, quick, budget=6.0)
    for name in ("httpx", "requests + 32 threads"):
        times[name] = [took * N / FEW for took in times[name]]
    in_a_loop = times.pop("codap in a loop")
    found = turns.rows("GET 512 B, KV", N, "threads", times, "µs/request")
    peers = {"codap": in_a_loop, "aiohttp": times["aiohttp"], "httpx": times["httpx"]}
    found += turns.rows("GET 512 B, Ordered", N, "asyncio", peers, "µs/request")

    async def close_sessions() -> None:
        await web.close()
        await client.aclose()

    run(close_sessions())
    return found


def check(length: int, n: int) -> None:
    if length != n * SIZE:
        raise AssertionError(f"{length} bytes, not {n * SIZE}")
