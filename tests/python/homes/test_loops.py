"""What is so only in an event loop."""

import asyncio
import sys
import threading
from contextvars import ContextVar

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


async def test_work_that_stood_in_line_sees_the_context_of_its_put(home):
    """It saw that of the entry whose permit it got."""
    import contextvars

    who = contextvars.ContextVar("who", default="nobody")
    kv = codap.KV(limit=1)
    for name in ("ada", "bob", "eve"):
        who.set(name)
        kv.put(name, home.work(lambda: who.get()))
    kv.put("thread", who.get)
    await kv.join()
    assert kv == {"ada": "ada", "bob": "bob", "eve": "eve", "thread": "eve"}


def test_what_a_closed_loop_leaves_is_abandoned(home):
    kv, loop = codap.KV(), asyncio.new_event_loop()

    async def start():
        kv.put("k", home.sleeps(60))
        await asyncio.sleep(0)

    # Not by `asyncio.run`, which cancels what is left: nobody tells this entry.
    loop.run_until_complete(start())
    loop.close()
    with pytest.raises(codap.Abandoned, match="event loop or hub that ran its work has ended"):
        kv.get("k", timeout=10)


def test_what_a_loop_that_ends_cancels_is_cancelled(home):
    kv = codap.KV()

    async def start():
        kv.put("k", home.sleeps(60))
        await asyncio.sleep(0)

    asyncio.run(start())
    with pytest.raises(codap.Cancelled):
        kv.get("k", timeout=10)


@pytest.mark.parametrize("python", ["new", "old"])
async def test_what_has_not_begun_when_all_tasks_are_cancelled_is_cancelled(
    home, python, monkeypatch
):
    """The reader of such a one waited for ever."""
    if python == "old":
        monkeypatch.setattr("codap._asyncio._eager", False)
    kv, ran = codap.KV(limit=2), []

    async def work():
        ran.append(1)

    for number in range(100):
        kv.put(number, work)
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()
    cancelled = 0
    for number in range(100):
        try:
            await kv.aget(number, timeout=10)
        except codap.Cancelled:
            cancelled += 1
    assert cancelled == 100 - len(ran) and cancelled >= 2
    kv["after"] = home.sleeps(0)
    assert await kv.aget("after", timeout=10) is None


async def test_a_coroutine_begins_as_a_task_of_its_own_where_it_was_put_from(home):
    kv, name = codap.KV(), ContextVar("name", default="nobody")

    async def who():
        first, task = name.get(), asyncio.current_task()
        name.set("changed here")
        await asyncio.wait_for(asyncio.sleep(0), 10)
        return first, asyncio.current_task() is task, task

    for put_by in ("ada", "bob"):
        name.set(put_by)
        kv.put(put_by, who)
    replies = [await kv.aget("ada"), await kv.aget("bob")]
    assert [reply[:2] for reply in replies] == [("ada", True), ("bob", True)]
    assert name.get() == "bob" and replies[0][2] is not replies[1][2]


async def test_a_coroutine_that_is_cancelled_in_its_first_step_is_interrupted(home):
    kv, said = codap.KV(), []

    async def work():
        entry.cancel()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            said.append("interrupted")
            raise

    entry = kv.put("k", work)
    with pytest.raises(codap.Cancelled):
        await entry
    while not said:
        await asyncio.sleep(0)


async def test_a_loop_whose_tasks_somebody_else_makes_is_left_to_them(home):
    kv, made, loop = codap.KV(), [], asyncio.get_running_loop()

    def factory(loop, work, **more):
        made.append(asyncio.Task(work, loop=loop, **more))
        return made[-1]

    async def work():
        return asyncio.current_task()

    loop.set_task_factory(factory)
    try:
        kv["k"] = work
        assert await kv.aget("k") in made
    finally:
        loop.set_task_factory(None)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="there each is a task of its own at once")
async def test_a_thousand_that_begin_let_the_loop_turn(home):
    kv, turns = codap.KV(), []

    async def work():
        turns.append(len(turns))

    for number in range(2_000):
        kv.put(number, work)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    begun = len(turns)
    await kv.join()
    assert begun < len(turns) == 2_000


@pytest.mark.parametrize("where", ["here", "on a thread that has ended"])
def test_a_read_from_a_loop_that_has_stopped_says_so(home, where):
    """It waited for ever: nobody could let the loop run on."""
    kv, loop, gate = codap.KV(), asyncio.new_event_loop(), None

    async def start():
        nonlocal gate
        gate = home.gate()
        kv["k"] = gate.then(1)
        await asyncio.sleep(0)

    if where == "here":
        loop.run_until_complete(start())
    else:
        thread = threading.Thread(target=loop.run_until_complete, args=(start(),))
        thread.start()
        thread.join()
    with pytest.raises(codap.WouldBlock, match="has stopped"):
        kv.get("k", timeout=10)
    gate.open()
    assert loop.run_until_complete(kv.aget("k")) == kv["k"] == 1
    loop.close()


def test_a_loop_that_stops_and_runs_on_is_waited_for():
    kv, loop = codap.KV(), asyncio.new_event_loop()
    step, stopped = threading.Event(), threading.Event()

    async def start():
        kv["k"] = asyncio.sleep(0.01, 1)

    def run():
        loop.run_until_complete(start())
        stopped.set()
        assert step.wait(20)
        loop.run_until_complete(kv.aget("k"))
        loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    assert stopped.wait(20)
    with pytest.raises(codap.TimedOut):
        kv.get("k", timeout=0.5)
    step.set()
    assert kv.get("k", timeout=20) == 1
    thread.join()


def test_work_whose_loop_is_closed_when_its_turn_comes_fails_and_holds_up_nobody():
    kv, loop, gate = codap.KV(limit=1), asyncio.new_event_loop(), threading.Event()

    async def answer():
        return 1

    async def start():
        kv.put("thread", gate.wait, 20)
        for number in range(2_000):
            kv.put(number, answer)
        kv["after"] = lambda: "after"

    loop.run_until_complete(start())
    loop.close()
    gate.set()
    assert kv.get("after", timeout=10) == "after"
    for number in range(2_000):
        with pytest.raises(RuntimeError, match="closed"):
            kv.get(number, timeout=10)


def test_a_coroutine_function_without_a_loop_is_refused():
    async def answer():
        return 1

    with pytest.raises(RuntimeError, match=r"use\('asyncio'\)"):
        codap.KV().put("k", answer)
