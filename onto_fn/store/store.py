"""`Store`: the reads of a view, by name."""

# A method of a metaclass takes the class, so that `MeetingStore.root()` is the root of that store.
# Pyright, which understands that, wants the parameter to be of the metaclass itself.
# pyright: reportGeneralTypeIssues=false

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, cast

from onto_fn.aggregates.spec import AggregateSpec
from onto_fn.errors import DeclarationError
from onto_fn.firestore import PathTemplate, QueryShape
from onto_fn.models import DomainModel
from onto_fn.models.reserved import check_members, kept_name
from onto_fn.store.names import names_used
from onto_fn.store.reads import NotLoaded, Read, Root


class StoreType(type):
    """What the class of a store can say of it.

    These are methods of the class of the class, so that a read may have the name of any of them:
    `MeetingStore.root()` is the declaration of the root, and `store.root` the read `root`, if the
    store declares one.
    """

    def root(cls: type[Store]) -> Root[Any]:
        """The declaration of the root."""
        if cls.__root__ is None:
            raise DeclarationError(f"{cls.__name__} declares no root; add `… = root(…)`")
        return cls.__root__

    def reads(cls: type[Store]) -> dict[str, Read[Any]]:
        """All declarations by name, the root included."""
        return dict(cls.__reads__)

    def models(cls: type[Store]) -> set[type[DomainModel]]:
        """The models that this store reads, the root's included."""
        return {read.model for read in cls.__reads__.values()}

    def source_collections(cls: type[Store]) -> set[PathTemplate]:
        """Templates of the collections that a build reads."""
        return {read.collection for read in cls.__reads__.values()}

    def aggregates(cls: type[Store]) -> list[AggregateSpec]:
        """The aggregates that this store reads."""
        found = (read.aggregate() for read in cls.__reads__.values())
        return [aggregate for aggregate in found if aggregate is not None]

    def shapes(cls: type[Store]) -> list[QueryShape]:
        """The shapes of this store's queries."""
        return [shape for read in cls.__reads__.values() for shape in read.shapes()]


class Store(metaclass=StoreType):
    """What a view reads: one `root`, and reads that start from it.

    What is loaded is among the attributes of the instance, where it is found before the declaration
    in the class, and without a call.

    A getter is a path, such as `"team.members"`, or a function of the store as loaded so far. It is
    evaluated as soon as the reads that it uses are loaded, and all documents that are known at one
    level are read in one call.

    Example:
        >>> from onto_fn import DomainModel, Ref, Store, one, root
        >>> class Country(DomainModel, collection="countries"):
        ...     name: str
        >>> class Capital(DomainModel, collection="capitals"):
        ...     name: str
        ...     country: Ref[Country]
        >>> class CapitalStore(Store):
        ...     capital = root(Capital)
        ...     country = one(Country, "capital.country")

    Raises:
        DeclarationError: at class creation, if there is not exactly one root, or a read has a name
            that stores need (`loaded`, `put`), or belongs to another name or store already, or a
            getter uses a name that the store does not declare, or a path leads to no reference to
            its model, or a query has conditions that Firestore does not take together, or reads
            depend on each other in a circle.
    """

    __reads__: ClassVar[dict[str, Read[Any]]] = {}
    __root__: ClassVar[Any] = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        check_members(cls, Store, _REMEDY)
        _check_methods(cls)
        own: dict[str, Read[Any]] = {
            name: value for name, value in vars(cls).items() if isinstance(value, Read)
        }
        for name in own.keys() & _METHODS:
            delattr(cls, name)  # for what the class can say; an instance finds the value
        for name, read in own.items():
            if (read.declared_in, read.name) != (cls, name):
                raise DeclarationError(
                    f"{cls.__name__}.{name} is the same read object as {read.title}; declare a new "
                    "one, because a read belongs to one name in one store"
                )
        cls.__reads__ = {**cls.__reads__, **own}
        roots = [name for name, read in cls.__reads__.items() if isinstance(read, Root)]
        if len(roots) != 1:
            raise DeclarationError(
                f"{cls.__name__} declares {len(roots)} roots {roots}; it needs exactly one, "
                "as in `meeting = root(Meeting)`"
            )
        cls.__root__ = cast("Root[Any]", cls.__reads__[roots[0]])
        _check_dependencies(cls)
        for read in cls.__reads__.values():
            read.check(cls.__reads__)

    if not TYPE_CHECKING:  # else every name would be a read, for a type checker

        def __getattr__(self, name: str) -> Any:
            """The value of a read that is named like a method of the class."""
            if name in type(self).__reads__:
                return self.loaded(name)
            raise AttributeError(f"{type(self).__name__} has no read {name!r}")

    def loaded(self, name: str) -> Any:
        """The value of a read.

        Raises:
            NotLoaded: it has not been read yet.
        """
        if name not in vars(self):
            raise NotLoaded(f"{type(self).__name__}.{name}")
        return vars(self)[name]

    def put(self, name: str, value: Any) -> None:
        """Set the value of a read."""
        vars(self)[name] = value


_REMEDY = "give the read another name"
_METHODS = frozenset(name for name in vars(StoreType) if not name.startswith("_"))


def _check_methods(store: type[Store]) -> None:
    """Refuse members that hide what the class can say; a read of such a name is moved aside.

    Raises:
        DeclarationError: a member has one of the names, and is no read.
    """
    for part in store.__mro__:
        for name, member in vars(part).items():
            if name in _METHODS and not (part is store and isinstance(member, Read)):
                raise DeclarationError(kept_name(store, name, Store, _REMEDY))


def may_skip(store: type[Store]) -> bool:
    """Whether a store has a read that goes on without a document that its model refuses."""
    return any(read.may_skip for read in store.reads().values())


def _check_dependencies(store: type[Store]) -> None:
    reads = store.reads()
    uses: dict[str, set[str]] = {}
    for name, read in reads.items():
        uses[name] = set()
        for getter in read.getters():
            for used in names_used(getter):
                if used not in reads and not hasattr(store, used):
                    raise DeclarationError(
                        f"{read.title} uses `{used}`, which {store.__name__} does not declare; "
                        f"it declares {', '.join(reads)}"
                    )
                if used in reads:
                    uses[name].add(used)
    done: set[str] = set()
    while len(done) < len(reads):
        ready = {name for name in reads if name not in done and uses[name] <= done}
        if not ready:
            circle = ", ".join(sorted(set(reads) - done))
            raise DeclarationError(
                f"{store.__name__}: these reads depend on each other in a circle: {circle}"
            )
        done |= ready
