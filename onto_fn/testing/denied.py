"""The message of a test whose user may not do what it asked for."""

from __future__ import annotations


class PermissionDenied(Exception):
    """The user may not do that; says who, what, and by which rule."""


class CallFailed(Exception):
    """`onto_request` has refused a call.

    Attributes:
        code: such as `"failed-precondition"`, as the SDK names it.
        reason: what the client may read.
        problems: of fields that do not fit: what is wrong, one text per field.
    """

    def __init__(self, code: str, reason: str, problems: list[str]) -> None:
        self.code = code
        self.reason = reason
        self.problems = problems
        super().__init__(f"{code}: {reason}")
