"""What an Ordered and a FirstReply do, wherever their work runs."""

import pytest

import codap


async def test_ordered_gives_answers_in_the_order_of_pushes(home):
    ordered = codap.Ordered()
    gates = [home.gate() for _ in range(5)]
    for number, gate in enumerate(gates):
        ordered.push(gate.then(number))
    for gate in reversed(gates):
        gate.open()
    assert len(ordered) == 5
    assert await home.each(ordered) == list(range(5))
    assert await home.each(ordered) == list(range(5))
    assert ordered[0] == 0 and ordered[-1] == 4 and list(ordered[1:3]) == [1, 2]


async def test_each_loop_over_an_ordered_has_its_own_place(home):
    ordered = codap.Ordered()
    for number in range(3):
        ordered.push(home.work(lambda n: n), number)
    await home.wait(ordered)
    assert [(a, b) for a in ordered for b in ordered] == [
        (a, b) for a in range(3) for b in range(3)
    ]


async def test_a_loop_over_an_ordered_sees_what_is_pushed_meanwhile(home):
    ordered = codap.Ordered([1])
    assert await home.each(ordered) == [1]
    ordered.append(home.work(lambda: 2))
    assert await home.each(ordered) == [1, 2]


async def test_first_reply_gives_answers_as_they_come(home):
    replies = codap.FirstReply()
    gates = [home.gate() for _ in range(5)]
    for number, gate in enumerate(gates):
        replies.push(gate.then(number))
    assert len(replies) == 5
    order = [3, 0, 4, 1, 2]
    for place, number in enumerate(order):
        gates[number].open()
        assert await home.get(replies, place) == number
    assert await home.each(replies) == order


async def test_first_reply_hands_out_each_reply_once(home):
    replies = codap.FirstReply()
    for number in range(10):
        replies.push(home.work(lambda n: n), number)
    assert sorted(await home.each(replies)) == list(range(10))
    assert await home.each(replies) == []
    replies.push(home.work(lambda: 10))
    assert await home.each(replies) == [10]
    assert await home.get(replies, 0) in range(10)
    assert await home.get(replies, 10) == 10 and len(replies) == 11


async def test_two_consumers_of_a_first_reply_share(home):
    replies, gate = codap.FirstReply(), home.gate()
    consumers = codap.KV()
    for number in range(100):
        replies.push(gate.then(number))
    if home.is_async:

        async def consume():
            return [reply async for reply in replies]
    else:

        def consume():
            return list(replies)

    consumers["a"], consumers["b"] = consume, consume
    gate.open()
    both = await home.get(consumers, "a") + await home.get(consumers, "b")
    assert sorted(both) == list(range(100))


async def test_a_failure_is_a_reply_too_and_the_loop_goes_on(home):
    replies = codap.FirstReply()
    replies.push(home.raises(OSError("refused")))
    await home.wait(replies)
    replies.push(home.work(lambda: "second"))
    with pytest.raises(OSError, match="refused"):
        await home.each(replies)
    assert await home.each(replies) == ["second"]


async def test_the_first_good_answer_wins_a_race(home):
    replies, gate = codap.FirstReply(), home.gate()
    replies.push(home.raises(OSError("refused")))
    replies.push(home.work(lambda: "good"))
    loser = replies.push(gate.then("too late"))
    assert await home.first_ok(replies) == (1, "good")
    with pytest.raises(codap.Cancelled):
        await home.value(loser)
    gate.open()


async def test_a_race_that_all_lose_keeps_every_error(home):
    replies = codap.FirstReply()
    replies.push(home.raises(OSError("refused")))
    replies.push(home.raises(ValueError("nonsense")))
    with pytest.raises(codap.AllFailed, match="none of 2") as caught:
        await home.first_ok(replies)
    assert {key: str(error) for key, error in caught.value.errors.items()} == {
        0: "refused",
        1: "nonsense",
    }


async def test_arrivals_bring_their_keys(home):
    kv, gate = codap.KV(), home.gate()
    kv["late"] = gate.then(1)
    kv["early"] = home.raises(ValueError("bad"))
    await home.until(lambda: kv.done == 1)
    gate.open()
    (first, error), (second, value) = await home.arrivals(kv)
    assert (first, second, value) == ("early", "late", 1)
    assert isinstance(error, ValueError)
