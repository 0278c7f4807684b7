"""Test views, forms and patches without an emulator, on given documents."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

from onto_fn.access import Owner, allows
from onto_fn.engine.materialise.plan import check_targets
from onto_fn.errors import MissingDocument
from onto_fn.firestore import Document, Write
from onto_fn.firestore.documents import Fields, Value
from onto_fn.firestore.paths import last_segment
from onto_fn.models import DomainModel, Ref
from onto_fn.models.repository import path_of
from onto_fn.requests import Form, Patch
from onto_fn.requests.decide import decide_form, decide_patch
from onto_fn.requests.writable_store import WritableStore
from onto_fn.store import ReadSet, Store
from onto_fn.store.aggregate_reads import AggregateRead
from onto_fn.store.loading import load
from onto_fn.testing.denied import PermissionDenied
from onto_fn.testing.held import Documents, Held, stored
from onto_fn.views import Transition, ViewModel, ViewModelType

__all__ = ["build", "edit", "load_store", "submit"]

S = TypeVar("S", bound=Store)

Built = dict[str, dict[str, Value]]
Numbers = Mapping[str, Mapping[str, Any]]


def load_store(
    store: type[S],
    root: Ref[Any] | str,
    documents: Documents,
    *,
    aggregates: Numbers | None = None,
) -> S:
    """Load a store from given documents instead of Firestore.

    Args:
        store: the store's class.
        root: its root, by reference, path or id.
        documents: all documents of the database: fields by document path, with their names in
            Firestore, or objects of domain models. Any other document does not exist.
        aggregates: numbers of aggregates, by the names of their reads. Other aggregates are counted
            over `documents`. A measure without a number has the value for no documents.

    Example:
        >>> from onto_fn import DomainModel, Ref, Store, ViewModel, one, root
        >>> class Country(DomainModel, collection="countries"):
        ...     name: str
        >>> class City(DomainModel, collection="cities"):
        ...     name: str
        ...     country: Ref[Country]
        >>> class CityStore(Store):
        ...     city = root(City)
        ...     country = one(Country, "city.country")
        >>> class CityView(ViewModel[CityStore], path="cityViews/{city_id}"):
        ...     @property
        ...     def title(self) -> str:
        ...         return f"{self.store.city.name}, {self.store.country.name}"
        >>> oslo = City(doc_id="oslo", name="Oslo", country=Country.ref("no"))
        >>> norway = Country(doc_id="no", name="Norway")
        >>> CityView(load_store(CityStore, "oslo", [oslo, norway])).title
        'Oslo, Norway'
        >>> build(CityView, "oslo", [oslo, norway])
        {'cityViews/oslo': {'title': 'Oslo, Norway'}}

    Raises:
        MissingDocument: the root, or a document that a read requires, is not among the documents.
        InvalidDocument: a document does not fit its model.
        BuildError: a getter raised an error.
    """
    path = _root_path(store, root)
    given = _numbers(store, aggregates or {})
    reader = Held(documents, [store])
    loaded = load(store, path, reader, ReadSet(), given)
    if loaded is None:
        raise MissingDocument(path, store.root().title)
    return loaded


def build(
    view: type[ViewModel[Any]],
    root: Ref[Any] | str,
    documents: Documents,
    *,
    aggregates: Numbers | None = None,
) -> Built:
    """Build the documents of a view, as the functions would write them: fields by document path.

    Args:
        view: the view's class.
        root: its root, by reference, path or id.
        documents: all documents of the database; see `load_store`.
        aggregates: given numbers of aggregates; see `load_store`.

    Raises:
        MissingDocument: the root, or a document that a read requires, is not among the documents.
        PermanentError: another error that would lead to a dead letter.
    """
    store = load_store(view.__store__, root, documents, aggregates=aggregates)
    definition = ViewModelType.definition(view)
    built = definition.build(store, Transition.CREATED) or {}
    check_targets(definition, built)
    return {path: stored(path, fields) for path, fields in built.items()}


def edit(
    view: type[ViewModel[Any]],
    root: Ref[Any] | str,
    values: Mapping[str, object],
    documents: Documents,
) -> Built:
    """Set fields of a view, and return the changed documents with all their fields, by path.

    Args:
        view: the view's class.
        root: its root, by reference, path or id.
        values: values by the Python names of the view's fields; they are set in this order.
        documents: all documents of the database; see `load_store`.

    Raises:
        Refused: a setter refuses.
        NotWritable: there is no such field, or it has no setter.
        MissingDocument: the root, or a document that a read requires, is not among the documents.
    """
    path = _root_path(view.__store__, root)
    source = WritableStore[Any].load(view.__store__, path, Held(documents, [view.__store__]))
    if source is None:
        raise MissingDocument(path, view.__store__.root().title)
    target = view(source.store)
    for name, value in values.items():
        setattr(target, name, value)
    return _written(source.writes())


def submit(
    request: type[Form[Any]] | type[Patch[Any]],
    fields: Fields,
    documents: Documents = (),
    *,
    id: str = "request",
    user: str | None = None,
    claims: Mapping[str, Any] | None = None,
    params: Mapping[str, str] | None = None,
    time: datetime | None = None,
    is_call: bool = False,
) -> Built:
    """Carry out a form or patch, and return the documents that it creates or changes.

    The result has all fields of each document, by path. `documents` stays unchanged.

    Args:
        request: the form's or patch's class.
        fields: the fields that a client writes, with their names in Firestore.
        documents: all documents of the database; see `load_store`.
        id: id of the request.
        user: id of the user who makes the request, and the value of the path's variable for the
            owner. The user must be allowed to create the request. Without a user, permission is not
            checked.
        claims: claims of the user's ID token.
        params: values of the other variables of the request's path.
        time: the time of the request; by default, now.
        is_call: whether the request is a call of `onto_request`, for which `Request.uid` is always
            the user. By default it is a document, which does not say who wrote it.

    Example:
        >>> from onto_fn import DomainModel, Form
        >>> from onto_fn.access import owner
        >>> class Order(DomainModel, collection="orders"):
        ...     dish: str
        ...     by: str
        >>> class PlaceOrder(Form, path="users/{user}/orderForms/{id}", create=owner("user")):
        ...     dish: str
        ...     def submit(self, request):
        ...         return [Order(doc_id=request.doc_id, dish=self.dish, by=request.uid)]
        >>> made = submit(PlaceOrder, {"dish": "pasta"}, id="o1", user="ada")
        >>> made["orders/o1"]["by"]
        'ada'

    Raises:
        Refused: the request is refused; the message is the reason for the client.
        PermissionDenied: the user may not create the request.
        PermanentError: another error that would lead to a dead letter.
        ValueError: a variable of the path has no value.
    """
    path = _request_path(request, id, user, claims or {}, params or {})
    asked_at = time or datetime.now(UTC)
    document = Document(path, stored(path, fields), asked_at, asked_at)
    uid = user if is_call else None
    if issubclass(request, Form):
        store = request.store_type()
        reader = Held(documents, [store] if store is not None else [])
        decision = decide_form(request, document, reader, uid)
    else:
        reader = Held(documents, [request.__view__.__store__])
        decision = decide_patch(request, document, reader, uid)
    return _written(decision.writes)


def _request_path(
    request: type[Form[Any]] | type[Patch[Any]],
    identifier: str,
    user: str | None,
    claims: Mapping[str, Any],
    params: Mapping[str, str],
) -> str:
    template = request.__path__
    values = {**params, last_segment(template.text)[1:-1]: identifier}
    for part in request.__create__.alternatives():
        if isinstance(part, Owner) and user is not None:
            values.setdefault(part.variable, user)
    missing = [name for name in template.variables if name not in values]
    if missing:
        raise ValueError(
            f"{request.__name__} is at {template.text}: pass a value for {', '.join(missing)}: "
            f"`params={{'{missing[0]}': '…'}}` or, if it is the id of the user, `user='…'`"
        )
    path = template.render({name: values[name] for name in template.variables})
    if user is not None and not allows(request.__create__, user, claims, values):
        raise PermissionDenied(
            f"{user} may not create {path}: {request.__name__} has create={request.__create__}"
        )
    return path


def _root_path(store: type[Store], root: Ref[Any] | str) -> str:
    model: type[DomainModel] = store.root().model
    if isinstance(root, str) and "/" in root:
        if not model.owns(root):
            raise ValueError(f"{root} is not in {model.template()}, where {store.root().title} is")
        return root
    return path_of(model, root)


def _numbers(store: type[Store], aggregates: Numbers) -> dict[str, dict[str, Any]]:
    """The values of the aggregates with given numbers."""
    specs = {
        name: read.spec for name, read in store.reads().items() if isinstance(read, AggregateRead)
    }
    values: dict[str, dict[str, Any]] = {}
    for name, numbers in aggregates.items():
        if name not in specs:
            known = ", ".join(specs) or "none"
            raise ValueError(f"{store.__name__} has no aggregate {name!r}; it has {known}")
        measures = specs[name].measures
        unknown = ", ".join(sorted(numbers.keys() - measures.keys()))
        if unknown:
            known = ", ".join(measures)
            raise ValueError(f"{store.__name__}.{name} has no measure {unknown}; it has {known}")
        values[name] = {**specs[name].values([], dict.fromkeys(measures, ())), **numbers}
    return values


def _written(writes: tuple[Write, ...]) -> Built:
    return {
        write.path: stored(write.path, write.fields) for write in writes if write.fields is not None
    }
