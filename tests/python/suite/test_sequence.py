"""CPython's own tests of sequences, on an Ordered with every item computed in the background."""

import unittest

import pytest

import codap

seq_tests = pytest.importorskip(
    "test.seq_tests", reason="this Python comes without its tests (Debian: libpython3-testsuite)"
)

EXCLUDED: dict[str, str] = {}
"""What an Ordered does not do, and why."""


def give(item):
    return item


class Background(codap.Ordered):
    def __init__(self, items=(), /):
        super().__init__()
        for item in items:
            self.push(give, item)


class Common(seq_tests.CommonTest):
    def setUp(self):
        if reason := EXCLUDED.get(self._testMethodName):
            raise unittest.SkipTest(reason)


class TestBackground(Common):
    type2test = Background


class TestValues(Common):
    type2test = codap.Ordered


del Common


def test_what_is_excluded_exists():
    assert all(hasattr(seq_tests.CommonTest, name) for name in EXCLUDED)
