"""How entries end that do not end well, wherever they run."""

import asyncio
import traceback

import pytest

import codap


class Odd(Exception):
    pass


async def test_a_failure_is_the_original_object_at_every_read(home):
    kv, error = codap.KV(), Odd("oh")
    handle = kv.put("k", home.raises(error))
    for read in (home.get(kv, "k"), home.get(kv, "k"), home.value(handle)):
        with pytest.raises(Odd) as caught:
            await read
        assert caught.value is error


async def test_reading_a_failure_again_does_not_make_it_grow(home):
    kv, error = codap.KV(), Odd("oh")
    kv["k"] = home.raises(error)
    lengths, contexts = set(), set()
    for _ in range(50):
        try:
            raise KeyError("unrelated")
        except KeyError:
            with pytest.raises(Odd):
                await home.get(kv, "k")
        lengths.add(len(traceback.extract_tb(error.__traceback__)))
        contexts.add(error.__context__)
    assert len(lengths) == 1 and contexts == {None}


async def test_a_failure_says_where_it_happened_and_which_entry_it_was(home):
    kv = codap.KV()
    kv["k9"] = home.raises(Odd("oh"))
    with pytest.raises(Odd) as caught:
        await home.get(kv, "k9")
    assert any(f.name == "fail" for f in traceback.extract_tb(caught.value.__traceback__))
    notes = getattr(caught.value, "__notes__", None)
    assert notes is None or sum("k9" in note for note in notes) == 1


async def test_a_failed_entry_harms_no_other(home):
    kv = codap.KV()
    kv["bad"] = home.raises(Odd("oh"))
    kv["good"] = home.work(lambda: 1)
    await home.wait(kv)
    assert await home.get(kv, "good") == 1
    assert len(kv) == 2 and "bad" in kv and "failed" in repr(kv)


# An error that means something to whoever runs the reader must not reach it as its own.
@pytest.mark.parametrize("error", [asyncio.CancelledError(), GeneratorExit()])
async def test_cancellation_out_of_work_is_not_the_readers_own(home, error):
    kv = codap.KV()
    kv["k"] = home.raises(error)
    with pytest.raises((codap.Cancelled, codap.Abandoned)):
        await home.get(kv, "k")


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt()])
async def test_work_cannot_end_the_program_of_its_reader(home, error):
    if home.name in ("gevent", "gevent-unpatched", "eventlet", "asyncio"):
        pytest.skip("the hub or loop itself is told first: see test_hubs.py")
    kv = codap.KV()
    kv["k"] = home.raises(error)
    with pytest.raises(codap.EntryError) as caught:
        await home.get(kv, "k")
    assert caught.value.__cause__ is error


async def test_stop_iteration_out_of_work_does_not_end_a_loop(home):
    if home.is_async:
        pytest.skip("a coroutine cannot raise it: Python makes a RuntimeError of it itself")
    ordered = codap.Ordered()
    for number in range(3):
        ordered.push(home.raises(StopIteration(number)) if number == 1 else number)
    with pytest.raises(RuntimeError):
        await home.each(ordered)


async def test_a_read_that_gives_up_harms_nothing(home):
    kv, gate = codap.KV(), home.gate()
    kv["k"] = gate.then(1)
    with pytest.raises(TimeoutError, match="k"):
        await home.get(kv, "k", timeout=0.01)
    gate.open()
    assert await home.get(kv, "k", timeout=20) == 1


async def test_try_get_never_waits(home):
    kv, gate = codap.KV(), home.gate()
    kv["k"] = gate.then(1)
    kv["bad"] = home.raises(Odd())
    assert kv.try_get("k", "pending") == "pending"
    gate.open()
    await home.wait(kv)
    assert kv.try_get("k", "pending") == 1
    with pytest.raises(Odd):
        kv.try_get("bad")


async def test_wait_gives_up_in_time_and_says_so(home):
    kv, gate = codap.KV(), home.gate()
    kv["k"] = gate.then(1)
    assert not await home.wait(kv, timeout=0.01)
    gate.open()
    assert await home.wait(kv)


async def test_finish_by_gives_what_is_there_and_says_what_is_missing(home):
    kv, gate = codap.KV(), home.gate()
    kv["there"] = home.work(lambda: 1)
    kv.put("default", codap.work(home.raises(Odd()), default="instead"))
    kv["bad"] = home.raises(Odd("oh"))
    kv["late"] = gate.then(3)
    await home.until(lambda: kv.pending == 1 and gate.came == 1)
    page = await home.finish_by(kv, 0.05)
    assert dict(page) == {"there": 1, "default": "instead"}
    assert set(page.missing) == {"bad", "late"}
    assert page.missing["bad"].outcome == "failed" and page.missing["late"].outcome == "running"
    assert isinstance(page.missing["bad"].exception(), Odd)
    gate.open()
    assert await home.get(kv, "late") == 3


async def test_cancel_frees_the_reader(home):
    kv, gate = codap.KV(), home.gate()
    handle = kv.put("k", gate.then(1))
    kv["reader"] = home.reads(kv, "k")
    await home.until(lambda: gate.came == 1)
    handle.cancel()
    for key in ("k", "reader"):
        with pytest.raises(codap.Cancelled):
            await home.get(kv, key)
    gate.open()


async def test_a_limit_holds(home):
    kv, running, most = codap.KV(limit=3), set(), []
    sleep = home.sleeps(0.002)
    if home.is_async:

        async def work(number):
            running.add(number)
            most.append(len(running))
            await sleep()
            running.discard(number)
    else:

        def work(number):
            running.add(number)
            most.append(len(running))
            sleep()
            running.discard(number)

    for number in range(30):
        kv.put(number, work, number)
    await home.wait(kv)
    assert len(most) == 30 and max(most) == 3


async def test_a_deadline_ends_what_is_late(home):
    kv, gate = codap.KV(deadline=0.05), home.gate()
    kv["late"] = gate.then(1)
    kv["quick"] = home.work(lambda: 2)
    assert await home.get(kv, "quick") == 2
    with pytest.raises(TimeoutError, match="late"):
        await home.get(kv, "late")
    gate.open()


async def test_a_timeout_of_one_entry_with_a_default(home):
    kv, gate = codap.KV(), home.gate()
    kv.put("default", codap.work(gate.then(1), timeout=0.02, default=[]))
    kv.put("error", codap.work(gate.then(1), timeout=0.02))
    assert await home.get(kv, "default") == []
    with pytest.raises(TimeoutError, match="error"):
        await home.get(kv, "error")
    gate.open()


async def test_an_error_gives_the_default(home):
    kv = codap.KV()
    handle = kv.put("k", codap.work(home.raises(Odd()), default=None))
    assert await home.get(kv, "k") is None
    assert handle.outcome == "defaulted"


async def test_work_is_tried_again(home):
    kv, tries = codap.KV(), []

    def flaky(value):
        tries.append(value)
        if len(tries) < 3:
            raise OSError("refused")
        return value

    kv.put("k", codap.work(home.work(flaky), retry=2), 7)
    assert await home.get(kv, "k") == 7
    assert tries == [7, 7, 7]


async def test_the_last_try_decides(home):
    kv, tries = codap.KV(), []

    def fails():
        tries.append(1)
        raise OSError(len(tries))

    kv.put("k", codap.work(home.work(fails), retry=2))
    with pytest.raises(OSError) as caught:
        await home.get(kv, "k")
    assert caught.value.args == (3,) and len(tries) == 3


async def test_dropping_a_container_leaves_running_work_alone(home):
    kv, gate, ran = codap.KV(), home.gate(), []
    waits = gate.then()
    if home.is_async:

        async def work():
            await waits()
            ran.append(1)
    else:

        def work():
            waits()
            ran.append(1)

    kv["k"] = work
    await home.until(lambda: gate.came == 1)
    del kv
    gate.open()
    await home.until(lambda: ran == [1])


async def test_a_handle_keeps_its_entry(home):
    handle = codap.KV().put("k", home.work(lambda: 1))
    assert await home.value(handle) == 1


async def test_counters(home):
    kv, gate = codap.KV(), home.gate()
    kv["a"] = gate.then(1)
    kv["b"] = home.raises(Odd())
    kv["c"] = 3
    await home.until(lambda: kv.pending == 1)
    assert (len(kv), kv.done, kv.failed) == (3, 2, 1)
    gate.open()
    await home.wait(kv)
    assert (kv.pending, kv.done, kv.failed) == (0, 3, 1)
