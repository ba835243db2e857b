"""Archives of many objects, made without a Python thread."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any, Literal

from codap import _native
from codap._archived import Archived
from codap._entry import Entry
from codap._permits import look_after
from codap._policy import Work, delays

Format = Literal["zip", "tar", "tar.gz", "tar.zst"]
Item = str | os.PathLike[str] | tuple[str | os.PathLike[str], str]


def archive(
    target: str | os.PathLike[str],
    items: Iterable[Item],
    /,
    *,
    format: Format | None = None,
    limit: int = 64,
    memory: int = 48 << 20,
    retry: int | Iterable[float] = 0,
    fail_fast: bool = False,
) -> Archived:
    """Fetches many objects into one zip or tar, in the order in which they arrive.

    ::

        codap.archive('photos.zip', ['s3://photos/2026/', ('https://example.org/7', 'seven.json')])

    ``items`` are URIs as of `fetch`, or pairs of a URI and a name. A bucket, a prefix or folder
    that ends with ``/`` stands for all below it. Names are made safe and distinct in the order of
    the list, whatever arrives first; where none is given it is the path of the URI.

    Called directly it waits, as the reader's context waits. Put into a container,
    ``kv.put('zip', codap.archive, 'out.zip', uris)``, it takes neither a thread nor a greenlet
    while it is made; the value is an `Archived`.

    ``format``: ``zip``, ``tar``, ``tar.gz`` or ``tar.zst``, if the target's name does not tell.
    ``limit``: how many objects are under way at once. ``memory``: bytes for what is under way;
    large objects lie on disk meanwhile. ``retry``: as of `work`, for each object, where it may
    help.

    The file is replaced once the archive is whole; each object is verified before it is in it. An
    object that fails does not stop the others: the archive is put in its place without it, and
    `ArchiveError` is raised, which tells what is missing. With ``fail_fast`` the first failure
    ends it all, and nothing is put in place; nor is it after a cancel, a timeout or a deadline.

    Raises `ArchiveError` if not everything is in the archive, or there is none.
    """
    entry: Entry[Archived] = Entry(None, None, True)
    start(
        entry,
        None,
        None,
        target,
        items,
        format=format,
        limit=limit,
        memory=memory,
        retry=retry,
        fail_fast=fail_fast,
    )
    try:
        return entry.get()
    finally:
        entry.cancel()


async def aarchive(
    target: str | os.PathLike[str],
    items: Iterable[Item],
    /,
    *,
    format: Format | None = None,
    limit: int = 64,
    memory: int = 48 << 20,
    retry: int | Iterable[float] = 0,
    fail_fast: bool = False,
) -> Archived:
    """As `archive`, for coroutines."""
    entry: Entry[Archived] = Entry(None, None, True)
    start(
        entry,
        None,
        None,
        target,
        items,
        format=format,
        limit=limit,
        memory=memory,
        retry=retry,
        fail_fast=fail_fast,
    )
    try:
        return await entry.aget()
    finally:
        entry.cancel()


def start(
    entry: Entry[Any],
    policy: Work[Any] | None,
    gate: _native.Gate | None,
    target: str | os.PathLike[str],
    items: Iterable[Item],
    /,
    *,
    format: Format | None = None,
    limit: int = 64,
    memory: int = 48 << 20,
    retry: int | Iterable[float] = 0,
    fail_fast: bool = False,
) -> None:
    """Starts an archive on the native runtime."""
    path = os.fspath(target)
    if "://" in path:
        raise ValueError(f"an archive goes to a file, which {_native.redact(path)} is not")
    if limit < 1:
        raise ValueError(f"a limit of {limit} would let no object come")
    if policy is not None and policy.backoff:
        raise TypeError("archives retry object by object: codap.archive(…, retry=2)")
    if policy is not None and policy.timeout is not None:
        _native.start_timer(entry, policy.timeout, "timeout")
    objects = [_pair(item) for item in items]
    _native.archive(entry, path, objects, format, limit, memory, delays(retry), fail_fast, gate)
    if gate is not None:
        look_after(gate)


def _pair(item: Item) -> tuple[str, str | None]:
    if isinstance(item, tuple):
        uri, name = item
        return os.fspath(uri), name
    return os.fspath(item), None
