"""What a request asks for, read strictly: its query, its headers and its body."""

from __future__ import annotations

import asyncio
import json
import math
import re
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn, cast

from starlette.requests import Request

from onto_fn.api.rest.problem import HttpProblem

BODY_SEC = 30
"""Seconds in which a body has to arrive."""
SKEW = timedelta(minutes=1)
"""By how much another clock may be ahead."""
_MICROSECONDS = re.compile(r"[0-9]{1,17}", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def check_framing(request: Request) -> None:
    """Refuse a request of whose end a proxy and the server could think differently.

    Raises:
        HttpProblem: it says its length in two ways.
    """
    if "transfer-encoding" in request.headers and "content-length" in request.headers:
        raise HttpProblem(
            400,
            "a request has either Content-Length or Transfer-Encoding",
            headers={"Connection": "close"},
        )


def query_of(request: Request, known: Collection[str]) -> dict[str, str]:
    """The parameters of the query, each at most once.

    Raises:
        HttpProblem: one is unknown, or is there twice.
    """
    found: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        if name not in known:
            listed = ", ".join(sorted(known)) or "none"
            raise HttpProblem(400, f"there is no parameter {name!r}; there is {listed}")
        if name in found:
            raise HttpProblem(400, f"the parameter {name!r} is there twice")
        found[name] = value
    return found


def size_of(text: str | None, default: int, most: int) -> int:
    """The number of documents that a page may have.

    Raises:
        HttpProblem: the text is no such number.
    """
    if text is None:
        return default
    size = int(text) if re.fullmatch(r"[0-9]{1,6}", text, re.ASCII) else 0
    if not 1 <= size <= most:
        raise HttpProblem(400, f"limit is a number from 1 to {most}")
    return size


def instant_of(text: str) -> datetime:
    """The instant that `after` names: microseconds since 1970, or RFC 3339.

    Raises:
        HttpProblem: the text is none, or one that is still to come. Nothing was written then, so a
            request would only wait and read until its time is over.
    """
    time = _instant(text)
    if time is None:
        raise HttpProblem(
            400, "after is what the answer to a write has as `after`, or an update time in RFC 3339"
        )
    if time > datetime.now(UTC) + SKEW:
        raise HttpProblem(400, "after is in the future; there can be no write of that time yet")
    return time


def _instant(text: str) -> datetime | None:
    try:
        if _MICROSECONDS.fullmatch(text):
            return _EPOCH + timedelta(microseconds=int(text))
        time = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        return None
    return time if time.tzinfo is not None else None


def check_accepts(request: Request, media_type: str) -> None:
    """Refuse a client that does not take a media type.

    Raises:
        HttpProblem: it does not.
    """
    accepted = ",".join(request.headers.getlist("accept"))
    kind = media_type.partition("/")[0]
    wanted = {"*/*", f"{kind}/*", media_type}
    if accepted and not any(_is_accepted(part, wanted) for part in accepted.split(",")):
        raise HttpProblem(406, f"the answer is {media_type}; accept it")


def _is_accepted(part: str, wanted: set[str]) -> bool:
    name, *parameters = (text.strip().lower() for text in part.split(";"))
    is_refused = any(re.fullmatch(r"q=0(\.0*)?", text) for text in parameters)
    return name in wanted and not is_refused


async def body_of(request: Request, most: int) -> dict[str, Any]:
    """The JSON object that a request carries.

    Args:
        request: the request.
        most: bytes that it may have.

    Raises:
        HttpProblem: it is too large, too slow, of another type, or no JSON object.
    """
    data = await sent(request, most)
    try:
        found = parsed(data)
    except NotJson as error:
        raise HttpProblem(400, f"the body is not JSON in UTF-8: {error}") from error
    if not isinstance(found, dict):
        raise HttpProblem(
            422,
            "the body is a JSON object of the fields",
            problems=["(document): Input should be a valid dictionary"],
        )
    return cast("dict[str, Any]", found)


async def sent(request: Request, most: int) -> bytes:
    """The body of a request that says it is JSON.

    Args:
        request: the request.
        most: bytes that it may have.

    Raises:
        HttpProblem: it is too large, too slow, or of another type.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise HttpProblem(415, "send application/json", headers={"Accept": "application/json"})
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise HttpProblem(415, "send the body as it is, without a content encoding")
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > most:
        raise _too_large(most)
    try:
        async with asyncio.timeout(BODY_SEC):
            chunks = bytearray()
            async for chunk in request.stream():
                chunks += chunk
                if len(chunks) > most:
                    raise _too_large(most)
    except TimeoutError as error:
        raise HttpProblem(408, f"the body did not arrive in {BODY_SEC} seconds") from error
    return bytes(chunks)


def parsed(data: bytes) -> Any:
    """The value of a JSON text, read strictly.

    Raises:
        NotJson: it is none; or it has a name twice in an object, or a number that JSON lacks.
    """
    try:
        return json.loads(
            data.decode("utf-8"),
            parse_constant=_no_number,
            parse_float=_finite,
            object_pairs_hook=_distinct,
        )
    except NotJson:
        raise
    except (ValueError, RecursionError) as error:
        raise NotJson("it cannot be parsed") from error


class NotJson(ValueError):
    """A text is no JSON, or more than JSON has; it says why."""


def _no_number(name: str) -> NoReturn:
    raise NotJson(f"{name} is no number of JSON; write it as a text")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):  # or it would be stored as Infinity
        raise NotJson(f"{text:.50} is larger than every number")
    return number


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise NotJson("a name is twice in an object")
    return found


def _too_large(most: int) -> HttpProblem:
    return HttpProblem(413, f"a body has at most {most} bytes", headers={"Connection": "close"})
