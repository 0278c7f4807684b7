"""`ViewModel`: typed fields, computed from a store by properties."""

# A method of a metaclass takes the class, so that `TeamPage.definition()` is that of the view.
# Pyright, which understands that, wants the parameter to be of the metaclass itself.
# pyright: reportGeneralTypeIssues=false

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import cache, cached_property
from typing import (
    TYPE_CHECKING,
    Any,
    ClassVar,
    Generic,
    Protocol,
    TypeVar,
    cast,
    get_args,
)

from pydantic import ValidationError, create_model

from onto_fn.access import NOBODY, Access, Owner, checked_access
from onto_fn.errors import BuildError, DeclarationError, InvalidPath, NotWritable
from onto_fn.firestore import PathTemplate
from onto_fn.firestore.documents import Value
from onto_fn.firestore.paths import check_name, last_segment, parent_collection
from onto_fn.models import DomainModel
from onto_fn.models.content import content_of
from onto_fn.models.domain import KEPT_NAMES
from onto_fn.models.model_type import problems_of
from onto_fn.models.plain import FieldsWriter, NotPlain, fields_writer
from onto_fn.models.reserved import check_members, kept_name
from onto_fn.renamed import warn_renamed
from onto_fn.store import Store
from onto_fn.views.definition import Consistency, Definition, Isolation, Transition, fingerprint
from onto_fn.views.field_types import allows_none, field_types, fields_of_members
from onto_fn.views.mirrors import Mirror, bind_mirrors

MAX_SHARDS = 1000
_REMEDY = (
    "give the property another name, and `Annotated[…, Field(alias=…)]` the name that it has in "
    "the document"
)

S = TypeVar("S", bound=Store)


class ViewDocument(DomainModel):
    """Base of the classes of views' documents; only the engine writes them."""


class Origin(Protocol):
    """Where a view was loaded from; it knows what its setters have changed."""

    def save(self) -> tuple[str, ...]:
        """Write what has changed, and return the paths of what was written."""
        ...


class ViewModelType(type):
    """What the class of a view model can say of it.

    It is a method of the class of the class, so that a field may have its name.
    """

    def definition(cls: type[ViewModel[Any]]) -> Definition:
        """What the engine needs to know of this view."""
        return Definition(
            name=cls.__view_name__,
            store=cls.__store__,
            build=cls._build,  # pyright: ignore[reportPrivateUsage]
            targets=(cls.__path__,),
            fingerprint=fingerprint({cls, cls.__store__, *cls.__store__.models()}, cls.__version__),
            isolation=cls.__isolation__,
            consistency=cls.__consistency__,
            shards=cls.__shards__,
            declared_in=cls.__module__,
        )


class ViewModel(Generic[S], metaclass=ViewModelType):
    """One kind of view document.

    Every public property with a return type is a field of the document; its name is camelCase in
    Firestore (`Annotated[…, Field(alias=…)]` chooses another). Properties whose name begins with an
    underscore are helpers. Values are validated by pydantic; None leaves a field out. Declare a
    field that only shows a field of the store by `mirror`.

    Class keywords:
        path: template of the documents' paths, such as `"users/{user_id}/UserView/view"`.
        typed: also write the fields `obj_type` and `doc_ref`.
        name: the view's name in the ledger; default the class name. Keep it when renaming a class.
        version: change it when code changes that is not in the class's own source.
        isolation: `"snapshot"` (default) or `"serializable"`; see `Definition`.
        consistency: `"snapshot"` (default), or `"eventual"` for large joins; see `Definition`.
        shards: for views with thousands of copies; see below.
        read: which clients may read a document: `owner("user_id")`, `role("admin")`,
            `members("member_ids")`, `signed_in()`, `public()`, joined by `|`. Without it, none.
        read_group: which clients may query the documents of all parents at once, by a
            collection-group query. Without it, none.

    A view has one document, or several with the same content (a copy for each user): `targets`
    gives the values of the path's variables for each. Documents that are no longer produced are
    deleted in the commit that stops producing them (G6).

    A property with a setter can be written: the setter changes domain models of the store, or
    raises `Refused`. Clients write by a `Patch`, Python code by `edit`; both write only the domain
    documents that changed, and only if all documents that were read are unchanged.

    All copies of a root are written in one commit, which fits a few hundred. With `shards=n` they
    are spread over n commits, each exactly once for itself, that can run at the same time; plan
    for at most a few hundred copies a shard. To change the number, drop the view and rebuild it.

    Example:
        >>> from onto_fn import DomainModel, Store, ViewModel, root
        >>> class Town(DomainModel, collection="towns"):
        ...     town_name: str
        >>> class TownStore(Store):
        ...     town = root(Town)
        >>> class TownView(ViewModel[TownStore], path="townViews/{town_id}"):
        ...     @property
        ...     def name(self) -> str:
        ...         return self.store.town.town_name

    Raises:
        DeclarationError: at class creation; no store or path, a field without a getter, a getter
            without a type, access by a variable or field that there is not.
    """

    store: S

    __store__: ClassVar[type[Store]]
    __path__: ClassVar[PathTemplate]
    __view_name__: ClassVar[str]
    __typed__: ClassVar[bool] = False
    __isolation__: ClassVar[Isolation] = "snapshot"
    __consistency__: ClassVar[Consistency] = "snapshot"
    __shards__: ClassVar[int] = 1
    __version__: ClassVar[str] = ""
    __read__: ClassVar[Access] = NOBODY
    __read_group__: ClassVar[Access] = NOBODY
    __fields__: ClassVar[tuple[str, ...]] = ()
    Document: ClassVar[type[Any]]  # a type checker cannot know its fields
    """The pydantic class of the view's documents: a typed way to read them, or to use them as the
    source of another view."""

    _origin: Origin | None = None

    def __init__(self, store: S) -> None:
        self.store = store

    if not TYPE_CHECKING:  # else every attribute could be set, for a type checker

        def __setattr__(self, name: str, value: Any) -> None:
            if name.startswith("_") or name == "store":
                object.__setattr__(self, name, value)
                return
            _check_writable(type(self), name)
            try:
                object.__setattr__(self, name, value)
            finally:
                self._forget()

    def save(self) -> tuple[str, ...]:
        """Save what setters have changed, for a view loaded by `load_view` or `edit`.

        Only the domain documents that have changed are written, in one commit, and only if all that
        the view has read is still as it was read.

        Returns:
            The paths of the documents written.

        Raises:
            NotWritable: the view was not loaded for writing.
            Contention: what was read has changed meanwhile; load the view again. `edit` does.
        """
        if self._origin is None:
            raise NotWritable(
                f"this {type(self).__name__} was not loaded for writing; use `edit` or `load_view`"
            )
        return self._origin.save()

    if not TYPE_CHECKING:

        def propagate(self) -> tuple[str, ...]:
            """`save`, by its old name."""
            warn_renamed(f"{type(self).__name__}.propagate", "`save`")
            return self.save()

    def _forget(self) -> None:
        """Drop what cached properties hold: it was computed before something changed."""
        for name in list(vars(self)):
            if isinstance(inspect.getattr_static(type(self), name, None), cached_property):
                del vars(self)[name]

    def __init_subclass__(
        cls,
        *,
        path: str | None = None,
        typed: bool = False,
        name: str | None = None,
        version: str = "",
        isolation: Isolation = "snapshot",
        consistency: Consistency = "snapshot",
        shards: int = 1,
        read: Access | None = None,
        read_group: Access | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init_subclass__(**kwargs)
        check_members(cls, cast("type[Any]", ViewModel), _REMEDY)
        _check_targets(cls)
        cls.__store__ = _store_of(cls)
        if path is None:
            raise DeclarationError(
                f"{cls.__name__} has no path; declare it as "
                f"`class {cls.__name__}(ViewModel[…], path='collection/{{doc_id}}')`"
            )
        cls.__path__ = PathTemplate(path)
        if not cls.__path__.is_document:
            raise DeclarationError(
                f"{cls.__name__}: path {path!r} names a collection; a view's path names a "
                "document and has an even number of segments"
            )
        cls.__view_name__ = check_name(name or cls.__name__, what="view")
        cls.__typed__ = typed
        cls.__version__ = version
        cls.__isolation__ = isolation
        cls.__consistency__ = consistency
        _check_consistency(cls)
        if not 1 <= shards <= MAX_SHARDS:
            raise DeclarationError(
                f"{cls.__name__}: shards must be from 1 to {MAX_SHARDS}, got {shards}"
            )
        cls.__shards__ = shards
        bind_mirrors(cls, cast("type[Any]", ViewModel), cls.__store__)
        types = field_types(cls, ViewModel)
        for field in types:  # which would be those of the documents' class
            if field in KEPT_NAMES:
                raise DeclarationError(kept_name(cls, field, ViewDocument, _REMEDY))
        cls.__fields__ = tuple(types)
        cls.Document = _document_class(cls, types)
        listing = fields_of_members(cls.Document)
        cls.__read__ = checked_access(read, cls.__name__, cls.__path__, listing)
        _check_group(cls, read_group)
        cls.__read_group__ = checked_access(read_group, cls.__name__, cls.__path__, listing)

    def targets(self) -> Iterable[Mapping[str, str]]:
        """The values of the path's variables, for each document that the view has.

        The default is one document, for a path with one variable, which gets the root's id.
        """
        identifier = cast(DomainModel, self.store.loaded(type(self.store).root().name)).doc_id
        return [dict.fromkeys(self.__path__.variables, identifier)]

    @classmethod
    def _build(cls, store: Store, transition: Transition) -> dict[str, dict[str, Value]]:
        view = cls(cast(S, store))
        content = _content(cls, _values(view, cls.__fields__))
        documents: dict[str, dict[str, Value]] = {}
        for params in _guarded_targets(view):
            path = cls.__path__.render(params)
            # Copies share their content, so that it is digested and encoded once.
            documents[path] = {**content, **cls._type_fields(path)} if cls.__typed__ else content
        return documents

    @classmethod
    def _type_fields(cls, path: str) -> dict[str, Value]:
        return {"obj_type": cls.__name__, "doc_ref": path}


def _check_targets(cls: type[ViewModel[Any]]) -> None:
    member = inspect.getattr_static(cls, "targets")
    if not isinstance(member, staticmethod | classmethod) and not inspect.isfunction(member):
        raise DeclarationError(
            f"{cls.__name__}.targets must be the method that returns the values of the path's "
            "variables; write `def targets(self)`, or rename this attribute"
        )
    if inspect.iscoroutinefunction(getattr(cls, "targets")):  # noqa: B009 - it may be overridden
        raise DeclarationError(f"{cls.__name__}.targets must be a plain (not async) method")


def _check_writable(cls: type[ViewModel[Any]], name: str) -> None:
    if name not in cls.__fields__:
        known = ", ".join(cls.__fields__)
        raise NotWritable(f"{cls.__name__} has no field {name!r}; it has {known}")
    if not is_writable(cls, name):
        raise NotWritable(f"{cls.__name__}.{name} has no setter; {setter_of(cls, name)}")


def setter_of(cls: type[ViewModel[Any]], name: str) -> str:
    """What to write to give a field a setter, for messages."""
    member = inspect.getattr_static(cls, name, None)
    if isinstance(member, Mirror):
        return f"write `mirror({member.path!r}, setter=True)`"
    return f"write `@{name}.setter` and `def {name}(self, value) -> None` below its property"


def is_writable(cls: type[ViewModel[Any]], name: str) -> bool:
    """Whether a field has a setter."""
    member = inspect.getattr_static(cls, name, None)
    return isinstance(member, property) and member.fset is not None


def _values(view: ViewModel[Any], fields: tuple[str, ...]) -> dict[str, Value]:
    values: dict[str, Value] = {}
    field = ""
    try:
        for field in fields:
            values[field] = getattr(view, field)
    except Exception as error:
        raise BuildError(
            f"{type(view).__name__}.{field} raised {type(error).__name__}: {error}"
        ) from error
    return values


def _content(cls: type[ViewModel[Any]], values: dict[str, Value]) -> dict[str, Value]:
    """The stored content of a view's values, which are validated."""
    write = _writer(cls.Document)
    if write is not None:
        with suppress(NotPlain):
            return write(values)
    try:
        return content_of(cls.Document(doc_id="x", **values))
    except ValidationError as error:
        problems = "; ".join(problems_of(error))
        raise BuildError(f"{cls.__name__} computed invalid fields: {problems}") from error
    except Exception as error:  # a validator of the application's; pydantic passes it on
        raise BuildError(
            f"a validator of {cls.__name__} raised {type(error).__name__}: {error}"
        ) from error


@cache
def _writer(document: type[ViewDocument]) -> FieldsWriter | None:
    return fields_writer(document, without="doc_id")


def _guarded_targets(view: ViewModel[Any]) -> list[dict[str, str]]:
    try:
        return [dict(params) for params in view.targets()]
    except InvalidPath:
        raise
    except Exception as error:
        raise BuildError(
            f"{type(view).__name__}.targets raised {type(error).__name__}: {error}"
        ) from error


def _store_of(cls: type[ViewModel[Any]]) -> type[Store]:
    for base in cast("tuple[Any, ...]", getattr(cls, "__orig_bases__", ())):
        for argument in get_args(base):
            if isinstance(argument, type) and issubclass(argument, Store):
                return argument
    inherited = getattr(cls, "__store__", None)
    if inherited is None:
        raise DeclarationError(
            f"{cls.__name__} names no store; declare it as "
            f"`class {cls.__name__}(ViewModel[YourStore], path=…)`"
        )
    return cast("type[Store]", inherited)


def _check_consistency(cls: type[ViewModel[Any]]) -> None:
    if cls.__consistency__ not in get_args(Consistency):
        raise DeclarationError(
            f"{cls.__name__}: consistency must be one of {get_args(Consistency)}, "
            f"got {cls.__consistency__!r}"
        )
    if cls.__consistency__ == "eventual" and cls.__isolation__ == "serializable":
        raise DeclarationError(
            f"{cls.__name__}: consistency='eventual' builds from remembered sources, "
            "isolation='serializable' from locked ones; leave one out"
        )


def _check_group(cls: type[ViewModel[Any]], access: Access | None) -> None:
    for part in access.alternatives() if access else ():
        if isinstance(part, Owner):
            raise DeclarationError(
                f"{cls.__name__}: read_group={part} cannot be checked because a collection-group "
                "query covers the documents of all users; use role(…), claim(…) or members(…)"
            )


def _document_class(cls: type[ViewModel[Any]], types: dict[str, Any]) -> type[DomainModel]:
    fields: dict[str, Any] = {
        name: (kind, None) if allows_none(kind) else (kind, ...) for name, kind in types.items()
    }
    collection = parent_collection(cls.__path__.text)
    if not last_segment(cls.__path__.text):
        raise DeclarationError(f"{cls.__name__}: path {cls.__path__.text!r} ends in a slash")
    return create_model(
        cls.__name__,
        __base__=ViewDocument,
        __module__=cls.__module__,
        __cls_kwargs__={"collection": collection, "obj_type": cls.__name__},
        **fields,
    )
