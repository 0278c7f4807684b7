"""The stream of the Web SDK, part by part."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onto_fn.testing.strict_indexes.web_stream import WebStream


def frame(number: int, *messages: Any) -> str:
    text = json.dumps([[number, list(messages)]], ensure_ascii=False)
    return f"{len(text.encode('utf-16-le')) // 2}\n{text}"


def change(kind: str, *targets: int) -> dict[str, Any]:
    return {"targetChange": {"targetChangeType": kind, "targetIds": list(targets)}}


def messages(passed: bytes) -> list[Any]:
    """What the SDK reads of it."""
    found: list[Any] = []
    units = passed.decode().encode("utf-16-le")
    while units:
        size, _, rest = units.decode("utf-16-le").partition("\n")
        units = rest.encode("utf-16-le")
        content = units[: int(size) * 2].decode("utf-16-le")
        found += [message for _, items in json.loads(content) for message in items]
        units = units[int(size) * 2 :]
    return found


STREAM = (
    frame(0, "c", "SESSION", "", 8, 14, 30000)
    + frame(1, {"documentChange": {"name": "røros 🚂"}})
    + frame(2, change("ADD", 2))
    + frame(3, change("ADD", 4), change("CURRENT", 2))
)


def test_a_stream_without_refusals_passes_unchanged() -> None:
    stream = WebStream({})

    assert stream.feed(STREAM.encode()).decode() == STREAM
    assert stream.session == "SESSION"


@given(st.lists(st.integers(1, 300), max_size=8))
def test_it_does_not_matter_where_the_parts_end(cuts: list[int]) -> None:
    content = STREAM.encode()
    ends = sorted({min(cut, len(content)) for cut in cuts} | {0, len(content)})
    refused = {2: "no 🚂 index"}
    stream = WebStream(refused)

    passed = b"".join(stream.feed(content[a:b]) for a, b in pairwise(ends)) + stream.feed(
        b"", is_end=True
    )

    cause = {"code": 9, "message": "no 🚂 index"}
    assert messages(passed) == [
        *("c", "SESSION", "", 8, 14, 30000),
        {"documentChange": {"name": "røros 🚂"}},
        {"targetChange": {"targetChangeType": "REMOVE", "targetIds": [2], "cause": cause}},
        change("ADD", 4),
        change("CURRENT", 2),
    ]
    assert refused == {}


def test_what_is_no_frame_passes_at_the_end() -> None:
    stream = WebStream({2: "no"})

    assert stream.feed(b"<html>Unknown") == b""
    assert stream.feed(b" SID</html>", is_end=True) == b"<html>Unknown SID</html>"


@pytest.mark.parametrize("change_of_all", [{}, {"targetChangeType": "NO_CHANGE"}])
def test_a_change_of_all_targets_is_no_answer_to_one(change_of_all: dict[str, Any]) -> None:
    refused = {2: "no"}
    content = frame(1, {"targetChange": change_of_all}).encode()

    assert WebStream(refused).feed(content) == content
    assert refused == {2: "no"}
