"""What happened, as it is told afterwards."""

import time

import pytest

import codap
from fault import Fault, rule


def told(events, key):
    """What happened to one entry, without the times."""
    return [
        (it.what, it.ending or it.attempt or it.by)
        for it in events
        if it.key == key and it.what != "waited"
    ]


async def test_work_is_queued_started_and_ended_in_the_order_of_time(home):
    kv, gate = codap.KV(limit=1, record=True), home.gate()
    kv["a"] = gate.then(1)
    kv["b"] = home.raises(ValueError("b"))
    kv["value"] = 5
    await home.until(lambda: gate.came == 1)
    assert told(codap.events(kv), "a") == [("queued", None), ("started", None)]
    assert told(codap.events(kv), "b") == [("queued", None)]
    gate.open()
    await home.wait(kv)
    events = codap.events(kv)
    assert told(events, "a") == [("queued", None), ("started", None), ("ended", "ok")]
    assert told(events, "b") == [("queued", None), ("started", None), ("ended", "failed")]
    assert told(events, "value") == []
    times = [it.at for it in events]
    assert times == sorted(times) and times[0] == 0
    when = {(it.key, it.what): it.at for it in events}
    assert when["b", "started"] >= when["a", "ended"] - 0.001


async def test_fetches_tell_their_attempts_and_when_they_ended_and_not_when_that_was_seen(home):
    with Fault(
        {"on": {"path": "/twice", "nth": "..=1"}, "reply": {"status": 503}},
        rule("/twice", body={"text": "twice"}),
    ) as server:
        kv = codap.KV(record=True)
        began = time.monotonic()
        entry = kv.put("k", codap.work(codap.fetch, retry=[0.01]), server.url("/twice"))
        await home.until(lambda: entry.over)
        over = time.monotonic() - began
        await home.stand_aside(0.1)
        assert await home.get(kv, "k") == b"twice"
        events = codap.events(kv)
    assert told(events, "k") == [
        ("queued", None),
        ("started", None),
        ("attempt", 1),
        ("attempt", 2),
        ("ended", "ok"),
    ]
    assert events[-1].at <= over and entry.seconds <= over


async def test_work_under_a_policy_tells_its_attempts(home):
    kv = codap.KV(record=True)
    work = codap.work(home.raises(ValueError("again")), retry=[0, 0], default=7)
    kv.put("k", work)
    assert await home.get(kv, "k") == 7
    assert [it.attempt for it in codap.events(kv) if it.what == "attempt"] == [1, 2, 3]
    assert codap.events(kv)[-1].ending == "defaulted" or codap.events(kv)[-1].what == "waited"


async def test_who_waited_from_when_to_when(home):
    kv, gate = codap.KV(record=True), home.gate()
    kv["reader"] = home.reads(kv, "k")
    kv["k"] = gate.then(1)
    await home.until(lambda: gate.came == 1)
    with pytest.raises(codap.TimedOut):
        await home.get(kv, "k", timeout=0.05)
    gate.open()
    await home.wait(kv)
    waits = [it for it in codap.events(kv) if it.what == "waited" and it.key == "k"]
    assert {it.by for it in waits} == {None, "entry 'reader'"}
    outside = next(it for it in waits if it.by is None)
    assert 0.04 < outside.at - outside.since < 5
    for it in waits:
        assert 0 <= it.since <= it.at


async def test_who_takes_replies_as_they_come_waited_for_those_that_came(home):
    fr, gate = codap.FirstReply(record=True), home.gate()
    fr.push(gate.then("late"))
    fr.push(home.work(lambda: "first"))

    async def take():
        return await fr.__anext__() if home.is_async else next(fr)

    assert await take() == "first"
    gate.open()
    assert await take() == "late"
    assert [it.key for it in codap.events(fr) if it.what == "waited"][-1] == 0
    assert [it.key for it in codap.events(fr) if it.what == "ended"] == [1, 0]


async def test_handles_futures_and_cancelled_entries_are_told_too(home):
    from concurrent.futures import Future

    kv, future = codap.KV(record=True, deadline=60), Future()
    handle = kv.put("hand")
    kv["future"] = future
    entry = kv.put("cancelled", codap.fetch, "http://127.0.0.1:9/")
    entry.cancel()
    handle.put(1)
    future.set_result(2)
    await home.wait(kv)
    ended = {it.key: it.ending for it in codap.events(kv) if it.what == "ended"}
    assert ended["hand"] == ended["future"] == "ok"
    assert ended["cancelled"] in ("cancelled", "failed")


async def test_without_a_record_there_is_nothing_to_tell(home):
    with pytest.raises(ValueError, match="record=True"):
        codap.events(codap.KV(limit=3))
