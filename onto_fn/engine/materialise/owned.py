"""Owned fields: documents that are somebody else's, and in which a mediator keeps a few fields.

What is owned is written by an update mask, so that nothing else of the document is touched. What is
to be written is decided by what the snapshot has in these fields, not by what the ledger says that
was written: the document may have been replaced meanwhile, or be another of the same path. So the
documents are part of what a build has read, and a change to one of them finds the ledger record;
one that has left the owned fields as they were is covered.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from onto_fn.engine.records.ledger import LedgerRecord
from onto_fn.errors import PermanentError
from onto_fn.firestore import Document, Write
from onto_fn.firestore.documents import Fields, Value
from onto_fn.store import Reader
from onto_fn.views import Definition


def names_of(definition: Definition | None, record: LedgerRecord | None) -> tuple[str, ...]:
    """The fields that a definition owns, and those that it owned when it was last built.

    Empty if it owns whole documents.
    """
    now = () if definition is None else definition.owns
    before = () if record is None else record.owns
    return now if before in ((), now) else tuple(sorted({*now, *before}))


def picked(fields: Fields, names: Iterable[str]) -> dict[str, Value]:
    """Those of a document's fields that are owned."""
    return {name: fields[name] for name in names if name in fields}


def there(
    definition: Definition,
    record: LedgerRecord | None,
    wanted: Collection[str] | None,
    reader: Reader,
) -> dict[str, Document]:
    """The documents that a definition owns fields of, or has owned, as a snapshot has them.

    Args:
        definition: the definition.
        record: the ledger record of the root.
        wanted: paths of the documents that a build has made; None if it leaves those that are
            listed.
        reader: the snapshot.

    Returns:
        None are read if it owns whole documents.

    Raises:
        TransientError: they could not be read.
    """
    if not names_of(definition, record):
        return {}
    listed = record.documents if record is not None else dict[str, str]()
    paths = sorted({*listed, *(wanted or ())})
    return reader.get(paths) if paths else {}


def removal(
    path: str,
    there: Mapping[str, Document],
    names: tuple[str, ...],
) -> list[Write]:
    """The write that takes the owned fields out of a document, unless it has none of them.

    Args:
        path: of the document.
        there: documents as they were read.
        names: of the fields; if empty, the document as a whole is owned, and deleted.
    """
    if not names:
        return [Write(path, None)]
    fields = there[path].fields
    if fields is None or not picked(fields, names):
        return []
    return [Write(path, {}, "exists", mask=names)]


def check_there(definition: Definition, documents: Mapping[str, Document]) -> None:
    """Refuse a task that would write to documents that do not exist.

    Raises:
        PermanentError: one of them does not exist.
    """
    for path, document in documents.items():
        if not document.exists:
            raise PermanentError(
                f"{path} does not exist, and {definition.name} only writes fields of what does. "
                "Create it, or declare its sink with `creates=True`"
            )
