"""Which entry runs here, and what it means that it waits.

An entry that waits for another gives its permit back meanwhile, and one that would wait for itself
gets an error. The entry is in a context variable, so that tasks and functions that the work starts
in copies of its context count as the entry itself.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

from codap._entry import Entry, name
from codap._errors import Cycle
from codap._permits import come_back, release

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
    return None if not last or gate is None else come_back(gate)
