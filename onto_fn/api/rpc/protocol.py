"""JSON-RPC 2.0 itself: which answer a message gets, whatever its methods do.

A message is one call or a batch of them. A call without an `id` is a notification: it is carried
out, and never answered, not even if it fails.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, cast

_log = logging.getLogger("onto_fn")

Params = list[Any] | dict[str, Any]
"""The arguments of a call, by their places or by their names."""
Handler = Callable[[str, Params], Awaitable[Any]]
"""Carries out a method, and returns its result in JSON's own types."""

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
INTERNAL_ERROR = -32603
MESSAGES = {
    PARSE_ERROR: "Parse error",
    INVALID_REQUEST: "Invalid Request",
    METHOD_NOT_FOUND: "Method not found",
    INVALID_PARAMS: "Invalid params",
    INTERNAL_ERROR: "Internal error",
}
"""The errors of the specification, and what it calls them."""

MAX_BATCH = 50
"""Calls in one batch."""


class RpcError(Exception):
    """A call that failed.

    Args:
        code: one of the specification's, or of the application's.
        message: the reason, in a sentence; "" for what the specification calls the code.
        data: more about it.
    """

    def __init__(self, code: int, message: str = "", data: Mapping[str, Any] | None = None) -> None:
        super().__init__(message or MESSAGES[code])
        self.code = code
        self.data = dict(data or {})


async def answer_to(message: object, handle: Handler) -> Any:
    """The answer to a message; None if there is none, as it has notifications only.

    The calls of a batch are carried out one after another, in their order.

    Args:
        message: what was sent, parsed.
        handle: carries out a method. It raises `RpcError`; anything else that it raises is logged,
            and answered as an internal error.
    """
    if not isinstance(message, list):
        return await _answer_to_call(message, handle)
    calls = cast("list[object]", message)
    if not calls:
        return failure(RpcError(INVALID_REQUEST))
    if len(calls) > MAX_BATCH:
        return failure(_invalid(f"a batch has at most {MAX_BATCH} calls"))
    answers = [await _answer_to_call(call, handle) for call in calls]
    return [answer for answer in answers if answer is not None] or None


def failure(error: RpcError, identifier: object = None) -> dict[str, Any]:
    """The answer to a call that failed.

    Args:
        error: why.
        identifier: the call's id; None if it cannot be told.
    """
    told: dict[str, Any] = {"code": error.code, "message": str(error)}
    if error.data:
        told["data"] = error.data
    return {"jsonrpc": "2.0", "error": told, "id": identifier}


async def _answer_to_call(call: object, handle: Handler) -> dict[str, Any] | None:
    if not isinstance(call, dict):
        return failure(RpcError(INVALID_REQUEST))
    asked = cast("dict[str, Any]", call)
    identifier = asked.get("id")
    if not _is_id(identifier):
        return failure(_invalid("id: Input should be a text, a number or null"))
    try:
        method, params = _checked(asked)
    except RpcError as error:  # answered even if it has no id: it is no notification
        return failure(error, identifier)
    try:
        result = await handle(method, params)
    except RpcError as error:
        answer = failure(error, identifier)
    except Exception:
        _log.exception("a method of the API failed")
        answer = failure(RpcError(INTERNAL_ERROR), identifier)
    else:
        answer = {"jsonrpc": "2.0", "result": result, "id": identifier}
    return answer if "id" in asked else None


def _checked(call: Mapping[str, Any]) -> tuple[str, Params]:
    """The method and arguments of a call.

    Raises:
        RpcError: it is none of this protocol. What has no method gets no reason: it is anything.
    """
    method, params = call.get("method"), call.get("params", {})
    if not isinstance(method, str):
        raise RpcError(INVALID_REQUEST)
    if call.get("jsonrpc") != "2.0":
        raise _invalid("jsonrpc: Input should be '2.0'")
    if not isinstance(params, list | dict):
        raise _invalid("params: Input should be an object or an array, or left out")
    return method, cast(Params, params)


def _is_id(value: object) -> bool:
    return value is None or (isinstance(value, str | int | float) and not isinstance(value, bool))


def _invalid(detail: str) -> RpcError:
    return RpcError(INVALID_REQUEST, data={"detail": detail})
