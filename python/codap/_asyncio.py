"""The home and the waits of asyncio. Imported only where asyncio is loaded."""

from __future__ import annotations

import asyncio
import os
import sys
from collections import deque
from collections.abc import Callable
from contextvars import Context, copy_context
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary, ref

from codap import _bell, _run
from codap._entry import fail
from codap._original import allocate_lock, get_ident, is_alive, local, start_new_thread

# The loop that runs on this thread, or None.
running = asyncio._get_running_loop


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
    """Starts a coroutine as a task of the loop when that turns next, in a context of its own or,
    without one, in a copy of that which this is called in."""
    entry.home = loop
    if loop is running():
        starts = _here.starts
        if starts.loop() is not loop:
            starts = _here.starts = _Starts(ref(loop))
            _threads[loop] = get_ident()
        if context is None:
            context = copy_context()
        if starts.task is not None or starts.begin(loop):
            starts.line.append((entry, context, fn, args, kwargs))
        else:
            work = _run.coroutine(entry, fn, args, kwargs)
            entry.job = context.run(loop.create_task, work)
            entry.job.add_done_callback(partial(_end_unbegun, entry, fn, args))
    else:
        loop.call_soon_threadsafe(start, loop, entry, None, fn, args, kwargs, context=context)


# Whether a task can make its first step where it is made.
_eager = sys.version_info >= (3, 12)
_task: Any = asyncio.Task

# So many are started before the loop looks at its sockets and timers.
BURST = 500


class _Starts:
    """The coroutines that the loop of this thread is to start, many by one task: what ends at its
    first step costs no turn of the loop, which is more than half of what a task does.

    Python before 3.12, and a loop whose tasks somebody else makes, have a task for each at once.
    """

    __slots__ = ("line", "loop", "task")

    def __init__(self, loop: Callable[[], asyncio.AbstractEventLoop | None]) -> None:
        self.loop = loop
        self.line: deque[tuple[Any, ...]] = deque()
        self.task: asyncio.Task[None] | None = None

    def begin(self, loop: asyncio.AbstractEventLoop) -> bool:
        """Sees to it that what comes into the line is started, if it can be."""
        if not _eager or loop.get_task_factory() is not None:
            return False
        self.task = loop.create_task(self.run(loop), name="codap-starts")
        self.task.add_done_callback(self.give_up)
        return True

    async def run(self, loop: asyncio.AbstractEventLoop) -> None:
        line = self.line
        while line:
            for _ in range(min(len(line), BURST)):
                entry, context, fn, args, kwargs = line.popleft()
                work = _run.coroutine(entry, fn, args, kwargs)
                task = _task(work, loop=loop, context=context, eager_start=True)
                if not task.done():
                    entry.job = task
                    # By another thread, or in its first step.
                    if entry.over:
                        task.cancel()
            if line:
                await asyncio.sleep(0)
        self.task = None

    def give_up(self, task: asyncio.Task[None]) -> None:
        """It was cancelled, as all tasks are at the end of `asyncio.run`, and with it what it was
        to begin."""
        if self.task is not task:
            return
        self.task = None
        while self.line:
            entry, _, fn, args, _ = self.line.popleft()
            _end_unbegun(entry, fn, args, task)


class _Here(local):  # type: ignore[misc]
    """What is started on this thread, by the loop that was last seen to run here."""

    starts = _Starts(lambda: None)


_here = _Here()


def _end_unbegun(entry: Any, fn: Callable[..., Any], args: Any, task: asyncio.Task[None]) -> None:
    """Ends an entry whose task has ended before its first step: it was cancelled."""
    if not entry.over:
        _run.not_started(fn, args)
        fail(entry, asyncio.CancelledError())


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
