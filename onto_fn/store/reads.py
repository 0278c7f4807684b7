"""Reads of documents by reference, and what every read of a store has.

Each is a descriptor: on the class it is the declaration, on a loaded store it is the value. Which
model a read returns is static, because triggers are registered when functions are deployed; which
documents, is computed from what was read before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar, overload

from typing_extensions import override

from onto_fn.errors import (
    BuildError,
    DeclarationError,
    InvalidDocument,
    InvalidReference,
    MissingDocument,
)
from onto_fn.firestore import Document, PathTemplate, QueryShape, Reference
from onto_fn.models import DomainModel
from onto_fn.models.references import as_reference
from onto_fn.store.paths import PathGetter, Wanted

if TYPE_CHECKING:
    from onto_fn.store.store import Store

M = TypeVar("M", bound=DomainModel)
T = TypeVar("T")

# A getter takes the store as loaded so far. Its parameter is Any because a lambda in the body of a
# class cannot name that class.
Getter = Callable[[Any], T]
WhenMissing = Literal["error", "skip"]
WhenInvalid = Literal["error", "skip"]
Skipped = dict[str, InvalidDocument]
"""Documents that were left out, by path, with what is wrong."""


class _Required(Enum):
    REQUIRED = 1


REQUIRED = _Required.REQUIRED
"""The default of a read that has none."""


class NotLoaded(Exception):
    """A getter asked for a read that is not loaded yet."""

    def __init__(self, read: str) -> None:
        self.read = read
        super().__init__(f"{read} is not loaded yet")


class Read(Generic[T]):
    """Base of the declarations.

    Attributes:
        name: the attribute's name in its store.
        model: the class of the documents that it reads.
    """

    name: str = ""
    owner: str = ""
    invalid: Any = "error"
    declared_in: type | None = None

    def __init__(self, model: type[DomainModel]) -> None:
        if not (isinstance(model, type) and issubclass(model, DomainModel)):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise DeclarationError(f"a read needs a DomainModel class, got {model!r}")
        model.template()  # refuses a model without a collection
        self.model = model

    def __set_name__(self, owner: type, name: str) -> None:
        if self.declared_in is None:  # of another owner, `Store` tells when its class is complete
            self.name = name
            self.owner = owner.__name__
            self.declared_in = owner

    @overload
    def __get__(self, instance: None, owner: type) -> Read[T]: ...
    @overload
    def __get__(self, instance: Store, owner: type) -> T: ...
    def __get__(self, instance: Store | None, owner: type) -> Read[T] | T:
        if instance is None:
            return self
        return instance.loaded(self.name)

    @property
    def title(self) -> str:
        """The read's name for messages: `MeetingStore.location`."""
        return f"{self.owner}.{self.name}"

    @property
    def collection(self) -> PathTemplate:
        """Template of the collection whose changes concern this read."""
        return self.model.template()

    @property
    def may_skip(self) -> bool:
        """Whether it goes on without a document that its model refuses."""
        return self.invalid == "skip"

    def getters(self) -> list[Getter[Any]]:
        """The application's functions that this read evaluates."""
        return []

    def shapes(self) -> list[QueryShape]:
        """The shapes of the queries that this read runs."""
        return []

    def _checked(self, value: object) -> Reference:
        try:
            reference = as_reference(value)
        except ValueError as error:
            raise InvalidReference(f"{self.title}: {error}") from error
        if reference.database is not None:
            raise InvalidReference(
                f"{self.title} got a reference into another database, {reference}; nothing is read "
                "from there. Correct the reference in the source, or leave it out in the getter"
            )
        if not self.model.owns(reference.path):
            raise InvalidReference(
                f"{self.title} reads {self.model.__name__} from {self.model.template()}, but got "
                f"{reference.path!r}; no trigger watches that collection for this read"
            )
        return reference

    def _object(self, document: Document) -> Any:
        return self.model.from_document(document)

    def _objects(self, documents: Iterable[Document], skipped: Skipped) -> list[Any]:
        """The objects of those documents that the model accepts; the others are `skipped`."""
        found: list[Any] = []
        for document in documents:
            try:
                found.append(self._object(document))
            except InvalidDocument as error:
                skipped.setdefault(document.path, error)
        return found


class Root(Read[M]):
    """The document that a view is computed for."""

    def value(self, document: Document) -> M:
        """The root's object."""
        return self._object(document)


class ReferenceRead(Read[T]):
    """A read of documents by reference."""

    form: Wanted

    def __init__(self, model: type[DomainModel], getter: Getter[Any] | str) -> None:
        super().__init__(model)
        if isinstance(getter, str):
            try:
                getter = PathGetter(getter)
            except ValueError as error:
                raise DeclarationError(f"a read of {model.__name__}: {error}") from error
        if not callable(getter):
            raise DeclarationError(
                f"a read of {model.__name__} needs a function of the store, such as "
                f"`lambda store: store.….…`, or a path such as 'team.members', got {getter!r}"
            )
        self.getter: Getter[Any] = getter

    @override
    def getters(self) -> list[Getter[Any]]:
        return [self.getter]

    def references(self, store: Store) -> Any:
        """What the getter asks for, checked; raises `NotLoaded` if it is too early."""
        raise NotImplementedError

    def paths(self, references: Any) -> list[str]:
        """The document paths in `references`."""
        raise NotImplementedError

    def value(self, references: Any, documents: Mapping[str, Document], skipped: Skipped) -> T:
        """The read's value, from documents by path; what is left out is added to `skipped`."""
        raise NotImplementedError


class One(ReferenceRead[T]):
    """One referenced document."""

    form = "one"

    def __init__(
        self,
        model: type[DomainModel],
        getter: Getter[Any] | str,
        default: Any,
        invalid: Any = REQUIRED,
    ) -> None:
        super().__init__(model, getter)
        self.default = default
        self.invalid = invalid

    @property
    @override
    def may_skip(self) -> bool:
        return self.invalid is not REQUIRED

    @override
    def references(self, store: Store) -> Reference | None:
        found = evaluate(self, self.getter, store)
        if found is None:
            if self.default is REQUIRED:
                raise BuildError(
                    f"{self.title}: the reference is None; declare `default=None` if it may be"
                )
            return None
        return self._checked(found)

    @override
    def paths(self, references: Any) -> list[str]:
        return [] if references is None else [references.path]

    @override
    def value(self, references: Any, documents: Mapping[str, Document], skipped: Skipped) -> T:
        if references is None:
            return self.default
        document = documents[references.path]
        if document.exists and self.invalid is REQUIRED:
            return self._object(document)
        if document.exists:
            found = self._objects([document], skipped)
            return found[0] if found else self.invalid
        if self.default is REQUIRED:
            raise MissingDocument(document.path, self.title)
        return self.default


class _Several(ReferenceRead[T]):
    """Several referenced documents, some of which may be missing or invalid."""

    def __init__(
        self,
        model: type[DomainModel],
        getter: Getter[Any] | str,
        missing: WhenMissing,
        invalid: WhenInvalid = "error",
    ) -> None:
        super().__init__(model, getter)
        self.missing: WhenMissing = check_choice("missing", missing)
        self.invalid: WhenInvalid = check_choice("invalid", invalid)


class Many(_Several[list[M]]):
    """A list of referenced documents, in the order of the references."""

    form = "many"

    @override
    def references(self, store: Store) -> list[Reference]:
        found = evaluate(self, lambda loaded: list(self.getter(loaded) or ()), store)
        return [self._checked(item) for item in found]

    @override
    def paths(self, references: Any) -> list[str]:
        return [reference.path for reference in references]

    @override
    def value(
        self, references: Any, documents: Mapping[str, Document], skipped: Skipped
    ) -> list[M]:
        found: list[M] = []
        for reference in references:
            document = documents[reference.path]
            if document.exists and self.invalid == "skip":
                found += self._objects([document], skipped)
            elif document.exists:
                found.append(self._object(document))
            elif self.missing == "error":
                raise MissingDocument(reference.path, self.title)
        return found


class Keyed(_Several[dict[str, M]]):
    """Referenced documents by key."""

    form = "keyed"

    @override
    def references(self, store: Store) -> dict[str, Reference]:
        found = evaluate(self, lambda loaded: dict(self.getter(loaded) or {}), store)
        return {key: self._checked(item) for key, item in found.items()}

    @override
    def paths(self, references: Any) -> list[str]:
        return [reference.path for reference in references.values()]

    @override
    def value(
        self, references: Any, documents: Mapping[str, Document], skipped: Skipped
    ) -> dict[str, M]:
        found: dict[str, M] = {}
        for key, reference in references.items():
            document = documents[reference.path]
            if document.exists and self.invalid == "skip":
                for model in self._objects([document], skipped):
                    found[key] = model
            elif document.exists:
                found[key] = self._object(document)
            elif self.missing == "error":
                raise MissingDocument(reference.path, f"{self.title}[{key!r}]")
        return found


def may_skip(store: type[Store]) -> bool:
    """Whether a store has a read that goes on without a document that its model refuses."""
    return any(read.may_skip for read in store.reads().values())


def evaluate(read: Read[Any], getter: Getter[Any], store: Store) -> Any:
    """The getter's result; what it raises becomes a `BuildError` that names the read."""
    try:
        return getter(store)
    except NotLoaded:
        raise
    except Exception as error:
        raise BuildError(f"{read.title} raised {type(error).__name__}: {error}") from error


def check_choice(option: str, value: object) -> Literal["error", "skip"]:
    """What a read does about documents that it cannot give.

    Raises:
        DeclarationError: it is none of the two.
    """
    if value not in ("error", "skip"):
        raise DeclarationError(f"{option} must be 'error' or 'skip', got {value!r}")
    return value
