"""`onto_request`: a callable HTTPS function that processes the forms and patches of an app.

With the Firebase SDK of a front end::

    const request = httpsCallable(functions, "onto_request")
    await request({request: "CityForm", id: "LA", fields: {name: "Los Angeles", country: "USA"}})

It speaks the protocol of Firebase's callable functions: `{"data": …}` is answered with
`{"result": {"id", "path", "state": "done"}}` or `{"error": {"status", "message"}}`. The caller's ID
token is verified, and users who may create the request's document may call.

`id` is the id of the request's document, and so the key of idempotency: a repeated call is answered
as the first was, and changes nothing. The document and its mark are written in the commit that
processes the request.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from pydantic import BaseModel, ConfigDict, ValidationError

from onto_fn.emulators import emulator_of, is_emulated
from onto_fn.engine import Engine
from onto_fn.errors import EmulatorMissing, InvalidRequest
from onto_fn.firestore import Database
from onto_fn.functions.endpoints import FunctionOptions
from onto_fn.gate.caller import Caller, signed_in
from onto_fn.gate.integers import decoded, encoded
from onto_fn.gate.refusal import Refusal, invalid
from onto_fn.gate.submitting import submit
from onto_fn.gate.tokens import initialise
from onto_fn.mediators import RequestMediator
from onto_fn.models.model_type import problems_of
from onto_fn.observability.trace_context import traced

if TYPE_CHECKING:
    from firebase_functions.https_fn import CallableRequest

NAME = "onto_request"
_PROBLEM = "onto_fn.problem"


class Call(BaseModel):
    """The data of a call.

    Attributes:
        request: name of the form or patch.
        id: id of the request, chosen by the client.
        params: values of the other variables of the request's path; a variable that must be the
            caller's id defaults to that id.
        fields: what the request's document would hold.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    request: str
    id: str
    params: dict[str, str] = {}
    fields: dict[str, Any]


def request_function(
    engine: Engine,
    connect: Callable[[], Database],
    options: FunctionOptions,
    mediators: Mapping[str, RequestMediator],
) -> Callable[[Any], Any]:
    """The function, ready to be exported.

    Args:
        engine: processes the requests.
        connect: connects to the database that they are for.
        options: how the function runs.
        mediators: those that may be called, by name.
    """

    @cache
    def handler() -> Callable[[Any], Any]:
        # Imported with the first call: no other function of the app needs a web framework.
        from firebase_functions import https_fn

        def answer(call: CallableRequest[Any]) -> dict[str, str]:
            with traced(cast(Any, call.raw_request.headers)):
                return encoded(_answer(engine, connect, mediators, call))

        initialise()
        return https_fn.on_call()(answer)

    def onto_request(request: Any) -> Any:
        _keep_from_google(request.environ)
        return handler()(request)

    onto_request.__dict__["__firebase_endpoint__"] = options.endpoint(NAME, callable={})
    return onto_request


def _keep_from_google(environ: dict[str, Any]) -> None:
    """Remove tokens from an emulated request that only Google could verify.

    App Check has no emulator. An ID token has one; without it, the call is to be refused, and also
    where it would take unsigned tokens for real data.

    Args:
        environ: of the request, in the terms of WSGI.
    """
    if is_emulated():
        environ.pop("HTTP_X_FIREBASE_APPCHECK", None)
    try:
        emulator_of("auth")
    except EmulatorMissing as error:
        if environ.pop("HTTP_AUTHORIZATION", None) is not None:
            environ[_PROBLEM] = str(error)


def _answer(
    engine: Engine,
    connect: Callable[[], Database],
    mediators: Mapping[str, RequestMediator],
    call: CallableRequest[Any],
) -> dict[str, str]:
    try:
        problem = cast(Any, call.raw_request).environ.get(_PROBLEM)
        if problem is not None:
            raise Refusal("failed-precondition", problem)
        caller = _caller(call)
        asked = _parsed(call.data)
        mediator = mediators.get(asked.request)
        if mediator is None:
            raise Refusal("not-found", f"no request is named {asked.request!r}")
        if mediator.app_check and call.app is None:
            raise Refusal("unauthenticated", "this request needs a valid App Check token")
        done = submit(engine, connect(), mediator, asked.id, asked.params, asked.fields, caller)
        return {"id": asked.id, "path": done.path, "state": "done"}
    except Refusal as refusal:
        raise _error(refusal) from refusal


def _caller(call: CallableRequest[Any]) -> Caller:
    is_app = call.app is not None
    if call.auth is None:
        return Caller(is_app=is_app)
    return signed_in(call.auth.uid, call.auth.token, is_app=is_app)


def _parsed(data: object) -> Call:
    try:
        return Call.model_validate(decoded(data))
    except InvalidRequest as error:
        raise invalid(error.problems) from error
    except ValidationError as error:
        raise invalid(problems_of(error)) from error


def _error(refusal: Refusal) -> Exception:
    from firebase_functions.https_fn import FunctionsErrorCode, HttpsError

    details = {"problems": list(refusal.problems)} if refusal.problems else None
    return HttpsError(FunctionsErrorCode(refusal.code), str(refusal), details)
