"""Native threads do not touch Python."""

import ctypes
import re
import threading
from pathlib import Path

import codap
from fault import Fault, rule

SOURCES = Path(__file__).parents[3] / "crates/codap-python/src"


def next_thread_state() -> int:
    """CPython numbers the states of threads; a native thread that attaches takes a number."""
    api = ctypes.pythonapi
    api.PyThreadState_Get.restype = ctypes.c_void_p
    api.PyThreadState_GetID.argtypes = [ctypes.c_void_p]
    api.PyThreadState_GetID.restype = ctypes.c_uint64
    numbers: list[int] = []
    thread = threading.Thread(
        target=lambda: numbers.append(api.PyThreadState_GetID(api.PyThreadState_Get()))
    )
    thread.start()
    thread.join()
    return numbers[0]


def test_no_attach_happens_on_a_native_thread(tmp_path):
    file = tmp_path / "file"
    file.write_bytes(b"file")
    with Fault(rule("/ok", body={"text": "ok"}), rule("/bad", status=500)) as server:
        for round in range(2):
            before = next_thread_state()
            kv = codap.KV(limit=50)
            for number in range(600):
                uri = (server.url("/ok"), server.url("/bad"), file.as_uri())[number % 3]
                kv.put(number, codap.work(codap.fetch, default=b"", retry=1), uri)
            dropped = codap.KV()
            dropped.put("k", codap.fetch, server.url("/ok"))
            del dropped
            assert kv.wait(timeout=30)
            # The first round starts the runtime.
            assert next_thread_state() == before + 1, f"round {round}"


def test_no_rust_lies_under_code_of_users():
    """What the rule is about is in ARCHITECTURE.md. Where it is kept is the source."""
    forbidden = re.compile(
        r"\bPython::(attach|try_attach|with_gil)|(?<!visit)\.call[01]?\(|call_method"
    )
    found = [
        f"{file.name}:{number}: {line.strip()}"
        for file in sorted(SOURCES.rglob("*.rs"))
        for number, line in enumerate(file.read_text().splitlines(), 1)
        if forbidden.search(line.split("//")[0]) and "calls no code of users" not in line
    ]
    assert list(SOURCES.rglob("*.rs")) and found == []


def test_the_rule_finds_what_breaks_it():
    pattern = r"\b(Python::(attach|try_attach|with_gil))"
    assert re.search(pattern, "let value = Python::attach(|py| f(py));")
