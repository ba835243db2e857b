"""The pool of threads when its functions wait for something that codap does not know of."""

import queue
import threading

import pytest

import codap
from machine import threads
from scripts import clean


@pytest.mark.parametrize("options", [{}, {"limit": 300}], ids=str)
def test_what_all_wait_for_comes_though_it_is_put_last(options):
    """With 64 functions that wait for a later one the pool stood still for ever."""
    fed, kv = queue.Queue(), codap.KV(**options)
    for number in range(200):
        kv.put(number, fed.get)
    kv.put("last", lambda: [fed.put(number) for number in range(200)])
    assert kv.wait(timeout=30)
    assert sorted(kv[number] for number in range(200)) == list(range(200))


def test_it_comes_too_where_the_process_computes_meanwhile():
    said = clean(
        """
import queue, time
import codap
# As it looks where the processor is never idle.
codap._threads.process_time = time.monotonic
fed, kv = queue.Queue(), codap.KV()
for number in range(65):
    kv.put(number, fed.get)
kv.put("last", lambda: [fed.put(number) for number in range(65)])
print(kv.wait(timeout=30))
"""
    )
    assert said == "True\n"


def test_threads_that_came_for_stuck_functions_go_again():
    fed, kv = queue.Queue(), codap.KV()
    for number in range(150):
        kv.put(number, fed.get)
    kv.put("last", lambda: [fed.put(None) for _ in range(150)])
    assert kv.wait(timeout=30)
    gone = threading.Event()
    for _ in range(2_000):
        if threads() < 64 + 40:
            break
        gone.wait(0.01)
    # The pool's 64, and what the tests run in.
    assert threads() < 64 + 40


def test_functions_that_only_take_long_get_no_more_threads_than_64():
    """They return, one after another: nothing is stuck."""
    lock, running, most = threading.Lock(), 0, 0

    def work():
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        threading.Event().wait(0.02)
        with lock:
            running -= 1

    kv = codap.KV()
    for number in range(1_000):
        kv.put(number, work)
    assert kv.wait(timeout=30) and most <= 64


def test_where_even_the_most_threads_are_stuck_a_warning_says_so():
    said = clean(
        """
import queue, warnings
import codap
codap._threads.MOST = 70
told = []
warnings.showwarning = lambda message, kind, *where: told.append((kind.__name__, str(message)))
fed, kv = queue.Queue(), codap.KV()
for number in range(80):
    kv.put(number, fed.get)
assert not kv.wait(0.6)
for number in range(80):
    fed.put(number)
assert kv.wait(20)
(kind, message), = set(told)
print(kind, message)
"""
    )
    assert said.startswith("RuntimeWarning 70 functions run") and "codap.spawn" in said
