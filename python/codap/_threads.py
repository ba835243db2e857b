"""The pool of threads: for functions, where neither a hub nor a loop runs what is put.

Its threads are daemons of Python's own and their loop is Python code, so that an interpreter that
exits can leave them in the middle of whatever they do.
"""

from __future__ import annotations

import os
from _queue import SimpleQueue
from collections.abc import Generator
from contextlib import contextmanager
from sys import getrefcount
from time import process_time
from typing import Any
from warnings import warn

from codap._entry import cancel
from codap._original import allocate_lock, get_ident, start_new_thread
from codap._run import not_started, on_thread

# So many functions run at once; threads that wait in codap for another entry are not counted.
LIMIT = 64
# But if none of them returns for so long, in seconds, more come, since all may wait for what only
# one that is queued brings: a quarter more each time.
STUCK = 0.05
# Where the process computes meanwhile, more threads would only make it slower: one comes after so
# many times.
BUSY = 20
# And so many at most.
MOST = 1024


class _Pool:
    def __init__(self) -> None:
        self.tasks: SimpleQueue[tuple[Any, ...]] = SimpleQueue()
        # One item for each thread that waits for a task, or is about to.
        self.idle: list[None] = []
        self.threads: set[int] = set()
        self.size = 0
        self.waiting = 0
        # Whether a task was taken since the watch looked last, if it looks.
        self.moved = False
        self.watched = False
        self.lock = allocate_lock()

    def submit(self, task: tuple[Any, ...]) -> None:
        self.tasks.put(task)
        if not self.idle:
            self.grow()

    def grow(self) -> None:
        """Starts one more thread, which starts the next if it finds more tasks than threads: as
        many come as functions block, and few where they return at once."""
        with self.lock:
            if self.idle:
                return
            if self.size - self.waiting < LIMIT:
                self.start()
            elif not self.watched:
                self.watched = True
                start_new_thread(self.watch, ())

    def start(self) -> None:
        """One more thread, under the lock."""
        self.size += 1
        self.idle.append(None)
        try:
            start_new_thread(self.work, ())
        except RuntimeError:
            self.size -= 1
            self.idle.pop()
            if self.size == 0:
                raise

    def work(self) -> None:
        tasks, idle = self.tasks, self.idle
        self.threads.add(get_ident())
        while True:
            task = tasks.get()
            idle.pop()
            self.moved = True
            if not idle and not tasks.empty():
                self.grow()
            # Two references are the task's and the question's own.
            if getrefcount(task[0]) > 2:
                on_thread(*task)
            else:
                cancel(task[0], "before it started, since nobody was left to read it")
                not_started(task[2], task[3])
            del task
            if self.size > LIMIT and self.leave():
                return
            idle.append(None)

    def leave(self) -> bool:
        """Whether this thread is one too many, and is not counted any more."""
        with self.lock:
            if self.size - self.waiting <= LIMIT or not self.tasks.empty():
                return False
            self.size -= 1
        self.threads.discard(get_ident())
        return True

    def watch(self) -> None:
        """Looks, while tasks are queued, whether any is taken; and has more threads come if not."""
        pause = allocate_lock()
        pause.acquire()
        stuck = 0
        while True:
            self.moved = False
            computed = process_time()
            pause.acquire(True, STUCK)
            is_busy = process_time() - computed > STUCK / 2
            with self.lock:
                if self.tasks.empty():
                    self.watched = False
                    return
                able = self.size - self.waiting
                if able >= MOST:
                    self.watched = False
                    break
                stuck = 0 if self.moved else stuck + 1
                if stuck and not is_busy:
                    for _ in range(min(able // 4, MOST - able)):
                        self.start()
                elif stuck and stuck % BUSY == 0:
                    self.start()
        warn(
            f"{able} functions run on codap's threads and none returns, so that what was put since "
            "has to wait: run what waits for long by codap.spawn, or in greenlets or tasks",
            RuntimeWarning,
            stacklevel=1,
        )


_pool = _Pool()


def submit(*task: Any) -> None:
    """Runs `on_thread` with the task on some thread of the pool."""
    _pool.submit(task)


@contextmanager
def waiting() -> Generator[None]:
    """While a thread of the pool waits for another entry, another thread may run in its place."""
    pool = _pool
    if get_ident() not in pool.threads:
        yield
        return
    with pool.lock:
        pool.waiting += 1
    if not pool.idle and not pool.tasks.empty():
        pool.grow()
    try:
        yield
    finally:
        with pool.lock:
            pool.waiting -= 1


def _after_fork() -> None:
    global _pool
    _pool = _Pool()


os.register_at_fork(after_in_child=_after_fork)
