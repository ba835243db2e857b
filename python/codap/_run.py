"""Running work: every call of a function of the user's is made here."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import Context
from typing import Any

from codap._current import enter
from codap._entry import PLAIN, Entry, fail, run
from codap._permits import release


def on_thread(
    entry: Entry[Any], context: Context, fn: Callable[..., Any], args: Any, kwargs: Any
) -> None:
    """Runs work on a thread of the pool, in the context of its put."""
    context.run(in_context, entry, fn, args, kwargs)


def in_context(entry: Entry[Any], fn: Callable[..., Any], args: Any, kwargs: Any) -> None:
    """Runs work in the context that it is to have, as a greenlet does."""
    if not entry.start():
        not_started(fn, args)
        return
    enter(entry)
    try:
        value = fn(*args, **kwargs)
        if type(value) not in PLAIN and hasattr(value, "__await__"):
            value = settled(value)
    except BaseException as error:
        fail(entry, error)
    else:
        waiters = entry.settle(value)
        if waiters:
            run(waiters)
    entry.job = None


async def coroutine(entry: Entry[Any], fn: Callable[..., Any], args: Any, kwargs: Any) -> None:
    """Runs work in a task, whose context is its own."""
    if not entry.start():
        not_started(fn, args)
        return
    enter(entry)
    try:
        value = await fn(*args, **kwargs)
    except BaseException as error:
        fail(entry, error)
    else:
        waiters = entry.settle(value)
        if waiters:
            run(waiters)
    entry.job = None


def settled(value: Any) -> Any:
    """The value of an awaitable that a function gave back, where no loop runs."""
    if isinstance(value, Entry):
        return value.get()
    from codap import _asyncio, _backend

    async def wait() -> Any:
        return await value

    if _backend.forced == "asyncio":
        import asyncio

        return asyncio.run_coroutine_threadsafe(wait(), _asyncio.background()).result()
    import asyncio

    return asyncio.run(wait())


def within_limit(gate: Any, fn: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    """Calls work that has a permit, and gives the permit back."""
    try:
        return fn(*args, **kwargs)
    finally:
        release(gate)


async def within_limit_async(gate: Any, fn: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    """As `within_limit`, for coroutine functions."""
    try:
        return await fn(*args, **kwargs)
    finally:
        release(gate)


def not_started(fn: Callable[..., Any], args: Any) -> None:
    """Gives back the permit of work that was cancelled before it ran."""
    if fn is within_limit or fn is within_limit_async:
        release(args[0])
