"""Views: who may read which documents, one of them or a page of a list.

The decisions are those of the generated security rules: `get` for everybody who has access, `list`
where that does not depend on each document's id. What the rules demand of a query, the gate asks
for by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from onto_fn.access import AnyOf, Members, allows, can_list
from onto_fn.attempts import Subject
from onto_fn.engine.materialise.build import Snapshot
from onto_fn.errors import (
    InvalidPath,
)
from onto_fn.events import RetryPolicy
from onto_fn.firestore import Database, Document, Filter, Query
from onto_fn.firestore.canonical import digest
from onto_fn.firestore.documents import Fields, Value
from onto_fn.firestore.fieldpaths import quoted
from onto_fn.firestore.matching import in_order
from onto_fn.firestore.paths import check_document_path
from onto_fn.firestore.queries import Order
from onto_fn.gate.answered import answered, refused_values
from onto_fn.gate.caller import Caller, denied
from onto_fn.gate.cursors import cursor_of, position_of
from onto_fn.gate.offers import CheckedListing, ViewOffer
from onto_fn.gate.refusal import Refusal, invalid
from onto_fn.store import ReadSet, Store, load
from onto_fn.views import Transition

MAX_PAGE = 100
"""Documents in one page of a list."""
NOT_THERE = "there is no such document"


@dataclass(frozen=True)
class Shown:
    """One document, as its reader sees it.

    Attributes:
        path: of the document.
        fields: its content.
        version: text that differs if the document differs.
        time: when it was written; None if it was computed for this reader.
    """

    path: str
    fields: Fields
    version: str
    time: datetime | None = None


@dataclass(frozen=True)
class Page:
    """A part of a list.

    Attributes:
        items: the documents, in order.
        cursor: after which the next page begins; None if there is none.
    """

    items: tuple[Shown, ...]
    cursor: str | None


def version_of(time: datetime) -> str:
    """The version of a document that is stored: the microseconds of its update time."""
    return str(microseconds(time))


def microseconds(time: datetime) -> int:
    """Microseconds since 1970."""
    return round(time.timestamp() * 1_000_000)


class Views:
    """Reads views for callers. Thread-safe.

    Args:
        connect: connects to the database; called with the first read.
        retry: bounds of the retries of one read.
    """

    def __init__(self, connect: Callable[[], Database], retry: RetryPolicy | None = None) -> None:
        self._connect = connect
        self.retry = retry or RetryPolicy(attempts=5, deadline=15)

    @cached_property
    def database(self) -> Database:
        """Where it reads."""
        return self._connect()

    def get(
        self,
        offer: ViewOffer,
        params: Mapping[str, str],
        caller: Caller,
        *,
        computed: bool = False,
    ) -> Shown:
        """One document.

        Args:
            offer: its view.
            params: values of the variables of its path.
            caller: who asks.
            computed: whether it is computed now although it is stored, as after a request that its
                event has not reached yet.

        Raises:
            Refusal: the caller may not read it, it does not exist, or Firestore could not be
                reached. A caller who gets access only by what is in the document (`members`) is
                refused in the same way if there is none.
        """
        path = path_of(offer, params)
        may = self.may_ask(offer, params, caller)
        found: Shown | Refusal | None
        try:
            if offer.is_live or computed:
                found = self.built(offer, params, path)
            else:
                found = self.stored([path])[path]
        except Refusal as refusal:
            found = refusal
        return self.decided(offer, params, caller, found, may=may)

    def decided(
        self,
        offer: ViewOffer,
        params: Mapping[str, str],
        caller: Caller,
        found: Shown | Refusal | None,
        *,
        may: bool,
    ) -> Shown:
        """What was found, if the caller may see it.

        Args:
            offer: its view.
            params: values of the variables of its path.
            caller: who asks.
            found: the document; None if there is none; or why it cannot be read or built.
            may: what `may_ask` says.

        Raises:
            Refusal: the caller may not read it, or it does not exist; see `get`.
        """
        if isinstance(found, Refusal):
            if may or found.code != "internal":
                raise found
            # That it cannot be built would tell that there is something to build it from.
            raise denied(offer.view.__read__, caller, f"read this {offer.name}") from found
        fields = None if found is None else found.fields
        if not may and not allows(offer.view.__read__, caller.uid, caller.claims, params, fields):
            raise denied(offer.view.__read__, caller, f"read this {offer.name}")
        if found is None:
            raise Refusal("not-found", NOT_THERE)
        return found

    def may_ask(self, offer: ViewOffer, params: Mapping[str, str], caller: Caller) -> bool:
        """Whether a caller has access whatever is in the document.

        Raises:
            Refusal: the caller cannot have access, whatever is in it; so nothing is read for it.
        """
        access = offer.view.__read__
        if allows(access, caller.uid, caller.claims, params):
            return True
        is_listed = any(isinstance(part, Members) for part in access.alternatives())
        if caller.uid is None or not is_listed:
            raise denied(access, caller, f"read this {offer.name}")
        return False

    def built(self, offer: ViewOffer, params: Mapping[str, str], path: str) -> Shown | None:
        """A document as it would be built now; None if there would be none.

        Raises:
            Refusal: it cannot be built, or Firestore could not be reached.
        """
        root = root_of(offer, params)
        content: Fields | None = None
        with answered(offer.name):
            for attempt in self.retry.attempts_of(Subject(offer.name, root, "read")):
                with attempt:
                    documents, time = self.database.get([root])
                    content = self._built(offer, path, documents[root], time)
        return None if content is None else Shown(path, content, digest(content))

    def page(
        self,
        offer: ViewOffer,
        params: Mapping[str, str],
        caller: Caller,
        *,
        size: int,
        cursor: str | None = None,
        listing: CheckedListing | None = None,
        where: Mapping[str, Value] | None = None,
    ) -> Page:
        """A page of the list of a view's documents, as far as the caller may list them.

        Args:
            offer: the view, which can be listed.
            params: values of the variables of the collection's path.
            caller: who asks.
            size: documents of the page, at most.
            cursor: of the page before.
            listing: the order and conditions; None for all, in the order of their ids.
            where: the values of the conditions, by field.

        Raises:
            Refusal: the caller may not list them, the cursor is none, or Firestore could not be
                reached.
        """
        listing = listing or CheckedListing((), ())
        queries = self.queries(
            offer, params, caller, size=size + 1, cursor=cursor, listing=listing, where=where
        )
        collection = queries[0].collection
        found: list[Document] = []
        with answered(offer.name):
            for attempt in self.retry.attempts_of(Subject(offer.name, collection, "read")):
                with attempt, refused_values(asked=bool(where) or cursor is not None):
                    found, _ = self.found(queries)
        return page_of(found, size, listing)

    def queries(
        self,
        offer: ViewOffer,
        params: Mapping[str, str],
        caller: Caller,
        *,
        size: int,
        cursor: str | None = None,
        listing: CheckedListing | None = None,
        where: Mapping[str, Value] | None = None,
    ) -> list[Query]:
        """The queries for what a caller may list, whose union it is; see `page`.

        Raises:
            Refusal: the caller may not list anything, or the cursor is none.
        """
        listing = listing or CheckedListing((), ())
        try:
            collection = offer.path.parent.render(params)
        except InvalidPath as error:
            raise invalid([str(error)]) from error
        after, values = (None, ()) if cursor is None else position_of(cursor, collection, listing)
        filters = tuple(
            Filter(quoted(one.field), one.op, (where or {})[one.field]) for one in listing.where
        )
        orders = tuple(Order(quoted(one.field), one.descending) for one in listing.orders)
        return [
            Query(
                collection,
                (*filters, *narrowing),
                orders,
                limit=size,
                start_after=after,
                after_values=values,
            )
            for narrowing in self._narrowings(offer, params, caller)
        ]

    def _narrowings(
        self, offer: ViewOffer, params: Mapping[str, str], caller: Caller
    ) -> list[tuple[Filter, ...]]:
        """The conditions that a list needs; several if the union of them may be listed."""
        access, path = offer.view.__read__, offer.path
        parts = [part for part in access.alternatives() if can_list(part, path)]
        if any(allows(part, caller.uid, caller.claims, params) for part in parts):
            return [()]
        fields = [part.field for part in parts if isinstance(part, Members)]
        if caller.uid is None or not fields:
            raise denied(AnyOf(tuple(parts)), caller, f"list {offer.name}")
        return [(Filter(quoted(field), "array_contains", caller.uid),) for field in fields]

    def found(
        self, queries: Sequence[Query], time: datetime | None = None
    ) -> tuple[list[Document], datetime]:
        """What several queries find, and when; each document once, in their order.

        Args:
            queries: at least one.
            time: as of which instant; None for now.

        Raises:
            OntoError: they could not be run.
        """
        found: list[Document] = []
        for query in queries:  # the second one as of the same instant as the first
            documents, time = self.database.query(query, read_time=time)
            found += documents
        assert time is not None
        if len(queries) == 1:
            return found, time
        by_path = {document.path: document for document in found}
        return in_order(queries[0], by_path.values()), time

    def stored(self, paths: Sequence[str]) -> dict[str, Shown | None]:
        """Stored documents by path, read by one call; whoever asks must be allowed to.

        Raises:
            Refusal: they could not be read.
        """
        documents: dict[str, Document] = {}
        with answered("a document"):
            for attempt in self.retry.attempts_of(Subject(root=paths[0], step="read")):
                with attempt:
                    documents = self.database.get(list(paths))[0]
        return {
            path: None if document.fields is None else shown(document)
            for path, document in documents.items()
        }

    def built_and_stored(
        self, offer: ViewOffer, root: str, path: str
    ) -> tuple[Fields | None, Fields | None]:
        """What a document holds if it is built now, and what it holds, at one instant."""
        documents, time = self.database.get([root, path])
        return self._built(offer, path, documents[root], time), documents[path].fields

    def _built(self, offer: ViewOffer, path: str, root: Document, time: datetime) -> Fields | None:
        reader = Snapshot(self.database, time, known={root.path: root})
        return content_of(offer, path, load(offer.view.__store__, root.path, reader, ReadSet()))


def content_of(offer: ViewOffer, path: str, store: Store | None) -> Fields | None:
    """What a view computes for one of its documents; None if it has no such document.

    Raises:
        PermanentError: the app's code raises an error.
    """
    if store is None:
        return None
    return (offer.definition.build(store, Transition.UPDATED) or {}).get(path)


def page_of(found: Sequence[Document], size: int, listing: CheckedListing | None) -> Page:
    """A page of what was found: one document more than it has, if there is a next one."""
    items = tuple(shown(document) for document in found[:size])
    if len(found) <= size:
        return Page(items, None)
    return Page(items, cursor_of(found[size - 1], listing or CheckedListing((), ())))


def path_of(offer: ViewOffer, params: Mapping[str, str]) -> str:
    """The path of a document.

    Raises:
        Refusal: a value is not allowed in a path.
    """
    try:
        return check_document_path(offer.path.render(params))
    except InvalidPath as error:
        raise invalid([str(error)]) from error


def root_of(offer: ViewOffer, params: Mapping[str, str]) -> str:
    """The path of the root that a document is built from.

    Raises:
        Refusal: a value is not allowed in a path, or the document's path does not say it.
    """
    try:
        root = offer.root_path(params)
    except InvalidPath as error:
        raise invalid([str(error)]) from error
    if root is None:
        raise invalid([f"the path of {offer.name} does not say from which root it is built"])
    return root


def shown(document: Document) -> Shown:
    """A stored document that exists, as its reader sees it."""
    assert document.fields is not None
    assert document.update_time is not None
    time = document.update_time
    return Shown(document.path, document.fields, version_of(time), time)
