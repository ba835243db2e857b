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
from typing import Any

from codap._entry import cancel
from codap._original import allocate_lock, get_ident, start_new_thread
from codap._run import not_started, on_thread

# So many functions run at once; threads that wait in codap for another entry are not counted.
LIMIT = 64


class _Pool:
    def __init__(self) -> None:
        self.tasks: SimpleQueue[tuple[Any, ...]] = SimpleQueue()
        # One item for each thread that waits for a task, or is about to.
        self.idle: list[None] = []
        self.threads: set[int] = set()
        self.size = 0
        self.waiting = 0
        self.lock = allocate_lock()

    def submit(self, task: tuple[Any, ...]) -> None:
        self.tasks.put(task)
        if not self.idle:
            self.grow()

    def grow(self) -> None:
        """Starts one more thread, which starts the next if it finds more tasks than threads: as
        many come as functions block, and few where they return at once."""
        with self.lock:
            if self.idle or self.size - self.waiting >= LIMIT:
                return
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
            if not idle and not tasks.empty():
                self.grow()
            # Two references are the task's and the question's own.
            if getrefcount(task[0]) > 2:
                on_thread(*task)
            else:
                cancel(task[0], "before it started, since nobody was left to read it")
                not_started(task[2], task[3])
            del task
            idle.append(None)


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
