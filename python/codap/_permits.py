"""Permits: how many entries of one container run at once, whoever runs them.

Whoever gives a permit back starts what it goes to. A native thread must not run Python code: what
its permit goes to is started by the keeper, a thread that comes with the first need.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from typing import Any

from codap import _native
from codap._bell import Bell
from codap._entry import Entry, fail, run
from codap._original import allocate_lock, start_new_thread


def admit(gate: _native.Gate | None, entry: Entry[Any], start: Callable[[], Any]) -> None:
    """Starts work now, or as soon as a permit is free."""
    if gate is None or gate.enter(partial(_start, gate, entry, start)):
        start()
    else:
        look_after(gate)


def _start(gate: _native.Gate, entry: Entry[Any], start: Callable[[], Any]) -> None:
    """Starts work that has a permit, or else what the permit goes to."""
    while True:
        try:
            start()
            return
        except Exception as error:  # its loop or executor is gone by now
            fail(entry, error)
        # Not by a call of this: there may be thousands that fail.
        call = gate.leave()
        if call is None or call.func is not _start:
            break
        gate, entry, start = call.args
    if call is not None:
        call()


def release(gate: _native.Gate) -> None:
    """Gives a permit back, and starts what it goes to."""
    call = gate.leave()
    if call is not None:
        call()


def come_back(gate: _native.Gate) -> Entry[Any] | None:
    """Takes a permit again, ahead of work that has not started; or answers what to wait for
    until it is there."""
    ticket: Entry[Any] = Entry()
    if gate.come_back(partial(_tell, ticket)):
        return None
    look_after(gate)
    return ticket


def _tell(ticket: Entry[Any]) -> None:
    run(ticket.settle(None))


_keeper: Bell | None = None
_lock = allocate_lock()


def look_after(gate: _native.Gate) -> None:
    """Gives the gate a keeper, if native work may pass a permit on to Python's."""
    global _keeper
    if not gate.needs_keeper:
        return
    with _lock:
        if _keeper is None:
            _keeper = Bell()
            start_new_thread(_keep, (_keeper,))
    gate.keep(_keeper.wake)


def _keep(bell: Bell) -> None:
    while True:
        bell.ring()


def _after_fork() -> None:
    global _keeper, _lock
    _keeper, _lock = None, allocate_lock()


os.register_at_fork(after_in_child=_after_fork)
