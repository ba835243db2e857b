"""Whoever waits here is woken by native threads: never lost, never late for the rest."""

import _queue
import itertools

import codap
from fault import Fault, rule
from machine import longest_gap, size, start_beats, start_native_thread


async def test_no_wakeup_from_a_native_thread_is_lost(home):
    slots, done = _queue.SimpleQueue(), []

    def fill():
        while (slot := slots.get()) is not None:
            slot.put(len(done))
        done.append("thread")

    start_native_thread(fill)
    kv, times = codap.KV(), size(100_000, 400_000)
    for _ in range(times):
        slot = kv.put("k")
        slots.put(slot)
        assert await home.value(slot, timeout=60) == 0
    slots.put(None)
    await home.until(lambda: done == ["thread"])


async def test_many_wait_for_one(home):
    kv, slots = codap.KV(), _queue.SimpleQueue()
    slot = kv.put("one")
    for number in range(200):
        kv.put(number, home.reads(kv, "one"))
    await home.stand_aside(0.01)
    slots.put(slot)
    start_native_thread(lambda: slots.get().put("woken"))
    del slot
    assert [await home.get(kv, number) for number in range(200)] == ["woken"] * 200


async def test_what_runs_here_is_not_held_up_by_fetches_that_wait_and_end(home):
    """10 ms apart, and measured after the puts: to start is the work of this home."""
    seen = []
    # The machine may be busy once; it is not three times.
    for _ in range(3):
        gap, anyway = await longest_gaps(home, size(1_000, 10_000))
        if gap < 0.05 + anyway:
            return
        seen.append(f"{gap * 1e3:.0f} ms, a process without codap {anyway * 1e3:.0f} ms")
    raise AssertionError(seen)


async def longest_gaps(home, count):
    """While fetches wait and end: here, and in a process that does nothing else."""
    stalled = rule("/*", body={"text": "late"}, stall=[{"at": "head"}])
    with Fault(stalled) as server:
        kv, beats, stop = codap.KV(), [], []
        for number in range(count):
            kv.put(number, codap.fetch, server.url(f"/{number}"))
            if number % 100 == 0:
                await home.stand_aside()
        joined = home.beat(lambda: bool(stop), beats)
        machine = start_beats()
        await home.stand_aside(0.1)
        # Its answer is that all requests are there, so it is asked where nobody beats.
        answered = []

        def release():
            server.wait(f"requests == {count}")
            server.release()
            answered.append(True)

        start_native_thread(release)
        await home.wait(kv, timeout=60)
        stop.append(True)
        ended = joined()
        if home.is_async:
            await ended
        anyway = longest_gap(machine)
        assert answered and {bytes(value) for value in kv.values()} == {b"late"}
    assert len(beats) > 5
    return max(later - earlier for earlier, later in itertools.pairwise(beats)), anyway
