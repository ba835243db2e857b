"""Concurrent data access made simple: put everything at once, wait only for what you touch.

::

    import codap

    page = codap.KV()
    page['user'] = load_user                     # a function: starts now
    page.put('photos', get_photos, id, limit=4)  # with arguments
    page.put('logo', codap.fetch, 's3://bucket/logo.png')
    render_template('page.html', page=page)      # waits only for what the template touches

`KV` reads by key, `Ordered` by position, `FirstReply` by arrival. Work runs on threads, in
greenlets of gevent or eventlet, as tasks of asyncio, by any `concurrent.futures.Executor`:
whatever fits where it is put. A read waits as its reader's context does.
"""

from __future__ import annotations

from codap._archive import aarchive, archive
from codap._archived import Archived, Failed
from codap._backend import use
from codap._container import Arrivals, Finished
from codap._document import Document
from codap._entry import Entry
from codap._errors import (
    Abandoned,
    AllFailed,
    ArchiveError,
    Cancelled,
    Cycle,
    EntryError,
    Error,
    FetchError,
    Panic,
    TimedOut,
    WouldBlock,
)
from codap._events import Event, events
from codap._fetch import afetch, fetch
from codap._first import FirstReply
from codap._handle import Handle
from codap._kv import KV
from codap._ordered import Ordered
from codap._policy import Work, work
from codap._queue import Queue
from codap._spawn import Spawned, spawn
from codap._strict import Strict

__all__ = [
    "KV",
    "Abandoned",
    "AllFailed",
    "ArchiveError",
    "Archived",
    "Arrivals",
    "Cancelled",
    "Cycle",
    "Document",
    "Entry",
    "EntryError",
    "Error",
    "Event",
    "Failed",
    "FetchError",
    "Finished",
    "FirstReply",
    "Handle",
    "Ordered",
    "Panic",
    "Queue",
    "Spawned",
    "Strict",
    "TimedOut",
    "Work",
    "WouldBlock",
    "aarchive",
    "afetch",
    "archive",
    "events",
    "fetch",
    "spawn",
    "use",
    "work",
]
