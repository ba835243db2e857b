"""What a KV does, wherever its work runs."""

import copy
import json

import pytest

import codap


async def test_all_entries_run_at_once_and_are_read_by_key(home):
    kv, gate = codap.KV(), home.gate()
    for key in range(20):
        kv.put(key, gate.then(key * key))
    await home.until(lambda: gate.came == 20)
    gate.open()
    assert [await home.get(kv, key) for key in range(20)] == [k * k for k in range(20)]


async def test_all_entries_run_though_nobody_reads(home):
    ran = []
    kv = codap.KV()
    for number in range(100):
        kv.put(number, home.work(ran.append), number)
    await home.until(lambda: len(ran) == 100)
    assert sorted(ran) == list(range(100))


async def test_one_waits_only_for_what_one_reads(home):
    kv, gate = codap.KV(), home.gate()
    kv["slow"] = gate.then(1)
    kv["quick"] = home.work(lambda: 2)
    assert await home.get(kv, "quick") == 2
    gate.open()
    assert await home.get(kv, "slow") == 1


async def test_all_arguments_go_to_the_function(home):
    kv = codap.KV()
    kv.put("k", home.work(lambda *args, **keywords: (args, keywords)), 1, 2, key=3, limit=4)
    assert await home.get(kv, "k") == ((1, 2), {"key": 3, "limit": 4})


async def test_reads_repeat_and_give_the_same_object(home):
    kv = codap.KV()
    handle = kv.put("k", home.work(lambda: ["value"]))
    first = await home.get(kv, "k")
    assert await home.get(kv, "k") is first
    assert await home.value(handle) is first


async def test_what_is_no_work_is_stored(home):
    kv = codap.KV({"a": 1, "b": 2})
    kv["c"] = None
    kv.put("d", None)
    kv.put("e", "text")
    kv.insert("f", len)
    assert dict(kv) == {"a": 1, "b": 2, "c": None, "d": None, "e": "text", "f": len}


async def test_a_hand_filled_entry_waits_for_its_value(home):
    kv = codap.KV()
    slot = kv.put("late")
    assert "late" in kv and kv.try_get("late", "not yet") == "not yet"
    kv["reader"] = home.reads(kv, "late")
    slot.put("value")
    assert await home.get(kv, "late") == "value"
    assert await home.get(kv, "reader") == "value"
    with pytest.raises(codap.Error, match="late"):
        slot.put("again")


async def test_a_slot_that_is_dropped_unfilled_ends_its_entry(home):
    kv = codap.KV()
    slot = kv.put("late")
    del slot
    with pytest.raises(codap.Abandoned, match="late"):
        await home.get(kv, "late")


async def test_len_in_keys_and_repr_do_not_wait(home):
    kv, gate = codap.KV(), home.gate()
    kv["a"] = gate.then(1)
    kv["b"] = 2
    await home.until(lambda: gate.came == 1)
    assert len(kv) == 2 and kv and "a" in kv and "z" not in kv
    assert list(kv) == list(kv.keys()) == ["a", "b"]
    assert repr(kv).startswith("{'a': <") and "'a': running" in repr(kv) and "'b': 2" in repr(kv)
    gate.open()
    await home.wait(kv)
    assert repr(kv) == repr({"a": 1, "b": 2})


async def test_a_key_that_is_not_there_is_missing(home):
    kv = codap.KV()
    with pytest.raises(KeyError, match="nothing"):
        await home.get(kv, "nothing")
    assert kv.get("nothing") is None and kv.get("nothing", 7) == 7
    assert kv.try_get("nothing", 7) == 7


async def test_putting_again_replaces_and_ends_the_older_entry(home):
    kv, gate = codap.KV(), home.gate()
    old = kv.put("k", gate.then("old"))
    kv.put("k", home.work(lambda: "new"))
    assert await home.get(kv, "k") == "new"
    with pytest.raises(codap.Cancelled):
        await home.value(old)
    gate.open()
    assert await home.get(kv, "k") == "new"


async def test_a_finished_entry_stays_readable_through_its_handle(home):
    kv = codap.KV()
    old = kv.put("k", home.work(lambda: "old"))
    assert await home.value(old) == "old"
    kv["k"] = "new"
    del kv["k"]
    assert await home.value(old) == "old"
    assert "k" not in kv and len(kv) == 0


async def test_dict_methods_give_values(home):
    kv = codap.KV()
    for number in range(5):
        kv.put(number, home.work(lambda n: n * 2), number)
    await home.wait(kv)
    plain = {n: n * 2 for n in range(5)}
    assert kv == plain and plain == kv and not kv != plain
    assert list(kv.values()) == list(plain.values())
    assert list(kv.items()) == list(plain.items())
    assert kv.copy() == plain and copy.copy(kv) == plain and copy.deepcopy(kv) == plain
    assert json.loads(json.dumps(kv)) == {str(n): n * 2 for n in range(5)}
    assert kv | {9: 9} == plain | {9: 9} and {9: 9} | kv == {9: 9} | plain
    assert kv.pop(0) == 0 and kv.pop(0, "gone") == "gone" and kv.popitem() == (4, 8)
    assert kv.setdefault(1, 5) == 2 and kv.setdefault(7, 5) == 5
    kv.update({8: 8})
    assert kv == {1: 2, 2: 4, 3: 6, 7: 5, 8: 8}
    kv.clear()
    assert kv == {} and not kv


async def test_work_may_put_and_read_at_any_depth(home):
    """Deeper than there are threads: each entry puts the next, and waits for it."""
    kv = codap.KV()
    if home.is_async:

        async def down(depth):
            if not depth:
                return 0
            kv.put(depth - 1, down, depth - 1)
            return await kv.aget(depth - 1) + 1
    else:

        def down(depth):
            if not depth:
                return 0
            kv.put(depth - 1, down, depth - 1)
            return kv[depth - 1] + 1

    kv.put(200, down, 200)
    assert await home.get(kv, 200) == 200


async def test_nesting_under_limit_one_does_not_deadlock(home):
    kv = codap.KV(limit=1)
    kv["outer"] = home.reads(kv, "inner")
    kv["inner"] = home.work(lambda: "inner")
    assert await home.get(kv, "outer") == "inner"


async def test_entries_that_wait_for_each_other_are_told_so(home):
    kv = codap.KV()
    kv["a"] = home.reads(kv, "b")
    kv["b"] = home.reads(kv, "a")
    with pytest.raises(codap.Cycle):
        await home.get(kv, "a")


async def test_with_waits_at_its_end(home):
    kv, ran = codap.KV(), []
    slow = home.sleeps(0.02)

    def body():
        kv.put("a", slow, 1)
        kv.put("b", home.work(ran.append), 2)

    await home.leave(kv, body)
    assert kv.try_get("a") == 1 and ran == [2]
