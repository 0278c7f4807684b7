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
        default: value if the reference is None or the document does not exist. Without it, a
            missing document is a dead letter, resolved automatically when the document is created.
        invalid: value if the document is invalid. Without it, an invalid document is a dead letter.
            In both cases fixing the document rebuilds the view.

    Raises:
        DeclarationError: when the store is declared: the path does not lead to a reference to the
            model.

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
        missing: with `"error"`, a missing document is a dead letter, resolved automatically when
            the document is created; `"skip"` leaves it out. In both cases its creation rebuilds the
            view.
        invalid: with `"error"`, an invalid document is a dead letter of the whole view; `"skip"`
            leaves it out, and the ledger, the log and `onto status` report it. In both cases fixing
            the document rebuilds the view.

    Raises:
        DeclarationError: when the store is declared: the path does not lead to references to the
            model.

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
        invalid: with `"error"`, an invalid document is a dead letter of the whole view; `"skip"`
            leaves it out, as for `many`. A `limit` still counts it.

    Example: `meetings = query(Meeting).where("users", "array_contains", lambda s: s.user.doc_ref)`
    """
    return QueryRead(model, invalid)
