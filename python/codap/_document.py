"""What a native fetch brings."""

from __future__ import annotations

from typing import Any

__all__ = ["Document"]


class Document(bytes):
    """The bytes behind a URI, whole and checked, and what is known of them.

    It is ``bytes``, so that it goes wherever bytes go.
    """

    uri: str
    """The URI that was asked for, without its secrets."""
    content_type: str | None
    """The media type, as the source gave it."""
    version: str | None
    """What changes when the document does: an ``ETag``; of a file, its length and time."""
    complete: bool
    """Whether its end is known to be its end. It is not where a reply of HTTP gives no length."""

    def json(self) -> Any:
        """The document as JSON; it is parsed anew by each call.

        Raises ``json.JSONDecodeError``, a ``ValueError``, if it is none.
        """
        import json

        return json.loads(self)

    @property
    def text(self) -> str:
        """The document as UTF-8 text. Raises ``UnicodeDecodeError`` if it is none."""
        return self.decode("utf-8")

    def __repr__(self) -> str:
        return f"<codap.Document {self.uri}: {len(self)} bytes>"


def document(data: bytes, uri: str, facts: tuple[str | None, str | None, bool]) -> Document:
    """A document of what the native side left behind."""
    it = Document(data)
    it.uri = uri
    it.content_type, it.version, it.complete = facts
    return it
