"""The base class of reads, and the read of the root.

Each is a descriptor: on the class it is the declaration, on a loaded store it is the value. The
model of a read is static, because triggers are registered when functions are deployed. Its
documents are computed from earlier reads.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, Generic, Literal, TypeVar, overload

from typing_extensions import override

from onto_fn.aggregates.spec import AggregateSpec
from onto_fn.errors import (
    BuildError,
    DeclarationError,
    InvalidReference,
)
from onto_fn.firestore import QueryShape, Reference
from onto_fn.models import DomainModel
from onto_fn.models.references import as_reference
from onto_fn.store.asking import Answer, Asked, Loaded
from onto_fn.store.objects import Objects

M = TypeVar("M", bound=DomainModel)
T = TypeVar("T")

# A getter takes the store as loaded so far. Its parameter is Any because a lambda in the body of a
# class cannot name that class.
Getter = Callable[[Any], T]
WhenMissing = Literal["error", "skip"]
WhenInvalid = Literal["error", "skip"]
Form = Literal["document", "list", "dict"]


class _Required(Enum):
    REQUIRED = 1


REQUIRED = _Required.REQUIRED
"""The default of a read that has none."""


NOTHING_THERE = object()
"""The value of a root that does not exist, or is not of the root's class."""


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
        collection: template of the collection whose changes concern this read.
    """

    name: str = ""
    owner: str = ""
    invalid: Any = "error"
    declared_in: type | None = None
    holds: Form = "dict"
    """In what form its value has documents."""
    asks_twice = False
    """Whether what it needs depends on what came of what it asked; see `more`."""

    def __init__(self, model: type[DomainModel]) -> None:
        if not (isinstance(model, type) and issubclass(model, DomainModel)):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise DeclarationError(f"a read needs a DomainModel class, got {model!r}")
        self.model = model
        self.collection = model.template()  # refuses a model without one

    def __set_name__(self, owner: type, name: str) -> None:
        if self.declared_in is None:  # a second owner is reported by Store.__init_subclass__
            self.name = name
            self.owner = owner.__name__
            self.declared_in = owner

    @overload
    def __get__(self, instance: None, owner: type) -> Read[T]: ...
    @overload
    def __get__(self, instance: Loaded, owner: type) -> T: ...
    def __get__(self, instance: Loaded | None, owner: type) -> Read[T] | T:
        if instance is None:
            return self
        raise NotLoaded(f"{type(instance).__name__}.{self.name}")  # else the instance would have it

    @property
    def title(self) -> str:
        """The read's name for messages: `MeetingStore.location`."""
        return f"{self.owner}.{self.name}"

    @property
    def may_skip(self) -> bool:
        """Whether it leaves out invalid documents."""
        return self.invalid == "skip"

    def getters(self) -> list[Getter[Any]]:
        """The application's functions that this read evaluates."""
        return []

    def shapes(self) -> list[QueryShape]:
        """The shapes of the queries that this read runs."""
        return []

    def selects_on(self) -> frozenset[str]:
        """The stored fields (dotted paths) that decide which documents it finds, in what order."""
        return frozenset()

    def aggregate(self) -> AggregateSpec | None:
        """The aggregate whose numbers it reads, if it does."""
        return None

    def check(self, reads: Mapping[str, Read[Any]]) -> None:
        """Refuse what cannot be read, now that the store is complete.

        Args:
            reads: all reads of the store, by name.

        Raises:
            DeclarationError: it cannot be asked for.
        """

    def asks(self, store: Loaded) -> Asked:
        """What it needs.

        Raises:
            NotLoaded: it is too early.
            BuildError: a getter raised.
        """
        raise NotImplementedError

    def more(self, asked: Asked, answer: Answer) -> Asked | None:
        """What it needs besides, now that the answer is there; None if that is all."""
        return None

    def value(self, asked: Asked, answer: Answer, objects: Objects) -> T:
        """The read's value.

        Args:
            asked: what it asked last.
            answer: what came of it.
            objects: makes the objects, and receives the documents that are left out.

        Raises:
            PermanentError: a document is missing or does not fit its model.
        """
        raise NotImplementedError

    def _path_of(self, value: object) -> str:
        """The document path of a reference that a getter has returned.

        Raises:
            InvalidReference: nothing can be read through it.
        """
        if isinstance(value, Reference) and (path := value.path_in(self.collection)) is not None:
            return path
        try:
            reference = as_reference(value)
        except ValueError as error:
            raise InvalidReference(f"{self.title}: {error}") from error
        if reference.database is not None:
            raise InvalidReference(
                f"{self.title} got a reference to another database, {reference}, which is never "
                "read. Correct the reference in the source, or leave it out in the getter"
            )
        if not self.model.owns(reference.path):
            raise InvalidReference(
                f"{self.title} reads {self.model.__name__} from {self.model.template()}, but got "
                f"{reference.path!r}; no trigger watches that collection for this read"
            )
        return reference.path


class Root(Read[M]):
    """The document that a view is computed for."""

    holds = "document"

    @override
    def value(self, asked: Asked, answer: Answer, objects: Objects) -> Any:
        document = answer.documents[asked.paths[0]]
        if document.fields is None or not self.model.accepts(document.fields):
            return NOTHING_THERE
        return objects.make(self.model, document)


def evaluate(
    read: Read[Any],
    getter: Getter[Any],
    store: Loaded,
    into: Callable[[Any], Any] | None = None,
) -> Any:
    """The getter's result; what it raises becomes a `BuildError` that names the read.

    Args:
        read: the read that has the getter.
        getter: the getter.
        store: the store as loaded so far.
        into: what to make of the result; what that raises counts as the getter's.

    Raises:
        NotLoaded: it is too early.
        BuildError: the getter raised.
    """
    try:
        found = getter(store)
        return found if into is None else into(found)
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
