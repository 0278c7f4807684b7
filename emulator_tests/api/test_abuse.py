"""What the HTTP door answers to those who do not play by the rules."""

from __future__ import annotations

import itertools
import json
import logging
import time
from collections.abc import Iterator
from typing import Any

import pytest

from emulator_tests.access.guards.cases import ADA, ADMIN, BOB, CLAIMS, NOBODY, SHEET, SHEETS
from emulator_tests.api.attacks import guarded
from emulator_tests.api.attacks.asgi import Answer, send, served
from emulator_tests.api.attacks.cursors import cursor
from emulator_tests.api.attacks.place import ORIGIN, Place, place_on
from emulator_tests.api.attacks.tokens import claims_of, token_of, unsigned
from onto_fn.api.rest import asked
from onto_fn.firestore import Reference
from onto_fn.gate.cursors import _Cursor
from onto_fn.testing import EmulatorSuite

ids = itertools.count()


@pytest.fixture(scope="module")
def place(firestore_emulator: EmulatorSuite) -> Iterator[Place]:
    with place_on(firestore_emulator) as found:
        yield found


# Tokens


def _now(seconds: int = 0) -> int:
    return int(time.time()) + seconds


def without(name: str, claims: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in claims.items() if key != name}


TOKENS: dict[str, Any] = {
    "expired": lambda p: token_of(p, ADA, exp=_now(-1)),
    "expires now": lambda p: token_of(p, ADA, exp=_now()),
    "an end that is a text": lambda p: token_of(p, ADA, exp="never"),
    "an end that is null": lambda p: token_of(p, ADA, exp=None),
    "an end that is a list": lambda p: token_of(p, ADA, exp=[_now(60)]),
    "no end": lambda p: unsigned(without("exp", claims_of(p, ADA))),
    "endless": lambda p: token_of(p, ADA, exp=float("inf")),
    "another project's": lambda _: token_of("demo-other", ADA),
    "of several projects": lambda p: token_of(p, ADA, aud=[p, "demo-other"]),
    "another issuer's": lambda p: token_of(p, ADA, iss="https://example.com"),
    "without a user": lambda p: unsigned(
        {k: v for k, v in claims_of(p, ADA).items() if k != "sub"}
    ),
    "of an empty user": lambda p: token_of(p, ""),
    "of a user that is a number": lambda p: unsigned(claims_of(p, ADA) | {"sub": 7}),
    "of a user that is a list": lambda p: unsigned(claims_of(p, ADA) | {"sub": [ADA]}),
    "of a long user": lambda p: token_of(p, "x" * 129),
    "a list": lambda _: unsigned([1]),
    "a text": lambda _: unsigned("x"),
    "the emulator's owner": lambda _: "owner",
    "garbled": lambda _: "e30.e30.",
    "several words": lambda _: "a b c",
    "no JSON": lambda _: "YQ.YQ.",
}


@pytest.mark.parametrize("name", TOKENS)
def test_a_token_that_proves_nothing_opens_nothing(place: Place, name: str) -> None:
    token = TOKENS[name](place.project)
    for target in ("/lobbies/t1", "/titles/t1", "/lobbies", f"/profiles/{ADA}", "/titles/none"):
        answer = place.send("GET", target, token=token)
        assert (answer.status, answer.headers["www-authenticate"]) == (401, "Bearer"), answer
        assert b"Blue" not in answer.body
    answer = place.send("PUT", "/noteForms/t", token=token, body={"text": "x"})
    assert answer.status == 401
    assert not place.exists("noteForms/t")


@pytest.mark.parametrize(
    "header", ["", " ", "Bearer", "Bearer ", "Basic {}", "{}", "bearer", "Token {}"]
)
def test_what_is_no_bearer_token_is_refused_and_not_overlooked(place: Place, header: str) -> None:
    value = header.format(place.token(ADA))
    assert place.send("GET", "/titles/t1", headers={"Authorization": value}).status == 401


def test_claims_are_compared_with_their_type_and_the_sdks_own_are_none(place: Place) -> None:
    def admin(**claims: Any) -> int:
        token = token_of(place.project, BOB, **claims)
        return place.send("GET", "/boards/t1", token=token).status

    assert admin(admin=True) == 200
    for value in ("true", 1, 1.0, [True], {"": True}, None):
        assert admin(admin=value) == 403, value
    assert admin(claims={"admin": True}) == 403


# What errors tell

PATHS = {
    "lobbies": ("t1", "t3"),
    "boards": ("t1", "t3"),
    "guestBooks": ("t1", "t3"),
    "profiles": (ADA, "zoe"),
    "teams/t1/audits": ("latest", "first"),
}


@pytest.mark.parametrize("kind", ["stored", "live"])
def test_who_may_not_read_a_document_does_not_learn_whether_it_exists(
    place: Place, kind: str
) -> None:
    app = getattr(place, kind)
    place.client.document("teams/t4").set({"title": 7, "memberIds": {}})  # builds nothing
    compared = 0
    for (collection, names), user in itertools.product(PATHS.items(), [NOBODY, *CLAIMS, "eve"]):
        there, missing = (f"/{collection}/{name}" for name in names)
        for method, rest, headers in (
            ("GET", "", {}),
            ("HEAD", "", {}),
            ("GET", f"?after={_now(-60) * 10**6}", {}),
            ("GET", "", {"If-None-Match": "*"}),
            ("GET", "?x=1", {}),
            ("GET", "", {"Accept": "text/html"}),
        ):
            answers = [
                place.send(method, target + rest, user, app=app, headers=headers)
                for target in (there, missing, f"/{collection}/t4")
            ]
            if answers[0].status in {401, 403}:
                compared += 1
                assert answers[0] == answers[1] == answers[2], (user, there, answers)
    assert compared >= 60


def test_a_view_that_cannot_be_built_says_so_to_those_who_may_read_it_alone(place: Place) -> None:
    place.client.document("teams/t5").set({"title": 7, "memberIds": [ADA]})
    broken = place.send("GET", "/boards/t5", ADMIN, app=place.live)
    assert broken.status == 500
    assert broken.json["detail"] == "Board cannot be computed; the log says why"
    assert place.send("GET", "/boards/t5", BOB, app=place.live).status == 403


# Addresses

ODD = [
    *("%2F", "..", ".", "%2e%2e", "%2E", "__x__", "%5F%5Fx__", "", "%ff", "%c3%28", "%ed%a0%80"),
    *("x" * 1501, "%E2%82%AC" * 501, "a%2Fb", "..%2f..%2fonto_ledger%2fx", "%2f%2e%2e"),
]


@pytest.mark.parametrize("segment", ODD)
def test_an_id_that_is_none_is_a_bad_request_everywhere(place: Place, segment: str) -> None:
    for target, user in (
        (f"/titles/{segment}", NOBODY),
        (f"/teams/{segment}/audits", "gold"),
        (f"/boards/{segment}?after=1", ADA),
    ):
        assert place.send("GET", target, user).status in {400, 404}, target
    before = place.letters()
    for target in (f"/noteForms/{segment}", f"/noteForms/{segment}?return=Titled"):
        assert place.send("PUT", target, ADA, body={"text": "x"}).status in {400, 404}
    assert place.letters() == before


@pytest.mark.parametrize(
    "target",
    [
        f"/users/{BOB}%2F..%2F{ADA}/Screen/view",
        f"/users/{BOB}/../{ADA}/Screen/view",
        f"/users/{BOB}/Screen/..%2F..%2F{ADA}%2FScreen%2Fview",
        f"/users/{ADA}%00/Screen/view",
        f"/users/{ADA}%0A/Screen/view",
        f"/users/{ADA.upper()}/Screen/view",
        f"/users/{ADA}%20/Screen/view",
        "/users/%61d%61/Screen/view",
        f"//users/{ADA}/Screen/view",
        f"/users/{ADA}//Screen/view",
        f"/users/{ADA}/Screen/view/",
        f"/users/{ADA}/Screen/view;x=1",
        f"/./users/{ADA}/Screen/view",
        f"/users%2F{ADA}%2FScreen%2Fview",
        f"http://api/users/{ADA}/Screen/view",
        "/users/%2561da/Screen/view",
    ],
)
def test_another_spelling_of_a_path_leads_no_further(place: Place, target: str) -> None:
    answer = place.send("GET", target, BOB)
    assert answer.status in {400, 403, 404}, answer
    assert b"Blue" not in answer.body


def test_an_id_is_taken_as_it_is_written_and_never_normalised(place: Place) -> None:
    composed, decomposed = "\u00e9", "e\u0301"
    place.client.document(f"profiles/{composed}").set({"title": "composed"})
    for uid, status in ((composed, 200), (decomposed, 403)):
        token = token_of(place.project, uid)
        target = "/profiles/%C3%A9"
        assert place.send("GET", target, token=token).status == status
    assert place.send("GET", "/titles/a%0Ab").json["detail"] == "there is no such document"
    assert place.send("PUT", "/noteForms/a%0Ab", body={"text": "x"}).status == 201
    assert place.exists("noteForms/a\nb")
    assert place.send("PUT", f"/noteForms/{'x' * 128}", body={"text": "x"}).status == 201
    long = place.send("PUT", f"/noteForms/{'x' * 129}", body={"text": "x"})
    assert (long.status, "128" in long.json["detail"]) == (400, True)


@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE", "TRACE", "CONNECT", "PURGE", "get"])
def test_a_method_that_an_address_does_not_have_is_told_those_that_it_has(
    place: Place, method: str
) -> None:
    for target, allowed in (
        ("/titles/t1", "GET, HEAD, OPTIONS"),
        ("/titles", "GET, HEAD, OPTIONS"),
        ("/noteForms/done", "PUT, OPTIONS"),
        ("/openapi.json", "GET, HEAD, OPTIONS"),
        ("/docs", "GET, HEAD, OPTIONS"),
    ):
        for headers in ({}, {"X-HTTP-Method-Override": "GET"}):
            answer = place.send(method, target, ADMIN, headers=headers)
            assert (answer.status, answer.headers["allow"]) == (405, allowed)
    assert place.send("PUT", "/titles/t1", ADMIN, body={"title": "x"}).status == 405
    assert place.send("GET", "/noteForms/done", ADMIN).status == 405
    assert place.send("GET", "/noteForms", ADMIN).status == 404


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


# Queries


@pytest.mark.parametrize(
    "query",
    [
        *("x=1", "limit=0", "limit=101", "limit=-1", "limit=1e1", "limit=%D9%A1", "limit="),
        *("limit=1&limit=1", "order=title", "order=-title,title", "order=__name__", "order=guests"),
        *(
            "title=Blue&order=-title",
            "memberIds=ada",
            "guests.ada=true",
            "offset=1",
            "fields=title",
        ),
        *("cursor=", "cursor=x", "cursor=%FF", "cursor=AAAA", "cursor=a&cursor=b", "select=*"),
        f"title={'x' * 1501}",
        f"title={'%C3%A9' * 751}",
    ],
)
def test_a_query_that_is_not_declared_is_refused(place: Place, query: str) -> None:
    answer = place.send("GET", f"/titles?{query}")
    assert answer.status == 400, answer
    assert place.send("GET", f"/lobbies?{query}", ADA).status == 400


def test_a_forged_cursor_leads_into_no_other_collection(place: Place) -> None:
    for identifier in ("../boards/t1", f"../../users/{ADA}", "..", "__x__", "", "a/b", "x" * 1501):
        answer = place.send("GET", f"/boards?cursor={cursor(identifier)}", ADA)
        assert answer.status == 400, identifier
    for value in (1, None, b"t1", {"a": 1}, ["t1"], Reference("boards/t1")):
        assert place.send("GET", f"/boards?cursor={cursor(value)}", ADA).status == 400
    listed = place.send("GET", f"/boards?cursor={cursor('a')}", ADA)
    assert [item["id"] for item in listed.json["items"]] == ["t1"], "of all that follow, its own"
    of_another_list = cursor("Blue", "t1")
    assert place.send("GET", f"/boards?cursor={of_another_list}", ADA).status == 400


def test_a_forged_value_in_a_cursor_is_a_bad_request_or_a_position(place: Place) -> None:
    forged: list[Any] = []
    for fill in (
        lambda value: setattr(value.timestamp_value, "seconds", 2**62),
        lambda value: setattr(value.geo_point_value, "latitude", 1e300),
        lambda value: setattr(value, "reference_value", "zzz"),
        lambda value: setattr(value.map_value.fields["__type__"], "string_value", "__vector__"),
        lambda value: value.SetInParent(),
        lambda value: setattr(value, "string_value", "x" * 5000),
    ):
        message = _Cursor()
        fill(message.values.add())
        message.values.add().string_value = "t1"
        forged.append(message)
    deep = _Cursor()
    value = deep.values.add()
    for _ in range(80):
        value = value.map_value.fields["a"]
    deep.values.add().string_value = "t1"
    for message in (*forged, deep):
        answer = place.send("GET", f"/titles?order=-title&cursor={cursor(message=message)}")
        assert answer.status in {200, 400}, answer


def test_waiting_for_the_future_is_refused_before_anything_is_read(place: Place) -> None:
    place.billing.counts.clear()
    hour = (_now(3600)) * 10**6
    for after in (str(hour), "9" * 17, "9999-12-31T23:59:59Z", "9999-12-31T23:59:59-14:00"):
        assert place.send("GET", f"/titles/t1?after={after}").status == 400, after
    for after in ("-1", "", "x", "1&after=2", "2026-01-01", "2026-01-01T00:00:00", "%00", "NaN"):
        assert place.send("GET", f"/titles/t1?after={after}").status == 400, after
    assert place.billing.counts == {}


def test_waiting_costs_a_bounded_number_of_reads_and_those_who_may_not_read_none(
    place: Place,
) -> None:
    place.client.document("titles/t1").update({"title": "stale"})
    try:
        place.billing.counts.clear()
        stale = place.send("GET", f"/titles/t1?after={_now() * 10**6}")
        assert stale.status == 504
        looks = 3  # in 0.3 s, with pauses that double from 0.05 s
        assert place.billing.counts["reads"] <= (looks + 1) * 3 + 1, place.billing.counts
    finally:
        place.client.document("titles/t1").update({"title": "Blue"})
    place.billing.counts.clear()
    for user, target in (
        (BOB, f"/profiles/{ADA}"),
        (NOBODY, "/lobbies/t1"),
        (NOBODY, "/boards/t1"),
    ):
        assert place.send("GET", f"{target}?after={_now() * 10**6}", user).status in {401, 403}
        assert place.send("GET", target, user).status in {401, 403}
    assert place.billing.counts == {}, "who cannot have access causes no read"
    place.billing.counts.clear()
    assert place.send("GET", f"/boards/t1?after={_now() * 10**6}", BOB).status == 403
    assert place.billing.counts["reads"] == 1


# What a request wants to see


def test_a_request_that_wants_to_see_what_it_may_not_is_not_carried_out(place: Place) -> None:
    for view in ("Profile", "Screen", "Audit", "Secret", "Nobody", "", "Titled&return=Titled"):
        identifier = f"wants{next(ids)}"
        target = f"/teamForms/{identifier}?return={view}"
        answer = place.send("PUT", target, ADMIN, body={"title": "Red"})
        assert answer.status in {400, 403}, (view, answer)
        assert not place.exists(f"teamForms/{identifier}")
        assert not place.exists(f"teams/{identifier}")


def test_a_view_whose_members_the_caller_is_not_among_is_not_shown(place: Place) -> None:
    token = token_of(place.project, BOB, admin=True)
    seen = place.send("PUT", "/teamForms/gb1?return=GuestBook", token=token, body={"title": "Red"})
    assert seen.status == 201
    assert seen.json["view"] is None, "bob is no guest of the new team"
    seen = place.send("PUT", "/teamForms/bo1?return=Board", token=token, body={"title": "Red"})
    assert seen.json["view"] == {"title": "Red", "memberIds": []}, "as an administrator"


# Browsers and caches


def test_only_listed_origins_are_let_in(place: Place) -> None:
    for origin in ("https://evil.example", "null", "https://app.example.evil.example"):
        for method, headers in (
            ("GET", {}),
            ("OPTIONS", {"Access-Control-Request-Method": "PUT"}),
        ):
            answer = place.send(method, "/titles/t1", headers={"Origin": origin, **headers})
            assert "access-control-allow-origin" not in answer.headers, (origin, method)
            assert "access-control-allow-credentials" not in answer.headers
    asked_for = {"Access-Control-Request-Method": "PUT"}
    asked_for["Access-Control-Request-Headers"] = "authorization, content-type"
    preflight = place.send("OPTIONS", "/noteForms/x", headers={"Origin": ORIGIN, **asked_for})
    assert preflight.status == 200
    assert preflight.headers["access-control-allow-origin"] == ORIGIN
    asked_for["Access-Control-Request-Method"] = "DELETE"
    refused = place.send("OPTIONS", "/noteForms/x", headers={"Origin": ORIGIN, **asked_for})
    assert refused.status == 400
    for target in ("/titles/t1", "/boards/t1", "/none", "/titles?x=1"):
        answer = place.send("GET", target, headers={"Origin": ORIGIN})
        assert answer.headers["access-control-allow-origin"] == ORIGIN, "errors as well"
        assert "Origin" in answer.headers["vary"]
    closed = served(guarded.stored(), place.database)
    answer = send(closed, "GET", "/titles/t1", headers={"Origin": ORIGIN})
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_nothing_that_is_not_public_may_be_kept_by_a_shared_cache(place: Place) -> None:
    answers: list[tuple[str, Answer]] = []
    for app in (place.stored, place.live):
        for target, user in (
            ("/lobbies/t1", BOB),
            ("/boards/t1", ADA),
            ("/boards/t1", ADMIN),
            (f"/profiles/{ADA}", ADA),
            ("/boards", ADA),
            ("/lobbies", BOB),
            ("/boards/t1", BOB),
            ("/none", BOB),
        ):
            first = place.send("GET", target, user, app=app)
            tag = {"If-None-Match": first.headers.get("etag", "*")}
            answers += [
                (target, first),
                (target, place.send("GET", target, user, app=app, headers=tag)),
            ]
            answers.append((target, place.send("HEAD", target, user, app=app)))
    answers.append(("note", place.send("PUT", f"/noteForms/c{next(ids)}", body={"text": "x"})))
    assert {answer.status for _, answer in answers} >= {200, 201, 304, 403, 404}
    for target, answer in answers:
        control = answer.headers["cache-control"]
        assert control in {"private, no-cache", "no-store"}, (target, answer)
        assert answer.headers["x-content-type-options"] == "nosniff"
        if control != "no-store":
            assert "Authorization" in answer.headers["vary"]


def test_no_token_no_body_and_no_query_is_logged(
    place: Place, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    logging.getLogger().setLevel(logging.DEBUG)
    token = place.token(ADA) or ""
    marks = ["body-mark-1", "query-mark-2", token, token.split(".")[1], "header-mark-3"]
    headers = {"If-None-Match": '"header-mark-3"', "X-Firebase-AppCheck": "header-mark-3"}
    place.client.document("teams/t6").set({"title": 7, "memberIds": [ADA]})
    for target, body in (
        ("/titles/t1?x=query-mark-2", None),
        ("/titles?cursor=query-mark-2", None),
        ("/titles?title=query-mark-2", None),
        (f"/titles?title=query-mark-2{'x' * 2000}", None),
        ("/boards/t6", None),
        ("/noteForms/log1?return=query-mark-2", {"text": "body-mark-1"}),
        ("/noteForms/log2", {"text": "body-mark-1" * 9}),
        ("/noteForms/log3", b'{"text": "body-mark-1'),
        ("/noteForms/log4", {"text": "bm", "body-mark-1": 1}),
        (f"/{SHEETS}/log5", SHEET | {"whatever": [["body-mark-1"]]}),
        (f"/{SHEETS}/log6", SHEET | {"whatever": "body-mark-1"}),
        (f"/{SHEETS}/log6", SHEET | {"whatever": "body-mark-1 again"}),
    ):
        for app in (place.stored, place.live):
            method = "GET" if body is None else "PUT"
            place.send(method, target, ADA, app=app, body=body, headers=headers)
            place.send(method, target, app=app, token=f"{token}x.y", body=body, headers=headers)
    out = capfd.readouterr()
    logged = caplog.text + out.out + out.err
    assert [mark for mark in marks if mark in logged] == []


def test_a_slow_body_is_not_waited_for(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asked, "BODY_SEC", 0.05)
    headers = {"Content-Type": "application/json"}
    answer = place.send("PUT", "/noteForms/slow", chunks=[b'{"text":', None], headers=headers)
    assert answer.status == 408
