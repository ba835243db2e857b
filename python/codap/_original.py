"""Threads and locks as they were before gevent or eventlet patched them."""

from __future__ import annotations

import _thread
import os
import sys
from typing import Any

__all__ = ["allocate_lock", "get_ident", "is_alive", "is_main_thread", "local", "start_new_thread"]


def _original(name: str) -> Any:
    monkey = sys.modules.get("gevent.monkey")
    if monkey is not None:
        return monkey.get_original("_thread", name)
    patcher = sys.modules.get("eventlet.patcher")
    if patcher is not None:
        return getattr(patcher.original("_thread"), name)
    return getattr(_thread, name)


allocate_lock = _original("allocate_lock")
get_ident = _original("get_ident")
local = _original("_local")
start_new_thread = _original("start_new_thread")


_get_native_id = _original("get_native_id")
_imported_in = get_ident()
_known = local()


def is_main_thread() -> bool:
    """Whether this is the main thread of the process, also where `threading` is patched and says
    otherwise of it."""
    known = getattr(_known, "main", None)
    if known is None:
        if sys.platform == "linux":
            known = _get_native_id() == os.getpid()
        else:  # the thread that imports is the main one in all but odd programs
            known = get_ident() == _imported_in
        _known.main = known
    return bool(known)


def is_alive(ident: int | None) -> bool:
    """Whether a thread of this identity runs Python code; one that is not known counts as such."""
    return ident is None or ident in sys._current_frames()


def _after_fork() -> None:
    global _known
    _known = local()


os.register_at_fork(after_in_child=_after_fork)
