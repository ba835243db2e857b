"""The home and the waits of asyncio. Imported only where asyncio is loaded."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from contextvars import Context
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary, ref

from codap import _bell, _run
from codap._original import allocate_lock, get_ident, is_alive, local, start_new_thread

# The loop that runs on this thread, or None.
running = asyncio._get_running_loop


class _Here(local):  # type: ignore[misc]
    """The loop that ran on this thread when work was last started here."""

    loop: Callable[[], asyncio.AbstractEventLoop | None] = staticmethod(lambda: None)


_here = _Here()
# The thread that each loop ran on.
_threads: WeakKeyDictionary[asyncio.AbstractEventLoop, int] = WeakKeyDictionary()


def start(
    loop: asyncio.AbstractEventLoop,
    entry: Any,
    context: Context | None,
    fn: Callable[..., Any],
    args: Any,
    kwargs: Any,
) -> None:
    """Starts a coroutine as a task of the loop, in a copy of the context or, without one, of that
    which this is called in."""
    entry.home = loop
    if loop is running():
        if _here.loop() is not loop:
            _here.loop = ref(loop)
            _threads[loop] = get_ident()
        work = _run.coroutine(entry, fn, args, kwargs)
        if context is None:
            entry.job = loop.create_task(work)
        else:
            entry.job = context.run(loop.create_task, work)
    else:
        loop.call_soon_threadsafe(start, loop, entry, None, fn, args, kwargs, context=context)


def interrupt(loop: asyncio.AbstractEventLoop, task: asyncio.Task[Any]) -> None:
    if loop is running():
        task.cancel()
    elif not loop.is_closed():
        loop.call_soon_threadsafe(task.cancel)


def nudge(loop: asyncio.AbstractEventLoop) -> None:
    """Nothing: the loop always listens."""


def is_lost(loop: asyncio.AbstractEventLoop) -> bool:
    return loop.is_closed()


def is_stopped(loop: asyncio.AbstractEventLoop) -> bool:
    """Whether it does not run, and nobody can run it while this thread waits: it ran here, or on a
    thread that has ended."""
    thread = _threads.get(loop)
    return (
        thread is not None
        and not loop.is_running()
        and (thread == get_ident() or not is_alive(thread))
    )


def _arrange(bell: _bell.Bell, loop: asyncio.AbstractEventLoop) -> None:
    # It listens as long as the loop lives: an idle reader keeps no loop from ending.
    loop.add_reader(bell.socket.fileno(), bell.ring)


def _set(future: asyncio.Future[bool], ended: bool) -> None:
    if not future.done():
        future.set_result(ended)


async def wait(source: Any, timeout: float | None) -> bool:
    """Yields to the loop until `source` is over."""
    loop = asyncio.get_running_loop()
    bell = _bell.of_hub(loop, _arrange)
    future: asyncio.Future[bool] = loop.create_future()
    call = partial(_set, future, True)
    if not source.watch(call, bell.wake):
        return True
    timer = None
    try:
        if timeout is not None:
            timer = loop.call_later(max(timeout, 0), _set, future, False)
        return await future or bool(source.over)
    finally:
        if timer is not None:
            timer.cancel()
        source.unwatch(call, bell.wake)


def is_notebook() -> bool:
    """Whether IPython runs the program: there a loop always runs, and nobody means to stop it."""
    import sys

    shell = sys.modules.get("IPython")
    return shell is not None and shell.get_ipython() is not None


def _after_fork() -> None:
    global _background
    _background = None


os.register_at_fork(after_in_child=_after_fork)
_background: asyncio.AbstractEventLoop | None = None
_lock = allocate_lock()


def background() -> asyncio.AbstractEventLoop:
    """A loop on a thread of its own, for programs that have none: after `codap.use('asyncio')`."""
    global _background
    with _lock:
        if _background is None or _background.is_closed():
            _background = asyncio.new_event_loop()
            start_new_thread(_background.run_forever, ())
        return _background
