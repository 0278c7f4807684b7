"""`onto_replay`: an HTTP function by which administrators replay dead letters.

    POST /onto_replay
    Authorization: Bearer <Firebase ID token with the administrators' custom claim>
    {"letters": ["TeamPage~teams%2Fa"]}          or          {"all": true}

It answers `{"results": {letter: what became of it}}`, 401 without a valid token, 403 without the
claim, 400 for a body that it does not understand.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from onto_fn.emulators import emulator_of
from onto_fn.errors import EmulatorMissing, OntoError
from onto_fn.firestore.paths import last_segment
from onto_fn.functions.admin import has_expired, initialise
from onto_fn.functions.tracing import traced

if TYPE_CHECKING:
    from onto_fn.functions.app import App

NAME = "onto_replay"
Answer = tuple[dict[str, Any], int]


def replay_function(app: App, claim: str) -> Callable[[Any], Answer]:
    """The function, ready to be exported.

    Args:
        app: whose dead letters are replayed.
        claim: the custom claim that must be true in the caller's ID token.
    """

    def onto_replay(request: Any) -> Answer:
        if request.method != "POST":
            return {"error": "use POST"}, 405
        refusal = _refusal(request, claim)
        if refusal is not None:
            return refusal
        letters = _letters(app, request.get_json(silent=True))
        if letters is None:
            return {"error": 'send {"letters": ["…"]} or {"all": true}'}, 400
        with traced(request.headers):
            return {"results": {letter: _replay(app, letter) for letter in letters}}, 200

    onto_replay.__dict__["__firebase_endpoint__"] = app.options.endpoint(NAME, https={})
    return onto_replay


def _refusal(request: Any, claim: str) -> Answer | None:
    """Why the caller is not let in, or None if it is an administrator."""
    from firebase_admin import auth  # pyright: ignore[reportMissingTypeStubs]

    scheme, _, token = str(request.headers.get("Authorization", "")).partition(" ")
    if scheme.lower() != "bearer" or not token:
        return {"error": "send an ID token: Authorization: Bearer …"}, 401
    try:
        emulator_of("auth")  # without one, the SDK would fetch Google's certificates
    except EmulatorMissing as error:
        return {"error": str(error)}, 503
    initialise()
    try:
        claims = cast(Any, auth).verify_id_token(token)
    except Exception:  # whatever is wrong with it, it is not a proof of identity
        return {"error": "the ID token is not valid"}, 401
    if has_expired(claims):
        return {"error": "the ID token has expired"}, 401
    if claims.get(claim) is not True:
        return {"error": f"the ID token does not have the claim {claim!r}"}, 403
    return None


def _letters(app: App, body: object) -> list[str] | None:
    if not isinstance(body, dict):
        return None
    asked = cast("dict[str, object]", body)
    if asked.get("all") is True:
        database = app.database()
        return [last_segment(letter.path) for letter in app.engine.letters(database)]
    letters = asked.get("letters")
    if not isinstance(letters, list):
        return None
    names = cast("list[object]", letters)
    if not all(isinstance(name, str) and name and "/" not in name for name in names):
        return None
    return cast("list[str]", names)


def _replay(app: App, letter: str) -> dict[str, str]:
    try:
        outcome = app.replay(letter)
    except OntoError as error:
        return {"result": "error", "error": str(error)}
    if outcome is None:
        return {"result": "resolved"}
    return {"result": outcome.result.value, "error": outcome.error}
