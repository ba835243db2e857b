"""An entry put anywhere is read anywhere, also when the place where it was put is gone."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from typing import Any

import gevent
import pytest

import codap

SOON = 20.0


class Main:
    """This thread."""

    def call(self, function: Callable[[], Any]) -> Any:
        return function()

    def end(self) -> None:
        pass

    def work(self, opened: threading.Event) -> Callable[[], Any]:
        return lambda: opened.wait(SOON) and "value"

    def read(self, kv: codap.KV, key: str) -> Any:
        return kv[key]


class Thread(Main):
    """A thread of its own, which ends."""

    def __init__(self) -> None:
        self._calls: queue.Queue[Any] = queue.Queue()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while (call := self._calls.get()) is not None:
            call()

    def call(self, function: Callable[[], Any]) -> Any:
        results: queue.Queue[Any] = queue.Queue()

        def call() -> None:
            try:
                results.put((self.inside(function), None))
            except BaseException as error:
                results.put((None, error))

        self._calls.put(call)
        value, error = results.get(timeout=SOON)
        if error is not None:
            raise error
        return value

    def inside(self, function: Callable[[], Any]) -> Any:
        return function()

    def end(self) -> None:
        self._calls.put(None)
        self._thread.join(SOON)
        assert not self._thread.is_alive()


class Greenlet(Thread):
    """A greenlet in the hub of a thread of its own. The hub runs while it has something to do."""

    def inside(self, function: Callable[[], Any]) -> Any:
        return gevent.spawn(function).get()

    def work(self, opened: threading.Event) -> Callable[[], Any]:
        def wait() -> str:
            while not opened.is_set():
                gevent.sleep(0.001)
            return "value"

        return wait

    def end(self) -> None:
        self.call(lambda: None)
        self._calls.put(lambda: gevent.get_hub().destroy(destroy_loop=True))
        super().end()


class Loop(Thread):
    """A task in the loop of a thread of its own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve_loop)
        self._thread.start()

    def _serve_loop(self) -> None:
        self._loop.run_forever()
        self._loop.close()

    def call(self, function: Callable[[], Any]) -> Any:
        async def call() -> Any:
            result = function()
            return await result if asyncio.iscoroutine(result) else result

        return asyncio.run_coroutine_threadsafe(call(), self._loop).result(SOON)

    def work(self, opened: threading.Event) -> Callable[[], Any]:
        async def wait() -> str:
            while not opened.is_set():
                await asyncio.sleep(0.001)
            return "value"

        return wait

    def read(self, kv: codap.KV, key: str) -> Any:
        return kv.aget(key)

    def end(self) -> None:
        def stop() -> None:
            for task in asyncio.all_tasks(self._loop):
                task.cancel()
            self._loop.call_soon(self._loop.stop)

        self._loop.call_soon_threadsafe(stop)
        self._thread.join(SOON)
        assert not self._thread.is_alive()


PLACES: dict[str, type[Main]] = {"main": Main, "thread": Thread, "greenlet": Greenlet, "loop": Loop}


@pytest.fixture
def places():
    made: list[Main] = []

    def make(name: str) -> Main:
        made.append(PLACES[name]())
        return made[-1]

    yield make
    for place in made:
        place.end()


@pytest.mark.parametrize("reader", PLACES)
@pytest.mark.parametrize("home", PLACES)
def test_put_here_and_read_there(home: str, reader: str, places: Any) -> None:
    """Where home and reader are a hub, it is not one and the same: each place is a new one."""
    here, there = places(home), places(reader)
    kv, opened = codap.KV(), threading.Event()
    here.call(lambda: kv.put("k", here.work(opened)))
    if home == "greenlet":
        # A hub runs only while someone in its thread waits: here, for what is put.
        here._calls.put(lambda: here.inside(lambda: kv["k"]))

    def read() -> Any:
        threading.Timer(0.01, opened.set).start()
        return there.read(kv, "k")

    assert there.call(read) == "value"
    assert kv["k"] == "value"


@pytest.mark.parametrize("reader", PLACES)
@pytest.mark.parametrize("home", ["thread", "greenlet", "loop"])
def test_the_home_ends_before_the_read(home: str, reader: str, places: Any) -> None:
    here, there = PLACES[home](), places(reader)
    kv, opened = codap.KV(), threading.Event()
    handle = here.call(lambda: kv.put("k", here.work(opened)))
    here.end()
    opened.set()
    read = (
        (lambda: there.read(kv, "k")) if reader != "loop" else (lambda: kv.aget("k", timeout=SOON))
    )
    if home == "thread":
        # A thread that puts is not where its functions run.
        assert there.call(read) == "value"
    else:
        with pytest.raises((codap.Cancelled, codap.Abandoned)):
            there.call(read)
        assert handle.outcome in ("abandoned", "cancelled")


@pytest.mark.parametrize("reader", PLACES)
def test_a_native_fetch_is_read_anywhere(reader: str, places: Any, tmp_path: Any) -> None:
    file = tmp_path / "logo.png"
    file.write_bytes(b"logo")
    there = places(reader)
    kv = codap.KV()
    kv.put("logo", codap.fetch, file.as_uri())
    assert bytes(there.call(lambda: there.read(kv, "logo"))) == b"logo"


@pytest.mark.parametrize("reader", PLACES)
def test_a_slot_filled_anywhere_wakes_anyone(reader: str, places: Any) -> None:
    for filler in PLACES:
        here, there, kv = places(filler), places(reader), codap.KV()
        slot = kv.put("k")
        if filler == "main":
            threading.Timer(0.01, slot.put, [filler]).start()
        else:
            threading.Timer(0.01, here.call, [lambda: slot.put(filler)]).start()
        assert there.call(lambda: there.read(kv, "k")) == filler
