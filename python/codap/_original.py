"""Threads and locks as they were before gevent or eventlet patched them."""

from __future__ import annotations

import _thread
import sys
from typing import Any

__all__ = ["allocate_lock", "get_ident", "local", "main_ident", "start_new_thread"]


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


def main_ident() -> int:
    """The identity of the main thread."""
    import threading

    ident = threading.main_thread().ident
    return 0 if ident is None else ident
