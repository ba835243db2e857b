"""Executors as homes: anything with the interface of `concurrent.futures.Executor`."""

from __future__ import annotations

from functools import partial
from typing import Any

from codap import _native
from codap._entry import Entry, cancel, fail, run
from codap._permits import release
from codap._policy import Work


def start(on: Any, entry: Entry[Any], gate: Any, fn: Any, args: Any, kwargs: Any) -> None:
    """Submits the function as it is, to wherever the executor runs it: neither the context nor
    the entry travels with it, and of a policy only what can be done from here."""
    if not entry.start():
        _leave(gate)
        return
    if type(fn) is Work:
        if fn.timeout is not None:
            _native.start_timer(entry, fn.timeout, "timeout")
        fn = fn.fn
    try:
        future = on.submit(fn, *args, **kwargs)
    except Exception as error:
        fail(entry, error)
        _leave(gate)
        return
    entry.job = future
    future.add_done_callback(partial(_done, entry, gate))


def _done(entry: Entry[Any], gate: Any, future: Any) -> None:
    entry.job = None
    _leave(gate)
    if future.cancelled():
        cancel(entry, "by its executor")
    elif (error := future.exception()) is not None:
        fail(entry, error)
    else:
        run(entry.settle(future.result()))


def _leave(gate: Any) -> None:
    if gate is not None:
        release(gate)
