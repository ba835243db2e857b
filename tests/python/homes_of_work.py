"""One suite for every home of work.

A test is a coroutine function that asks its home for everything that differs: work that waits, how
to read, how to stand aside. With threads and greenlets none of these coroutines ever suspends, so
`run` only starts them; with asyncio they are what they look like.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any

import codap

# What a wait that should have ended long ago is bounded by.
SOON = 20.0


class Home:
    """Threads, and whatever patches them into something else."""

    name = "threads"
    is_async = False

    def run(self, test: Coroutine[Any, Any, None]) -> None:
        try:
            test.send(None)
        except StopIteration:
            return
        raise AssertionError("a test of a synchronous home was suspended")

    # Work

    def gate(self) -> Gate:
        """Work that waits until the test lets it go on."""
        return Gate(self, threading.Event())

    def work(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """`function`, as this home takes its work."""
        return function

    def raises(self, error: BaseException) -> Callable[..., Any]:
        def fail(*_: object) -> None:
            raise error

        return self.work(fail)

    def reads(self, container: Any, key: Any) -> Callable[[], Any]:
        """Work that reads an entry."""
        return lambda: container[key]

    def sleeps(self, seconds: float) -> Callable[..., Any]:
        import time

        def sleep(value: Any = None) -> Any:
            time.sleep(seconds)
            return value

        return sleep

    # Reading

    async def get(self, container: Any, key: Any, **how: Any) -> Any:
        return container.get(key, **how) if how else container[key]

    async def value(self, handle: Any, **how: Any) -> Any:
        return handle.get(**how)

    async def wait(self, container: Any, **how: Any) -> Any:
        return container.wait(**how)

    async def finish_by(self, container: Any, seconds: float) -> Any:
        return container.finish_by(seconds)

    async def first_ok(self, container: Any) -> Any:
        return container.first_ok()

    async def arrivals(self, container: Any) -> list[tuple[Any, Any]]:
        return [(key, outcome(handle)) for key, handle in container.arrivals()]

    async def each(self, container: Any) -> list[Any]:
        return list(container)

    async def leave(self, container: Any, body: Callable[[], None]) -> None:
        """Uses the container in a `with` block."""
        with container:
            body()

    async def stand_aside(self, seconds: float = 0) -> None:
        """Lets everything else run."""
        import time

        time.sleep(seconds)

    async def until(self, holds: Callable[[], bool]) -> None:
        """Waits for what nothing tells of. Bounded."""
        import time

        end = time.monotonic() + SOON
        while not holds():
            assert time.monotonic() < end, "it did not come"
            await self.stand_aside(0.001)

    def beat(self, stop: Callable[[], bool], beats: list[float]) -> Any:
        """Writes the time down every 10 ms, in the main line of this home."""
        import time

        def body() -> None:
            while not stop():
                beats.append(time.monotonic())
                time.sleep(0.01)

        thread = threading.Thread(target=body)
        thread.start()
        return thread.join


class Greenlets(Home):
    """gevent without patching: whatever runs in a greenlet is at home there."""

    name = "gevent-unpatched"

    def run(self, test: Coroutine[Any, Any, None]) -> None:
        import gevent

        gevent.spawn(super().run, test).get()

    def gate(self) -> Gate:
        from gevent.event import Event

        return Gate(self, Event())

    def sleeps(self, seconds: float) -> Callable[..., Any]:
        import gevent

        def sleep(value: Any = None) -> Any:
            gevent.sleep(seconds)
            return value

        return sleep

    async def stand_aside(self, seconds: float = 0) -> None:
        import gevent

        gevent.sleep(seconds)

    def beat(self, stop: Callable[[], bool], beats: list[float]) -> Any:
        import time

        import gevent

        def body() -> None:
            while not stop():
                beats.append(time.monotonic())
                gevent.sleep(0.01)

        return gevent.spawn(body).join


class Loop(Home):
    name = "asyncio"
    is_async = True

    def run(self, test: Coroutine[Any, Any, None]) -> None:
        asyncio.run(test)

    def gate(self) -> Gate:
        return Gate(self, asyncio.Event())

    def work(self, function: Callable[..., Any]) -> Callable[..., Any]:
        async def work(*args: Any, **keywords: Any) -> Any:
            await asyncio.sleep(0)
            return function(*args, **keywords)

        return work

    def reads(self, container: Any, key: Any) -> Callable[[], Any]:
        async def read() -> Any:
            return await container.aget(key)

        return read

    def sleeps(self, seconds: float) -> Callable[..., Any]:
        async def sleep(value: Any = None) -> Any:
            await asyncio.sleep(seconds)
            return value

        return sleep

    async def get(self, container: Any, key: Any, **how: Any) -> Any:
        return await container.aget(key, **how)

    async def value(self, handle: Any, **how: Any) -> Any:
        return await handle.aget(**how)

    async def wait(self, container: Any, **how: Any) -> Any:
        return await container.join(**how)

    async def finish_by(self, container: Any, seconds: float) -> Any:
        return await container.afinish_by(seconds)

    async def first_ok(self, container: Any) -> Any:
        return await container.afirst_ok()

    async def arrivals(self, container: Any) -> list[tuple[Any, Any]]:
        return [(key, outcome(handle)) async for key, handle in container.arrivals()]

    async def each(self, container: Any) -> list[Any]:
        return [item async for item in container]

    async def leave(self, container: Any, body: Callable[[], None]) -> None:
        async with container:
            body()

    async def stand_aside(self, seconds: float = 0) -> None:
        await asyncio.sleep(seconds)

    def beat(self, stop: Callable[[], bool], beats: list[float]) -> Any:
        import time

        async def body() -> None:
            while not stop():
                beats.append(time.monotonic())
                await asyncio.sleep(0.01)

        task = asyncio.get_running_loop().create_task(body())
        return lambda: task


class Gate:
    """Holds work until it is opened; knows how many came to it."""

    def __init__(self, home: Home, event: Any) -> None:
        self._home, self._event = home, event
        self.came = 0

    def open(self) -> None:
        self._event.set()

    def then(self, answer: Any = None) -> Callable[..., Any]:
        """Work that answers, or raises, once the gate is open."""
        if self._home.is_async:

            async def wait(*_: object) -> Any:
                self.came += 1
                await asyncio.wait_for(self._event.wait(), SOON)
                return give(answer)
        else:

            def wait(*_: object) -> Any:
                self.came += 1
                assert self._event.wait(SOON), "the gate stayed shut"
                return give(answer)

        return wait


def give(answer: Any) -> Any:
    if isinstance(answer, BaseException):
        raise answer
    return answer


def outcome(handle: Any) -> Any:
    """The value of an ended entry, or what it raises."""
    try:
        return handle.try_get()
    except Exception as error:
        return error


def home_named(name: str) -> Home:
    if name == "gevent-unpatched":
        return Greenlets()
    if name == "asyncio":
        return Loop()
    home = Home()
    home.name = name
    return home


__all__ = ["SOON", "Gate", "Home", "codap", "home_named", "outcome"]
