"""Runs pytest in a process where work is at home with one of: threads, asyncio, gevent, eventlet.

    python tests/python/at_home.py gevent tests/python/homes

Patching comes before every other import, as it has to in a program.
"""

import os
import signal
import sys

HOMES = ("threads", "asyncio", "gevent", "gevent-unpatched", "eventlet")


def patch(home: str) -> None:
    if home == "gevent":
        from gevent import monkey

        monkey.patch_all()
    elif home == "eventlet":
        import warnings

        warnings.filterwarnings("ignore", message=r"\s*Eventlet is deprecated")
        import eventlet

        eventlet.monkey_patch()


def main() -> int:
    home, *arguments = sys.argv[1:]
    if home not in HOMES:
        sys.exit(f"there is no home {home!r}: {', '.join(HOMES)}")
    patch(home)
    # Whoever starts the tests from a shell's background has them, and all that they start, ignore
    # Ctrl-C: what reaches a program would then depend on who runs it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ["CODAP_TEST_HOME"] = home
    import pytest

    return pytest.main(arguments)


if __name__ == "__main__":
    sys.exit(main())
