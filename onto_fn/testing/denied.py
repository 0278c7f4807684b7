"""The errors of operations that a test's user may not do."""

from __future__ import annotations


class PermissionDenied(Exception):
    """The user may not do the operation; the message names the user, the operation and the rule."""


class CallFailed(Exception):
    """`onto_request` refused a call.

    Attributes:
        code: the SDK's code, such as `"failed-precondition"`.
        reason: the message for the client.
        problems: the problems of invalid fields, one text per field.
    """

    def __init__(self, code: str, reason: str, problems: list[str]) -> None:
        self.code = code
        self.reason = reason
        self.problems = problems
        super().__init__(f"{code}: {reason}")
