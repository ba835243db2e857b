"""The one wheel, on this Python."""

import asyncio

import pytest

import codap
from scripts import clean, program


def test_it_is_the_installed_wheel():
    assert "site-packages" in codap.__file__


def test_a_page():
    page = codap.KV({"title": "Home"})
    page["user"] = lambda: "ada"
    page.put("sum", lambda *args, **keywords: sum(*args, **keywords), [1, 2], start=3)
    late = page.put("late")
    late.put("filled")
    assert dict(page) == {"title": "Home", "user": "ada", "sum": 6, "late": "filled"}
    assert {**page} == dict(**page)


def test_lists():
    ordered, replies = codap.Ordered(), codap.FirstReply()
    for number in range(100):
        ordered.push(str, number)
        replies.push(str, number)
    assert list(ordered) == [str(n) for n in range(100)]
    assert sorted(replies, key=int) == [str(n) for n in range(100)]


def test_a_loop():
    async def main():
        async def double(number):
            await asyncio.sleep(0)
            return number * 2

        kv = codap.KV()
        for number in range(100):
            kv.put(number, double, number)
        assert [await kv.aget(number) for number in range(100)] == list(range(0, 200, 2))

    asyncio.run(main())


@pytest.mark.parametrize("home", ["gevent", "gevent-unpatched"])
def test_greenlets(home):
    said = clean(
        program(
            """
            import codap, gevent
            def main():
                kv = codap.KV()
                for number in range(100):
                    kv.put(number, lambda n: (gevent.sleep(0), n * 2)[1], number)
                print(sum(kv[n] for n in range(100)))
            gevent.spawn(main).get()
            """,
            home,
        )
    )
    assert said == "9900\n"


# Of the process as it is before the import: in the same process as the tests all of it is there.
LOOK = """
import os, sys, threading
def look():
    with open('/proc/self/status') as lines:
        threads = next(line for line in lines if line.startswith('Threads'))
    return threads, sorted(os.listdir('/proc/self/fd'))
modules, before = set(sys.modules), look()
import codap
assert look() == before, (look(), before)
kv = codap.KV({'a': 1})
assert kv['a'] == 1 and look() == before, 'a container of values starts something'
added = {name.partition('.')[0] for name in set(sys.modules) - modules}
print(*sorted(added & {'ssl', 'asyncio', 'gevent', 'eventlet', 'greenlet', 'concurrent', 'multiprocessing'}))
"""


@pytest.mark.parametrize("home", ["threads", "gevent"])
def test_importing_does_nothing(home):
    # gevent itself brings some of these modules.
    added = clean(program(LOOK, home), "-W", "error")
    assert added == "\n"
