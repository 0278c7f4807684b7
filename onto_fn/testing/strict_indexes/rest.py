"""What the proxy does with HTTP: check the queries of the REST API and of the Web SDK's stream."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from google.cloud.firestore_v1 import types as firestore
from google.protobuf import json_format

from onto_fn.testing.strict_indexes.checking import Checker

_types: Any = firestore  # the generated messages carry no types
_json: Any = json_format

_QUERY = re.compile(r"/v1(?:beta1)?/(?P<parent>projects/.+):run(?P<kind>Query|AggregationQuery)$")
_CHANNEL = re.compile(r"/google\.firestore\.v1\.Firestore/Listen/channel$")
_NO_DOCUMENT = "strict_indexes/refused"
_DATA = re.compile(r"req\d+___data__$")


def refused_query(checker: Checker, target: str, body: bytes) -> bytes | None:
    """The answer with the refusal of a REST query, None if the request is to be passed on.

    Args:
        checker: decides about the query.
        target: the request's path and query string.
        body: its body.
    """
    found = _QUERY.match(unquote(urlsplit(target).path))
    if found is None:
        return None
    kind = found["kind"]
    message = getattr(_types, f"Run{kind}Request").pb()()
    try:
        _json.ParseDict(json.loads(body), message, ignore_unknown_fields=True)
    except (ValueError, _json.ParseError):
        return None  # the emulator refuses it
    message.parent = found["parent"]
    content = message.SerializeToString()
    check = checker.run_query if kind == "Query" else checker.run_aggregation_query
    refusal = check(content)
    if refusal is None:
        return None
    error = {"code": 400, "message": refusal, "status": "FAILED_PRECONDITION"}
    return json.dumps([{"error": error}], indent=2).encode()


def is_query(target: str) -> bool:
    """Whether a request runs a query."""
    return _QUERY.match(unquote(urlsplit(target).path)) is not None


def is_channel(target: str) -> bool:
    """Whether a request belongs to a stream of changes of the Web SDK."""
    return _CHANNEL.match(urlsplit(target).path) is not None


def session_of(target: str) -> str | None:
    """The session of a stream; None for the request that begins one."""
    return dict(parse_qsl(urlsplit(target).query)).get("SID")


def accepted_targets(checker: Checker, body: bytes) -> tuple[bytes, dict[int, str]]:
    """The messages of a client in a stream, without the targets that production would refuse.

    The server of a stream numbers its answers, so that none can be added. Therefore a refused
    target is replaced by one document that does not exist, and the answer to it by the refusal.

    Args:
        checker: decides about the targets.
        body: the form of the request.

    Returns:
        The form to pass on, and the refusals by the ids of their targets.
    """
    refused: dict[int, str] = {}
    fields: list[tuple[str, str]] = []
    for name, value in parse_qsl(body.decode(), keep_blank_values=True):
        if _DATA.match(name):
            value = _accepted(checker, value, refused)
        fields.append((name, value))
    return (urlencode(fields).encode() if refused else body), refused


def _accepted(checker: Checker, value: str, refused: dict[int, str]) -> str:
    message = _types.ListenRequest.pb()()
    try:
        content = json.loads(value)
        _json.ParseDict(content, message, ignore_unknown_fields=True)
    except (ValueError, _json.ParseError):
        return value
    refusal = checker.target(message)
    if refusal is None:
        return value
    target: dict[str, Any] = content["addTarget"]
    refused[int(target["targetId"])] = refusal
    del target["query"]
    name = f"{message.database}/documents/{_NO_DOCUMENT}"
    target["documents"] = {"documents": [name]}
    for resumed in ("resumeToken", "readTime", "expectedCount"):
        target.pop(resumed, None)
    return json.dumps(content)
