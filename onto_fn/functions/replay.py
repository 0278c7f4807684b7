"""`onto_replay`: an HTTP function by which administrators replay dead letters.

    POST /onto_replay
    Authorization: Bearer <Firebase ID token with the administrators' custom claim>
    {"letters": ["TeamPage~teams%2Fa"]}          or          {"all": true}

It answers `{"results": {letter: what became of it}}`, 401 without a valid token, 403 without the
claim, 400 for a body that it does not understand.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from onto_fn.engine import Engine
from onto_fn.errors import EmulatorMissing, OntoError
from onto_fn.firestore import Database
from onto_fn.firestore.paths import last_segment
from onto_fn.functions.endpoints import FunctionOptions
from onto_fn.gate.caller import caller_of
from onto_fn.gate.refusal import Refusal
from onto_fn.observability.trace_context import traced

NAME = "onto_replay"
Answer = tuple[dict[str, Any], int]


def replay_function(
    engine: Engine, connect: Callable[[], Database], options: FunctionOptions, claim: str
) -> Callable[[Any], Answer]:
    """The function, ready to be exported.

    Args:
        engine: replays dead letters.
        connect: connects to the database that holds them.
        options: how the function runs.
        claim: the custom claim that must be true in the caller's ID token.
    """

    def onto_replay(request: Any) -> Answer:
        if request.method != "POST":
            return {"error": "use POST"}, 405
        refusal = _refusal(request, claim)
        if refusal is not None:
            return refusal
        database = connect()
        letters = _letters(engine, database, request.get_json(silent=True))
        if letters is None:
            return {"error": 'send {"letters": ["…"]} or {"all": true}'}, 400
        with traced(request.headers):
            results = {letter: _replay(engine, database, letter) for letter in letters}
            return {"results": results}, 200

    onto_replay.__dict__["__firebase_endpoint__"] = options.endpoint(NAME, https={})
    return onto_replay


def _refusal(request: Any, claim: str) -> Answer | None:
    """Why the caller is refused, or None if it is an administrator."""
    try:
        caller = caller_of(request.headers.get("Authorization", ""), None)
    except Refusal as refusal:
        is_set_up = not isinstance(refusal.__cause__, EmulatorMissing)
        return {"error": str(refusal)}, 401 if is_set_up else 503
    if caller.claims.get(claim) is not True:
        return {"error": f"the ID token does not have the claim {claim!r}"}, 403
    return None


def _letters(engine: Engine, database: Database, body: object) -> list[str] | None:
    if not isinstance(body, dict):
        return None
    asked = cast("dict[str, object]", body)
    if asked.get("all") is True:
        return [last_segment(letter.path) for letter in engine.letters(database)]
    letters = asked.get("letters")
    if not isinstance(letters, list):
        return None
    names = cast("list[object]", letters)
    if not all(isinstance(name, str) and name and "/" not in name for name in names):
        return None
    return cast("list[str]", names)


def _replay(engine: Engine, database: Database, letter: str) -> dict[str, str]:
    try:
        outcome = engine.replay(database, letter)
    except OntoError as error:
        return {"result": "error", "error": str(error)}
    if outcome is None:
        return {"result": "resolved"}
    return {"result": outcome.result.value, "error": outcome.error}
