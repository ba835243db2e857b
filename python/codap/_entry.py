"""One entry: what a put answers, what lies in a container's storage until the value is known."""

from __future__ import annotations

import sys
from collections.abc import Generator, Iterable
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

from codap import _homes, _native
from codap._archived import archived
from codap._document import document
from codap._errors import Abandoned, Cancelled, EntryError, Error, Panic, TimedOut, fetch_error

if TYPE_CHECKING:
    from codap._policy import Work

T = TypeVar("T")

MISSING: Any = type("MISSING", (), {"__repr__": lambda self: "MISSING", "__slots__": ()})()

# Their results are no awaitables; asking each would cost more than looking here.
PLAIN = frozenset([int, str, bytes, float, bool, type(None), list, dict, tuple, set, frozenset])


class PendingEntry_call_kv_wait(_native.Slot, Generic[T]):
    """A handle to one entry, known as ``codap.Entry``.

    It waits in whatever way the reader's context has: a thread blocks, a greenlet yields to its
    hub, ``await`` yields to the loop. A C function that reads the raw storage of a container while
    an entry is pending sees this object; its name tells what to do.
    """

    __slots__ = ("gate", "home", "job", "policy")

    gate: Any
    home: Any
    job: Any
    policy: Work[Any]

    def get(self, timeout: float | None = None) -> T:
        """Waits for the value.

        Raises what the work raised; `TimedOut` if there is no value within ``timeout`` seconds
        (the work goes on), `WouldBlock` where waiting would stop the loop that runs the work.
        """
        if not self.settled:
            from codap import _wait

            if not _wait.wait(self, timeout):
                raise TimedOut(f"{name(self)}: no value within {timeout} s; its work goes on")
        return self.value()  # type: ignore[no-any-return]

    async def aget(self, timeout: float | None = None) -> T:
        """As `get`, for coroutines."""
        if not self.settled:
            from codap import _wait

            if not await _wait.wait_async(self, timeout):
                raise TimedOut(f"{name(self)}: no value within {timeout} s; its work goes on")
        return self.value()  # type: ignore[no-any-return]

    def __await__(self) -> Generator[Any, None, T]:
        return self.aget().__await__()

    def try_get(self, default: Any = None) -> Any:
        """The value if it is there, else ``default``. Never waits; raises what the work raised."""
        return self.value() if self.done else default

    @property
    def done(self) -> bool:
        """Whether it has ended, with or without a value."""
        if self.over and not self.settled:
            self()
        return self.settled

    @property
    def outcome(self) -> str:
        """How it stands: ``queued``, ``running``, or how it ended: ``ok``, ``defaulted``,
        ``failed``, ``timed out``, ``cancelled``, ``abandoned``."""
        if self.done:
            return self.ending
        return "running" if self.started else "queued"

    def exception(self) -> BaseException | None:
        """What it ended with instead of a value; None while it is pending. Never waits."""
        return self.error() if self.done else None

    def cancel(self) -> bool:
        """Ends the entry as cancelled, unless it has ended; whether it did.

        Work that has not started never will. A greenlet or task is interrupted; a function on a
        thread cannot be, and runs on without a reader.
        """
        job = getattr(self, "job", None)
        ended = cancel(self, "on request")
        if ended and job is not None:
            home = getattr(self, "home", None)
            if home is None:
                job.cancel()
            else:
                _homes.of(home).interrupt(home, job)
        return ended

    def __call__(self) -> None:
        """Takes over what a native thread ended the entry with."""
        left = self.left_behind()
        if left is not None:
            take_over(self, left)

    def __eq__(self, other: object) -> bool:
        # `OrderedDict(...) == kv` compares with what lies in the storage: a value, or this.
        return self is other if isinstance(other, Entry) else bool(self.get() == other)

    __hash__ = _native.Slot.__hash__

    def __repr__(self) -> str:
        return f"<codap.Entry {name(self)}: {self.outcome}>"


PendingEntry_call_kv_wait.__module__ = "codap"
Entry = PendingEntry_call_kv_wait


def name(entry: Entry[Any]) -> str:
    """The entry as messages name it, without the secrets of URLs."""
    key = entry.key
    if key is None:
        return "an entry"
    try:
        return _native.redact(f"entry {key!r}")
    except Exception:
        return f"an entry whose key of type {type(key).__name__} has no repr"


def run(calls: Iterable[Any] | Literal[False] | None) -> bool:
    """Calls those who waited for an entry; whether the entry was ended by the caller."""
    if calls is None:
        return True
    if calls is False:
        return False
    for call in calls:
        call()
    return True


def cancel(entry: Entry[Any], why: str) -> bool:
    """Ends an entry as cancelled."""
    error = Cancelled(f"{name(entry)} was cancelled {why}")
    ended = run(entry.fail(error, None, "cancelled"))
    home = getattr(entry, "home", None)
    if ended and home is not None:
        _homes.of(home).nudge(home)
    return ended


def abandon(entry: Entry[Any], why: str) -> bool:
    """Ends an entry that nobody can fill any more."""
    if entry.over:
        return False
    return run(entry.fail(Abandoned(f"{name(entry)} was abandoned: {why}"), None, "abandoned"))


def fail(entry: Entry[Any], error: BaseException) -> None:
    """Ends an entry with what its work raised."""
    policy: Work[Any] | None = getattr(entry, "policy", None)
    if policy is not None and policy.default is not MISSING and isinstance(error, Exception):
        run(entry.settle(policy.default, True))
        return
    ending = "failed"
    if not isinstance(error, Exception) or isinstance(error, StopIteration | StopAsyncIteration):
        error, ending = _ordinary(entry, error)
    add_note = getattr(error, "add_note", None)
    if add_note is not None and not isinstance(error, Error):
        try:
            add_note(f"codap: {name(entry)} failed after {entry.seconds:.3f} s")
        except Exception:  # an exception class of somebody's that takes no notes
            pass
    run(entry.fail(error, error.__traceback__, ending))


def _ordinary(entry: Entry[Any], error: BaseException) -> tuple[Exception, str]:
    """What is raised at a reader in place of an exception that would be taken for the reader's
    own: for its cancellation, the end of its loop, the end of its program."""
    names = {(kind.__module__, kind.__name__) for kind in type(error).__mro__}
    if names & {("asyncio.exceptions", "CancelledError"), ("greenlet", "GreenletExit")}:
        return Cancelled(f"{name(entry)} was cancelled where it ran"), "cancelled"
    if isinstance(error, GeneratorExit):
        return Abandoned(f"{name(entry)} was abandoned: its event loop went away"), "abandoned"
    wrapped = EntryError(f"{name(entry)} raised {type(error).__name__}: {error}")
    wrapped.__cause__ = error
    return wrapped, "failed"


def take_over(entry: Entry[Any], left: tuple[Any, ...]) -> None:
    """Makes a value or an exception of what a native thread left behind."""
    what, *facts = left
    value: Any = None
    error: Error | None = None
    ending = "failed"
    about = "" if entry.key is None else f"{name(entry)}: "
    if what == "document":
        value = document(*facts)
    elif what == "archive":
        value, error = archived(about, *facts)
    elif what == "failed":
        error = fetch_error(about, *facts)
    elif what == "panicked":
        error = Panic(f"{about}native code panicked, which is a bug of codap: {facts[0]}")
    else:
        seconds, rule = facts
        error = TimedOut(f"{name(entry)} had no value within its {rule} of {seconds:g} s")
        ending = "timed out"
    policy: Work[Any] | None = getattr(entry, "policy", None)
    if error is None:
        run(entry.take_over(value, None, "ok"))
    elif policy is not None and policy.default is not MISSING:
        run(entry.take_over(policy.default, None, "defaulted"))
    else:
        run(entry.take_over(None, error, ending))


def frame_loses(error: BaseException, depth: int) -> bool:
    """Whether the code that reads would replace an AttributeError or KeyError by a TypeError
    about the mapping: ``f(**kv)`` and ``{**kv}`` do."""
    if not isinstance(error, AttributeError | KeyError):
        return False
    frame = sys._getframe(depth)
    code = frame.f_code.co_code
    at = frame.f_lasti
    return 0 <= at < len(code) and code[at] in _merges()


def _merges() -> frozenset[int]:
    import opcode

    names = ("DICT_MERGE", "DICT_UPDATE", "CALL_FUNCTION_EX")
    return frozenset(opcode.opmap[it] for it in names if it in opcode.opmap)
