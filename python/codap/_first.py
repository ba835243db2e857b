"""By arrival: replies in the order in which they come."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any, Generic, TypeVar, overload

from codap import _native, _wait
from codap._box import box
from codap._container import Container, ended, next_reply, next_reply_async
from codap._entry import MISSING, Entry
from codap._handle import Handle
from codap._start import put

T = TypeVar("T")


class FirstReply(Container, Generic[T]):
    """Push work, take the replies in the order in which they arrive.

    ::

        fr = codap.FirstReply()
        for source in sources:
            fr.push(get_data, source)
        fr[0]                       # the first reply, whoever gave it
        for data in fr:             # each reply once
            archive.add(data)

    Each reply is handed out once, over all loops: push more and loop again, and only the new
    ones come; several threads, greenlets or tasks that loop share the replies. ``fr[n]``, ``len``
    and ``in`` hand nothing out. A failure is a reply as well, and raises where it is handed out;
    after that the loop may go on. For the first success see `first_ok`. For the options see `KV`.
    """

    __slots__ = ("__weakref__", "_box", "_inbox")

    def __init__(
        self,
        *,
        on: Any = None,
        limit: int | None = None,
        deadline: float | None = None,
        record: bool = False,
    ) -> None:
        self._box = box(on, limit, deadline, record)
        self._inbox = _native.Inbox()

    @overload
    def push(self, /) -> Handle[T]: ...
    @overload
    def push(self, fn: Any, /, *args: Any, **kwargs: Any) -> Entry[T]: ...
    def push(self, fn: Any = MISSING, /, *args: Any, **kwargs: Any) -> Any:
        """Starts ``fn(*args, **kwargs)``; the answer is a handle to the entry. Without a function
        the entry is filled by hand. Values are replies at once."""
        index, store = len(self._inbox), self._inbox.add
        entry = put(None, index, self._box, store, fn, args, kwargs)
        return self.insert(fn) if entry is None else entry

    append = push

    def insert(self, value: Any, /) -> Any:
        """Adds a value as it is, also one that could be called."""
        entry = ended(len(self._inbox), value)
        self._inbox.add(entry)
        return entry

    def __iter__(self) -> Iterator[T]:
        return self

    def __next__(self) -> T:
        reply = next_reply(self._inbox)
        if reply is None:
            raise StopIteration
        return reply[1].value()  # type: ignore[no-any-return]

    def __aiter__(self) -> AsyncIterator[T]:
        return self

    async def __anext__(self) -> T:
        reply = await next_reply_async(self._inbox)
        if reply is None:
            raise StopAsyncIteration
        return reply[1].value()  # type: ignore[no-any-return]

    def __getitem__(self, n: int, /) -> T:
        at = self._place(n)
        while True:
            change = _wait.Change(self._inbox)
            reply = self._inbox.nth(at)
            if reply is not None:
                return reply[1].get()  # type: ignore[no-any-return]
            _wait.wait(change, None)

    async def aget(self, n: int, /) -> T:
        """The reply that is the n-th to arrive, for coroutines."""
        at = self._place(n)
        while True:
            change = _wait.Change(self._inbox)
            reply = self._inbox.nth(at)
            if reply is not None:
                return await reply[1].aget()  # type: ignore[no-any-return]
            await _wait.wait_async(change, None)

    def _place(self, n: int) -> int:
        size = len(self._inbox)
        at = n + size if n < 0 else n
        if not 0 <= at < size:
            raise IndexError(f"reply {n} of {size} that were pushed")
        return at

    def __len__(self) -> int:
        return len(self._inbox)

    def __contains__(self, value: object) -> bool:
        return any(it is value or it == value for it in (self[n] for n in range(len(self))))

    def _pairs(self) -> list[tuple[Any, Any]]:
        inbox = self._inbox
        return [(n, inbox.by_number(n)) for n in range(len(inbox))]

    def __repr__(self) -> str:
        inbox = self._inbox
        replies: list[Any] = [inbox.nth(n) for n in range(inbox.arrived)]
        shown = [repr(_shown(reply[1])) for reply in replies]
        return f"<codap.FirstReply [{', '.join(shown)}], {self.pending} pending>"


def _shown(entry: Any) -> Any:
    has_value = type(entry) is Entry and entry.done and entry.exception() is None
    return entry.value() if has_value else entry
