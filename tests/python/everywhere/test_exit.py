"""A program ends with work in flight: cleanly, at once, without a word."""

import time

import pytest

from machine import size
from scripts import program, run

WORK = {
    "sleeping": """
        for number in range(1000):
            kv.put(number, time.sleep, 60)
    """,
    "computing": """
        def compute():
            while True:
                pass
        for number in range(1000):
            kv.put(number, compute)
    """,
    "short and many": """
        for number in range(1000):
            kv.put(number, time.sleep, number % 20 / 1000)
    """,
    "nested": """
        slot = kv.put('never')
        def read():
            return kv['never']
        for number in range(1000):
            kv.put(number, read)
    """,
    "fetching": """
        import socket
        listening = socket.create_server(('127.0.0.1', 0), backlog=2000)
        url = 'http://127.0.0.1:%d/' % listening.getsockname()[1]
        for number in range(1000):
            kv.put(number, codap.fetch, url)
    """,
    "reading in daemon threads": """
        slot = kv.put('never')
        for number in range(20):
            threading.Thread(target=lambda: kv['never'], daemon=True).start()
    """,
}

ENDS = {
    "main ends": ("", 0),
    "sys.exit in a thread": ("t = threading.Thread(target=sys.exit); t.start(); t.join()", 0),
    "sys.exit": ("sys.exit(3)", 3),
    "an error": ("raise SystemError('of the program')", 1),
}


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("work", WORK)
def test_it_ends(work, end):
    last, code = ENDS[end]
    source = program(
        "import codap, sys, threading, time\nkv = codap.KV()\n"
        + "\n".join(line.strip("\n")[8:] for line in WORK[work].splitlines() if line.strip())
        + "\ntime.sleep(0.02)\nprint(time.monotonic(), flush=True)\n"
        + last
    )
    lasted = []
    for _ in range(size(1, 100)):
        ended = run(source, timeout=30)
        lasted.append(time.monotonic() - float(ended.stdout or "nan"))
        said = ended.stderr.strip().splitlines()
        expected = ["SystemError: of the program"] if end == "an error" else []
        assert ended.returncode == code, ended.stderr
        assert said[-1:] == expected and (end == "an error" or said == []), ended.stderr
        assert "codap" not in "".join(said[1:-1])
    # On a machine that does other things even a program without codap takes its time.
    bare = run("import time\nprint(time.monotonic(), flush=True)")
    assert min(lasted) < 1.0 + time.monotonic() - float(bare.stdout), lasted


def test_what_is_in_flight_may_be_waited_for():
    ended = run(
        program(
            """
            import codap, time
            kv = codap.KV()
            for number in range(100):
                kv.put(number, lambda n: (time.sleep(0.001), print(n))[0], number)
            kv.wait()
            """
        )
    )
    assert ended.stderr == "" and len(ended.stdout.splitlines()) == 100
