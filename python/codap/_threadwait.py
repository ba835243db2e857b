"""Waiting on a thread: it blocks, and Ctrl-C breaks the wait."""

from __future__ import annotations

from time import monotonic
from typing import Any

from codap import _bell
from codap._original import allocate_lock

# The longest that a lock of Python's waits.
FOREVER = 3e5


def wait(source: Any, timeout: float | None) -> bool:
    if source.native:
        return _wait_native(source, timeout)
    lock = allocate_lock()
    lock.acquire()
    call = lock.release
    if not source.watch(call):
        return True
    ended = False
    try:
        ended = lock.acquire(True, -1 if timeout is None else min(timeout, FOREVER))
    finally:
        if not ended:
            source.unwatch(call)
    return ended or bool(source.over)


class _Woken:
    """That it is called at all wakes the thread. One for each wait, which tells them apart."""

    __slots__ = ()

    def __call__(self) -> None:
        pass


def _wait_native(source: Any, timeout: float | None) -> bool:
    bell = _bell.of_thread()
    until = None if timeout is None else monotonic() + timeout
    call = _Woken()
    if not source.watch(call, bell.wake):
        return True
    try:
        while not source.over:
            left = None if until is None else until - monotonic()
            if left is not None and left <= 0:
                return False
            bell.socket.settimeout(left)
            try:
                bell.ring()
            except TimeoutError:
                return bool(source.over)
        return True
    finally:
        source.unwatch(call, bell.wake)
