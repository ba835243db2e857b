"""From what was put to an entry that runs, or to a value."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import ReferenceType

from codap._box import Box, launch, prepare
from codap._entry import MISSING, Entry, cancel, fail, run
from codap._handle import Handle
from codap._policy import Work


def is_work(value: Any) -> bool:
    """Whether a value is work to be started and not a value to be stored."""
    return (callable(value) and not isinstance(value, Entry)) or isinstance(value, Work)


def is_awaitable(value: Any) -> bool:
    """Whether a value stands for one that is still to come."""
    return hasattr(value, "__await__") or hasattr(value, "add_done_callback")


def put(
    ref: ReferenceType[Any] | None,
    key: Any,
    box: Box | None,
    store: Callable[[Any], Any],
    fn: Any,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> Any:
    """What a container makes of what was put, and answers: a handle to fill, or an entry of work or
    of an awaitable. None if it is a value, which each container stores in its own way."""
    if fn is MISSING:
        if kwargs:
            raise TypeError("without a function an entry is filled by hand and takes no arguments")
        entry = prepare(ref, key, box, None)
        store(entry)
        return Handle(entry)
    if is_work(fn) or args or kwargs:
        return start(ref, key, box, store, fn, args, kwargs)
    if is_awaitable(fn):
        return follow(ref, key, box, store, fn)
    return None


def start(
    ref: ReferenceType[Any] | None,
    key: Any,
    box: Box | None,
    store: Callable[[Entry[Any]], Any],
    fn: Any,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> Entry[Any]:
    """Makes an entry, stores it, and starts its work: in this order, since its value is put where
    it lies."""
    if not is_work(fn):
        raise TypeError(f"{fn!r} is not callable, so there is nothing to give the arguments to")
    entry = prepare(ref, key, box, fn)
    store(entry)
    try:
        launch(entry, box, fn, args, kwargs)
    except BaseException as error:
        fail(entry, error)
        raise
    return entry


def follow(
    ref: ReferenceType[Any] | None,
    key: Any,
    box: Box | None,
    store: Callable[[Any], Any],
    value: Any,
) -> Entry[Any]:
    """Makes an entry of an awaitable or a future."""
    if isinstance(value, Entry):
        store(value)
        return value
    if hasattr(value, "add_done_callback") and not hasattr(value, "__await__"):
        entry = prepare(ref, key, box, None)
        store(entry)
        entry.start()
        value.add_done_callback(lambda future: _copy(entry, future))
        return entry

    async def awaited() -> Any:
        return await value

    entry = prepare(ref, key, box, awaited)
    store(entry)
    try:
        launch(entry, box, awaited, (), {})
    except RuntimeError:
        # No loop runs here: a thread of the pool brings its own.
        launch(entry, box, lambda: value, (), {})
    return entry


def _copy(entry: Entry[Any], future: Any) -> None:
    if future.cancelled():
        cancel(entry, "with its future")
    elif (error := future.exception()) is not None:
        fail(entry, error)
    else:
        run(entry.settle(future.result()))
