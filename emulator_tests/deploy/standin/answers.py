"""How Google's APIs answer: JSON, errors, and operations that take a while."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.responses import JSONResponse

from emulator_tests.deploy.standin.project import GoogleProject, Json

_STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    404: "NOT_FOUND",
    409: "ALREADY_EXISTS",
    429: "RESOURCE_EXHAUSTED",
    501: "UNIMPLEMENTED",
}


def answer(body: Any, **headers: str) -> JSONResponse:
    """What went well."""
    return JSONResponse(body, headers=headers)


def refusal(code: int, message: str) -> JSONResponse:
    """An error in the form of Google's APIs."""
    error = {"code": code, "message": message, "status": _STATUS[code]}
    return JSONResponse({"error": error}, status_code=code)


def begin(
    project: GoogleProject, location: str, finish: Callable[[], Json], failure: str | None = None
) -> Json:
    """A long-running operation, which is under way when it is asked for the first time.

    Args:
        project: whose.
        location: where.
        finish: brings it about, and gives the resource that comes of it.
        failure: why it fails instead, if it does.
    """
    number = project.next_number()
    name = f"projects/{project.id}/locations/{location}/operations/operation-{number}"
    project.operations[name] = {"polls": 0, "finish": finish, "failure": failure}
    return {"name": name, "done": False}


def poll(project: GoogleProject, name: str) -> Json:
    """What an operation has come to."""
    operation = project.operations[name]
    operation["polls"] += 1
    if operation["polls"] == 1:
        return {"name": name, "done": False}
    if operation["failure"] is not None:
        return {"name": name, "done": True, "error": {"code": 3, "message": operation["failure"]}}
    if "response" not in operation:
        operation["response"] = operation["finish"]()
    return {"name": name, "done": True, "response": operation["response"]}
