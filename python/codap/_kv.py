"""By key: a dict whose values are on their way."""

from __future__ import annotations

from collections.abc import (
    AsyncIterator,
    Callable,
    ItemsView,
    Iterable,
    Iterator,
    KeysView,
    ValuesView,
)
from functools import partial
from types import FunctionType
from typing import Any, TypeVar, overload
from weakref import ReferenceType, ref

from codap._box import box, launch, prepare
from codap._container import Container, ended
from codap._entry import MISSING, Entry, cancel, frame_loses, name
from codap._errors import EntryError
from codap._handle import Handle
from codap._start import is_awaitable, is_work, put
from codap._strict import Strict

K = TypeVar("K")
V = TypeVar("V")

# What the storage holds: a value, or the entry whose value is not known yet.
_get: Callable[[Any, Any], Any] = dict.__getitem__
_look: Callable[..., Any] = dict.get
_set: Callable[[Any, Any, Any], None] = dict.__setitem__


class KV(Container, dict[K, V]):
    """A dict to put work into: everything starts at once, and a read waits for its key only.

    ::

        page = codap.KV()
        page['user'] = load_user                      # a function: starts now
        page.put('photos', get_photos, id, limit=4)   # with arguments
        page['title'] = 'Home'                        # a value
        page['user']                                  # waits for this one; again: at once

    ``len``, ``in``, ``keys`` and ``repr`` never wait; all other reads give real values, also
    through ``**page``, ``dict(page)``, ``json.dumps(page)``. A failed entry raises its exception
    at every read of it. A C function that reads the raw storage needs ``page.wait()`` before.

    ``mapping`` and other keywords: what to put first. ``on``: where work runs, ``'threads'``,
    ``'gevent'``, ``'eventlet'``, ``'asyncio'``, an event loop or an Executor; by default what fits
    the place of the put. ``limit``: how many entries run at once; those that wait for others are
    not counted. ``deadline``: seconds from its put within which each entry ends.
    ``record``: whether to write down what happens, for `events`; it grows with every put.
    """

    __slots__ = ("__weakref__", "_box", "_ref")

    def __init__(
        self,
        mapping: Any = (),
        /,
        *,
        on: Any = None,
        limit: int | None = None,
        deadline: float | None = None,
        record: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__()
        self._box = box(on, limit, deadline, record)
        self._ref: ReferenceType[Any] = ref(self)
        if mapping or kwargs:
            self.update(mapping, **kwargs)

    # ---- putting -----------------------------------------------------------------------------

    @overload
    def put(self, key: K, /) -> Handle[V]: ...
    @overload
    def put(self, key: K, fn: Any, /, *args: Any, **kwargs: Any) -> Entry[V]: ...
    def put(self, key: Any, fn: Any = MISSING, /, *args: Any, **kwargs: Any) -> Any:
        """Starts ``fn(*args, **kwargs)`` for ``key``; the answer is a handle to the entry.

        All arguments go to the function; `codap.work` gives it a timeout, a default, retries.
        Without a function the entry is filled by hand, through the handle. An awaitable is
        awaited, and anything else is stored. A pending entry of the same key is cancelled.
        """
        if type(fn) is FunctionType:
            entry = prepare(self._ref, key, self._box, fn)
            old = _look(self, key)
            _set(self, key, entry)
            if type(old) is Entry:
                self._drop(old)
            try:
                launch(entry, self._box, fn, args, kwargs)
            except BaseException:
                if _look(self, key) is entry:
                    del self[key]
                raise
            return entry
        result = put(self._ref, key, self._box, partial(self._store, key), fn, args, kwargs)
        if result is None:
            self._store(key, fn)
            result = ended(key, fn)
        return result

    def insert(self, key: Any, value: Any, /) -> None:
        """Stores a value as it is, also one that could be called or awaited."""
        self._store(key, value)

    def __setitem__(self, key: Any, value: Any) -> None:
        if type(value) is FunctionType or is_work(value) or is_awaitable(value):
            self.put(key, value)
        else:
            self._store(key, value)

    def _store(self, key: Any, value: Any) -> None:
        old = _look(self, key)
        _set(self, key, value)
        if type(old) is Entry:
            self._drop(old)

    def _drop(self, old: Entry[Any]) -> None:
        if old.belongs_to(self._ref):
            cancel(old, "because its key was put again")

    def update(self, other: Any = (), /, **kwargs: Any) -> None:
        """Puts everything of a mapping or of pairs: what can be called starts."""
        if isinstance(other, KV):
            for key, it in other._pairs():
                self._store(key, it)
        elif hasattr(other, "keys"):
            for key in other.keys():
                self[key] = other[key]
        else:
            for key, value in other:
                self[key] = value
        for key, value in kwargs.items():
            self[key] = value

    def setdefault(self, key: Any, default: Any = None, /) -> Any:
        """The value of ``key``, which is put first if it is missing."""
        if key not in self:
            self[key] = default
        return self[key]

    # ---- reading -----------------------------------------------------------------------------

    def __getitem__(self, key: K) -> V:
        value: Any = _get(self, key)
        return self._read(key, value) if type(value) is Entry else value  # type: ignore[no-any-return]

    def _read(self, key: Any, entry: Entry[Any]) -> Any:
        try:
            value = entry.get()
        except (AttributeError, KeyError) as error:
            if frame_loses(error, 3):
                raise EntryError(f"{name(entry)} raised {type(error).__name__}: {error}") from error
            raise
        if _look(self, key) is entry:
            _set(self, key, value)
        return value

    def get(self, key: Any, default: Any = None, /, timeout: float | None = None) -> Any:
        """The value of ``key``, which it waits for, for at most ``timeout`` seconds; ``default``
        if nothing was put."""
        if timeout is None:
            return self[key] if key in self else default
        value = _look(self, key, default)
        return value.get(timeout) if type(value) is Entry else value

    async def aget(self, key: K, /, timeout: float | None = None) -> V:
        """The value of ``key``, for coroutines."""
        value = _get(self, key)
        return await value.aget(timeout) if type(value) is Entry else value  # type: ignore[no-any-return]

    def try_get(self, key: Any, default: Any = None, /) -> Any:
        """The value of ``key`` if it is there, else ``default``. Never waits; raises what the
        work raised."""
        value = _look(self, key, default)
        return value.try_get(default) if type(value) is Entry else value

    def __iter__(self) -> Iterator[Any]:
        # That there is one at all makes C code ask for values one by one.
        return dict.__iter__(self)

    def __aiter__(self) -> AsyncIterator[tuple[Any, Entry[Any]]]:
        return self.arrivals()

    def keys(self) -> KeysView[Any]:  # type: ignore[override]
        """The keys. Never waits."""
        return dict.keys(self)

    def values(self) -> ValuesView[Any]:  # type: ignore[override]
        """The values, each waited for when the iteration comes to it."""
        return _Values(self)

    def items(self) -> ItemsView[Any, Any]:  # type: ignore[override]
        """The items, each waited for when the iteration comes to it."""
        return _Items(self)

    @property
    def strict(self) -> Strict:
        """A view for template engines, which take some exceptions for an empty text: through it
        every failed entry raises `EntryError`."""
        return Strict(self)

    def _plain(self) -> dict[Any, Any]:
        return {key: self[key] for key in list(dict.keys(self))}

    def _pairs(self) -> list[tuple[Any, Any]]:
        return list(dict.items(self))

    # ---- the rest of a dict, with real values --------------------------------------------------

    def pop(self, key: Any, /, *default: Any) -> Any:
        """Takes the value of ``key`` out, waiting for it."""
        if key not in self and default:
            return default[0]
        value = self[key]
        del self[key]
        return value

    def popitem(self) -> tuple[Any, Any]:
        """Takes the last item out, waiting for it."""
        if not self:
            raise KeyError("popitem(): dictionary is empty")
        key = next(reversed(self))
        return key, self.pop(key)

    def copy(self) -> Any:
        """A `KV` of the values, which it waits for."""
        copy = type(self)()
        for key, value in self._plain().items():
            _set(copy, key, value)
        return copy

    __copy__ = copy

    def __deepcopy__(self, memo: Any) -> Any:
        from copy import deepcopy

        return deepcopy(self._plain(), memo)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return dict, (self._plain(),)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, KV):
            other = other._plain()
        return self._plain() == other

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __or__(self, other: Any) -> Any:
        if not isinstance(other, dict):
            return NotImplemented
        return self._plain() | dict(other)

    def __ror__(self, other: Any) -> Any:
        if not isinstance(other, dict):
            return NotImplemented
        return dict(other) | self._plain()

    def __ior__(self, other: Any) -> Any:
        self.update(other)
        return self

    def __repr__(self) -> str:
        for _, it in self._pairs():
            if type(it) is Entry and it.over:
                it()  # takes over what a native thread left behind
        return dict.__repr__(self)


def _snapshot(kv: KV[Any, Any], keys: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
    """Others may put and delete while the loop waits."""
    for key in list(keys):
        if key in kv:
            yield key, kv[key]


class _Items(ItemsView[Any, Any]):
    _mapping: KV[Any, Any]

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        return _snapshot(self._mapping, dict.keys(self._mapping))

    def __reversed__(self) -> Iterator[tuple[Any, Any]]:
        return _snapshot(self._mapping, reversed(list(dict.keys(self._mapping))))

    def __repr__(self) -> str:
        return f"dict_items({list(dict.items(self._mapping))!r})"


class _Values(ValuesView[Any]):
    _mapping: KV[Any, Any]

    def __iter__(self) -> Iterator[Any]:
        return (value for _, value in _snapshot(self._mapping, dict.keys(self._mapping)))

    def __reversed__(self) -> Iterator[Any]:
        keys = reversed(list(dict.keys(self._mapping)))
        return (value for _, value in _snapshot(self._mapping, keys))

    def __repr__(self) -> str:
        return f"dict_values({list(dict.values(self._mapping))!r})"
