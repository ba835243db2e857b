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
    "archiving": """
        import socket, tempfile
        listening = socket.create_server(('127.0.0.1', 0), backlog=2000)
        url = 'http://127.0.0.1:%d/' % listening.getsockname()[1]
        folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        kv.put('zip', codap.archive, folder.name + '/out.zip', [url] * 1000)
    """,
    "fetching and sleeping under a limit": """
        import socket
        listening = socket.create_server(('127.0.0.1', 0), backlog=2000)
        url = 'http://127.0.0.1:%d/' % listening.getsockname()[1]
        kv = codap.KV(limit=4)
        for number in range(500):
            kv.put(('fetch', number), codap.work(codap.fetch, timeout=0.01), url)
            kv.put(number, time.sleep, number % 20 / 1000)
    """,
    "reading in daemon threads": """
        slot = kv.put('never')
        for number in range(20):
            threading.Thread(target=lambda: kv['never'], daemon=True).start()
    """,
}

# What comes before the clock is looked at (a thread among sixty that compute has to wait for its
# turn), what comes after, and the code.
ENDS = {
    "main ends": ("", "", 0),
    "sys.exit in a thread": ("t = threading.Thread(target=sys.exit); t.start(); t.join()", "", 0),
    "sys.exit": ("", "sys.exit(3)", 3),
    "an error": ("", "raise SystemError('of the program')", 1),
}


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("work", WORK)
def test_it_ends(work, end):
    before, last, code = ENDS[end]
    source = program(
        "import codap, sys, threading, time\nkv = codap.KV()\n"
        + "\n".join(line.strip("\n")[8:] for line in WORK[work].splitlines() if line.strip())
        + f"\ntime.sleep(0.02)\n{before}\nprint(time.monotonic(), flush=True)\n"
        + last
    )
    lasted = [ended_after(source, end, code) for _ in range(size(1, 100))]
    # On a machine that does other things one run may be late, and even a program without codap
    # takes its time.
    for _ in range(4):
        bare = run("import time\nprint(time.monotonic(), flush=True)")
        if min(lasted) < 1.0 + time.monotonic() - float(bare.stdout):
            return
        lasted.append(ended_after(source, end, code))
    raise AssertionError(f"it takes its time to end: {lasted}")


def ended_after(source, end, code):
    """Seconds from the end of its last line to its own, which must be a clean one."""
    ended = run(source, timeout=30)
    lasted = time.monotonic() - float(ended.stdout or "nan")
    said = ended.stderr.strip().splitlines()
    expected = ["SystemError: of the program"] if end == "an error" else []
    assert ended.returncode == code, ended.stderr
    assert said[-1:] == expected and (end == "an error" or said == []), ended.stderr
    assert "codap" not in "".join(said[1:-1])
    return lasted


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
