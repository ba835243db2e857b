"""What holds for all entries of one container: where they run, limit, deadline, record."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import copy_context
from functools import partial
from types import BuiltinFunctionType, FunctionType
from typing import Any
from weakref import ReferenceType

from codap import _archive, _backend, _fetch, _homes, _native, _permits, _policy, _run, _threads
from codap._archive import archive
from codap._entry import Entry
from codap._events import Record
from codap._fetch import fetch
from codap._policy import Work

# Keys of these types hash and compare without code of the user's.
_SIMPLE = frozenset([str, int, bytes, float, bool, type(None)])
# `async def`, and generators marked by `types.coroutine`.
_COROUTINE = 0x80 | 0x100


class Box:
    """See the module."""

    __slots__ = ("deadline", "gate", "on", "record")

    def __init__(self, on: Any, limit: int | None, deadline: float | None, record: bool) -> None:
        if limit is not None and limit < 1:
            raise ValueError(f"a limit of {limit} would let no entry run")
        if deadline is not None and deadline < 0:
            raise ValueError(f"a deadline of {deadline} s is in the past")
        if isinstance(on, str) and on not in _backend.NAMES:
            raise ValueError(f"unknown backend {on!r}: there are {', '.join(_backend.NAMES)}")
        if not (on is None or isinstance(on, str) or hasattr(on, "submit") or _is_loop(on)):
            raise TypeError(f"on={on!r} is no name of a backend, event loop or Executor")
        self.on = on
        self.deadline = deadline
        self.gate = None if limit is None else _native.Gate(limit)
        self.record = Record() if record else None


def _is_loop(on: Any) -> bool:
    return hasattr(on, "create_task")


def box(
    on: Any = None, limit: int | None = None, deadline: float | None = None, record: bool = False
) -> Box | None:
    """None stands for the defaults."""
    if on is None and limit is None and deadline is None and not record:
        return None
    return Box(on, limit, deadline, record)


def prepare(ref: ReferenceType[Any] | None, key: Any, box: Box | None, fn: Any) -> Entry[Any]:
    """A new entry for work that is launched once the entry lies in its container."""
    kind = type(fn)
    timed = fn is fetch or fn is archive
    if box is None and kind is not Work and not timed and type(key) in _SIMPLE:
        return Entry(ref, key)
    if kind is Work:
        timed = fn.timeout is not None or fn.fn is fetch or fn.fn is archive
    if box is not None and box.deadline is not None:
        timed = True
    simple = type(key) in _SIMPLE
    entry: Entry[Any] = Entry(ref, key, timed, simple)
    if not simple and ref is not None:
        entry.watch(partial(_replace, ref, key, entry))
    if kind is Work:
        entry.policy = fn
    if box is not None:
        if box.record is not None:
            box.record.follow(entry, key)
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
        box is not None
        or type(fn) is not FunctionType
        or _backend.forced is not None
        or fn is fetch
        or fn is archive
    ):
        _launch(entry, box, fn, args, kwargs)
        return
    # What is put most: a function, into a container without options.
    if fn.__code__.co_flags & _COROUTINE:
        loops = _homes.asyncio()
        loop = None if loops is None else loops.running()
        if loop is None:
            _loop(None)
        loops.start(loop, entry, None, fn, args, kwargs)
        return
    for homes in (_homes.gevent(), _homes.eventlet()):
        if homes is not None:
            hub = homes.home()
            if hub is not None:
                homes.start(hub, entry, copy_context(), fn, args, kwargs)
                return
    _threads.submit(entry, copy_context(), fn, args, kwargs)


def _launch(entry: Entry[Any], box: Box | None, fn: Any, args: Any, kwargs: Any) -> None:
    policy = fn if type(fn) is Work else None
    inner = fn if policy is None else policy.fn
    if inner is fetch or inner is archive:
        native: Any = _fetch.start if inner is fetch else _archive.start
        native(entry, policy, None if box is None else box.gate, *args, **kwargs)
        return
    on = _backend.forced if box is None or box.on is None else box.on
    gate = None if box is None else box.gate
    if hasattr(on, "submit"):
        from codap import _executor

        if policy is not None and policy.backoff:
            raise TypeError(
                "what an Executor runs is not tried again: retry inside of the function"
            )
        _permits.admit(gate, entry, partial(_executor.start, on, entry, gate, fn, args, kwargs))
        return
    is_async = is_coroutine_function(inner)
    if policy is not None:
        attempts: Any = _policy.call_async if is_async else _policy.call
        fn, args, kwargs = attempts, (entry, policy, args, kwargs), {}
    if gate is not None:
        permitted: Any = _run.within_limit_async if is_async else _run.within_limit
        fn, args, kwargs = permitted, (gate, fn, args, kwargs), {}
    start = _home(on, is_async)
    _permits.admit(gate, entry, partial(start, entry, copy_context(), fn, args, kwargs))


def _home(chosen: Any, is_async: bool) -> Callable[..., None]:
    """Where work runs: an explicit choice; a coroutine function on the running loop; a function
    in this thread's hub, if there is one; else on threads."""
    if is_async or _is_loop(chosen):
        return _loop(chosen) if is_async else _threads.submit
    if chosen == "gevent":
        __import__("gevent")
        return _homes.gevent().starter(_homes.gevent().get_hub())  # type: ignore[no-any-return]
    if chosen == "eventlet":
        __import__("eventlet")
        return _homes.eventlet().starter(_homes.eventlet().get_hub())  # type: ignore[no-any-return]
    if chosen is None:
        for homes in (_homes.gevent(), _homes.eventlet()):
            if homes is not None and (hub := homes.home()) is not None:
                return homes.starter(hub)  # type: ignore[no-any-return]
    return _threads.submit


def _loop(chosen: Any) -> Callable[..., None]:
    """A loop for coroutines: the chosen one, or that which runs here."""
    if _is_loop(chosen):
        __import__("asyncio")
        return partial(_homes.asyncio().start, chosen)
    if chosen == "asyncio":
        __import__("asyncio")
    homes = _homes.asyncio()
    if homes is not None:
        loop = homes.running()
        if loop is None and chosen == "asyncio":
            loop = homes.background()
        if loop is not None:
            return partial(homes.start, loop)
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
