"""Requests: who may send one, whether it fits, and what has become of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from onto_fn.access import Owner, allows
from onto_fn.engine import Engine
from onto_fn.errors import DocumentTooLarge, InvalidPath, InvalidRequest, InvalidValue, OntoError
from onto_fn.events import Result
from onto_fn.firestore import Database
from onto_fn.firestore.canonical import digest
from onto_fn.firestore.documents import Fields
from onto_fn.firestore.paths import MAX_SEGMENT_BYTES, check_document_path, last_segment
from onto_fn.firestore.sizes import check_size
from onto_fn.firestore.values import encode_fields
from onto_fn.gate.caller import Caller, check_app, denied
from onto_fn.gate.reading import version_of
from onto_fn.gate.refusal import Refusal, invalid
from onto_fn.mediators import RequestMediator
from onto_fn.requests.request import check_id

_WHERE = "fields"


@dataclass(frozen=True)
class Submitted:
    """A request that was carried out.

    Attributes:
        path: of its document.
        params: values of the variables of that path.
        is_new: whether this call carried it out, not an earlier one with the same id.
        time: of the commit: everything that it has written has this update time.
    """

    path: str
    params: Mapping[str, str]
    is_new: bool
    time: datetime

    @property
    def told(self) -> dict[str, str]:
        """What the caller is told; with `after` it can wait for a view that shows it."""
        return {
            "id": last_segment(self.path),
            "path": self.path,
            "state": "done",
            "after": version_of(self.time),
        }


def submit(
    engine: Engine,
    database: Database,
    mediator: RequestMediator,
    identifier: str,
    params: Mapping[str, str],
    fields: Mapping[str, Any],
    caller: Caller,
) -> Submitted:
    """Carry out a request, exactly once for its id.

    Args:
        engine: carries it out.
        database: where.
        mediator: of the form or patch.
        identifier: the request's id, chosen by the client.
        params: values of the other variables of its path; one that must be the caller's id defaults
            to that.
        fields: what its document would hold, in JSON.
        caller: who sends it.

    Raises:
        Refusal: the caller may not, it does not fit, the app refuses it, the id was used for
            another request, or Firestore could not be reached.
    """
    found = path_of(mediator, identifier, params, caller)
    path = mediator.model.__path__.render(found)
    content = _checked(mediator, fields, path)
    try:
        outcome = engine.submit(
            database, mediator.model.__request_name__, path, content, caller.uid
        )
        mark: Mapping[str, Any] = {"state": "done"}
        time = outcome.time
        if outcome.result is Result.REFUSED:
            mark = {"reason": outcome.error}
        elif outcome.result is not Result.COMMITTED:
            mark, time = _mark(engine, mediator, database, path, content)
    except OntoError as error:
        if isinstance(error, Refusal):
            raise
        raise Refusal("unavailable", "try again with the same id") from error
    if mark.get("state") != "done" or time is None:
        reason = str(mark.get("reason"))
        code = "internal" if reason == "internal error" else "failed-precondition"
        raise Refusal(code, reason)
    return Submitted(path, found, outcome.result is Result.COMMITTED, time)


def path_of(
    mediator: RequestMediator, identifier: str, params: Mapping[str, str], caller: Caller
) -> dict[str, str]:
    """Values of the variables of the path of a request's document, which the caller may create.

    Raises:
        Refusal: the caller may not, or a value is missing, unknown or not allowed; or it needs an
            App Check token and has none.
    """
    if mediator.app_check:
        check_app(caller)
    model = mediator.model
    name = last_segment(model.__path__.text)[1:-1]
    unknown = sorted(params.keys() - (set(model.__path__.variables) - {name}))
    if unknown:
        raise invalid([f"params.{name}: the path has no such variable" for name in unknown])
    found = {**params, name: identifier}
    for part in model.__create__.alternatives():
        if isinstance(part, Owner) and caller.uid is not None:
            found.setdefault(part.variable, caller.uid)
    missing = [variable for variable in model.__path__.variables if variable not in found]
    if not allows(model.__create__, caller.uid, caller.claims, found):
        raise denied(model.__create__, caller, f"create this {model.__request_name__}")
    if missing:
        raise invalid([f"params.{variable}: Field required" for variable in missing])
    try:
        check_document_path(model.__path__.render(found))
        check_id(identifier)
    except InvalidRequest as error:
        raise invalid(error.problems) from error
    except InvalidPath as error:
        raise invalid([str(error)]) from error
    return found


def _checked(mediator: RequestMediator, fields: Mapping[str, Any], path: str) -> Fields:
    """What the request's document will hold, as a client of Firestore would write it."""
    model = mediator.model
    try:
        content = cast(Fields, model.written_shape().from_json(dict(fields)))
        model.parsed(content)
        encode_fields(content, documents="", where=_WHERE)
        check_size(path, content)
    except InvalidRequest as error:
        raise invalid(error.problems) from error
    except InvalidValue as error:
        raise invalid([str(error).removeprefix(f"{_WHERE}: ")]) from error
    except DocumentTooLarge as error:
        raise invalid([str(error)]) from error
    except RecursionError as error:
        raise invalid(["(document): Input should not be nested that deeply"]) from error
    problems = list(_problems_of_names(content))
    if problems:
        raise invalid(problems)
    return content


def _problems_of_names(value: object, where: str = "") -> Iterator[str]:
    """What Firestore would refuse of the names in maps, which nobody declares."""
    match value:
        case dict():
            map_ = where or "(document)"
            for name, item in cast("dict[str, object]", value).items():
                if name.startswith("__") and name.endswith("__"):
                    yield f"{map_}: Firestore keeps the key {name!r:.100} for itself"
                elif len(name.encode()) > MAX_SEGMENT_BYTES:
                    yield f"{map_}: a key should have at most {MAX_SEGMENT_BYTES} bytes"
                yield from _problems_of_names(item, f"{where}.{name}" if where else name)
        case list():
            for place, item in enumerate(cast("list[object]", value)):
                yield from _problems_of_names(item, f"{where}.{place}")
        case _:
            pass


def _mark(
    engine: Engine, mediator: RequestMediator, database: Database, path: str, fields: Fields
) -> tuple[Mapping[str, Any], datetime | None]:
    """How and when the request was marked before: by another call, or by its event."""
    field = mediator.definition().done.field or ""
    found = engine.read(database, path)
    content = dict(found.fields or {})
    mark = cast("Mapping[str, Any]", content.pop(field, {"reason": "internal error"}))
    if found.exists and digest(content) != digest(fields):
        raise Refusal("already-exists", "this id has been used for another request")
    return mark, found.update_time
