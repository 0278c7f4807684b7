"""Causes of dead letters: what must be fixed, so that all letters with one cause go together.

One invalid document may block many views, and one bug may block many documents. If an error names
the document at fault, that document is the cause, in whichever views it failed; otherwise it is the
view, mediator or aggregate that failed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import quote

from onto_fn.errors import InvalidDocument, MissingDocument, UnreadableRecord

EVENTS = "events"
"""Replaces the definition in the cause of a letter that holds an event."""

# Texts in the messages of old letters, which did not name their documents.
_SAYS = {
    InvalidDocument.__name__: " is not a valid ",
    MissingDocument.__name__: " does not exist, but ",
    UnreadableRecord.__name__: " cannot be read as a ledger record",
}


def document_at_fault(error: BaseException) -> str:
    """Path of the document that must be fixed, empty if an error does not name one."""
    if isinstance(error, InvalidDocument | MissingDocument | UnreadableRecord):
        return error.path
    return ""


def cause_of(letter: Mapping[str, Any]) -> str:
    """The cause of a dead letter: an error's kind, and the document or definition at fault.

    It has no spaces: `InvalidDocument:orders/bad`, `BuildError:OrderPage`. The letter may have any
    content, because other programs can write letters too.

    Args:
        letter: its fields.
    """
    found: object = letter.get("error")
    error: Mapping[str, Any] = {}
    if isinstance(found, Mapping):
        error = cast("Mapping[str, Any]", found)
    kind = str(error.get("kind") or "unknown")
    subject = str(error.get("document") or _told(kind, str(error.get("message") or "")))
    subject = subject or str(letter.get("definition") or EVENTS)
    return f"{_word(kind)}:{_word(subject)}"


def _word(text: str) -> str:
    return quote(text.encode("utf-8", "backslashreplace"), safe="/")


def _told(kind: str, message: str) -> str:
    path, says, _ = message.partition(_SAYS.get(kind, "\0"))
    return path if says else ""
