"""A container as template engines must see it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from codap._entry import Entry, name
from codap._errors import EntryError

if TYPE_CHECKING:
    from codap._kv import KV


class Strict(Mapping[Any, Any]):
    """A read-only view of a `KV` that no failure gets through in silence.

    Jinja2 renders an entry that failed with KeyError, IndexError, LookupError, TypeError or
    AttributeError as an empty text, and Django one that failed with ValueError too. Here every
    failure is an `EntryError` with the original as its ``__cause__``, which neither swallows.
    """

    __slots__ = ("_kv",)

    def __init__(self, kv: KV[Any, Any]) -> None:
        self._kv = kv

    def __getitem__(self, key: Any) -> Any:
        it = dict.__getitem__(self._kv, key)
        if type(it) is not Entry:
            return it
        try:
            return it.get()
        except EntryError:
            raise
        except Exception as error:
            raise EntryError(f"{name(it)} raised {type(error).__name__}: {error}") from error

    def __iter__(self) -> Iterator[Any]:
        return dict.__iter__(self._kv)

    def __len__(self) -> int:
        return len(self._kv)

    def __contains__(self, key: object) -> bool:
        return dict.__contains__(self._kv, key)

    def __repr__(self) -> str:
        return repr(self._kv)
