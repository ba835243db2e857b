"""What codap itself raises. What work raises is raised as it is, at every read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from codap import _native

if TYPE_CHECKING:
    from codap._archived import Archived, Failed

__all__ = [
    "Abandoned",
    "AllFailed",
    "ArchiveError",
    "Cancelled",
    "Cycle",
    "EntryError",
    "Error",
    "FetchError",
    "Panic",
    "TimedOut",
    "WouldBlock",
]


class Error(Exception):
    """The base of all exceptions that are codap's own."""

    __slots__ = ()


class EntryError(Error, RuntimeError):
    """An entry failed, and its own exception could not have been raised as it is.

    The original is the ``__cause__``. It comes where Python or a template engine would take the
    original for something else: through ``**kv``, out of ``kv.strict``, and for exceptions that
    would end their reader (``SystemExit``, ``KeyboardInterrupt``, ``StopIteration``).
    """


class Cancelled(Error):
    """The entry was cancelled, or its key was put again, before it had a value."""


class Abandoned(Error):
    """Nobody is left who could give the entry a value."""


class TimedOut(Error, TimeoutError):
    """The entry had no value within its timeout or its container's deadline, or a read had none
    within the reader's."""


class AllFailed(Error):
    """No entry of a race succeeded."""

    errors: dict[Any, BaseException]
    """All errors by key or position, in the order of their arrival."""


class Cycle(Error):
    """The read would never end: the entry waits for the one that reads it."""


class WouldBlock(Error):
    """The read would stop the event loop that has to bring the value: await it instead. Or that
    loop has stopped already, and nobody can let it run while the read waits."""


class Panic(Error):
    """Native code of codap had a bug. If it worked on an entry, that entry has ended; nothing else
    has."""

    __slots__ = ()


# PyO3's exception for a panic in a call is a `BaseException`, which ends tasks, greenlets and
# programs. A type may be given other bases of the same layout: hence the `__slots__` above. The
# extension has this type for itself alone.
_native.PanicException.__bases__ = (Panic,)


class FetchError(Error, OSError):
    """A native fetch brought no document."""

    kind: str = "failed"
    """One of ``not found``, ``unauthorized``, ``timeout``, ``too large``, ``incomplete``,
    ``unsupported``, ``connect``, ``invalid``, ``failed``."""

    transient: bool = False
    """Whether to try again may help."""


def fetch_error(about: str, text: str, kind: str, transient: bool) -> FetchError:
    """The error that the native side left behind."""
    error = FetchError(f"{about}{text}")
    error.kind, error.transient = kind, transient
    return error


class ArchiveError(Error, OSError):
    """Not every object is in an archive, or there is no archive."""

    archived: Archived | None = None
    """The archive that is in its place, without what failed; None if there is none."""

    failed: list[Failed]
    """Every object that failed, in the order in which it did."""
