"""Documents that a build left out because they are invalid (`invalid="skip"`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from onto_fn.errors import InvalidDocument
from onto_fn.firestore import Filter
from onto_fn.firestore.documents import Value

MOST = 20
"""Maximum number of them that a ledger record names."""
_LONGEST = 200  # maximum characters of one problem

LEFT_OUT = Filter("skipped.any", "==", True)
"""Watch key of ledger records whose build left something out."""


@dataclass(frozen=True)
class Skipped:
    """The documents that a build left out, as stored in its ledger record.

    Attributes:
        count: how many they are.
        problems: what is wrong with them, by path; at most the first `MOST` paths.
    """

    count: int = 0
    problems: Mapping[str, str] = field(default_factory=dict[str, str])

    @classmethod
    def of(cls, found: Mapping[str, InvalidDocument]) -> Skipped:
        """What a record stores about the documents that a build left out."""
        if not found:
            return NOTHING
        return cls(len(found), {path: _problem(found[path]) for path in sorted(found)[:MOST]})

    @property
    def is_whole(self) -> bool:
        """Whether all documents are named."""
        return self.count == len(self.problems)

    def to_fields(self) -> dict[str, Value]:
        """The fields of the record; none if nothing is left out."""
        if not self.count:
            return {}
        documents = [{"path": path, "problem": text} for path, text in self.problems.items()]
        return {"skipped": {"any": True, "count": self.count, "documents": documents}}

    @classmethod
    def from_fields(cls, fields: Mapping[str, Any]) -> Skipped:
        """The value in a record's fields.

        Raises:
            KeyError: something is missing.
            TypeError: something is of another type.
        """
        stored = fields.get("skipped")
        if stored is None:
            return NOTHING
        return cls(int(stored["count"]), {d["path"]: d["problem"] for d in stored["documents"]})


NOTHING = Skipped()


def _problem(error: InvalidDocument) -> str:
    """The problem, in a form that a document can hold."""
    text = f"{error.model}: {'; '.join(error.problems)}"
    text = text.encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
