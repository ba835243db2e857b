"""What is so only in an event loop."""

import asyncio

import pytest

import codap


@pytest.fixture(autouse=True)
def loop_only(home):
    if not home.is_async:
        pytest.skip("about event loops")


async def test_a_read_that_would_wait_on_its_own_loop_names_the_awaitable_form(home):
    kv, gate = codap.KV(), home.gate()
    kv["k"] = gate.then(1)
    with pytest.raises(codap.WouldBlock, match="aget"):
        kv["k"]
    gate.open()
    assert await kv.aget("k") == 1
    assert kv["k"] == 1


async def test_awaitables_are_awaited(home):
    async def answer():
        return 1

    future = asyncio.get_running_loop().create_future()
    kv = codap.KV()
    kv["coroutine"] = answer()
    kv["lambda"] = lambda: answer()
    kv["future"] = future
    future.set_result(2)
    assert [await kv.aget(k) for k in kv] == [1, 1, 2]


async def test_a_read_in_a_task_group_that_is_cancelled_harms_nothing(home):
    kv, gate = codap.KV(), home.gate()
    kv["k"] = gate.then(1)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(kv.aget("k"), 0.01)
    gate.open()
    assert await kv.aget("k") == 1


async def test_a_cancelled_entry_does_not_pass_for_a_cancelled_reader(home):
    kv = codap.KV()
    handle = kv.put("k", home.sleeps(60))
    await asyncio.sleep(0)
    handle.cancel()
    results = await asyncio.gather(kv.aget("k"), return_exceptions=True)
    assert isinstance(results[0], codap.Cancelled) and isinstance(results[0], Exception)


async def test_functions_that_block_go_to_threads(home):
    import threading

    kv = codap.KV()
    kv["k"] = threading.get_ident
    assert await kv.aget("k") != threading.get_ident()


async def test_work_sees_the_context_of_its_put(home):
    import contextvars

    who = contextvars.ContextVar("who", default="nobody")
    kv = codap.KV()
    who.set("ada")
    kv["task"] = home.work(lambda: who.get())
    kv["thread"] = who.get
    who.set("bob")
    assert await kv.aget("task") == "ada" and await kv.aget("thread") == "ada"


def test_what_a_closed_loop_leaves_is_abandoned():
    kv = codap.KV()

    async def start():
        kv["k"] = asyncio.sleep(60)
        await asyncio.sleep(0)

    asyncio.run(start())
    with pytest.raises((codap.Cancelled, codap.Abandoned)):
        kv.get("k", timeout=10)


def test_a_coroutine_function_without_a_loop_is_refused():
    async def answer():
        return 1

    with pytest.raises(RuntimeError, match=r"use\('asyncio'\)"):
        codap.KV().put("k", answer)
