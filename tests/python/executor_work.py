"""Work that can be sent to other processes."""

import os


def double(number: int) -> int:
    return number * 2


def fail(what: str) -> None:
    raise ValueError(what)


def process_id() -> int:
    return os.getpid()


def keywords(*args: int, **named: int) -> tuple[tuple[int, ...], dict[str, int]]:
    return args, named
