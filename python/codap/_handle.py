"""The producer's end of an entry that is filled by hand."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, Generic, TypeVar

from codap._entry import Entry, abandon, fail, name, run
from codap._errors import Error

T = TypeVar("T")


class Handle(Generic[T]):
    """Fills one entry: ``handle = kv.put('late'); handle.put(value)``.

    It reads the entry as well. An entry whose handle is dropped unfilled ends as abandoned, so
    that nobody waits for ever.
    """

    __slots__ = ("__weakref__", "entry")

    def __init__(self, entry: Entry[T]) -> None:
        entry.start()
        self.entry = entry

    def put(self, value: T) -> None:
        """Gives the entry its value. Raises `Error` if it has ended."""
        if not run(self.entry.settle(value)):
            raise Error(f"{name(self.entry)} has ended already, as {self.entry.outcome}")

    def fail(self, error: BaseException) -> None:
        """Ends the entry with an exception. Raises `Error` if it has ended."""
        if self.entry.over:
            raise Error(f"{name(self.entry)} has ended already, as {self.entry.outcome}")
        fail(self.entry, error)

    def get(self, timeout: float | None = None) -> T:
        """Waits for the value; see `Entry.get`."""
        return self.entry.get(timeout)

    async def aget(self, timeout: float | None = None) -> T:
        """As `get`, for coroutines."""
        return await self.entry.aget(timeout)

    def __await__(self) -> Generator[Any, None, T]:
        return self.entry.__await__()

    def try_get(self, default: Any = None) -> Any:
        """The value if it is there, else ``default``."""
        return self.entry.try_get(default)

    def cancel(self) -> bool:
        """Ends the entry as cancelled, unless it has ended; whether it did."""
        return self.entry.cancel()

    @property
    def done(self) -> bool:
        """Whether the entry has ended."""
        return self.entry.done

    @property
    def outcome(self) -> str:
        """How the entry stands; see `Entry.outcome`."""
        return self.entry.outcome

    def __repr__(self) -> str:
        return f"<codap.Handle {name(self.entry)}: {self.outcome}>"

    def __del__(self) -> None:
        entry = getattr(self, "entry", None)
        if entry is not None and not entry.over:
            abandon(entry, "its handle was dropped before it was filled")
