"""`Refusal`: why a caller does not get what it asks for, whatever the protocol."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from onto_fn.errors import OntoError

Code = Literal[
    "invalid-argument",
    "unauthenticated",
    "permission-denied",
    "not-found",
    "already-exists",
    "failed-precondition",
    "resource-exhausted",
    "unavailable",
    "deadline-exceeded",
    "internal",
]
"""The codes of Firebase's callable functions, which are those of gRPC."""


class Refusal(OntoError):
    """A caller is refused.

    Args:
        code: the kind of reason.
        message: the reason, for the caller; it shows nothing that the caller may not read.
        problems: one entry per field that does not fit, `"field: what is wrong"`.
    """

    def __init__(self, code: Code, message: str, problems: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.code: Code = code
        self.problems = tuple(problems)


def invalid(problems: Sequence[str]) -> Refusal:
    """What was sent does not fit."""
    return Refusal("invalid-argument", "; ".join(problems), problems)
