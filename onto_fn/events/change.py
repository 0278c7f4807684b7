"""`Change`: one delivered event, decoded."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

from onto_fn.firestore import Document


@dataclass(frozen=True)
class Change:
    """A document changed.

    It may be delivered many times, late, out of order and concurrently.

    Attributes:
        path: the document.
        before: the document before the change (`exists` is False if it was created), or None if
            unknown.
        after: the document after the change (`exists` is False if it was deleted), or None if
            unknown.
        event_id: the CloudEvent's id; the same for every function that one write triggers.
        versions_only: whether `before` and `after` have versions but no content.
    """

    path: str
    before: Document | None
    after: Document | None
    event_id: str = ""
    versions_only: bool = False

    @property
    def is_known(self) -> bool:
        """Whether the event carried its payload. A payload that is too large is left out."""
        return self.before is not None and self.after is not None

    @property
    def has_content(self) -> bool:
        """Whether it has the document's present content."""
        return self.is_known and not self.versions_only

    @property
    def is_no_op(self) -> bool:
        """Whether the write changed nothing: the version is the same before and after."""
        if self.before is None or self.after is None:
            return False
        return self.before.update_time == self.after.update_time

    @property
    def identity(self) -> str:
        """The event's id, or where it has none, a digest of the document and its versions."""
        if self.event_id:
            return self.event_id
        text = f"{self.path} {self.before_time} {self.after_time}"
        return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()

    @property
    def after_time(self) -> datetime | None:
        """Update time of the version that the change made; None if it deleted it or is unknown."""
        return self.after.update_time if self.after is not None else None

    @property
    def before_time(self) -> datetime | None:
        """Update time of the version that the change replaced; None if there was none."""
        return self.before.update_time if self.before is not None else None
