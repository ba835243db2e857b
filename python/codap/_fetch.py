"""Native fetches: the document behind a URI, brought without a Python thread."""

from __future__ import annotations

from typing import Any

from codap import _native
from codap._document import Document
from codap._entry import Entry
from codap._permits import look_after
from codap._policy import Work


def fetch(uri: str) -> Document:
    """The document behind ``uri``: a path, ``http(s)://``, ``s3://``, ``gs://``, ``az://``,
    ``mongodb://host/db/collection/id``, ``sqlite:path?query=…``, ``postgres://…?query=…``,
    ``redis://host/key``.

    Called directly it waits for the document, as the reader's context waits. Put into a container,
    ``kv.put('logo', codap.fetch, 's3://bucket/logo.png')``, it takes neither a thread nor a
    greenlet while it is on its way. It ends within 30 s and fits in 64 MiB, or is an error.

    Raises `FetchError` if there is no whole document.
    """
    return _entry(uri).get()


async def afetch(uri: str) -> Document:
    """As `fetch`, for coroutines."""
    return await _entry(uri).aget()


def _entry(uri: str) -> Entry[Document]:
    entry: Entry[Document] = Entry(None, None, True)
    start(entry, None, None, uri)
    return entry


def start(
    entry: Entry[Any], policy: Work[Any] | None, gate: _native.Gate | None, /, uri: str
) -> None:
    """Starts a fetch on the native runtime."""
    timeout, backoff = (None, ()) if policy is None else (policy.timeout, policy.backoff)
    _native.fetch(entry, uri, timeout, backoff, gate)
    if gate is not None:
        look_after(gate)
