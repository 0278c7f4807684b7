"""Callers who prove nothing, or may not read: what opens, and what an answer tells them."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from emulator_tests.access.guards.cases import ADA, ADMIN, BOB, CLAIMS, NOBODY
from emulator_tests.api.attacks.place import Place
from emulator_tests.api.attacks.tokens import claims_of, now, token_of, unsigned

ids = itertools.count()


# Tokens


def without(name: str, claims: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in claims.items() if key != name}


TOKENS: dict[str, Any] = {
    "expired": lambda p: token_of(p, ADA, exp=now(-1)),
    "expires now": lambda p: token_of(p, ADA, exp=now()),
    "an end that is a text": lambda p: token_of(p, ADA, exp="never"),
    "an end that is null": lambda p: token_of(p, ADA, exp=None),
    "an end that is a list": lambda p: token_of(p, ADA, exp=[now(60)]),
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
            ("GET", f"?after={now(-60) * 10**6}", {}),
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
