"""The modules of the homes: imported with the first need, and found by what they look after."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

_modules = sys.modules


def gevent() -> Any:
    """The module for gevent; None where gevent is not loaded."""
    if "gevent.hub" not in _modules:
        return None
    return _modules.get("codap._gevent") or import_module("codap._gevent")


def eventlet() -> Any:
    """The module for eventlet; None where eventlet is not loaded."""
    if "eventlet.hubs" not in _modules:
        return None
    return _modules.get("codap._eventlet") or import_module("codap._eventlet")


def asyncio() -> Any:
    """The module for asyncio; None where asyncio is not loaded."""
    module = _modules.get("codap._asyncio")
    if module is None and "asyncio" in _modules:
        module = import_module("codap._asyncio")
    return module


def of(home: Any) -> Any:
    """The module that looks after a hub or loop."""
    module = type(home).__module__.partition(".")[0]
    if module == "gevent":
        return gevent()
    if module == "eventlet":
        return eventlet()
    return asyncio()
