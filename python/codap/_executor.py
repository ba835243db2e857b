"""Executors as homes: anything with the interface of `concurrent.futures.Executor`."""

from __future__ import annotations

from contextvars import Context
from functools import partial
from typing import Any

from codap._entry import Entry, cancel, fail, run


def start(on: Any, entry: Entry[Any], context: Context, fn: Any, args: Any, kwargs: Any) -> None:
    """Submits the function as it is, to wherever the executor runs it: neither the context nor
    the entry travels with it."""
    if not entry.start():
        return
    try:
        future = on.submit(fn, *args, **kwargs)
    except Exception as error:
        fail(entry, error)
        return
    entry.job = future.cancel
    future.add_done_callback(partial(_done, entry))


def _done(entry: Entry[Any], future: Any) -> None:
    entry.job = None
    if future.cancelled():
        cancel(entry, "by its executor")
        return
    error = future.exception()
    if error is not None:
        fail(entry, error)
    else:
        run(entry.settle(future.result()))
