"""Something that runs beside: a consumer, a writer, for as long as it likes."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextvars import copy_context
from typing import Any

from codap import _backend, _run
from codap._entry import Entry
from codap._original import start_new_thread


class Spawned:
    """A function that runs on a thread of its own, from `spawn`."""

    __slots__ = ("_entry",)

    def __init__(self, entry: Entry[Any]) -> None:
        self._entry = entry

    def get(self, timeout: float | None = None) -> Any:
        """Waits for what the function returns, or raises what it raised."""
        return self._entry.get(timeout)

    def join(self, timeout: float | None = None) -> None:
        """Waits until the function has returned, for at most ``timeout`` seconds."""
        from codap import _wait

        _wait.wait(self._entry, timeout)

    def ready(self) -> bool:
        """Whether the function has returned."""
        return self._entry.done

    def kill(self) -> bool:
        """Frees those who wait for it; whether it was still running. A thread cannot be stopped:
        the function runs on."""
        return self._entry.cancel()


def spawn(fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    """Runs a function beside, where what is put would run: a greenlet of gevent or eventlet, else
    a thread of its own, which takes no place in the pool. ``join()`` and ``get()`` wait for it."""
    chosen = _backend.forced
    if chosen == "gevent" or (chosen is None and "gevent.hub" in sys.modules):
        from codap import _gevent

        if chosen or _gevent.home() is not None:
            return _gevent.spawn(fn, *args, **kwargs)
    if chosen == "eventlet" or (chosen is None and "eventlet.hubs" in sys.modules):
        from codap import _eventlet

        if chosen or _eventlet.home() is not None:
            return _eventlet.spawn(fn, *args, **kwargs)
    entry: Entry[Any] = Entry(None, getattr(fn, "__name__", None))
    start_new_thread(_run.on_thread, (entry, copy_context(), fn, args, kwargs))
    return Spawned(entry)
