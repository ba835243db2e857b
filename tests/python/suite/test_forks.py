"""A child of a fork starts anew; its parent loses nothing."""

import pytest

from machine import size
from scripts import clean, program

FORKS = """
import os, sys, threading, time
import codap

def child():
    kv = codap.KV()
    kv.put('k', lambda: 7)
    assert kv['k'] == 7
    kv.put('f', codap.fetch, 'file://' + __FILE__)
    assert bytes(kv['f']).startswith(b'#')

def main():
    kv = codap.KV()
    kv.put('warm', lambda: 1)
    assert kv['warm'] == 1
    slots, got = {}, []
    for number in range(COUNT):
        slots[number] = kv.put(number)
    def read():
        got.extend(kv[number] for number in range(COUNT))
    reader = start(read)
    for number in range(COUNT):
        pause()
        pid = os.fork()
        if pid == 0:
            try:
                child()
            except BaseException as error:
                print(repr(error), file=sys.stderr, flush=True)
                os._exit(1)
            os._exit(0)
        assert os.waitpid(pid, 0)[1] == 0
        slots.pop(number).put(number)
    join(reader)
    assert got == list(range(COUNT)), got
    print('ok')
"""

STARTS = {
    "threads": """
def start(f): t = threading.Thread(target=f); t.start(); return t
def join(t): t.join()
def pause(): time.sleep(0.001)
main()
""",
    "gevent": """
import gevent
start, pause = gevent.spawn, lambda: gevent.sleep(0.001)
def join(g): g.get()
main()
""",
    "eventlet": """
start, pause = eventlet.spawn, lambda: eventlet.sleep(0.001)
def join(g): g.wait()
main()
""",
}


@pytest.mark.parametrize("home", STARTS)
def test_forks_with_waiters(home: str, tmp_path) -> None:
    file = tmp_path / "file"
    file.write_text("# something to fetch")
    source = (program("", home) + FORKS + STARTS[home]).replace("COUNT", str(size(20, 100)))
    # From 3.12 on Python warns of any fork of a process with threads.
    said = clean(source.replace("__FILE__", repr(str(file))), "-W", "ignore", timeout=100)
    assert said == "ok\n"


def test_multiprocessing_by_fork() -> None:
    said = clean(
        program(
            """
            import multiprocessing, codap
            kv = codap.KV()
            kv['warm'] = lambda: 1
            assert kv['warm'] == 1
            def work(n):
                kv = codap.KV()
                kv.put('k', pow, n, 2)
                return kv['k']
            with multiprocessing.get_context('fork').Pool(2) as pool:
                print(pool.map(work, range(5)))
            """
        ),
        "-W",
        "ignore",
    )
    assert said == "[0, 1, 4, 9, 16]\n"
