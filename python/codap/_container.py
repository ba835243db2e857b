"""What all three containers do with many entries at once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING, Any

from codap import _native, _wait
from codap._current import current
from codap._entry import Entry
from codap._errors import AllFailed, TimedOut
from codap._events import note_wait

if TYPE_CHECKING:
    from typing_extensions import Self

    from codap._box import Box


# So many replies that are there already are taken in one turn of a loop.
BURST = 64


class Finished(dict[Any, Any]):
    """What was there in time, from `finish_by`: plain values by key or position."""

    missing: dict[Any, Entry[Any]]
    """The entries without a value: ``entry.outcome`` tells why; pending ones run on."""


class Arrivals:
    """Entries with their keys in the order in which they end: for ``for`` and ``async for``.

    It walks what was in the container when it was made.
    """

    def __init__(self, pairs: list[tuple[Any, Any]]) -> None:
        self._keys: list[Any] = []
        self._inbox = _native.Inbox()
        for key, it in pairs:
            self._keys.append(key)
            self._inbox.add(it if isinstance(it, Entry) else ended(key, it))

    def __iter__(self) -> Iterator[tuple[Any, Entry[Any]]]:
        return self

    def __next__(self) -> tuple[Any, Entry[Any]]:
        reply = next_reply(self._inbox)
        if reply is None:
            raise StopIteration
        return self._keys[reply[0]], reply[1]

    def __aiter__(self) -> AsyncIterator[tuple[Any, Entry[Any]]]:
        return self

    async def __anext__(self) -> tuple[Any, Entry[Any]]:
        reply = await next_reply_async(self._inbox)
        if reply is None:
            raise StopAsyncIteration
        return self._keys[reply[0]], reply[1]


def ended(key: Any, value: Any) -> Entry[Any]:
    """An entry that has its value."""
    entry: Entry[Any] = Entry(None, key)
    entry.start()
    entry.settle(value)
    return entry


def _taken_over(reply: tuple[int, Any], began: float | None) -> tuple[int, Any]:
    if not reply[1].settled:
        reply[1]()
    if began is not None:
        note_wait(reply[1], monotonic() - began, current.get())
    return reply


def next_reply(inbox: _native.Inbox, until: float | None = None) -> tuple[int, Any] | None:
    """Takes the next reply, waiting for it; None when all are out."""
    began = None
    while True:
        change = _wait.Change(inbox)
        reply = inbox.take()
        if reply is not None:
            return _taken_over(reply, began)
        if inbox.taken >= len(inbox):
            return None
        began = began or monotonic()
        left = None if until is None else until - monotonic()
        if not _wait.wait(change, left):
            raise TimedOut("no reply within the timeout; the work goes on")


async def next_reply_async(inbox: _native.Inbox, until: float | None = None) -> Any:
    """As `next_reply`, for coroutines."""
    if inbox.taken % BURST == BURST - 1:
        # Before a reply is taken, which would be lost if this were cancelled.
        await _wait.breathe()
    began = None
    while True:
        change = _wait.Change(inbox)
        reply = inbox.take()
        if reply is not None:
            return _taken_over(reply, began)
        if inbox.taken >= len(inbox):
            return None
        began = began or monotonic()
        left = None if until is None else until - monotonic()
        if not await _wait.wait_async(change, left):
            raise TimedOut("no reply within the timeout; the work goes on")


class Container:
    """See the module."""

    __slots__ = ()

    _box: Box | None

    def _pairs(self) -> list[tuple[Any, Any]]:
        """Every key or position, with its entry or its value."""
        raise NotImplementedError

    def _pending(self) -> list[Entry[Any]]:
        return [it for _, it in self._pairs() if isinstance(it, Entry) and not it.done]

    def wait(self, timeout: float | None = None) -> bool:
        """Waits until everything has ended, well or not; False if ``timeout`` seconds are over
        before. It raises nothing that work raised."""
        until = None if timeout is None else monotonic() + timeout
        for entry in self._pending():
            left = None if until is None else max(0.0, until - monotonic())
            if not _wait.wait(entry, left):
                return False
        return True

    async def join(self, timeout: float | None = None) -> bool:
        """As `wait`, for coroutines."""
        until = None if timeout is None else monotonic() + timeout
        for entry in self._pending():
            left = None if until is None else max(0.0, until - monotonic())
            if not await _wait.wait_async(entry, left):
                return False
        return True

    def arrivals(self) -> Arrivals:
        """``for key, reply in kv.arrivals()``, also ``async for``: entries in the order in which
        they end; ``reply.get()`` is the value, or raises."""
        return Arrivals(self._pairs())

    def finish_by(self, timeout: float) -> Finished:
        """What is there within ``timeout`` seconds, defaults included; what is not is in
        ``missing``, and runs on."""
        self.wait(timeout)
        return self._finished()

    async def afinish_by(self, timeout: float) -> Finished:
        """As `finish_by`, for coroutines."""
        await self.join(timeout)
        return self._finished()

    def _finished(self) -> Finished:
        finished = Finished()
        finished.missing = {}
        for key, it in self._pairs():
            if not isinstance(it, Entry):
                finished[key] = it
            elif it.done and it.exception() is None:
                finished[key] = it.value()
            else:
                finished.missing[key] = it
        return finished

    def first_ok(self, timeout: float | None = None) -> tuple[Any, Any]:
        """The first success, as key or position and value; what is pending then is cancelled.

        Raises `AllFailed`, with every error, if there is none; `TimedOut` if there is none within
        ``timeout`` seconds, and then cancels nothing.
        """
        until = None if timeout is None else monotonic() + timeout
        arrivals = self.arrivals()
        errors: dict[Any, BaseException] = {}
        while (reply := next_reply(arrivals._inbox, until)) is not None:
            if (won := self._won(arrivals, reply, errors)) is not None:
                return won
        raise _all_failed(errors)

    async def afirst_ok(self, timeout: float | None = None) -> tuple[Any, Any]:
        """As `first_ok`, for coroutines."""
        until = None if timeout is None else monotonic() + timeout
        arrivals = self.arrivals()
        errors: dict[Any, BaseException] = {}
        while (reply := await next_reply_async(arrivals._inbox, until)) is not None:
            if (won := self._won(arrivals, reply, errors)) is not None:
                return won
        raise _all_failed(errors)

    def _won(
        self, arrivals: Arrivals, reply: tuple[int, Entry[Any]], errors: dict[Any, BaseException]
    ) -> tuple[Any, Any] | None:
        index, entry = reply
        key = arrivals._keys[index]
        error = entry.exception()
        if error is not None:
            errors[key] = error
            return None
        self.cancel()
        return key, entry.value()

    def cancel(self) -> None:
        """Ends everything pending as cancelled; greenlets and tasks are interrupted."""
        # From the back: the end of one that runs would start one that is about to be cancelled.
        for entry in reversed(self._pending()):
            entry.cancel()

    @property
    def pending(self) -> int:
        """How many entries have not ended."""
        return len(self._pending())

    @property
    def done(self) -> int:
        """How many entries have ended, with or without a value."""
        return len(self._pairs()) - self.pending

    @property
    def failed(self) -> int:
        """How many entries have ended without a value."""
        entries = [it for _, it in self._pairs() if isinstance(it, Entry)]
        return sum(it.done and it.exception() is not None for it in entries)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Waits for everything; after an exception in the block it cancels instead."""
        if kind is None:
            self.wait()
        else:
            self.cancel()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is None:
            await self.join()
        else:
            self.cancel()


def _all_failed(errors: dict[Any, BaseException]) -> AllFailed:
    told = "; ".join(f"{key!r}: {type(it).__name__}: {it}" for key, it in list(errors.items())[:8])
    error = AllFailed(_native.redact(f"none of {len(errors)} entries succeeded: {told}"))
    error.errors = errors
    return error
