"""Bodies that do not fit: each is refused, and leaves nothing behind."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator

import pytest

from emulator_tests.access.guards.cases import ADA, SHEET, SHEETS
from emulator_tests.api.attacks.place import Place
from onto_fn.api.rest import asked

ids = itertools.count()


# Bodies


def sheet(text: str) -> bytes:
    """A sheet with more members, as they are written."""
    return (json.dumps(SHEET)[:-1] + text + "}").encode()


def nested(depth: int) -> bytes:
    inner = '{"a":' * depth + "1" + "}" * depth
    return f'{{"nick":"ada","level":"low","whatever":{inner}}}'.encode()


def whatever(value: object) -> bytes:
    return json.dumps(SHEET | {"whatever": value}).encode()


BODIES: dict[str, tuple[bytes, int]] = {
    "nothing": (b"", 400),
    "no JSON": (b"nick=ada", 400),
    "JSON with a mark": (b"\xef\xbb\xbf" + sheet(""), 400),
    "UTF-16": (sheet("").decode().encode("utf-16"), 400),
    "not UTF-8": (b'{"nick": "\xff"}', 400),
    "a list": (b"[]", 422),
    "a text": (b'"x"', 422),
    "null": (b"null", 422),
    "two values": (sheet("") + b"{}", 400),
    "a comment": (b"/* */" + sheet(""), 400),
    "a name twice": (sheet(',"nick":"eve"'), 400),
    "a name twice, once escaped": (sheet(',"n\\u0069ck":"eve"'), 400),
    "a name twice below": (sheet(',"address":{"city":"a","city":"b","zip":"1"}'), 400),
    "NaN": (sheet(',"ratio":NaN'), 400),
    "Infinity": (sheet(',"ratio":-Infinity'), 400),
    "a number beyond doubles": (sheet(',"ratio":1e999'), 400),
    "a negative number beyond doubles": (sheet(',"ratio":-1e400'), 400),
    "a number of many digits": (sheet(',"ratio":' + "1" * 5000), 400),
    "a number beyond 64 bits": (whatever(2**63), 422),
    "half a character": (whatever("\ud800"), 422),
    "half a character in a name": (sheet(',"\\ud800":1'), 422),
    "half a character in a map": (whatever({"\ud800": 1}), 422),
    "one level too deep": (nested(21), 422),
    "deep": (nested(900), 422),
    "deeper": (nested(100_000), 400),
    "a list in a list": (whatever([[1]]), 422),
    "an empty key": (whatever({"": 1}), 422),
    "a reserved key": (whatever({"__a__": 1}), 422),
    "a forged vector": (whatever({"__type__": "__vector__", "value": [1, 2]}), 422),
    "a forged type": (whatever([{"a": {"__type__": "x"}}]), 422),
    "a forged integer": (whatever({"__int__": 3}), 422),
    "a long key": (whatever({"a" * 1501: 1}), 422),
    "a text of 10,001 characters": (sheet(',"freeText":"' + "x" * 10_001 + '"'), 422),
    "a time outside of the calendar": (sheet(',"born":"0001-01-01T00:00:00+23:00"'), 422),
    "a time that is a number": (sheet(',"born":1'), 422),
    "bytes that are none": (sheet(',"photo":"\\u00e9"'), 422),
    "a reference into another collection": (sheet(',"friend":"users/ada"'), 422),
    "a reference into another database": (
        sheet(',"friend":"projects/p/databases/d/documents/teams/t1"'),
        422,
    ),
    "an undeclared field": (sheet(',"admin":true'), 422),
    "a forged mark": (sheet(',"processed":{"state":"done"}'), 422),
    "a prototype": (sheet(',"__proto__":{}'), 422),
}


@pytest.mark.parametrize("name", BODIES)
def test_a_body_that_does_not_fit_is_refused_and_leaves_nothing(place: Place, name: str) -> None:
    body, status = BODIES[name]
    before, identifier = place.letters(), f"bad{next(ids)}"

    answer = place.send("PUT", f"/{SHEETS}/{identifier}", ADA, body=body)

    assert answer.status == status, answer
    assert answer.headers["content-type"] == "application/problem+json"
    assert not place.exists(f"{SHEETS}/{identifier}")
    assert place.letters() == before


def test_problems_point_at_the_field(place: Place) -> None:
    body = json.dumps(SHEET | {"nick": 1, "address": {"city": "a/b", "zip": "x"}}).encode()
    problems = place.send("PUT", f"/{SHEETS}/point", ADA, body=body).json["problems"]
    assert [part["pointer"] for part in problems] == ["/nick", "/address/zip"]
    nothing = place.send("PUT", f"/{SHEETS}/point", ADA, body=whatever({"": 1})).json["problems"]
    assert all("fields" not in part.get("pointer", "") for part in nothing)


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"},
        {"Content-Type": ""},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "multipart/form-data; boundary=x"},
        {"Content-Type": "application/json-patch+json"},
        {"Content-Type": "text/plain; application/json"},
        {"Content-Encoding": "gzip"},
        {"Content-Encoding": "identity, gzip"},
    ],
)
def test_a_body_of_another_type_is_refused(place: Place, headers: dict[str, str]) -> None:
    answer = place.send("PUT", "/noteForms/type", body={"text": "x"}, headers=headers)
    assert answer.status == 415
    assert not place.exists("noteForms/type")


def test_a_body_without_a_length_is_not_read_beyond_the_limit(place: Place) -> None:
    chunk, sent = b" " * 65_536, 0

    def chunks() -> Iterator[bytes]:
        nonlocal sent
        for _ in range(40):
            sent += 1
            yield chunk

    headers = {"Content-Type": "application/json"}
    answer = place.send("PUT", "/noteForms/large", chunks=chunks(), headers=headers)
    assert (answer.status, sent) == (413, 17), "1 MiB, and the part that is too much"
    told = place.send("PUT", "/noteForms/large", body={}, headers={"Content-Length": "2000000"})
    assert (told.status, told.headers["connection"]) == (413, "close")
    for length in ("-1", "x", "1e9", "\u0661"):
        odd = {"Content-Length": length} if length.isascii() else {}
        fits = place.send("PUT", f"/noteForms/l{next(ids)}", body={"text": "x"}, headers=odd)
        assert fits.status == 201


def test_a_slow_body_is_not_waited_for(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asked, "BODY_SEC", 0.05)
    headers = {"Content-Type": "application/json"}
    answer = place.send("PUT", "/noteForms/slow", chunks=[b'{"text":', None], headers=headers)
    assert answer.status == 408
