"""What holds for all entries of one container: where they run, their limit, their deadline."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextvars import copy_context
from functools import partial
from types import BuiltinFunctionType, FunctionType
from typing import Any
from weakref import ReferenceType

from codap import _backend, _fetch, _native, _policy, _run, _threads
from codap._entry import Entry
from codap._policy import Work

# Keys of these types hash and compare without code of the user's.
_SIMPLE = frozenset([str, int, bytes, float, bool, type(None)])
# `async def`, and generators marked by `types.coroutine`.
_COROUTINE = 0x80 | 0x100


class Box:
    """See the module."""

    __slots__ = ("deadline", "gate", "limit", "on")

    def __init__(self, on: Any, limit: int | None, deadline: float | None) -> None:
        if limit is not None and limit < 1:
            raise ValueError(f"a limit of {limit} would let no entry run")
        if deadline is not None and deadline < 0:
            raise ValueError(f"a deadline of {deadline} s is in the past")
        if isinstance(on, str) and on not in _backend.NAMES:
            raise ValueError(f"unknown backend {on!r}: there are {', '.join(_backend.NAMES)}")
        self.on = on
        self.deadline = deadline
        self.gate = None if limit is None else _native.Gate(limit)
        self.limit = None if limit is None else _native.Limit(limit)


def box(on: Any, limit: int | None, deadline: float | None) -> Box | None:
    """None stands for the defaults."""
    if on is None and limit is None and deadline is None:
        return None
    return Box(on, limit, deadline)


def prepare(ref: ReferenceType[Any] | None, key: Any, box: Box | None, fn: Any) -> Entry[Any]:
    """A new entry for work that is launched once the entry lies in its container."""
    kind = type(fn)
    if box is None and kind is not Work and fn is not _fetch.fetch and type(key) in _SIMPLE:
        return Entry(ref, key)
    timed = fn is _fetch.fetch
    if kind is Work:
        timed = timed or fn.timeout is not None or fn.fn is _fetch.fetch
    if box is not None and box.deadline is not None:
        timed = True
    simple = type(key) in _SIMPLE
    entry: Entry[Any] = Entry(ref, key, timed, simple)
    if not simple and ref is not None:
        entry.watch(partial(_replace, ref, key, entry))
    if kind is Work:
        entry.policy = fn
    if box is not None:
        if box.gate is not None:
            entry.gate = box.gate
        if box.deadline is not None:
            _native.start_timer(entry, box.deadline, "deadline")
    return entry


def _replace(ref: ReferenceType[Any], key: Any, entry: Entry[Any]) -> None:
    """Puts the value where the entry lies, for keys whose comparison is code of the user's."""
    kv = ref()
    if kv is not None and entry.error() is None and dict.get(kv, key) is entry:
        dict.__setitem__(kv, key, entry.value())


def launch(entry: Entry[Any], box: Box | None, fn: Any, args: Any, kwargs: Any) -> None:
    """Starts work now, or as soon as the limit allows."""
    if (
        box is None
        and type(fn) is FunctionType
        and _backend.forced is None
        and not fn.__code__.co_flags & _COROUTINE
        and fn is not _fetch.fetch
        and "gevent.hub" not in sys.modules
        and "eventlet.hubs" not in sys.modules
    ):
        _threads.submit(entry, copy_context(), fn, args, kwargs)
        return
    _launch(entry, box, fn, args, kwargs)


def _launch(entry: Entry[Any], box: Box | None, fn: Any, args: Any, kwargs: Any) -> None:
    policy = fn if type(fn) is Work else None
    inner = fn if policy is None else policy.fn
    if inner is _fetch.fetch:
        limit = None if box is None else box.limit
        _fetch.start(entry, policy, limit, *args, **kwargs)
        return
    on = _backend.forced if box is None or box.on is None else box.on
    gate = None if box is None else box.gate
    if hasattr(on, "submit"):
        from codap import _executor

        if policy is not None and policy.backoff:
            raise TypeError(
                "what an Executor runs is not tried again: retry inside of the function"
            )
        go = partial(_executor.start, on, entry, gate, fn, args, kwargs)
        if gate is None or gate.enter(go):
            go()
        return
    is_async = is_coroutine_function(inner)
    if policy is not None:
        attempts: Any = _policy.call_async if is_async else _policy.call
        fn, args, kwargs = attempts, (entry, policy, args, kwargs), {}
    if gate is not None:
        permitted: Any = _run.within_limit_async if is_async else _run.within_limit
        fn, args, kwargs = permitted, (gate, fn, args, kwargs), {}
    start = _home(on, is_async)
    go = partial(start, entry, copy_context(), fn, args, kwargs)
    if gate is None or gate.enter(go):
        go()


def _home(chosen: Any, is_async: bool) -> Callable[..., None]:
    """Where work runs: an explicit choice; a coroutine function on the running loop; a function
    in this thread's hub, if there is one; else on threads."""
    if chosen is not None and not isinstance(chosen, str):
        return _chosen(chosen, is_async)
    if is_async:
        return _loop(chosen)
    if chosen == "threads" or chosen == "asyncio":
        return _threads.submit
    if chosen != "eventlet" and (chosen == "gevent" or "gevent.hub" in sys.modules):
        from codap import _gevent

        hub = _gevent.get_hub() if chosen == "gevent" else _gevent.home()
        if hub is not None:
            return partial(_gevent.start, hub)
    if chosen == "eventlet" or "eventlet.hubs" in sys.modules:
        from codap import _eventlet

        hub = _eventlet.get_hub() if chosen == "eventlet" else _eventlet.home()
        if hub is not None:
            return partial(_eventlet.start, hub)
    return _threads.submit


def _chosen(on: Any, is_async: bool) -> Callable[..., None]:
    if hasattr(on, "create_task"):
        if not is_async:
            return _threads.submit
        from codap import _asyncio

        return partial(_asyncio.start, on)
    raise TypeError(
        f"on={on!r} is none of 'threads', 'gevent', 'eventlet', 'asyncio', an event loop, "
        "a concurrent.futures.Executor"
    )


def _loop(chosen: str | None) -> Callable[..., None]:
    if "asyncio" in sys.modules or chosen == "asyncio":
        from codap import _asyncio

        loop = _asyncio.running()
        if loop is None and chosen == "asyncio":
            loop = _asyncio.background()
        if loop is not None:
            return partial(_asyncio.start, loop)
    raise RuntimeError(
        "a coroutine function was put where no event loop runs: put it from a coroutine, or call "
        "codap.use('asyncio') once to have a loop on a thread of its own"
    )


def is_coroutine_function(fn: Any) -> bool:
    """Whether calling `fn` makes a coroutine, as far as that can be told beforehand."""
    while True:
        kind = type(fn)
        if kind is BuiltinFunctionType:
            return False
        if kind is partial:
            fn = fn.func
            continue
        code = getattr(fn, "__code__", None)
        if code is None:
            code = getattr(getattr(kind, "__call__", None), "__code__", None)
        return bool(code is not None and code.co_flags & _COROUTINE)
