"""A queue between any of threads, greenlets and tasks."""

from __future__ import annotations

from _queue import Empty
from collections import deque
from collections.abc import Iterator
from typing import Any, Generic, TypeVar

from codap._entry import Entry, cancel, run
from codap._errors import TimedOut
from codap._original import allocate_lock

T = TypeVar("T")


class Queue(Generic[T]):
    """An unbounded queue. A reader waits as its own context waits, whoever puts.

    ``for item in queue`` ends at the item ``StopIteration``.
    """

    __slots__ = ("__weakref__", "_items", "_lock", "_readers")

    def __init__(self) -> None:
        self._items: deque[T] = deque()
        self._readers: deque[Entry[T]] = deque()
        self._lock = allocate_lock()

    def put(self, item: T, block: bool = True, timeout: float | None = None) -> None:
        """Adds an item. It never waits, whatever ``block`` says."""
        while True:
            with self._lock:
                if not self._readers:
                    self._items.append(item)
                    return
                reader = self._readers.popleft()
            if run(reader.settle(item)):
                return

    put_nowait = put

    def get(self, block: bool = True, timeout: float | None = None) -> T:
        """Takes the next item, waiting for it. Raises `queue.Empty` if there is none: at once
        without ``block``, else after ``timeout`` seconds."""
        reader: Entry[T] = Entry()
        with self._lock:
            if self._items:
                return self._items.popleft()
            if not block:
                raise Empty
            self._readers.append(reader)
        try:
            return reader.get(timeout)
        except BaseException as error:
            # An item may have come just now: it must not be lost.
            if not cancel(reader, "by its reader") and reader.exception() is None:
                if isinstance(error, TimedOut):
                    return reader.value()  # type: ignore[no-any-return]
                with self._lock:
                    self._items.appendleft(reader.value())
            if isinstance(error, TimedOut):
                raise Empty from None
            raise

    def get_nowait(self) -> T:
        """Takes the next item; raises `queue.Empty` if there is none."""
        return self.get(False)

    async def aget(self) -> T:
        """Takes the next item, for coroutines."""
        reader: Entry[T] = Entry()
        with self._lock:
            if self._items:
                return self._items.popleft()
            self._readers.append(reader)
        try:
            return await reader.aget()
        except BaseException:
            if not cancel(reader, "by its reader") and reader.exception() is None:
                with self._lock:
                    self._items.appendleft(reader.value())
            raise

    def qsize(self) -> int:
        """How many items are there."""
        return len(self._items)

    __len__ = qsize

    def empty(self) -> bool:
        """Whether no item is there."""
        return not self._items

    def full(self) -> bool:
        """False: there is no bound."""
        return False

    def __bool__(self) -> bool:
        return True

    def __iter__(self) -> Iterator[T]:
        return self

    def __next__(self) -> T:
        item: Any = self.get()
        if item is StopIteration:
            raise StopIteration
        return item  # type: ignore[no-any-return]
