"""Waiting: decided at each read by the reader's own context, not by where the work runs."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import Any

from codap import _current, _homes, _native, _threads
from codap._entry import Entry, abandon, name
from codap._errors import WouldBlock
from codap._events import note_wait
from codap._threadwait import wait as block_thread

# How often a wait looks whether the loop or hub of the work still lives, in seconds.
LOOK = 0.2


def wait(source: Any, timeout: float | None) -> bool:
    """Waits in a context that is not a coroutine; whether `source` was over in time."""
    if not source.over:
        me, began = _current.begin(source), monotonic()
        try:
            ended = _wait_alive(source, timeout)
        finally:
            if isinstance(source, Entry):
                note_wait(source, monotonic() - began, me)
            ticket = me and _current.end(me, source)
            if ticket:
                _block(ticket, None)
        if not ended:
            return False
    if isinstance(source, Entry) and not source.settled:
        source()
    return True


async def wait_async(source: Any, timeout: float | None) -> bool:
    """Waits in a coroutine."""
    if not source.over:
        me, began = _current.begin(source), monotonic()
        try:
            ended = await _wait_alive_async(source, timeout)
        finally:
            if isinstance(source, Entry):
                note_wait(source, monotonic() - began, me)
            ticket = me and _current.end(me, source)
            if ticket:
                await _homes.asyncio().wait(ticket, None)
        if not ended:
            return False
    if isinstance(source, Entry) and not source.settled:
        source()
    return True


def _block(source: Any, timeout: float | None) -> bool:
    if (loops := _homes.asyncio()) is not None and (loop := loops.running()) is not None:
        _refuse_in_loop(source, loop)
    for homes in (_homes.gevent(), _homes.eventlet()):
        if homes is not None and (hub := homes.reader()) is not None:
            return bool(homes.wait(hub, source, timeout))
    with _threads.waiting():
        return block_thread(source, timeout)


def _refuse_in_loop(source: Any, loop: Any) -> None:
    """A wait that blocks would stop the loop that runs on this thread."""
    from codap import _asyncio, _backend

    waved_through = _asyncio.is_notebook() or _backend.forced not in (None, "asyncio")
    if waved_through and getattr(source, "home", None) is not loop:
        return
    what = name(source) if isinstance(source, Entry) else "the container"
    raise WouldBlock(
        f"{what} is not there yet, and to wait for it here would stop the running event loop: "
        "await kv.aget(key), or await kv.join() before the first read"
    )


def _wait_alive(source: Any, timeout: float | None) -> bool:
    """Waits for an entry only as long as somebody can still fill it."""
    if _forked(source):
        return True
    home = getattr(source, "home", None)
    if home is None or home is _here():
        return _block(source, timeout)
    left = timeout
    while True:
        step = LOOK if left is None else min(left, LOOK)
        if _block(source, step) or _abandoned(source, home):
            return True
        if left is not None and (left := left - step) <= 0:
            return False


async def _wait_alive_async(source: Any, timeout: float | None) -> bool:
    loops = _homes.asyncio()
    if _forked(source):
        return True
    home = getattr(source, "home", None)
    if home is None or home is loops.running():
        return bool(await loops.wait(source, timeout))
    left = timeout
    while True:
        step = LOOK if left is None else min(left, LOOK)
        if await loops.wait(source, step) or _abandoned(source, home):
            return True
        if left is not None and (left := left - step) <= 0:
            return False


def _here() -> Any:
    """The hub that runs on this thread: what it runs cannot outlive it unseen."""
    for homes in (_homes.gevent(), _homes.eventlet()):
        if homes is not None and (hub := homes.existing_hub()) is not None:
            return hub
    return None


def _abandoned(source: Any, home: Any) -> bool:
    """Whether the loop or hub of an entry is gone, and the entry with it. A loop that has stopped
    may run again, but not while it is waited for here."""
    homes = _homes.of(home)
    if homes.is_lost(home):
        abandon(source, "the event loop or hub that ran its work has ended")
        return True
    if homes is _homes.asyncio() and homes.is_stopped(home):
        raise WouldBlock(
            f"{name(source)} is not there yet, and the event loop that runs its work has stopped: "
            "let that run, as by loop.run_until_complete(kv.aget(key))"
        )
    return False


def _forked(source: Any) -> bool:
    """Ends what was pending at a fork: the threads that ran it stayed with the parent."""
    if not isinstance(source, Entry) or source.generation == _native.generation():
        return False
    home = getattr(source, "home", None)
    if home is not None and not hasattr(home, "is_closed"):
        return False  # a hub came along, with its greenlets
    abandon(source, "its work stayed with the parent of a fork")
    return True


async def breathe() -> None:
    """Lets the loop turn, where a coroutine finds everything it asks for."""
    import asyncio

    await asyncio.sleep(0)


class Change:
    """The next change of an inbox, as something to wait for."""

    __slots__ = ("inbox", "token", "version")

    native = True

    def __init__(self, inbox: _native.Inbox) -> None:
        self.inbox = inbox
        self.version = inbox.version
        self.token: int | None = None

    @property
    def over(self) -> bool:
        return self.inbox.version != self.version

    def watch(self, call: Callable[[], Any], wake: _native.Wake) -> bool:
        self.token = self.inbox.watch(self.version, call, wake)
        return self.token is not None

    def unwatch(self, call: Callable[[], Any], wake: _native.Wake) -> None:
        if self.token is not None:
            self.inbox.unwatch(self.token, wake)
