"""What a read asks for, what it gets, and what it may know of the store that it belongs to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from onto_fn.errors import PermanentError
from onto_fn.firestore import Document, Query


class Loaded(Protocol):
    """A store as far as it is loaded."""

    def loaded(self, name: str) -> Any:
        """The value of a read.

        Raises:
            NotLoaded: it has not been read yet.
        """
        ...


class Asked(NamedTuple):
    """What is needed next: documents by path, or the results of queries.

    Attributes:
        paths: of documents.
        queries: those whose results are wanted.
        about: what a read has to remember until its value is asked for, such as its references.
        is_noted: whether the queries are part of what a build has read. Those that are not find
            nothing that has changed unless a noted document has changed with it.
    """

    paths: Sequence[str] = ()
    queries: Sequence[Query] = ()
    about: Any = None
    is_noted: bool = True


class Answer(NamedTuple):
    """What came of it.

    Attributes:
        documents: by path, those that do not exist included.
        results: of the queries, in their order.
        error: set if a query was refused; there are no results then.
    """

    documents: Mapping[str, Document]
    results: Sequence[list[Document]] = ()
    error: PermanentError | None = None


NO_ANSWER = Answer({})
