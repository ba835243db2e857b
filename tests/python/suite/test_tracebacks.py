"""A failed entry is read a thousand times from ten threads, and stays what it is."""

import threading
import traceback

import codap


def test_nothing_grows():
    def fail():
        return {}["nothing"]

    kv = codap.KV()
    kv["k"] = fail
    kv.wait()
    lengths, contexts, errors = set(), set(), set()
    together = threading.Barrier(10)

    def read():
        together.wait(20)
        for number in range(100):
            try:
                try:
                    raise ValueError(number)
                except ValueError:
                    kv["k"]
            except KeyError as error:
                errors.add(error)
                contexts.add(error.__context__)
                lengths.add(len(traceback.extract_tb(error.__traceback__)))

    threads = [threading.Thread(target=read) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(errors) == 1 and contexts == {None}
    (error,) = errors
    names = [frame.name for frame in traceback.extract_tb(error.__traceback__)]
    assert "fail" in names
    # Between the raise and what the last reader catches there may be that reader's own frame.
    assert len(lengths) == 1, lengths
