"""The home and the waits of eventlet. Imported only where eventlet is loaded."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from contextvars import Context
from functools import partial
from typing import Any

import eventlet
import eventlet.hubs
import eventlet.patcher
from greenlet import GreenletExit, getcurrent, greenlet

from codap import _bell, _run
from codap._original import is_alive, is_main_thread, local

get_hub = eventlet.hubs.get_hub


def existing_hub() -> Any:
    return getattr(eventlet.hubs._threadlocal, "hub", None)


def _in_greenlet() -> Any:
    hub = existing_hub()
    if hub is None:
        return None
    parent = getcurrent()
    while parent is not None:
        if parent is hub.greenlet:
            return hub
        parent = parent.parent
    return None


def _is_patched_main() -> bool:
    patched = eventlet.patcher.already_patched
    return bool(patched.get("socket")) and is_main_thread()


def home() -> Any:
    """The hub where what is put here runs, if this is a place of eventlet's."""
    hub = _in_greenlet()
    if hub is None and _is_patched_main():
        hub = eventlet.hubs.get_hub()
    return hub


def reader() -> Any:
    """The hub that a read here yields to, if there is one."""
    hub = existing_hub()
    if hub is None and _is_patched_main():
        hub = eventlet.hubs.get_hub()
    return None if hub is None or hub.greenlet is getcurrent() else hub


def start(
    hub: Any, entry: Any, context: Context, fn: Callable[..., Any], args: Any, kwargs: Any
) -> None:
    """Starts work in a greenlet of its own when the hub turns next."""
    worker = greenlet(_run.in_context, hub.greenlet)
    worker.gr_context = context
    entry.home = hub
    entry.job = worker
    if hub is existing_hub():
        _starts(hub).add(worker, entry, fn, args, kwargs)
    else:
        bell = _bell.of_hub(hub, _arrange)
        bell.wake.post(partial(_start_here, hub, worker, entry, fn, args, kwargs))


# So many are started before the hub looks at its sockets and timers.
BURST = 500


class _Starts:
    """The greenlets that the hub of this thread is to start, many by one timer: one for each would
    cost a fourth of what a put and a read do."""

    __slots__ = ("hub", "is_due", "line")

    def __init__(self, hub: Any) -> None:
        self.hub = hub
        self.line: deque[tuple[greenlet, tuple[Any, ...]]] = deque()
        self.is_due = False

    def add(self, worker: greenlet, *what: Any) -> None:
        self.line.append((worker, what))
        if not self.is_due:
            self.is_due = True
            self.hub.schedule_call_global(0, self.run)

    def run(self) -> None:
        line = self.line
        try:
            for _ in range(min(len(line), BURST)):
                worker, what = line.popleft()
                worker.switch(*what)
        finally:
            # Ctrl-C, which is raised in the hub, takes nobody's start away.
            self.is_due = bool(line)
            if line:
                self.hub.schedule_call_global(0, self.run)


_own = local()


def _starts(hub: Any) -> _Starts:
    starts: _Starts | None = getattr(_own, "starts", None)
    if starts is None or starts.hub is not hub:
        # From now on it listens.
        _bell.of_hub(hub, _arrange)
        starts = _own.starts = _Starts(hub)
    return starts


def _start_here(hub: Any, worker: greenlet, *what: Any) -> None:
    _starts(hub).add(worker, *what)


def starter(hub: Any) -> Callable[..., None]:
    """`start`, for any thread: the hub listens from now on."""
    _bell.of_hub(hub, _arrange)
    return partial(start, hub)


def interrupt(hub: Any, worker: greenlet) -> None:
    # One that has not begun is not begun: its entry is over.
    if worker:
        hub.schedule_call_global(0, worker.throw, GreenletExit)


def nudge(hub: Any) -> None:
    """Nothing: the hub always listens."""


def is_lost(hub: Any) -> bool:
    return bool(hub.greenlet.dead) or not is_alive(_bell.of_hub(hub, _arrange).thread)


def _arrange(bell: _bell.Bell, hub: Any) -> None:
    # It listens as long as the hub lives, which does not end when it is idle.
    hub.add(hub.READ, bell.socket.fileno(), partial(_ring, bell), _throw, _closed)


def _ring(bell: _bell.Bell, _fd: int) -> None:
    bell.ring()


def _throw(*error: Any) -> None:
    """The hub is going away; who waits is told by it too."""


def _closed() -> None:
    """Nobody closes the descriptor while it is listened to."""


class _Waiter:
    """A greenlet that may be switched to once, and only while it waits."""

    __slots__ = ("greenlet", "hub")

    def __init__(self, hub: Any) -> None:
        self.hub = hub
        self.greenlet: greenlet | None = getcurrent()

    def __call__(self) -> None:
        self.hub.schedule_call_global(0, self.switch, True)

    def switch(self, ended: bool) -> None:
        waiting, self.greenlet = self.greenlet, None
        if waiting is not None:
            waiting.switch(ended)


def wait(hub: Any, source: Any, timeout: float | None) -> bool:
    """Yields to the hub until `source` is over."""
    bell = _bell.of_hub(hub, _arrange)
    waiter = _Waiter(hub)
    if not source.watch(waiter, bell.wake):
        # It may have been called all the same, and must not end the next wait of this greenlet.
        waiter.greenlet = None
        return True
    timer = None
    try:
        if timeout is not None:
            timer = hub.schedule_call_global(max(timeout, 0), waiter.switch, False)
        return bool(hub.switch()) or bool(source.over)
    finally:
        waiter.greenlet = None
        if timer is not None:
            timer.cancel()
        source.unwatch(waiter, bell.wake)


class _GreenThread(eventlet.greenthread.GreenThread):  # type: ignore[misc]
    """With the names that greenlets and threads have for it."""

    def get(self, timeout: float | None = None) -> Any:
        with eventlet.Timeout(timeout):
            return self.wait()

    def join(self, timeout: float | None = None) -> None:
        with eventlet.Timeout(timeout, False):
            try:
                self.wait()
            except Exception:  # told by `get`
                pass


def spawn(fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    hub = eventlet.hubs.get_hub()
    green = _GreenThread(hub.greenlet)
    hub.schedule_call_global(0, green.switch, fn, args, kwargs)
    return green


def patch(names: str) -> None:
    """Patches as `eventlet.monkey_patch` does: ``all``, or names of its parts with commas."""
    if names == "all":
        eventlet.monkey_patch()
    else:
        eventlet.monkey_patch(**{name.strip(): True for name in names.split(",")})
