"""What an archive has become."""

from __future__ import annotations

from typing import Any, NamedTuple

from codap._errors import ArchiveError, FetchError, fetch_error

__all__ = ["Archived", "Failed"]


class Failed(NamedTuple):
    """An object that is not in the archive."""

    uri: str
    """Where it was to come from, without secrets."""
    name: str | None
    """What it would have been called; None if it did not come so far as to have a name."""
    error: FetchError
    """Why."""


class Archived(NamedTuple):
    """An archive that is in its place, from `archive`."""

    path: str
    """Where."""
    entries: int
    """How many objects are in it."""
    size: int
    """How many bytes those have."""
    archived_size: int
    """How many bytes the archive has."""
    renamed: list[tuple[str, str]]
    """What was to be called otherwise, and how it is called: a name that not every system can hold,
    or that an earlier object has."""
    failed: list[Failed]
    """What is missing. Empty unless it is the ``archived`` of an `ArchiveError`."""


def archived(
    about: str,
    path: str,
    refused: str | None,
    sizes: tuple[int, int, int],
    failures: list[tuple[str, str | None, tuple[str, str, bool]]],
    renamed: list[tuple[str, str]],
) -> tuple[Archived | None, Any]:
    """An archive of what the native side left behind, or why it is none or not whole."""
    failed = [Failed(uri, name, fetch_error("", *why)) for uri, name, why in failures]
    archive = None if refused is not None else Archived(path, *sizes, renamed, failed)
    if archive is not None and not failed:
        return archive, None
    told = refused
    if archive is not None:
        what = f"{len(failed)} of {archive.entries + len(failed)} objects are missing in it"
        told = f"{path}: {what}; the first: {failed[0].error}"
    error = ArchiveError(f"{about}{told}")
    error.archived, error.failed = archive, failed
    return None, error
