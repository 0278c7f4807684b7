"""Addresses, queries and headers that no client of the API would send."""

from __future__ import annotations

import itertools
import logging
from typing import Any

import pytest

from emulator_tests.access.guards.cases import ADA, ADMIN, BOB, NOBODY, SHEET, SHEETS
from emulator_tests.api.attacks import guarded
from emulator_tests.api.attacks.asgi import Answer, send, served
from emulator_tests.api.attacks.cursors import cursor
from emulator_tests.api.attacks.place import ORIGIN, Place
from emulator_tests.api.attacks.tokens import now, token_of
from onto_fn.firestore import Reference
from onto_fn.gate.cursors import _Cursor

ids = itertools.count()


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
    hour = (now(3600)) * 10**6
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
        stale = place.send("GET", f"/titles/t1?after={now() * 10**6}")
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
        assert place.send("GET", f"{target}?after={now() * 10**6}", user).status in {401, 403}
        assert place.send("GET", target, user).status in {401, 403}
    assert place.billing.counts == {}, "who cannot have access causes no read"
    place.billing.counts.clear()
    assert place.send("GET", f"/boards/t1?after={now() * 10**6}", BOB).status == 403
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
