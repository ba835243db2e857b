"""The Python half of a wake-up: a socket that a thread, hub or loop listens to while it waits.

Native threads write to the other end, and never attach to the interpreter.
"""

from __future__ import annotations

import _socket
import os
from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

from codap import _native
from codap._original import get_ident, local

# More calls than this wait for the next turn of a hub, so that a burst does not hold up the rest.
BURST = 500


class Bell:
    """One for each thread, hub or loop in which somebody waits."""

    __slots__ = ("__weakref__", "holders", "listen", "socket", "stop", "thread", "wake")

    def __init__(self) -> None:
        self.wake = _native.Wake()
        self.socket = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM, 0, self.wake.fd)
        self.thread = get_ident()
        self.holders = 0
        self.listen: Callable[[], Any] | None = None
        self.stop: Callable[[], Any] | None = None

    def ring(self) -> None:
        """Calls what was rung for; waits for it if the socket is a blocking one."""
        try:
            self.socket.recv(64)
        except BlockingIOError:
            pass
        for call in self.wake.drain(BURST):
            call()

    def hold(self) -> None:
        """Somebody begins to wait: a hub listens only meanwhile, so that it can end when idle."""
        self.holders += 1
        if self.holders == 1 and self.listen is not None:
            self.listen()

    def let_go(self) -> None:
        self.holders -= 1
        if self.holders == 0 and self.stop is not None:
            self.stop()

    def __del__(self) -> None:
        self.socket.close()


_threads = local()
_hubs: WeakKeyDictionary[Any, Bell] = WeakKeyDictionary()


def of_thread() -> Bell:
    """The bell of this thread, for waits that block it."""
    bell: Bell | None = getattr(_threads, "bell", None)
    if bell is None:
        bell = _threads.bell = Bell()
    return bell


def of_hub(hub: Any, arrange: Callable[[Bell, Any], None]) -> Bell:
    """The bell of a hub or loop; `arrange` tells a new one how to listen there."""
    bell = _hubs.get(hub)
    if bell is None:
        bell = Bell()
        bell.socket.setblocking(False)
        arrange(bell, hub)
        _hubs[hub] = bell
    return bell


def _after_fork() -> None:
    # What is inherited is shared with the parent, which would lose its wake-ups to the child.
    global _threads
    _threads = local()
    _hubs.clear()
    _native.after_fork()


os.register_at_fork(after_in_child=_after_fork)
