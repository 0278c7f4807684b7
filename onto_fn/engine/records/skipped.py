"""Documents that a build has left out because their models refuse them (`invalid="skip"`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from onto_fn.errors import InvalidDocument
from onto_fn.firestore import Filter
from onto_fn.firestore.documents import Value

MOST = 20
"""So many of them a ledger record names."""
_LONGEST = 200  # characters of what is wrong with one

LEFT_OUT = Filter("skipped.any", "==", True)
"""Finds the ledger records of builds that have left something out."""


@dataclass(frozen=True)
class Skipped:
    """What a ledger record says of the documents that its build has left out.

    Attributes:
        count: how many they are.
        problems: what is wrong with them, by path; of many, those of the first `MOST` paths.
    """

    count: int = 0
    problems: Mapping[str, str] = field(default_factory=dict[str, str])

    @classmethod
    def of(cls, found: Mapping[str, InvalidDocument]) -> Skipped:
        """What a record keeps of what a build has left out."""
        if not found:
            return NOTHING
        return cls(len(found), {path: _problem(found[path]) for path in sorted(found)[:MOST]})

    @property
    def is_whole(self) -> bool:
        """Whether all documents are named."""
        return self.count == len(self.problems)

    def to_fields(self) -> dict[str, Value]:
        """The fields that a record has for it: none if nothing is left out."""
        if not self.count:
            return {}
        documents = [{"path": path, "problem": text} for path, text in self.problems.items()]
        return {"skipped": {"any": True, "count": self.count, "documents": documents}}

    @classmethod
    def from_fields(cls, fields: Mapping[str, Any]) -> Skipped:
        """What a record's fields say.

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
    """What is wrong, as a document can hold it."""
    text = f"{error.model}: {'; '.join(error.problems)}"
    text = text.encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
