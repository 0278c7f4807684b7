"""The attacks by which a loosened guard is found out: each says whether it got through."""

from __future__ import annotations

import asyncio
import itertools
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pytest

from emulator_tests.access.guards.cases import ADA, ADMIN, BOB, GOLD, NOBODY, SHEET, SHEETS
from emulator_tests.api.attacks import guarded
from emulator_tests.api.attacks.asgi import served
from emulator_tests.api.attacks.cursors import cursor
from emulator_tests.api.attacks.place import Place
from emulator_tests.api.attacks.serving import begins, serving
from emulator_tests.api.attacks.tokens import claims_of, now, token_of
from emulator_tests.api.guards import odd
from emulator_tests.apps.guarded import ClosedForm, Lobby, NoteForm, Secret, Titled
from onto_fn import App, DeclarationError, FormMediator
from onto_fn.api import Api, Live, Rest, Streams, application, by
from onto_fn.api.rest import asked
from onto_fn.api.work import Work
from onto_fn.gate import caller as callers
from onto_fn.gate import submitting
from onto_fn.gate.caller import Caller
from onto_fn.gate.cursors import _Cursor
from onto_fn.gate.refusal import Refusal


@dataclass(frozen=True)
class Field:
    """Where the attacks take place."""

    place: Place

    @cached_property
    def odd(self) -> Any:
        return served(odd.app, self.place.database)

    def seed(self) -> None:
        team = {"title": "Blue"}
        documents: dict[str, dict[str, Any]] = {
            "guestBooks/odd": team | {"guests": ["bob"]},
            "teams/broken": {"title": 7},
            "byUid/t1": team,
            "choices/t1": {"state": "open"},
        }
        for path, fields in documents.items():
            self.place.client.document(path).set(fields)


ATTACKS: dict[str, Callable[[Field], bool]] = {}
_ids = itertools.count()


def attack(name: str) -> Callable[[Callable[[Field], bool]], Callable[[Field], bool]]:
    def keep(function: Callable[[Field], bool]) -> Callable[[Field], bool]:
        ATTACKS[name] = function
        return function

    return keep


def ask(name: str, status: int, target: str, user: str = NOBODY, **rest: Any) -> None:
    """An attack that is answered with a status, and with another if it gets through."""

    def tried(field: Field) -> bool:
        kind = rest.get("app", "stored")
        app = field.odd if kind == "odd" else getattr(field.place, kind)
        token = rest["token"](field.place.project) if "token" in rest else field.place.token(user)
        answer = field.place.send(
            rest.get("method", "GET"),
            target,
            app=app,
            token=token,
            headers=rest.get("headers"),
        )
        return answer.status != status

    ATTACKS[name] = tried


def put(name: str, status: int, body: object, path: str = SHEETS, **rest: Any) -> None:
    """A request that is refused with a status and leaves no document; or else gets through."""

    def tried(field: Field) -> bool:
        identifier = rest.get("id") or f"{rest.get('prefix', '')}guard{next(_ids)}"
        app = field.odd if rest.get("app") == "odd" else field.place.stored
        prefix = "/v1" if rest.get("app") == "odd" else ""
        answer = field.place.send(
            "PUT",
            f"{prefix}/{path}/{identifier}{rest.get('query', '')}",
            rest.get("user", ADA),
            app=app,
            body=body,
            headers=rest.get("headers"),
        )
        is_id = identifier != "__x__" and not rest.get("stays")
        return answer.status != status or (is_id and field.place.exists(f"{path}/{identifier}"))

    ATTACKS[name] = tried


def sheet(**fields: Any) -> dict[str, Any]:
    return SHEET | fields


def raw(text: str) -> bytes:
    return (json.dumps(SHEET)[:-1] + text + "}").encode()


def nested(depth: int) -> bytes:
    inner = '{"a":' * depth + "1" + "}" * depth
    return f'{{"nick":"ada","level":"low","whatever":{inner}}}'.encode()


def deep_tree(depth: int) -> bytes:
    return ('{"node":' + '{"child":' * depth + "{}" + "}" * depth + "}").encode()


ask("nobody is signed in", 401, "/lobbies/t1")
ask("another's profile", 403, f"/profiles/{ADA}", BOB)
ask("a claim of another type", 403, "/boards/t1", token=lambda p: token_of(p, BOB, admin=1))
ask("a claim of another value", 403, "/teams/t1/audits/latest", "pretender")
ask("an item of a map", 403, "/guestBooks/odd", BOB)
ask("a guest who was sent away", 403, "/guestBooks/t1", BOB)
ask("no member", 403, "/boards/t1", BOB)
ask("list by a map", 403, "/guestBooks", ADA)
ask("a garbled token", 401, "/titles/t1", token=lambda _: "e30.e30.")
ask("an expired token", 401, "/titles/t1", token=lambda p: token_of(p, ADA, exp=now(-1)))
ask("no end", 401, "/titles/t1", token=lambda p: token_of(p, ADA, exp="never"))
ask("an endless token", 401, "/titles/t1", token=lambda p: token_of(p, ADA, exp=float("inf")))
ask("the SDK's own claim", 403, "/v1/byUid/t1", ADA, app="odd")
ask("a view that cannot be built", 403, "/boards/broken", BOB, app="live")
ask("list as nobody", 401, "/boards")
ask("list without a claim", 403, "/teams/t1/audits", ADA)
ask("list below an id that is none", 400, "/teams/__x__/audits", GOLD)
ask("a cursor elsewhere", 400, f"/titles?cursor={cursor('t1/more/x')}")
ask("a condition that is too long", 400, f"/titles?title={'x' * 1501}")
ask("an id that is none", 400, "/titles/__x__")
LONG = "/".join(f"{name}/{'x' * 1500}" for name in "abcde")
ask("a path that is too long", 400, f"/v1/{LONG}", app="odd")
ask("wait for a view without a root", 400, f"/v1/pairs/x/of/y/pages/page?after={now()}", app="odd")
ask("a value that there is not", 400, "/v1/choices?state=lost", app="odd")
ask("delete a view", 405, "/titles/t1", method="DELETE")
ask("a path that is not UTF-8", 400, "/titles/%ff")
ask("an encoded slash", 404, f"/users%2F{ADA}%2FScreen%2Fview", ADA)
ask("another prefix", 404, "/v2/choices/t1", app="odd")
ask("another collection", 404, "/secrets/t1")
ask("a longer path", 404, "/titles/t1/more")
ask("an unknown parameter", 400, "/titles/t1?x=1")
ask("a parameter twice", 400, "/titles?limit=1&limit=1")
ask("a long page", 400, "/titles?limit=101")
ask("wait for the future", 400, f"/titles/t1?after={now(3600) * 10**6}")
ask("a time without a zone", 400, "/titles/t1?after=2026-01-01T00:00:00")
ask("accept text", 406, "/titles/t1", headers={"Accept": "text/plain"})
ask("accept nothing", 406, "/titles/t1", headers={"Accept": "application/json;q=0"})
ask("an order that is not declared", 400, "/titles?order=title")
ask("a condition that is not declared", 400, "/titles?order=-title&title=Blue")
ask("a parameter of the documentation", 400, "/openapi.json?x=1")
ask("another form of the documentation", 406, "/openapi.json", headers={"Accept": "text/html"})

NOTE = {"text": "x"}
put("another's sheet", 403, SHEET, user=BOB)
put("put at an id that is none", 400, NOTE, "noteForms", id="__x__")
put("put at a long id", 400, NOTE, "noteForms", prefix="x" * 125)
put("an undeclared field", 422, sheet(admin=True))
put("a list in a list", 422, sheet(whatever=[[1]]))
put("a document that is too large", 422, sheet(whatever="x" * (1024 * 1024 - 60)))
put("a deep body", 422, deep_tree(300), "trees", app="odd")
put("a very deep body", 400, nested(100_000))
put("a forged vector", 422, sheet(whatever={"__type__": "__vector__", "value": [1]}))
put("a long key", 422, sheet(whatever={"a" * 1501: 1}))
put("an id that was used", 409, {"text": "other"}, "noteForms", id="done", stays=True)
put("a request that the app refuses", 422, NOTE, "noForms", app="odd", stays=True)
put(
    "two lengths",
    400,
    NOTE,
    "noteForms",
    headers={"Transfer-Encoding": "chunked", "Content-Length": "12"},
)
put("a body of another type", 415, NOTE, "noteForms", headers={"Content-Type": "text/plain"})
put("an encoded body", 415, NOTE, "noteForms", headers={"Content-Encoding": "gzip"})
put("a long body that is announced", 413, NOTE, "noteForms", headers={"Content-Length": "2000000"})
put("a long body", 413, b'{"text":"x"}' + b" " * 1024 * 1024, "noteForms")
put("no number", 400, raw(',"ratio":NaN'))
put("a number beyond doubles", 400, raw(',"ratio":1e999'))
put("a name twice", 400, raw(',"nick":"eve"'))
put("a body that is a list", 422, [[name, value] for name, value in SHEET.items()])
put("want another's view", 403, {"title": "x"}, "teamForms", user=ADMIN, query="?return=Profile")
put("want a view at no id", 400, {"teamId": "__x__"}, "picks", app="odd", query="?return=Choice")
put(
    "want a view without a root",
    400,
    {"teamId": "t1", "a": "a", "b": "b"},
    "picks",
    app="odd",
    query="?return=Pair",
)


@attack("another scheme")
def _(field: Field) -> bool:
    token = {"Authorization": f"Basic {field.place.token(ADA)}"}
    return field.place.send("GET", "/titles/t1", headers=token).status != 401


@attack("list what is computed")
def _(field: Field) -> bool:
    app = served(guarded.live(), field.place.database)
    return field.place.send("GET", "/titles", app=app).status != 404


@attack("list the boards of others")
def _(field: Field) -> bool:
    answer = field.place.send("GET", "/boards", ADA)
    return [item["id"] for item in answer.json["items"]] != ["t1"]


@attack("reads for a stranger")
def _(field: Field) -> bool:
    field.place.billing.counts.clear()
    field.place.send("GET", f"/profiles/{ADA}", BOB)
    return field.place.billing.counts["reads"] > 0


@attack("wait as a stranger")
def _(field: Field) -> bool:
    field.place.billing.counts.clear()
    field.place.send("GET", f"/boards/t1?after={now(-1) * 10**6}", BOB)
    return field.place.billing.counts["reads"] > 1


@attack("a cursor beyond time")
def _(field: Field) -> bool:
    message = _Cursor()
    message.values.add().timestamp_value.seconds = 2**62
    message.values.add().string_value = "t1"
    forged = cursor(message=message)
    return field.place.send("GET", f"/titles?order=-title&cursor={forged}").status != 400


@attack("see what one is no guest of")
def _(field: Field) -> bool:
    token = token_of(field.place.project, BOB, admin=True)
    target = f"/teamForms/guard{next(_ids)}?return=GuestBook"
    return (
        field.place.send("PUT", target, token=token, body={"title": "x"}).json["view"] is not None
    )


@attack("a variable that there is not")
def _(field: Field) -> bool:
    return _passes(
        lambda: submitting.path_of(FormMediator(NoteForm), "a", {"x": "y"}, Caller("ada"))
    )


@attack("another origin")
def _(field: Field) -> bool:
    app = served(guarded.stored(origins=["https://app.example"]), field.place.database)
    answer = field.place.send(
        "GET", "/titles/t1", app=app, headers={"Origin": "https://evil.example"}
    )
    return "access-control-allow-origin" in answer.headers


@attack("keep what is private")
def _(field: Field) -> bool:
    answer = field.place.send("GET", "/lobbies/t1", BOB)
    return answer.headers["cache-control"] != "private, no-cache"


@attack("keep an error")
def _(field: Field) -> bool:
    return field.place.send("GET", "/lobbies/t1").headers["cache-control"] != "no-store"


@attack("a slow body")
def _(field: Field) -> bool:
    started = time.monotonic()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(asked, "BODY_SEC", 0.05)
        headers = {"Content-Type": "application/json"}
        field.place.send("PUT", "/noteForms/slow", chunks=[b"{", None], headers=headers)
    return time.monotonic() - started > 0.7


@attack("watch as no member")
def _(field: Field) -> bool:
    app = guarded.stored(streams=Streams(timeout_sec=5, beat_sec=1))
    with serving(served(app, field.place.database)) as server:
        return begins(server, "GET", "/boards/t1", field.place.token(BOB), None)[:3] != "403"


@attack("watch what is computed")
def _(field: Field) -> bool:
    views = [Lobby, Live(Titled)]
    api = Api(views=views, streams=Streams(timeout_sec=5, beat_sec=1))
    title = {"view": "Titled", "params": {"team_id": "t1"}}
    with serving(served(App([Lobby], api=api), field.place.database)) as server:
        return begins(server, "POST", "/stream", None, {"watch": [title]})[:3] != "400"


# Without emulators, and without Google


def deployed(patch: pytest.MonkeyPatch) -> None:
    for name in ("FIRESTORE_EMULATOR_HOST", "GOOGLE_CLOUD_PROJECT", "FIREBASE_AUTH_EMULATOR_HOST"):
        patch.delenv(name, raising=False)
    patch.setattr(callers, "initialise", lambda: None)


def _passes(call: Callable[[], Any]) -> bool:
    try:
        call()
    except Refusal:
        return False
    return True


@attack("a token that only Google could verify")
def _(field: Field) -> bool:
    from firebase_admin import auth  # pyright: ignore[reportMissingTypeStubs]

    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("FIREBASE_AUTH_EMULATOR_HOST")
        patch.setattr(auth, "verify_id_token", lambda token: claims_of("p", "ada") | {"uid": "ada"})
        return _passes(lambda: callers.caller_of("Bearer x", None))


@attack("no App Check token")
def _(field: Field) -> bool:
    with pytest.MonkeyPatch.context() as patch:
        deployed(patch)
        return _passes(lambda: callers.check_app(Caller("ada")))


@attack("a garbled App Check token")
def _(field: Field) -> bool:
    from firebase_admin import app_check  # pyright: ignore[reportMissingTypeStubs]

    def wrong(token: str) -> None:
        raise ValueError(token)

    with pytest.MonkeyPatch.context() as patch:
        deployed(patch)
        patch.setattr(app_check, "verify_token", wrong)
        return _passes(lambda: callers.caller_of(None, "x"))


def _without_app_check(field: Field, app: App, method: str, target: str) -> bool:
    with pytest.MonkeyPatch.context() as patch:
        deployed(patch)
        patch.setattr(application, "caller_of", lambda *_: Caller("ada"))
        body = {"body": NOTE} if method == "PUT" else {}
        answer = field.place.send(method, target, app=served(app, field.place.database), **body)
    return answer.status != 401


@attack("an API without App Check")
def _(field: Field) -> bool:
    return _without_app_check(field, guarded.stored(app_check=True), "GET", "/titles/t1")


@attack("a form without App Check")
def _(field: Field) -> bool:
    form = FormMediator(NoteForm, callable=True, app_check=True)
    app = App([form], api=Api(requests=[NoteForm]))
    return _without_app_check(field, app, "PUT", f"/noteForms/guard{next(_ids)}")


# Declarations


def declare(name: str, make: Callable[[], App]) -> None:
    def tried(field: Field) -> bool:
        try:
            make()
        except DeclarationError:
            return False
        return True

    ATTACKS[name] = tried


declare("offer what nobody may read", lambda: App([Secret], api=Api(views=[Secret])))
declare("offer what nothing keeps", lambda: App([Lobby], api=Api(views=[Titled])))
declare("offer what nobody may send", lambda: App([ClosedForm], api=Api(requests=[ClosedForm])))
declare(
    "offer what is not marked",
    lambda: App([FormMediator(NoteForm, mark=None)], api=Api(requests=[NoteForm])),
)
declare("two at one address", lambda: App([Titled], api=Api(views=[Titled, Live(odd.Twin)])))
declare("open every collection", lambda: App([odd.Every], api=Api(views=[odd.Every])))
declare(
    "open what clients have sent",
    lambda: App([Titled, odd.TitleForm], api=Api(views=[Titled])),
)
declare(
    "narrow a list twice",
    lambda: App(
        [odd.Tagged],
        api=Api(views=[odd.Tagged], rest=Rest(lists={odd.Tagged: [by(where=["tags"])]})),
    ),
)
declare(
    "an origin with a path",
    lambda: App([Titled], api=Api(views=[Titled], origins=["https://a.example/x"])),
)


# Threads


@attack("too many calls")
def _(field: Field) -> bool:
    work, release = Work(5, workers=1, waiting=0), threading.Event()

    async def both() -> bool:
        first = asyncio.ensure_future(work.run(release.wait))
        await asyncio.sleep(0)
        asyncio.get_running_loop().call_later(0.05, release.set)
        try:
            await work.run(lambda: None)
        except Refusal:
            return False
        finally:
            await first
        return True

    return asyncio.run(both())


@attack("a call without an end")
def _(field: Field) -> bool:
    work, release = Work(0.05), threading.Event()

    async def wait() -> bool:
        asyncio.get_running_loop().call_later(0.3, release.set)
        try:
            await work.run(release.wait)
        except Refusal:
            return False
        finally:
            release.set()
        return True

    return asyncio.run(wait())
