"""What a request decides: which domain documents it creates or changes, or why it is refused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any, get_args, get_type_hints

from pydantic import ValidationError

from onto_fn.engine.records.ledger import OWN_COLLECTIONS
from onto_fn.errors import (
    BuildError,
    InvalidPath,
    InvalidRequest,
    PermanentError,
    Refused,
    TransientError,
)
from onto_fn.firestore import Document, PathTemplate, Write
from onto_fn.firestore.documents import Fields
from onto_fn.models import DomainModel
from onto_fn.requests.form import Form
from onto_fn.requests.patch import Patch
from onto_fn.requests.request import Request, RequestModel, problems_of_id
from onto_fn.requests.writable_store import WritableStore
from onto_fn.store import Reader, ReadSet, Store, root
from onto_fn.views import Decision, Definition, TaskDone, ViewDocument, ViewModel
from onto_fn.views.definition import BuiltDocuments, Transition, fingerprint


class RequestDocument(DomainModel):
    """Base of the classes of request documents; clients own them, they are not domain documents."""


def form_definition(form: type[Form[Any]], done: TaskDone) -> Definition:
    """What the engine needs to know of a form."""
    classes: set[type[Any]] = {form, *made_by(form)}
    store = form.store_type()
    if store is not None:
        classes |= {store, *store.models()}
    targets = tuple(model.template().child("{onto_id}") for model in made_by(form))
    return _definition(form, done, targets, classes, partial(decide_form, form))


def patch_definition(patch: type[Patch[Any]], done: TaskDone) -> Definition:
    """What the engine needs to know of a patch."""
    view = patch.__view__
    classes: set[type[Any]] = {patch, view, view.__store__, *view.__store__.models()}
    return _definition(patch, done, (), classes, partial(decide_patch, patch))


def made_by(form: type[Form[Any]]) -> list[type[DomainModel]]:
    """The models that the return type of `submit` names; empty if it does not say."""
    found: list[type[DomainModel]] = []

    def search(kind: Any) -> None:
        if isinstance(kind, type) and issubclass(kind, DomainModel) and kind.is_stored():
            found.append(kind)
        for argument in get_args(kind):
            search(argument)

    try:
        search(get_type_hints(form.submit).get("return"))
    except NameError:  # of a type that is only imported for type checking
        return []
    return found


def decide_form(
    form: type[Form[Any]], document: Document, reader: Reader, uid: str | None = None
) -> Decision:
    """What a form's document makes.

    Raises:
        Refused: its fields do not fit, `submit` refuses, or what it would create exists.
        PermanentError: the app's code raised, or what it reads is wrong.
    """
    request = form.request(document.path, uid, document.create_time)
    submitted = form.parsed(document.fields or {})
    source: WritableStore[Any] | None = None
    store = form.store_type()
    if store is not None:
        source = _source_of(form, store, submitted, request, reader)
        submitted._store = source.store  # pyright: ignore[reportPrivateUsage]
    made = _submit(submitted, request)
    changes = () if source is None else source.writes()
    created = _creations(form, [m for m in made if source is None or not source.owns(m)])
    if not form.__overwrite__ and created:
        for path, found in reader.get(list(created)).items():
            if found.exists:
                raise Refused(f"{path} already exists")
    precondition = None if form.__overwrite__ else "absent"
    writes = [Write(path, fields, precondition) for path, fields in created.items()]
    twice = created.keys() & {write.path for write in changes}
    if twice:
        raise BuildError(f"{form.__name__}.submit creates and changes {', '.join(sorted(twice))}")
    return Decision((*writes, *changes), ReadSet() if source is None else source.read_set)


def decide_patch(
    patch: type[Patch[Any]], document: Document, reader: Reader, uid: str | None = None
) -> Decision:
    """What a patch's document changes.

    Raises:
        Refused: its fields do not fit, there is no such document of the view, or a setter refuses.
        PermanentError: the app's code raised, or what the view reads is wrong.
    """
    fields = document.fields or {}
    request = patch.request(document.path, uid, document.create_time)
    if patch.model_config.get("extra") == "ignore":  # clients cannot write more; servers may
        declared = set(patch.stored_names())
        fields = {name: value for name, value in fields.items() if name in declared}
    asked = patch.parsed(fields)
    names = [name for name in patch.model_fields if name in asked.model_fields_set]
    params = _target(patch, request, fields)
    view = patch.__view__
    path = view.__path__.render(params)
    model = view.__store__.root().model
    source = WritableStore[Any].load(
        view.__store__, _root_path(model, params[patch.__root_id__], params), reader
    )
    # A missing root and a root that this user may not see must give the same answer.
    if source is None or path not in _paths(view(source.store)):
        raise Refused(f"{path} does not exist")
    target = view(source.store)
    for name in names:
        _set(patch, target, name, getattr(asked, name))
    return Decision(source.writes(), source.read_set)


def _definition(
    model: type[RequestModel],
    done: TaskDone,
    targets: tuple[PathTemplate, ...],
    classes: set[type[Any]],
    decide: Any,
) -> Definition:
    name, collection = model.__request_name__, model.__path__.parent
    document = type(
        f"{name}Document",
        (RequestDocument,),
        {"__module__": model.__module__},
        collection=str(collection),
    )
    return Definition(
        name=name,
        store=type(f"{name}Store", (Store,), {"request": root(document)}),
        build=_never,
        targets=targets,
        fingerprint=fingerprint(classes, model.__version__),
        mode="task",
        done=done,
        decide=decide,
    )


def _never(store: Store, transition: Transition) -> BuiltDocuments:
    raise NotImplementedError("a request decides, and builds nothing")


def _source_of(
    form: type[Form[Any]],
    store: type[Store],
    submitted: Form[Any],
    request: Request,
    reader: Reader,
) -> WritableStore[Any]:
    name = form.__root_id__ or ""
    if name in request.params:
        identifier: object = request.params[name]
    else:
        identifier = getattr(submitted, name)
        problems = problems_of_id(identifier, form.model_fields[name].alias or name)
        if problems:
            raise InvalidRequest(problems)
    path = _root_path(store.root().model, str(identifier), request.params)
    source = WritableStore[Any].load(store, path, reader)
    if source is None:
        raise Refused(f"{path} does not exist")
    return source


def _submit(form: Form[Any], request: Request) -> list[DomainModel]:
    name = f"{type(form).__name__}.submit"
    try:
        made: Any = form.submit(request)
        if isinstance(made, DomainModel):
            return [made]
        return list(made or ())
    except InvalidPath as error:  # of what the client has written
        raise Refused(str(error)) from error
    except (PermanentError, TransientError):
        raise
    except Exception as error:
        raise BuildError(f"{name} raised {type(error).__name__}: {error}") from error


def _creations(form: type[Form[Any]], made: Iterable[DomainModel]) -> dict[str, Fields]:
    name = f"{form.__name__}.submit"
    allowed = tuple(made_by(form))
    created: dict[str, Fields] = {}
    for model in made:
        if not isinstance(model, DomainModel) or isinstance(model, ViewDocument):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise BuildError(f"{name} returned {model!r}, which is not a domain object")
        if allowed and not isinstance(model, allowed):
            raise BuildError(
                f"{name} returned a {type(model).__name__}, which its return type does not declare"
            )
        try:
            path = model.doc_ref.path
        except InvalidPath as error:  # of what the client has written
            raise Refused(str(error)) from error
        if path in created:
            raise BuildError(f"{name} returned two objects for {path}")
        if path.partition("/")[0] in OWN_COLLECTIONS or form.__path__.match(path) is not None:
            raise BuildError(
                f"{name} may not write {path}: it is a document of onto_fn, or a request"
            )
        created[path] = DomainModel.doc_fields(model)
    return created


def _target(patch: type[Patch[Any]], request: Request, fields: Fields) -> dict[str, str]:
    """Values of the variables of the view's path; those that the client gives are checked."""
    params = {**request.params, **{v: fields[name] for v, name in patch.__targets__.items()}}
    return {name: params[name] for name in patch.__view__.__path__.variables}


def _root_path(model: type[DomainModel], identifier: str, params: Mapping[str, str]) -> str:
    parents = {name: params[name] for name in model.template().variables}
    return model.ref(identifier, **parents).path


def _paths(view: ViewModel[Any]) -> set[str]:
    """The paths of all documents that a view has."""
    try:
        return {view.__path__.render(params) for params in view.targets()}
    except InvalidPath:
        raise
    except Exception as error:
        name = type(view).__name__
        raise BuildError(f"{name}.targets raised {type(error).__name__}: {error}") from error


def _set(patch: type[Patch[Any]], view: ViewModel[Any], name: str, value: object) -> None:
    stored = patch.model_fields[name].alias or name
    try:
        setattr(view, name, value)
    except (PermanentError, TransientError):
        raise
    except ValidationError as error:  # of a domain model's field that the setter assigns
        raise InvalidRequest([f"{stored}: {e['msg']}" for e in error.errors()]) from error
    except Exception as error:
        title = f"{type(view).__name__}.{name}"
        raise BuildError(f"setting {title} raised {type(error).__name__}: {error}") from error
