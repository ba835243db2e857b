"""The home and the waits of gevent. Imported only where gevent is loaded."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextvars import Context
from functools import partial
from typing import Any

import gevent.monkey
from gevent import get_hub as get_hub
from gevent._hub_local import get_hub_if_exists as existing_hub
from gevent.hub import Hub
from greenlet import GreenletExit, getcurrent, greenlet

from codap import _bell, _run
from codap._original import is_alive, is_main_thread

try:
    from gevent.hub import Waiter
except ImportError:  # where it lies in some versions
    from gevent._waiter import Waiter


def in_greenlet() -> Hub | None:
    """The hub that the running greenlet belongs to."""
    parent = getcurrent()
    while parent is not None:
        if isinstance(parent, Hub):
            return parent
        parent = parent.parent
    return None


def _is_patched_main() -> bool:
    saved = gevent.monkey.saved
    return bool(saved) and "socket" in saved and is_main_thread()


def home() -> Hub | None:
    """The hub where what is put here runs, if this is a place of gevent's."""
    if getcurrent().parent is not None:
        return in_greenlet()
    return get_hub() if _is_patched_main() else None


def reader() -> Hub | None:
    """The hub that a read here yields to, if there is one."""
    hub = existing_hub()
    if hub is None and _is_patched_main():
        hub = get_hub()
    return None if hub is getcurrent() else hub


def start(
    hub: Hub, entry: Any, context: Context, fn: Callable[..., Any], args: Any, kwargs: Any
) -> None:
    """Starts work in a greenlet of its own when the hub turns next.

    A bare greenlet costs three quarters of a `gevent.Greenlet`. None is used twice: what is local
    to a greenlet would leak from one entry to the next.
    """
    worker = greenlet(_run.in_context, hub)
    worker.gr_context = context
    entry.home = hub
    entry.job = worker
    if hub is existing_hub():
        hub.loop.run_callback(worker.switch, entry, fn, args, kwargs)
    else:
        go = partial(hub.loop.run_callback, worker.switch, entry, fn, args, kwargs)
        hub.loop.run_callback_threadsafe(go)


def starter(hub: Hub) -> Callable[..., None]:
    """`start`, for any thread."""
    return partial(start, hub)


def interrupt(hub: Hub, worker: greenlet) -> None:
    # One that has not begun is not begun: its entry is over.
    if worker:
        hub.loop.run_callback_threadsafe(worker.throw, GreenletExit)


def nudge(hub: Hub) -> None:
    """Has the hub look at what other threads have done, if it waits for its own work only."""
    if hub is not existing_hub():
        hub.loop.run_callback_threadsafe(_look, hub)


def _look(hub: Hub) -> None:
    _bell.of_hub(hub, _arrange).ring()


def is_lost(hub: Hub) -> bool:
    return bool(hub.loop is None or hub.dead or not is_alive(hub.thread_ident))


def _arrange(bell: _bell.Bell, hub: Hub) -> None:
    watcher = hub.loop.io(bell.socket.fileno(), 1)
    bell.listen = partial(watcher.start, _ring, bell)
    bell.stop = watcher.stop


def _ring(bell: _bell.Bell) -> None:
    bell.ring()


def wait(hub: Hub, source: Any, timeout: float | None) -> bool:
    """Yields to the hub until `source` is over."""
    bell = _bell.of_hub(hub, _arrange)
    waiter = Waiter(hub)
    call = partial(hub.loop.run_callback, waiter.switch, True)
    if not source.watch(call, bell.wake):
        return True
    timer = None
    # Work of this hub ends in this hub, or is ended by one who nudges it: nothing to listen to.
    foreign = source.native or getattr(source, "home", None) is not hub
    if foreign:
        bell.hold()
    try:
        if timeout is not None:
            timer = hub.loop.timer(max(timeout, 0))
            timer.start(waiter.switch, False)
        return bool(waiter.get()) or bool(source.over)
    finally:
        if foreign:
            bell.let_go()
        if timer is not None:
            timer.close()
        source.unwatch(call, bell.wake)


def spawn(fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    return gevent.spawn(fn, *args, **kwargs)


def patch(names: str) -> None:
    """Patches as `gevent.monkey` does: ``all``, or names of its parts with commas."""
    import warnings

    if "ssl" in sys.modules:
        warnings.warn(
            "codap.use('gevent', patch=...) comes after the import of ssl, which may break its "
            "connections: make it the first lines of the program",
            RuntimeWarning,
            stacklevel=4,
        )
    if names == "all":
        gevent.monkey.patch_all()
    else:
        for name in names.split(","):
            getattr(gevent.monkey, f"patch_{name.strip()}")()
