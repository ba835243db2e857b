"""Which entry runs here, and what it means that it waits.

An entry that waits for another gives its permit back meanwhile, and one that would wait for itself
gets an error. The entry is in a context variable, so that tasks and functions that the work starts
in copies of its context count as the entry itself.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from codap._entry import Entry, name, run
from codap._errors import Cycle

current: ContextVar[Entry[Any] | None] = ContextVar("codap_entry", default=None)
enter = current.set


def begin(other: Any) -> Entry[Any] | None:
    """The entry that runs here begins to wait for `other`. To be followed by `end`."""
    me = current.get()
    if me is None or me.over or not isinstance(other, Entry):
        return None
    first = me.waits == 0
    if not me.begin_wait(other):
        raise Cycle(f"{name(other)} waits for {name(me)}, which reads it: the read would never end")
    gate = getattr(me, "gate", None)
    if first and gate is not None:
        release(gate)
    return me


def end(me: Entry[Any], other: Entry[Any]) -> Entry[Any] | None:
    """The wait is over. The answer, if any, is what to wait for until the permit is back."""
    last = me.end_wait(other)
    gate = getattr(me, "gate", None)
    if not last or gate is None:
        return None
    ticket: Entry[Any] = Entry()
    return None if gate.come_back(ticket) else ticket


def release(gate: Any) -> None:
    """Gives a permit back, and starts what it goes to."""
    next_one: Callable[[], Any] | Entry[Any] | None = gate.leave()
    if isinstance(next_one, Entry):
        run(next_one.settle(None))
    elif next_one is not None:
        next_one()
