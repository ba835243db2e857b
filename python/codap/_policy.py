"""What to do when work is slow or fails: time it out, try it again, put a default in its place."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Generic, TypeVar

from codap import _native
from codap._entry import MISSING, Entry, name
from codap._errors import TimedOut

T = TypeVar("T")


class Work(Generic[T]):
    """A function with a policy, from `work`."""

    __slots__ = ("backoff", "default", "fn", "retry_on", "timeout")

    def __init__(
        self,
        fn: Callable[..., T],
        timeout: float | None,
        default: Any,
        backoff: tuple[float, ...],
        retry_on: tuple[type[Exception], ...],
    ) -> None:
        self.fn = fn
        self.timeout = timeout
        self.default = default
        self.backoff = backoff
        self.retry_on = retry_on

    def __repr__(self) -> str:
        return f"codap.work({self.fn!r}, timeout={self.timeout}, retry={self.backoff})"


def work(
    fn: Callable[..., T],
    /,
    *,
    timeout: float | None = None,
    default: Any = MISSING,
    retry: int | Iterable[float] = 0,
    retry_on: type[Exception] | tuple[type[Exception], ...] = Exception,
) -> Work[T]:
    """A policy for one entry: ``kv.put('slow', codap.work(fetch, timeout=.2, default=[]), id)``.

    ``timeout``: seconds for each attempt, from its start. A coroutine or native fetch is
    interrupted then, and tried again if ``retry`` says so. A function on a thread or greenlet
    cannot be interrupted safely: its entry ends, and it runs on without a reader.

    ``default``: the value if there is none otherwise; the entry's outcome is ``defaulted``.

    ``retry``: how many more attempts, after 0.1, 0.2, 0.4, … seconds; or those delays themselves.
    Only for work that may be done twice. ``retry_on``: the exceptions that are tried again. (A
    native fetch is tried again where that may help, and retries nothing else.)
    """
    if timeout is not None and timeout < 0:
        raise ValueError(f"a timeout of {timeout} s is in the past")
    on = retry_on if isinstance(retry_on, tuple) else (retry_on,)
    return Work(fn, timeout, default, delays(retry), on)


def delays(retry: int | Iterable[float]) -> tuple[float, ...]:
    """The delays before further attempts."""
    if isinstance(retry, int):
        return tuple(0.1 * 2**n for n in range(retry))
    return tuple(retry)


def call(entry: Entry[Any], policy: Work[Any], args: Any, kwargs: Any) -> Any:
    """Calls a function under its policy."""
    from codap import _wait

    for number, delay in enumerate((*policy.backoff, None), 1):
        entry.attempts(number)
        timer = None
        if policy.timeout is not None:
            timer = _native.start_timer(entry, policy.timeout, "timeout")
        try:
            return policy.fn(*args, **kwargs)
        except policy.retry_on:
            if delay is None or entry.over:
                raise
        finally:
            if timer is not None:
                timer.cancel()
        # A wait like any other: the permit goes back meanwhile, and a hub goes on.
        _wait.wait(Entry(), delay)
    raise AssertionError("the last attempt returns or raises")


async def call_async(entry: Entry[Any], policy: Work[Any], args: Any, kwargs: Any) -> Any:
    """Calls a coroutine function under its policy."""
    import asyncio

    from codap import _wait

    for number, delay in enumerate((*policy.backoff, None), 1):
        entry.attempts(number)
        try:
            work = policy.fn(*args, **kwargs)
            if policy.timeout is None:
                return await work
            attempt = asyncio.ensure_future(work)
            done, _ = await asyncio.wait([attempt], timeout=policy.timeout)
            if done:
                return attempt.result()
            attempt.cancel()
            if delay is None:
                raise TimedOut(
                    f"{name(entry)} had no value within its timeout of {policy.timeout:g} s"
                )
        except policy.retry_on:
            if delay is None:
                raise
        await _wait.wait_async(Entry(), delay)
    raise AssertionError("the last attempt returns or raises")
