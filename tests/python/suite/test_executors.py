"""Work on an Executor: processes, and Dask's cluster."""

from __future__ import annotations

import concurrent.futures
import multiprocessing
import os
from collections.abc import Iterator

import pytest

import codap
import executor_work


def processes() -> Iterator[concurrent.futures.Executor]:
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(2, mp_context=context) as pool:
        yield pool


def dask() -> Iterator[concurrent.futures.Executor]:
    from distributed import Client, LocalCluster

    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        client.run(os.getpid)
        yield client.get_executor()


KINDS = {"processes": processes, "dask": dask}


@pytest.fixture(scope="module", params=KINDS)
def executor(request: pytest.FixtureRequest) -> Iterator[concurrent.futures.Executor]:
    yield from KINDS[request.param]()


pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")


def test_all_three_containers(executor: concurrent.futures.Executor) -> None:
    kv, ordered, replies = (
        codap.KV(on=executor),
        codap.Ordered(on=executor),
        codap.FirstReply(on=executor),
    )
    for number in range(20):
        kv.put(number, executor_work.double, number)
        ordered.push(executor_work.double, number)
        replies.push(executor_work.double, number)
    assert dict(kv) == {n: n * 2 for n in range(20)}
    assert list(ordered) == [n * 2 for n in range(20)]
    assert sorted(replies) == [n * 2 for n in range(20)]


def test_it_runs_elsewhere(executor: concurrent.futures.Executor) -> None:
    kv = codap.KV(on=executor)
    kv.put("pid", executor_work.process_id)
    assert kv["pid"] != os.getpid()


def test_arguments_travel(executor: concurrent.futures.Executor) -> None:
    kv = codap.KV(on=executor)
    kv.put("k", executor_work.keywords, 1, 2, a=3)
    assert kv["k"] == ((1, 2), {"a": 3})


def test_errors_travel(executor: concurrent.futures.Executor) -> None:
    kv = codap.KV(on=executor)
    kv.put("bad", executor_work.fail, "oh")
    kv.put("good", executor_work.double, 1)
    with pytest.raises(ValueError, match="oh"):
        kv["bad"]
    with pytest.raises(ValueError, match="oh"):
        kv["bad"]
    assert kv["good"] == 2


def test_values_and_slots_need_no_executor(executor: concurrent.futures.Executor) -> None:
    kv = codap.KV(on=executor)
    kv["value"] = 1
    slot = kv.put("slot")
    slot.put(2)
    assert kv == {"value": 1, "slot": 2}


def test_limits_and_policies_hold(executor: concurrent.futures.Executor) -> None:
    kv = codap.KV(on=executor, limit=1, deadline=60)
    kv.put("k", codap.work(executor_work.fail, default=7), "oh")
    for number in range(5):
        kv.put(number, executor_work.double, number)
    assert kv["k"] == 7 and [kv[n] for n in range(5)] == [0, 2, 4, 6, 8]


def test_an_executor_that_is_shut_ends_its_entries() -> None:
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        pass
    kv = codap.KV(on=pool)
    with pytest.raises(Exception):
        kv.put("k", executor_work.double, 1)
        kv["k"]


def test_a_thread_pool_of_ones_own() -> None:
    with concurrent.futures.ThreadPoolExecutor(2, thread_name_prefix="mine") as pool:
        import threading

        kv = codap.KV(on=pool)
        kv.put("name", lambda: threading.current_thread().name)
        assert kv["name"].startswith("mine")
