"""What a check finds, and where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Severity = Literal["error", "warning"]
"""An error fails in production, or caps it, as declared. A warning may."""


@dataclass(frozen=True, order=True)
class Place:
    """A line of a file.

    Attributes:
        file: path of the file, relative to the folder of `firebase.json`.
        line: number of the line, from 1.
    """

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True)
class Finding:
    """Something that will cost, slow down or fail in production.

    Attributes:
        check: name of the check.
        severity: how bad it is.
        place: where it is declared.
        problem: what is wrong.
        remedy: what to do about it.
    """

    check: str
    severity: Severity
    place: Place
    problem: str
    remedy: str

    def to_json(self) -> dict[str, Any]:
        """The finding as a JSON object."""
        return {
            "check": self.check,
            "severity": self.severity,
            "file": self.place.file,
            "line": self.place.line,
            "problem": self.problem,
            "remedy": self.remedy,
        }
