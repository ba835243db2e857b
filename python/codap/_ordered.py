"""By position: a sequence whose values are on their way."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from typing import Any, Generic, TypeVar, overload

from codap._box import box
from codap._container import Container, ended
from codap._entry import MISSING, Entry
from codap._handle import Handle
from codap._start import follow, is_awaitable, is_work, put, start

T = TypeVar("T")


class Ordered(Container, Generic[T]):
    """A list to push work into: read in the order of the pushes, whoever is done first.

    ::

        stuff = codap.Ordered()
        for x in range(10):
            stuff.push(get_stuff, db, x)
        for it in stuff:            # waits for each as the loop comes to it
            it.render()

    Each loop has its own place. Slices and sums are plain lists. For the options see `KV`.
    """

    __slots__ = ("__weakref__", "_box", "_items")

    def __init__(
        self,
        iterable: Iterable[Any] = (),
        /,
        *,
        on: Any = None,
        limit: int | None = None,
        deadline: float | None = None,
        record: bool = False,
    ) -> None:
        self._box = box(on, limit, deadline, record)
        self._items: list[Any] = []
        self.extend(iterable)

    @overload
    def push(self, /) -> Handle[T]: ...
    @overload
    def push(self, fn: Any, /, *args: Any, **kwargs: Any) -> Entry[T]: ...
    def push(self, fn: Any = MISSING, /, *args: Any, **kwargs: Any) -> Any:
        """Starts ``fn(*args, **kwargs)`` for the next position; the answer is a handle to the
        entry. Without a function the entry is filled by hand. Values are stored."""
        index, store = len(self._items), self._items.append
        entry = put(None, index, self._box, store, fn, args, kwargs)
        if entry is None:
            store(fn)
            entry = ended(index, fn)
        return entry

    def append(self, value: Any, /) -> None:
        """Pushes a function without arguments, or a value."""
        self.push(value)

    def insert(self, value: Any, /) -> None:
        """Stores a value as it is at the next position, also one that could be called."""
        self._items.append(value)

    def extend(self, iterable: Iterable[Any], /) -> None:
        """Pushes each of many."""
        for value in iterable:
            self.push(value)

    def __setitem__(self, index: int, value: Any) -> None:
        old = self._items[index]

        def store(it: Any) -> None:
            self._items[index] = it

        if is_work(value):
            start(None, index, self._box, store, value, (), {})
        elif is_awaitable(value):
            follow(None, index, self._box, store, value)
        else:
            store(value)
        if isinstance(old, Entry):
            old.cancel()

    @overload
    def __getitem__(self, index: int, /) -> T: ...
    @overload
    def __getitem__(self, index: slice, /) -> list[T]: ...
    def __getitem__(self, index: int | slice, /) -> T | list[T]:
        it = self._items[index]
        if type(index) is slice:
            return [one.get() if type(one) is Entry else one for one in it]
        return it.get() if type(it) is Entry else it

    async def aget(self, index: int, /, timeout: float | None = None) -> T:
        """The value at ``index``, for coroutines."""
        it = self._items[index]
        return await it.aget(timeout) if type(it) is Entry else it  # type: ignore[no-any-return]

    def try_get(self, index: int, default: Any = None, /) -> Any:
        """The value at ``index`` if it is there, else ``default``. Never waits."""
        it = self._items[index]
        return it.try_get(default) if type(it) is Entry else it

    def __iter__(self) -> Iterator[T]:
        # A list's own iteration: what is pushed meanwhile comes too.
        for it in self._items:
            yield it.get() if type(it) is Entry else it

    async def __aiter__(self) -> AsyncIterator[T]:
        index = 0
        while index < len(self._items):
            yield await self.aget(index)
            index += 1

    def __reversed__(self) -> Iterator[T]:
        for index in range(len(self._items) - 1, -1, -1):
            yield self[index]

    def __len__(self) -> int:
        return len(self._items)

    def __contains__(self, value: object) -> bool:
        return any(it is value or it == value for it in self)

    def index(self, value: Any, *bounds: int) -> int:
        """The first position of ``value``, within bounds as of a list."""
        return list(self).index(value, *bounds)

    def count(self, value: Any) -> int:
        """How often ``value`` is there."""
        return list(self).count(value)

    def _pairs(self) -> list[tuple[Any, Any]]:
        return list(enumerate(self._items))

    def __add__(self, other: Iterable[T]) -> list[T]:
        return list(self) + list(other)

    def __radd__(self, other: Iterable[T]) -> list[T]:
        return list(other) + list(self)

    def __iadd__(self, other: Any) -> Ordered[T]:  # type: ignore[misc]
        if is_work(other):
            self.push(other)
        else:
            self.extend(list(other))
        return self

    def __mul__(self, times: int) -> list[T]:
        return list(self) * times

    __rmul__ = __mul__

    def __eq__(self, other: object) -> bool:
        return list(self) == list(other) if isinstance(other, Ordered | list) else NotImplemented

    def __lt__(self, other: Any) -> bool:
        return list(self) < list(other)

    def __le__(self, other: Any) -> bool:
        return list(self) <= list(other)

    def __gt__(self, other: Any) -> bool:
        return list(self) > list(other)

    def __ge__(self, other: Any) -> bool:
        return list(self) >= list(other)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return list, (list(self),)

    def __repr__(self) -> str:
        shown = [it.value() if _has_value(it) else it for it in self._items]
        return repr(shown)


def _has_value(it: Any) -> bool:
    return type(it) is Entry and it.done and it.exception() is None


Sequence.register(Ordered)
