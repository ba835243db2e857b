"""The three containers, per entry, in one home beside its own means."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from types import ModuleType
from typing import Any

import turns

import codap

SIZES = [10, 1000]
BLOCKS = 0.001


def rows(home: str, quick: bool, only: str) -> list[dict[str, Any]]:
    lives, found = HOMES[home](), []
    for (shape, kind, n), contestants in lives.items():
        work = f"{shape}, {kind}"
        if only in f"{work}, n={n}, {home}":
            found += turns.rows(work, n, home, turns.take(contestants, quick))
    return found


Lives = dict[tuple[str, str, int], dict[str, turns.Life]]


def check(total: int, n: int) -> None:
    if total != n * (n - 1) // 2:
        raise AssertionError(f"{total} is not the sum of what was put")


def by_key(make: Callable[[], Any], work: Callable[..., Any], n: int) -> turns.Life:
    def life() -> None:
        kv = make()
        for key in range(n):
            kv.put(key, work, key)
        total = 0
        for key in range(n):
            total += kv[key]
        check(total, n)

    return life


def pushed(make: Callable[[], Any], work: Callable[..., Any], n: int) -> turns.Life:
    def life() -> None:
        container = make()
        for key in range(n):
            container.push(work, key)
        check(sum(container), n)

    return life


def ours(work: Callable[..., Any], n: int) -> dict[str, turns.Life]:
    return {
        "KV": by_key(codap.KV, work, n),
        "Ordered": pushed(codap.Ordered, work, n),
        "FirstReply": pushed(codap.FirstReply, work, n),
    }


def published() -> ModuleType:
    """codap 0.0.5, under another name. It takes gevent if it can be imported."""
    path = Path(os.environ["CODAP_TEST_PUBLISHED"], "codap-0.0.5/codap/__init__.py")
    spec = importlib.util.spec_from_file_location("codap_0_0_5", path)
    assert spec and spec.loader
    old = importlib.util.module_from_spec(spec)
    hidden = None if "gevent" in sys.modules else {"gevent": None}
    sys.modules.update(hidden or {})  # type: ignore[arg-type]
    spec.loader.exec_module(old)
    for name in hidden or ():
        del sys.modules[name]
    return old


def theirs(old: ModuleType, work: Callable[..., Any], n: int) -> dict[str, turns.Life]:
    return {
        "KV": by_key(old.KV, work, n),
        "Ordered": pushed(old.Ordered, work, n),
        "FirstReply": pushed(old.FirstReply, work, n),
    }


def instant(number: int) -> int:
    return number


def threads() -> Lives:
    """The old package never started a thread, so it is no peer here."""

    def pauses(number: int) -> int:
        time.sleep(0)
        return number

    def blocks(number: int) -> int:
        time.sleep(BLOCKS)
        return number

    pools = {workers: ThreadPoolExecutor(workers) for workers in (8, 64)}
    lives: Lives = {}
    for n in SIZES:
        for kind, work, workers in (
            ("instant", instant, 8),
            ("sleep(0)", pauses, 8),
            ("blocks 1 ms", blocks, 64),
        ):
            pool = pools[workers]

            def each(n: int = n, work: Any = work, pool: ThreadPoolExecutor = pool) -> None:
                futures = {key: pool.submit(work, key) for key in range(n)}
                check(sum(futures[key].result() for key in range(n)), n)

            def arriving(n: int = n, work: Any = work, pool: ThreadPoolExecutor = pool) -> None:
                futures = [pool.submit(work, key) for key in range(n)]
                check(sum(future.result() for future in as_completed(futures)), n)

            name = f"ThreadPoolExecutor({workers})"
            for shape, life in ours(work, n).items():
                peer = (
                    (f"{name}, as_completed", arriving) if shape == "FirstReply" else (name, each)
                )
                lives[shape, kind, n] = {"codap": life, peer[0]: peer[1]}
    return lives


def gevent() -> Lives:
    import gevent

    def pauses(number: int) -> int:
        gevent.sleep(0)
        return number

    def blocks(number: int) -> int:
        gevent.sleep(BLOCKS)
        return number

    old, lives = published(), {}
    for n in SIZES:
        for kind, work in (("instant", instant), ("sleep(0)", pauses), ("blocks 1 ms", blocks)):

            def each(n: int = n, work: Any = work) -> None:
                greenlets = {key: gevent.spawn(work, key) for key in range(n)}
                check(sum(greenlets[key].get() for key in range(n)), n)

            def arriving(n: int = n, work: Any = work) -> None:
                greenlets = [gevent.spawn(work, key) for key in range(n)]
                check(sum(greenlet.get() for greenlet in gevent.iwait(greenlets)), n)

            for shape, life in ours(work, n).items():
                name = "gevent.spawn, iwait" if shape == "FirstReply" else "gevent.spawn"
                lives[shape, kind, n] = {
                    "codap": life,
                    name: arriving if shape == "FirstReply" else each,
                    "codap 0.0.5": theirs(old, work, n)[shape],
                }
    return lives


def eventlet() -> Lives:
    import eventlet

    def pauses(number: int) -> int:
        eventlet.sleep(0)
        return number

    def blocks(number: int) -> int:
        eventlet.sleep(BLOCKS)
        return number

    old, lives = published(), {}
    for n in SIZES:
        for kind, work in (("instant", instant), ("sleep(0)", pauses), ("blocks 1 ms", blocks)):

            def each(n: int = n, work: Any = work) -> None:
                greenlets = {key: eventlet.spawn(work, key) for key in range(n)}
                check(sum(greenlets[key].wait() for key in range(n)), n)

            for shape, life in ours(work, n).items():
                lives[shape, kind, n] = {
                    "codap": life,
                    "eventlet.spawn": each,
                    "codap 0.0.5": theirs(old, work, n)[shape],
                }
    return lives


def loop() -> Lives:
    run = asyncio.new_event_loop().run_until_complete

    async def at_once(number: int) -> int:
        return number

    async def pauses(number: int) -> int:
        await asyncio.sleep(0)
        return number

    async def blocks(number: int) -> int:
        await asyncio.sleep(BLOCKS)
        return number

    async def by_key(work: Any, n: int) -> None:
        kv = codap.KV()
        for key in range(n):
            kv.put(key, work, key)
        total = 0
        for key in range(n):
            total += await kv.aget(key)
        check(total, n)

    async def pushed(make: Any, work: Any, n: int) -> None:
        container = make()
        for key in range(n):
            container.push(work, key)
        total = 0
        async for item in container:
            total += item
        check(total, n)

    async def group(work: Any, n: int) -> None:
        async with asyncio.TaskGroup() as tasks:
            made = {key: tasks.create_task(work(key)) for key in range(n)}
        check(sum(made[key].result() for key in range(n)), n)

    async def arriving(work: Any, n: int) -> None:
        tasks = [asyncio.ensure_future(work(key)) for key in range(n)]
        total = 0
        for task in asyncio.as_completed(tasks):
            total += await task
        check(total, n)

    lives: Lives = {}
    for n in SIZES:
        for kind, work in (("instant", at_once), ("sleep(0)", pauses), ("blocks 1 ms", blocks)):

            def life(what: Any, *args: Any) -> turns.Life:
                return lambda: run(what(*args))

            lives["KV", kind, n] = {
                "codap": life(by_key, work, n),
                "TaskGroup": life(group, work, n),
            }
            lives["Ordered", kind, n] = {
                "codap": life(pushed, codap.Ordered, work, n),
                "TaskGroup": life(group, work, n),
            }
            lives["FirstReply", kind, n] = {
                "codap": life(pushed, codap.FirstReply, work, n),
                "as_completed": life(arriving, work, n),
            }
    return lives


HOMES = {"threads": threads, "gevent": gevent, "eventlet": eventlet, "asyncio": loop}
