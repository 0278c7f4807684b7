"""Several documents and lists for one caller, all as of one instant.

The documents are read by one batched read, together with the roots of views that are computed. Each
is decided by itself: that one is refused says nothing about the others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

from onto_fn.attempts import Subject
from onto_fn.engine.materialise.build import Snapshot
from onto_fn.errors import OntoError, PermanentError, TransientError
from onto_fn.firestore import Document, Query
from onto_fn.firestore.canonical import digest
from onto_fn.firestore.documents import Value
from onto_fn.gate.answered import answered, refusal_of, refused_values
from onto_fn.gate.caller import Caller
from onto_fn.gate.offers import CheckedListing, ViewOffer
from onto_fn.gate.reading import Page, Shown, Views, content_of, page_of, path_of, root_of, shown
from onto_fn.gate.refusal import Refusal
from onto_fn.store import ReadSet
from onto_fn.store.loading import Loading, load_all

T = TypeVar("T")


@dataclass(frozen=True)
class OneAsked:
    """A document that is asked for; see `Views.get`."""

    offer: ViewOffer
    params: Mapping[str, str]


@dataclass(frozen=True)
class PageAsked:
    """A page of a list that is asked for; see `Views.page`."""

    offer: ViewOffer
    params: Mapping[str, str]
    size: int
    cursor: str | None = None
    listing: CheckedListing | None = None
    where: Mapping[str, Value] | None = None


Asked = OneAsked | PageAsked
Answer = Shown | Page | Refusal


def read_together(views: Views, asked: Sequence[Asked], caller: Caller) -> list[Answer]:
    """The answer to each that is asked for: what there is, or why the caller does not get it.

    Args:
        views: reads them.
        asked: what is asked for.
        caller: who asks.

    Raises:
        Refusal: Firestore could not be reached.
    """
    jobs = [_job(views, one, caller) for one in asked]
    names = " and ".join(dict.fromkeys(one.offer.name for one in asked))
    open_jobs = [job for job in jobs if not isinstance(job, Refusal)]
    if open_jobs:
        with answered(names):
            for attempt in views.retry.attempts_of(Subject(step="read", text=f"read: {names}")):
                with attempt:
                    _read(views, open_jobs)
    return [job if isinstance(job, Refusal) else job.answer(views, caller) for job in jobs]


class _One:
    """A document that the caller may have."""

    def __init__(self, asked: OneAsked, path: str, *, may: bool) -> None:
        self.offer = asked.offer
        self.root = root_of(asked.offer, asked.params) if asked.offer.is_live else None
        self.path = path
        self.found: Shown | Refusal | None = None
        self._params = asked.params
        self._may = may

    @property
    def read(self) -> str:
        """The document that is read first."""
        return self.path if self.root is None else self.root

    def answer(self, views: Views, caller: Caller) -> Answer:
        """What there is, if the caller may see it."""
        try:
            return views.decided(self.offer, self._params, caller, self.found, may=self._may)
        except Refusal as refusal:
            return refusal


class _List:
    """A page of a list that the caller may list."""

    def __init__(self, asked: PageAsked, queries: Sequence[Query]) -> None:
        self.asked = asked
        self.queries = queries
        self.found: Page | Refusal | None = None

    def answer(self, views: Views, caller: Caller) -> Answer:
        """What there is: its query has only what the caller may list."""
        assert self.found is not None
        return self.found


def _job(views: Views, asked: Asked, caller: Caller) -> _One | _List | Refusal:
    try:
        if isinstance(asked, OneAsked):
            path = path_of(asked.offer, asked.params)
            return _One(asked, path, may=views.may_ask(asked.offer, asked.params, caller))
        queries = views.queries(
            asked.offer,
            asked.params,
            caller,
            size=asked.size + 1,
            cursor=asked.cursor,
            listing=asked.listing,
            where=asked.where,
        )
        return _List(asked, queries)
    except Refusal as refusal:
        return refusal


def _read(views: Views, jobs: Sequence[_One | _List]) -> None:
    ones = [job for job in jobs if isinstance(job, _One)]
    documents, time = _documents(views, [one.read for one in ones])
    for one in ones:
        found = documents[one.read]
        if isinstance(found, Refusal):
            one.found = found
        elif one.root is None:
            one.found = None if found.fields is None else shown(found)
    known = {path: found for path, found in documents.items() if isinstance(found, Document)}
    live = [one for one in ones if one.root in known]
    if live and time is not None:
        _build(live, Snapshot(views.database, time, known=known))
    for job in jobs:
        if isinstance(job, _List):
            time = _list(views, job, time)


def _documents(
    views: Views, paths: Sequence[str]
) -> tuple[Mapping[str, Document | Refusal], datetime | None]:
    """Documents by path, by one call, and their read time.

    One that cannot be read at all does not stand in the way of the others.
    """
    if not paths:
        return {}, None
    try:
        return views.database.get(paths)
    except PermanentError:
        pass
    found: dict[str, Document | Refusal] = {}
    time: datetime | None = None
    for path in dict.fromkeys(paths):
        read = _or_refusal(path, partial(views.database.get, [path], read_time=time))
        if isinstance(read, Refusal):
            found[path] = read
        else:
            found[path], time = read[0][path], read[1]
    return found, time


def _build(live: Sequence[_One], reader: Snapshot) -> None:
    """Compute views: one batched read for what all of them ask at a time."""
    loadings = [Loading(one.offer.view.__store__, one.root or "", ReadSet()) for one in live]
    try:
        load_all(loadings, reader)
    except PermanentError:  # of several, which one is not known
        loadings = [Loading(one.offer.view.__store__, one.root or "", ReadSet()) for one in live]
        for one, loading in zip(live, loadings, strict=True):
            refused = _or_refusal(one.offer.name, partial(load_all, [loading], reader))
            one.found = refused if isinstance(refused, Refusal) else None
    for one, loading in zip(live, loadings, strict=True):
        if not isinstance(one.found, Refusal):
            one.found = _or_refusal(one.offer.name, partial(_built, one, loading))


def _built(one: _One, loading: Loading[Any]) -> Shown | None:
    content = content_of(one.offer, one.path, loading.result())
    return None if content is None else Shown(one.path, content, digest(content))


def _list(views: Views, job: _List, time: datetime | None) -> datetime | None:
    """Read a list, as of an instant if there is one; returns the instant."""

    def found() -> tuple[list[Document], datetime]:
        asked = bool(job.asked.where) or job.asked.cursor is not None
        with refused_values(asked=asked):
            return views.found(job.queries, time)

    read = _or_refusal(job.asked.offer.name, found)
    if isinstance(read, Refusal):
        job.found = read
        return time
    documents, time = read
    job.found = page_of(documents, job.asked.size, job.asked.listing)
    return time


def _or_refusal(what: str, call: Callable[[], T]) -> T | Refusal:
    """What a call returns, or why it cannot; what may succeed later is raised.

    Raises:
        TransientError: it may succeed if it is tried again.
    """
    try:
        return call()
    except TransientError:
        raise
    except Refusal as refusal:
        return refusal
    except OntoError as error:
        return refusal_of(what, error)
