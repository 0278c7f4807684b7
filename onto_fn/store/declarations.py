"""The declarations that a store is made of: `root`, `one`, `many`, `keyed` and `query`."""

from __future__ import annotations

from typing import Any, TypeVar, overload

from onto_fn.models import DomainModel
from onto_fn.store.queries import QueryRead
from onto_fn.store.reads import REQUIRED, Getter, Root, WhenInvalid, WhenMissing
from onto_fn.store.references import Keyed, Many, One

M = TypeVar("M", bound=DomainModel)
D = TypeVar("D")
R = TypeVar("R")


def root(model: type[M]) -> Root[M]:
    """The document that the view is computed for; a store has exactly one.

    Example:
        >>> from onto_fn import DomainModel, Store, root
        >>> class Shop(DomainModel, collection="shops"):
        ...     name: str
        >>> class ShopStore(Store):
        ...     shop = root(Shop)
    """
    return Root(model)


@overload
def one(model: type[M], getter: Getter[Any] | str) -> One[M]: ...
@overload
def one(model: type[M], getter: Getter[Any] | str, *, default: D) -> One[M | D]: ...
@overload
def one(model: type[M], getter: Getter[Any] | str, *, invalid: R) -> One[M | R]: ...
@overload
def one(model: type[M], getter: Getter[Any] | str, *, default: D, invalid: R) -> One[M | D | R]: ...
def one(
    model: type[DomainModel],
    getter: Getter[Any] | str,
    *,
    default: Any = REQUIRED,
    invalid: Any = REQUIRED,
) -> One[Any]:
    """One referenced document.

    Args:
        model: its class.
        getter: path to the reference, of a read and its fields, such as `"meeting.location"`; or a
            function of the store that returns the reference (or None, with a default).
        default: value if the reference is None or the document does not exist. Without it, that is
            a dead letter, resolved by itself when the document is created.
        invalid: value if the model refuses the document. Without it, that is a dead letter. In both
            cases its correction rebuilds the view.

    Raises:
        DeclarationError: when the store is declared; the path leads to no reference to the model.

    Example: `location = one(Location, "meeting.location")`, which is the same as
        `location = one(Location, lambda store: store.meeting.location)`
    """
    return One(model, getter, default, invalid)


def many(
    model: type[M],
    getter: Getter[Any] | str,
    *,
    missing: WhenMissing = "error",
    invalid: WhenInvalid = "error",
) -> Many[M]:
    """A list of referenced documents, in the order of the references.

    Args:
        model: their class.
        getter: path to the references, such as `"team.members"`, or `"order.lines.product"` for
            those of a list of embedded models; or a function of the store that returns them.
        missing: `"error"` makes a document that does not exist a dead letter, resolved by itself
            when it is created; `"skip"` leaves it out. In both cases its creation rebuilds.
        invalid: `"error"` makes a document that its model refuses a dead letter of the whole view;
            `"skip"` leaves it out, and the ledger, the log and `onto status` say so. In both cases
            its correction rebuilds.

    Raises:
        DeclarationError: when the store is declared; the path leads to no references to the model.

    Example: `users = many(User, "meeting.users")`, which is the same as
        `users = many(User, lambda store: store.meeting.users)`
    """
    return Many(model, getter, missing, invalid)


def keyed(
    model: type[M],
    getter: Getter[Any] | str,
    *,
    missing: WhenMissing = "error",
    invalid: WhenInvalid = "error",
) -> Keyed[M]:
    """Referenced documents by key; see `many`.

    The getter returns a dict of references, or is the path of one.

    Example: `tickets = keyed(Ticket, "meeting.tickets")`
    """
    return Keyed(model, getter, missing, invalid)


def query(model: type[M], *, invalid: WhenInvalid = "error") -> QueryRead[M]:
    """The documents that a query matches.

    Args:
        model: their class.
        invalid: `"error"` makes a document that its model refuses a dead letter of the whole view;
            `"skip"` leaves it out, as for `many`. A `limit` counts it all the same.

    Example: `meetings = query(Meeting).where("users", "array_contains", lambda s: s.user.doc_ref)`
    """
    return QueryRead(model, invalid)
