"""Native fetches: put in every home, run by none of them."""

import pytest

import codap
from fault import Fault, rule


@pytest.fixture(scope="module")
def server():
    rules = [
        rule("/logo.png", body={"text": "logo"}),
        rule(
            "/user", body={"json": {"name": "Ada"}}, headers=[["Content-Type", "application/json"]]
        ),
        rule("/missing?token=CANARY7x", status=404),
        rule("/cut", body={"text": "twelve bytes"}, cut={"at": {"body": 5}}),
        rule("/late", body={"text": "late"}, stall=[{"at": "head"}]),
    ]
    with Fault(*rules) as running:
        yield running


async def test_bytes_text_and_json(home, server):
    kv = codap.KV()
    kv.put("logo", codap.fetch, server.url("/logo.png"))
    kv.put("user", codap.fetch, server.url("/user"))
    logo, user = await home.get(kv, "logo"), await home.get(kv, "user")
    assert bytes(logo) == b"logo" == logo and logo.text == "logo" and len(logo) == 4
    assert user.json() == {"name": "Ada"}
    assert await home.get(kv, "logo") is logo


async def test_files(home, tmp_path):
    file = tmp_path / "a b.json"
    file.write_text('{"a": [1, 2]}')
    kv = codap.KV()
    kv.put("uri", codap.fetch, file.as_uri())
    kv.put("path", codap.fetch, str(file))
    assert (
        (await home.get(kv, "uri")).json() == (await home.get(kv, "path")).json() == {"a": [1, 2]}
    )


async def test_what_fails_says_what_and_where_and_no_secret(home, server):
    kv = codap.KV()
    kv.put("missing", codap.fetch, server.url("/missing?token=CANARY7x"))
    kv.put("cut", codap.fetch, server.url("/cut"))
    kv.put("refused", codap.fetch, "http://user:CANARY7x@127.0.0.1:9/")
    kv.put("nonsense", codap.fetch, "gopher://127.0.0.1/")
    for key, said in {
        "missing": "404",
        "cut": "entry",
        "refused": "127.0.0.1",
        "nonsense": "gopher",
    }.items():
        with pytest.raises(Exception, match=said) as caught:
            await home.get(kv, key)
        assert isinstance(caught.value, Exception)
        notes = getattr(caught.value, "__notes__", [])
        assert "CANARY7x" not in repr(caught.value) + str(caught.value) + "".join(notes)


async def test_policies_hold_for_fetches(home, server):
    kv = codap.KV()
    kv.put("late", codap.work(codap.fetch, timeout=0.05, default=None), server.url("/late"))
    assert await home.get(kv, "late") is None


async def test_a_fetch_is_cancelled(home, server):
    kv = codap.KV()
    handle = kv.put("late", codap.fetch, server.url("/late"))
    handle.cancel()
    with pytest.raises(codap.Cancelled):
        await home.get(kv, "late")


async def test_in_lists(home, server):
    ordered, replies = codap.Ordered(), codap.FirstReply()
    for path in ("/logo.png", "/user"):
        ordered.push(codap.fetch, server.url(path))
        replies.push(codap.fetch, server.url(path))
    assert [len(reply) for reply in await home.each(ordered)] == [4, len(b'{"name":"Ada"}')]
    assert {len(reply) for reply in await home.each(replies)} == {4, len(b'{"name":"Ada"}')}


async def test_many(home, server):
    ordered = codap.Ordered()
    for _ in range(500):
        ordered.push(codap.fetch, server.url("/logo.png"))
    assert {bytes(reply) for reply in await home.each(ordered)} == {b"logo"}


@pytest.mark.parametrize("default", [False, True])
async def test_a_panic_of_native_code_is_an_ordinary_exception_and_harms_nobody(
    home, server, default, capfd
):
    """PyO3's own would be a BaseException, which ends tasks, greenlets and programs."""
    kv = codap.KV()
    panicking = codap.Entry(None, "k", True)
    if default:
        panicking.policy = codap.work(codap.fetch, default="instead")
    kv.insert("k", panicking)
    kv.put("logo", codap.fetch, server.url("/logo.png"))
    codap._native.panic(panicking, "at http://u:CANARY7x@h/")
    if default:
        assert await home.get(kv, "k") == "instead"
    else:
        for _ in range(2):
            with pytest.raises(codap.Panic, match="entry 'k': native code panicked") as caught:
                await home.get(kv, "k")
        assert isinstance(caught.value, Exception) and "CANARY7x" not in str(caught.value)
        assert kv.failed == 1
    assert await home.get(kv, "logo") == b"logo"
    for _ in range(10):
        panicking = codap.Entry(None, "more", True)
        codap._native.panic(panicking, "again")
        with pytest.raises(codap.Panic):
            await home.value(panicking)
    assert (
        await codap.afetch(server.url("/user"))
        if home.is_async
        else codap.fetch(server.url("/user"))
    )


async def test_a_panic_in_a_call_is_an_ordinary_exception_too(home):
    """It was a BaseException: a task that met it took its loop along."""
    with pytest.raises(codap.Panic, match="here") as caught:
        codap._native.panic(None, "here")
    assert isinstance(caught.value, Exception)
    kv = codap.KV()
    kv.put("bad", home.work(lambda: codap._native.panic(None, "in the work")))
    kv.put("good", home.work(lambda: 7))
    for _ in range(2):
        with pytest.raises(codap.Panic, match="in the work"):
            await home.get(kv, "bad")
    assert await home.get(kv, "good") == 7


@pytest.fixture
def stalling():
    with Fault(rule("/late/*", body={"text": "late"}, stall=[{"at": "head"}])) as running:
        yield running


async def test_one_limit_holds_for_fetches_and_for_work(home, stalling):
    """They were counted apart: twice as many ran. And who gives a permit back is a native thread,
    which must not run the work that it goes to: nobody reads here before it has ended."""
    kv, gate, ran = codap.KV(limit=2), home.gate(), []
    for key in "ab":
        kv.put(key, codap.fetch, stalling.url(f"/late/{key}"))
    kv.put("c", home.work(lambda: ran.append("c")))
    kv.put("d", gate.then("d"))
    kv.put("e", gate.then("e"))
    kv.put("f", codap.fetch, stalling.url("/late/f"))
    stalling.wait("stalled >= 2")
    await home.stand_aside(0.05)
    assert ran == [] and gate.came == 0
    stalling.release()
    await home.until(lambda: gate.came == 2)
    assert ran == ["c"]
    await home.stand_aside(0.05)
    assert stalling.counters()["requests"] == 2
    gate.open()
    await home.until(lambda: stalling.counters()["stalled"] == 1)
    stalling.release()
    assert await home.wait(kv, timeout=20) and kv.failed == 0


async def test_an_entry_that_reads_a_fetch_gives_its_permit_to_it(home, server):
    kv = codap.KV(limit=1)
    kv["reader"] = home.reads(kv, "logo")
    kv.put("logo", codap.fetch, server.url("/logo.png"))
    kv["after"] = home.work(lambda: "after")
    assert await home.wait(kv, timeout=20)
    assert kv["reader"] == b"logo" and kv["after"] == "after"


async def test_who_waits_in_line_for_a_fetch_and_is_cancelled_is_passed_over(home, stalling):
    kv = codap.KV(limit=1)
    kv.put("first", codap.fetch, stalling.url("/late/first"))
    stalling.wait("stalled >= 1")
    for number in range(100):
        kv.put(number, codap.fetch, stalling.url("/late/more"))
        kv.put(("work", number), home.work(lambda: number))
    kv.put("last", home.work(lambda: "last"))
    for entry in [dict.__getitem__(kv, key) for key in kv if key not in ("first", "last")]:
        entry.cancel()
    stalling.release()
    assert await home.get(kv, "last") == "last"
    assert stalling.counters()["requests"] == 1


async def test_many_of_both_under_one_limit(home):
    kv, running, most = codap.KV(limit=3), 0, 0

    def work(number):
        nonlocal running, most
        running += 1
        most = max(most, running)
        running -= 1
        return number

    with Fault(rule("/*", body={"text": "ok"})) as server:
        for number in range(300):
            kv.put(("fetch", number), codap.fetch, server.url("/ok"))
            kv.put(("work", number), home.work(work), number)
        assert await home.wait(kv, timeout=60)
        assert kv.failed == 0 and most <= 3 and server.counters()["concurrent_max"] <= 3
