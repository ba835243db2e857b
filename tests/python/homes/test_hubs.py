"""What is so only where greenlets run."""

import gc

import pytest

import codap


@pytest.fixture
def hub(home):
    if home.name not in ("gevent", "gevent-unpatched"):
        pytest.skip("about gevent's hub")
    import gevent

    return gevent


async def test_the_hub_rests_when_codap_does(hub, home):
    kv = codap.KV()
    kv["k"] = home.work(lambda: 1)
    kv.wait()
    gc.collect()
    if home.name == "gevent":
        assert hub.wait(timeout=20), "something keeps the hub busy"
    else:
        # This test is itself a greenlet, so the hub is asked from a thread that waits for all of it.
        assert hub.get_hub().loop.activecnt <= 1


async def test_work_is_at_home_in_the_hub_of_its_reader(hub, home):
    kv = codap.KV()
    for key in range(20):
        kv.put(key, lambda: (hub.getcurrent(), hub.get_hub()))
    kv.wait()
    greenlets = {id(greenlet): greenlet for greenlet, _ in kv.values()}
    assert len(greenlets) == 20, "a greenlet was used twice"
    assert {id(h) for _, h in kv.values()} == {id(hub.get_hub())}


async def test_what_kills_a_greenlet_is_a_cancelled_entry(hub, home):
    kv = codap.KV()

    def work():
        raise hub.GreenletExit

    kv["k"] = work
    with pytest.raises(codap.Cancelled):
        kv["k"]


async def test_a_timeout_of_gevent_out_of_work_is_not_the_readers(hub, home):
    kv = codap.KV()

    def work():
        raise hub.Timeout(1)

    kv["k"] = work
    with pytest.raises(codap.EntryError) as caught:
        kv["k"]
    assert isinstance(caught.value.__cause__, hub.Timeout)


async def test_a_reader_under_a_timeout_of_gevent_gives_up(hub, home):
    kv, gate = codap.KV(), home.gate()
    kv["k"] = gate.then(1)
    with pytest.raises(hub.Timeout), hub.Timeout(0.02):
        kv["k"]
    gate.open()
    assert kv["k"] == 1


async def test_a_reader_that_is_killed_harms_nothing(hub, home):
    kv, gate = codap.KV(), home.gate()
    kv["k"] = gate.then(1)
    reader = hub.spawn(lambda: kv["k"])
    hub.sleep(0.01)
    reader.kill()
    gate.open()
    assert kv["k"] == 1


def test_ctrl_c_in_a_burst_of_starts_leaves_the_others_to_be_started(home):
    if home.name != "eventlet":
        pytest.skip("eventlet starts many by one timer")
    from greenlet import greenlet

    from codap._eventlet import BURST, _Starts

    class Hub:
        def __init__(self):
            self.calls = []

        def schedule_call_global(self, _seconds, call):
            self.calls.append(call)

    def interrupted():
        raise KeyboardInterrupt

    hub, started = Hub(), []
    starts = _Starts(hub)
    starts.add(greenlet(interrupted))
    for number in range(2 * BURST):
        starts.add(greenlet(started.append), number)
    with pytest.raises(KeyboardInterrupt):
        hub.calls.pop()()
    while hub.calls:
        before = len(started)
        hub.calls.pop()()
        assert len(started) - before <= BURST
    assert started == list(range(2 * BURST))
