"""The user's choice of where work runs, if there is one."""

from __future__ import annotations

import os
from typing import Literal

Name = Literal["threads", "gevent", "eventlet", "asyncio"]
NAMES = ("threads", "gevent", "eventlet", "asyncio")

forced: str | None = None


def use(backend: Name | None, *, patch: str | None = None) -> None:
    """Runs what is put from now on by ``backend``, wherever it is put; None undoes that.

    ``patch='all'`` (or names of modules with commas, as ``'socket,time'``) has gevent or eventlet
    patch the standard library. Nothing is ever patched otherwise. Patching belongs into the first
    lines of a program, and warns if it comes too late.

    With ``'asyncio'``, coroutine functions that are put where no loop runs go to a loop on a
    thread of its own.

    The environment variable ``CODAP_BACKEND`` chooses too, and never patches.
    """
    global forced
    if backend is not None and backend not in NAMES:
        raise ValueError(f"unknown backend {backend!r}: there are {', '.join(NAMES)}")
    if patch is not None:
        if backend == "gevent":
            from codap import _gevent

            _gevent.patch(patch)
        elif backend == "eventlet":
            from codap import _eventlet

            _eventlet.patch(patch)
        else:
            raise ValueError("only 'gevent' and 'eventlet' patch; leave patch= out")
    if backend in ("gevent", "eventlet"):
        __import__(backend)
    forced = backend


def _from_environment() -> str | None:
    name = os.environ.get("CODAP_BACKEND") or None
    if name is not None and name not in NAMES:
        raise ValueError(f"CODAP_BACKEND is {name!r}: there are {', '.join(NAMES)}")
    return name


forced = _from_environment()
