"""Nothing stays that nobody holds."""

import gc
import sys
import weakref

import pytest

import codap
from machine import descriptors, resident_kib, size, threads


class Value:
    pass


async def warm(home, round):
    for _ in range(size(1_000, 5_000)):
        await round()
    gc.collect()


async def test_containers_come_and_go(home):
    value = Value()

    async def round():
        kv = codap.KV()
        for key in range(10):
            kv.put(key, home.work(lambda: value))
        for key in range(10):
            assert await home.get(kv, key) is value

    await warm(home, round)
    # The last tasks have callbacks that are due.
    await home.stand_aside(0.01)
    before = threads(), descriptors(), sys.getrefcount(value), resident_kib()
    for _ in range(size(2_000, 10_000)):
        await round()
    gc.collect()
    await home.stand_aside(0.01)
    # Fewer is fine: threads end that have nothing to do.
    assert threads() <= before[0] and descriptors() <= before[1]
    assert sys.getrefcount(value) == before[2] and resident_kib() - before[3] < 4096


async def test_one_key_put_again_and_again(home):
    kv = codap.KV()
    work = home.work(lambda number: bytes(1000))

    async def many(count):
        for number in range(count):
            kv.put("k", work, number)
            if number % 50 == 0:
                await home.get(kv, "k")
        await home.get(kv, "k")
        gc.collect()

    await many(10_000)
    before = threads(), resident_kib()
    await many(size(50_000, 100_000))
    assert threads() <= before[0] and resident_kib() - before[1] < 8192


@pytest.mark.parametrize("how", ["closure", "value", "traceback"])
async def test_circles_are_collected(home, how):
    kv = codap.KV()
    if how == "closure":
        kv["k"] = home.work(lambda: kv and 1)
    elif how == "value":
        kv["k"] = home.work(lambda: [kv])
    else:

        def fail():
            here = kv
            raise ValueError(len(here))

        kv["k"] = home.work(fail)
    await home.wait(kv)
    marker = Value()
    kv["marker"] = marker
    marker, gone = None, weakref.ref(kv["marker"])
    if how == "traceback":
        fail = None
    kv = None
    await home.stand_aside(0.01)
    gc.collect()
    assert gone() is None


async def test_what_is_taken_out_is_let_go(home):
    kv = codap.KV()
    alive = weakref.WeakSet()

    def make():
        value = Value()
        alive.add(value)
        return value

    for key in "abc":
        kv.put(key, home.work(make))
    await home.wait(kv)
    assert len(alive) == 3
    del kv["a"]
    kv.pop("b")
    await home.stand_aside(0.01)
    gc.collect()
    assert len(alive) == 1
    kv.clear()
    await home.stand_aside(0.01)
    gc.collect()
    assert len(alive) == 0


async def test_a_reader_keeps_no_result(home):
    ordered, alive = codap.Ordered(), weakref.WeakSet()

    def make():
        value = Value()
        alive.add(value)
        return value

    ordered.push(home.work(make))
    assert len(await home.each(ordered)) == 1
    ordered = None
    await home.stand_aside(0.01)
    gc.collect()
    assert len(alive) == 0
