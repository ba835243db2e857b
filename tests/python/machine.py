"""What a process holds of its machine, as Linux says it; and threads that no library has patched."""

import os
import subprocess
import sys
from collections.abc import Callable

SCALE = int(os.environ.get("CODAP_SCALE", "0"))


def size(small: int, nightly: int) -> int:
    """How large a test is: that of every change, or that of the night."""
    return nightly if SCALE else small


def threads() -> int:
    return status("Threads")


def resident_kib() -> int:
    return status("VmRSS")


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def status(name: str) -> int:
    with open("/proc/self/status") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith(name + ":"))


def start_native_thread(function: Callable[[], None]) -> None:
    """A thread of the system, whatever `threading` has been made into."""
    start = sys.modules["_thread"].start_new_thread
    if "gevent.monkey" in sys.modules:
        from gevent import monkey

        start = monkey.get_original("_thread", "start_new_thread")
    if "eventlet" in sys.modules:
        from eventlet import patcher

        start = patcher.original("_thread").start_new_thread
    start(function, ())


BEATS = """
import select, sys, time
last, gap = time.monotonic(), 0
print('beats', flush=True)
while not select.select([sys.stdin], [], [], 0.01)[0]:
    now = time.monotonic()
    last, gap = now, max(gap, now - last)
print(gap)
"""


def start_beats() -> "subprocess.Popen[str]":
    """A process that does nothing but wake up every 10 ms: the measure of the machine itself."""
    process = subprocess.Popen(
        [sys.executable, "-c", BEATS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout and process.stdout.readline() == "beats\n"
    return process


def longest_gap(process: "subprocess.Popen[str]") -> float:
    """In seconds, since it was started."""
    out, _ = process.communicate(timeout=20)
    return float(out)
