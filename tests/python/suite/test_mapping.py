"""CPython's own tests of mappings, on a KV with every value computed in the background.

All of them pass as they are but two: `test_repr` and `test_repr_deep` ask `repr` for values that are
not there yet, and `repr` never waits. They run on a KV that waits before its `repr`.
"""

import pytest

import codap

mapping_tests = pytest.importorskip(
    "test.mapping_tests",
    reason="this Python comes without its tests (Debian: libpython3-testsuite)",
)


def give(value):
    return value


class Background(codap.KV):
    def __init__(self, *args, **keywords):
        super().__init__()
        self.update(*args, **keywords)

    def __setitem__(self, key, value):
        self.put(key, give, value)


class Settled(Background):
    def __repr__(self):
        self.wait()
        return super().__repr__()


class TestBackground(mapping_tests.TestHashMappingProtocol):
    type2test = Background

    def test_repr(self):
        """See TestSettled."""

    def test_repr_deep(self):
        """See TestSettled."""


class TestSettled(mapping_tests.TestHashMappingProtocol):
    type2test = Settled


class TestValues(mapping_tests.TestHashMappingProtocol):
    """A KV that only holds values is a dict."""

    type2test = codap.KV


def test_none_is_missing():
    names = {name for name in dir(mapping_tests.TestHashMappingProtocol) if name.startswith("test")}
    assert len(names) >= 22
    own = {name for name in vars(TestBackground) if name.startswith("test")}
    assert own == {"test_repr", "test_repr_deep"}
