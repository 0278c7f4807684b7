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
from typing import TYPE_CHECKING, Any, NoReturn, cast

from pydantic import BaseModel, ConfigDict, ValidationError

from onto_fn.access import Owner, allows
from onto_fn.emulators import emulator_of, is_emulated
from onto_fn.engine import Engine
from onto_fn.errors import (
    DocumentTooLarge,
    EmulatorMissing,
    InvalidPath,
    InvalidRequest,
    InvalidValue,
    OntoError,
)
from onto_fn.events import Result
from onto_fn.firestore import Database
from onto_fn.firestore.canonical import digest
from onto_fn.firestore.documents import Fields
from onto_fn.firestore.paths import last_segment
from onto_fn.firestore.sizes import check_size
from onto_fn.firestore.values import encode_fields
from onto_fn.functions.endpoints import FunctionOptions
from onto_fn.functions.integers import decoded, encoded
from onto_fn.functions.tokens import has_expired, initialise
from onto_fn.mediators import RequestMediator
from onto_fn.models.model_type import problems_of
from onto_fn.observability.trace_context import traced
from onto_fn.requests.request import check_id

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

    App Check has no emulator. An ID token has one; without it, the call is to be refused.

    Args:
        environ: of the request, in the terms of WSGI.
    """
    if not is_emulated():
        return
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
    problem = cast(Any, call.raw_request).environ.get(_PROBLEM)
    if problem is not None:
        _refuse("failed-precondition", problem)
    if call.auth is not None and has_expired(call.auth.token):
        _refuse("unauthenticated", "the ID token has expired; get a new one")
    asked = _parsed(call.data)
    mediator = mediators.get(asked.request)
    if mediator is None:
        _refuse("not-found", f"no request is named {asked.request!r}")
    if mediator.app_check and call.app is None:
        _refuse("unauthenticated", "this request needs a valid App Check token")
    path = _path(mediator, asked, call)
    database = connect()
    fields = _checked(mediator, asked, path)
    uid = call.auth.uid if call.auth else None
    name = mediator.model.__request_name__
    try:
        outcome = engine.submit(database, name, path, fields, uid)
        mark: Mapping[str, Any] = {"state": "done"}
        if outcome.result is Result.REFUSED:
            mark = {"reason": outcome.error}
        elif outcome.result is not Result.COMMITTED:
            mark = _mark(engine, mediator, database, path, fields)
    except OntoError as error:
        raise _error("unavailable", "try again with the same id") from error
    if mark.get("state") != "done":
        reason = str(mark.get("reason"))
        _refuse("internal" if reason == "internal error" else "failed-precondition", reason)
    return {"id": asked.id, "path": path, "state": "done"}


def _parsed(data: object) -> Call:
    try:
        return Call.model_validate(decoded(data))
    except InvalidRequest as error:
        return _invalid(error.problems)
    except ValidationError as error:
        return _invalid(problems_of(error))


def _path(mediator: RequestMediator, asked: Call, call: CallableRequest[Any]) -> str:
    """Path of the request's document, which the caller may create."""
    model = mediator.model
    uid, claims = (call.auth.uid, call.auth.token) if call.auth else (None, {})
    identifier = last_segment(model.__path__.text)[1:-1]
    unknown = sorted(asked.params.keys() - (set(model.__path__.variables) - {identifier}))
    if unknown:
        _invalid([f"params.{name}: the path has no such variable" for name in unknown])
    params = {**asked.params, identifier: asked.id}
    for part in model.__create__.alternatives():
        if isinstance(part, Owner) and uid is not None:
            params.setdefault(part.variable, uid)
    missing = [name for name in model.__path__.variables if name not in params]
    if not allows(model.__create__, uid, claims, params):
        if uid is None:
            _refuse("unauthenticated", "sign in, and send the ID token")
        _refuse("permission-denied", f"you may not create this {model.__request_name__}")
    if missing:
        _invalid([f"params.{name}: Field required" for name in missing])
    try:
        path = model.__path__.render(params)
        check_id(asked.id)
        return path
    except InvalidRequest as error:
        return _invalid(error.problems)
    except InvalidPath as error:
        return _invalid([str(error)])


def _checked(mediator: RequestMediator, asked: Call, path: str) -> Fields:
    """What the request's document will hold, as a client of Firestore would write it."""
    model = mediator.model
    try:
        fields = cast(Fields, model.written_shape().from_json(asked.fields))
        model.parsed(fields)
        check_size(path, fields)
        encode_fields(fields, documents="", where="fields")
    except InvalidRequest as error:
        return _invalid(error.problems)
    except (InvalidValue, DocumentTooLarge) as error:
        return _invalid([str(error)])
    return fields


def _mark(
    engine: Engine, mediator: RequestMediator, database: Database, path: str, fields: Fields
) -> Mapping[str, Any]:
    """How the request was marked before: by another call, or by its event."""
    field = mediator.definition().done.field or ""
    found = engine.read(database, path)
    content = dict(found.fields or {})
    mark = cast("Mapping[str, Any]", content.pop(field, {"reason": "internal error"}))
    if found.exists and digest(content) != digest(fields):
        _refuse("already-exists", "this id has been used for another request")
    return mark


def _invalid(problems: list[str]) -> NoReturn:
    raise _error("invalid-argument", "; ".join(problems), {"problems": problems})


def _refuse(code: str, message: str) -> NoReturn:
    raise _error(code, message)


def _error(code: str, message: str, details: Any = None) -> Exception:
    from firebase_functions.https_fn import FunctionsErrorCode, HttpsError

    return HttpsError(FunctionsErrorCode(code), message, details)
