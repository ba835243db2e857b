"""`codap.use`, `CODAP_BACKEND`, `codap.spawn` and `codap.Queue`."""

import pytest

import codap
from scripts import clean, program, run

WHERE = """
import threading, sys
def where():
    if 'gevent' in sys.modules:
        import gevent
        if gevent.getcurrent().parent is not None and type(gevent.getcurrent().parent).__name__ == 'Hub':
            return 'gevent'
    if 'eventlet' in sys.modules:
        import greenlet, eventlet.hubs
        if greenlet.getcurrent().parent is eventlet.hubs.get_hub().greenlet:
            return 'eventlet'
    return 'main' if threading.current_thread() is threading.main_thread() else 'threads'
"""


@pytest.mark.parametrize("home", ["threads", "gevent", "eventlet"])
def test_the_program_itself_says_where_work_runs(home):
    said = clean(
        program(WHERE + "import codap\nkv = codap.KV(); kv['k'] = where; print(kv['k'])", home)
    )
    assert said == home + "\n"


@pytest.mark.parametrize("name", ["gevent", "eventlet"])
def test_use_patches_where_it_is_asked_to(name):
    said = clean(
        f"import codap; codap.use('{name}', patch='all')"
        + WHERE
        + "import time\nkv = codap.KV()\n"
        + "for n in range(100): kv.put(n, lambda: (time.sleep(.05), where())[1])\n"
        + "begun = time.monotonic(); print(set(kv.values())); print(time.monotonic() - begun < 2)",
        "-W",
        "ignore",
    )
    assert said == f"{{'{name}'}}\nTrue\n"


def test_without_patch_nothing_is_patched():
    said = clean(
        "import codap; codap.use('gevent')\n"
        "from gevent import monkey; print(monkey.is_module_patched('socket'))\n"
        + WHERE
        + "kv = codap.KV(); kv['k'] = where; print(kv['k'])"
    )
    assert said == "False\ngevent\n"


def test_the_environment_chooses_and_never_patches():
    said = clean(
        "import codap, sys; print('gevent' in sys.modules)\n"
        + WHERE
        + "kv = codap.KV(); kv['k'] = where; print(kv['k'])\n"
        "from gevent import monkey; print(monkey.is_module_patched('socket'))",
        CODAP_BACKEND="gevent",
    )
    assert said == "False\ngevent\nFalse\n"


def test_use_threads_in_a_patched_program():
    said = clean(
        program(
            WHERE
            + "import codap; codap.use('threads')\nkv = codap.KV(); kv['k'] = where; print(kv['k'])",
            "gevent",
        )
    )
    assert said in ("threads\n", "main\n")


def test_use_asyncio_in_a_program_without_a_loop():
    said = clean(
        "import asyncio, codap; codap.use('asyncio')\n"
        "async def double(n): await asyncio.sleep(0); return n * 2\n"
        "kv = codap.KV()\n"
        "for n in range(100): kv.put(n, double, n)\n"
        "print(sum(kv.values()))"
    )
    assert said == "9900\n"


@pytest.mark.parametrize("name", ["twisted", ""])
def test_what_is_no_home_is_refused(name):
    with pytest.raises((ValueError, TypeError), match="gevent"):
        codap.use(name)


def test_what_is_not_installed_is_said():
    ended = run("import sys; sys.modules['eventlet'] = None\nimport codap; codap.use('eventlet')")
    assert ended.returncode == 1 and "eventlet" in ended.stderr.splitlines()[-1]


def test_an_import_after_patching_and_before():
    after = "from gevent import monkey; monkey.patch_all()\nimport codap\n"
    before = "import codap\nfrom gevent import monkey; monkey.patch_all()\n"
    use = "import time\nkv = codap.KV()\nfor n in range(100): kv.put(n, time.sleep, .02)\nkv.wait(); print(len(kv))"
    assert clean(after + use) == clean(before + use) == "100\n"


@pytest.mark.parametrize("home", ["threads", "gevent", "eventlet"])
def test_spawn_never_uses_the_pool(home):
    said = clean(
        program(
            """
            import codap
            queue = codap.Queue()
            spawned = [codap.spawn(queue.get) for _ in range(200)]
            kv = codap.KV()
            for n in range(100):
                kv.put(n, lambda n: n, n)
            print(sum(kv.values()))
            for n in range(200):
                queue.put(n)
            for each in spawned:
                each.join()
            print(queue.qsize())
            """,
            home,
        )
    )
    assert said == "4950\n0\n"


@pytest.mark.parametrize("home", ["threads", "gevent", "eventlet"])
def test_a_queue_is_iterated_until_stop_iteration(home):
    said = clean(
        program(
            """
            import codap
            queue, seen = codap.Queue(), []
            def consume():
                for item in queue:
                    seen.append(item)
            consumer = codap.spawn(consume)
            for n in range(100):
                queue.put(n)
            queue.put_nowait(StopIteration)
            consumer.join()
            print(seen == list(range(100)))
            """,
            home,
        )
    )
    assert said == "True\n"


def test_entries_that_wait_for_something_else_do_not_starve_each_other():
    """63 wait for what the 64th brings, and none of them waits by codap: there are 64 threads."""
    said = clean(
        program(
            """
            import codap, queue
            kv, things = codap.KV(), queue.Queue()
            for n in range(63):
                kv.put(n, things.get)
            kv.put('last', lambda: [things.put(n) for n in range(63)])
            print(sorted(kv[n] for n in range(63)) == list(range(63)))
            """
        )
    )
    assert said == "True\n"


def test_many_levels_of_nesting_on_threads():
    kv = codap.KV()

    def down(depth):
        if depth:
            kv.put(depth - 1, down, depth - 1)
            return kv[depth - 1] + 1
        return 0

    kv.put(300, down, 300)
    assert kv[300] == 300
