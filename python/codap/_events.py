"""What happened in a container: the records that a timeline is drawn from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from codap import _native
from codap._entry import Entry, name

if TYPE_CHECKING:
    from codap._container import Container

What = Literal["queued", "started", "attempt", "ended", "waited"]


class Event(NamedTuple):
    """One thing that happened to one entry, from `events`."""

    key: Any
    """The entry's key or position."""
    at: float
    """When, in seconds since the first put."""
    what: What
    """It was put; its work began, with a permit and a place to run; a native fetch or
    `codap.work` in it began an attempt; it ended; somebody stopped waiting for it."""
    ending: str = ""
    """How it ended: as `Entry.outcome`."""
    attempt: int = 0
    """Which attempt, from 1."""
    by: str | None = None
    """Who waited: an entry, as messages name it; None for code that runs in none."""
    since: float | None = None
    """When that wait began, counted as `at` is."""


class Record:
    """Where the entries of one container write down what happens."""

    __slots__ = ("keys", "native")

    def __init__(self) -> None:
        self.native = _native.Record()
        self.keys: dict[int, Any] = {}

    def follow(self, entry: Entry[Any], key: Any) -> None:
        self.keys[self.native.follow(entry)] = key


def events(container: Container, /) -> list[Event]:
    """What happened so far to the entries of a container that was made with ``record=True``, in the
    order of time. Values that were stored, and not brought by work, are no entries.

    A function and no method, since templates take methods for keys.
    """
    box = container._box
    if box is None or box.record is None:
        raise ValueError("nothing was recorded: make the container with record=True")
    container._pending()  # takes over what native threads have ended
    keys = box.record.keys
    return [Event(keys[number], *line) for number, *line in box.record.native.lines()]


def note_wait(entry: Entry[Any], seconds: float, by: Entry[Any] | None) -> None:
    """Writes down that somebody has waited for an entry so long."""
    if entry.recorded:
        entry.waited(seconds, None if by is None else name(by))
