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
