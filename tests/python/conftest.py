"""Every test ends: with its verdict, or with the stacks of all threads of a process that hangs."""

import faulthandler
import inspect
import os
import sys

import pytest

from at_home import HOMES
from homes_of_work import Home, home_named

HANG = 120.0

# pytest has its own idea of stderr while a test runs.
_log = os.dup(2)


@pytest.fixture(autouse=True)
def bounded():
    faulthandler.dump_traceback_later(HANG, exit=True, file=_log)
    yield
    faulthandler.cancel_dump_traceback_later()


@pytest.fixture
def home() -> Home:
    return home_named(os.environ["CODAP_TEST_HOME"])


def pytest_pyfunc_call(pyfuncitem: pytest.Function):
    """A test that is a coroutine function runs as its home runs work that waits."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    names = pyfuncitem._fixtureinfo.argnames
    arguments = {name: pyfuncitem.funcargs[name] for name in names}
    home_named(os.environ["CODAP_TEST_HOME"]).run(pyfuncitem.obj(**arguments))
    return True


def pytest_configure(config: pytest.Config) -> None:
    if os.environ.get("CODAP_TEST_HOME") not in HOMES:
        sys.exit("run the tests by `python tests/python/at_home.py HOME`, which patches first")
