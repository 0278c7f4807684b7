"""Owned fields: a mediator keeps some fields in documents that others write.

Owned fields are written by an update mask, so the rest of the document is not touched. The fields
in the snapshot decide what is written, not the ledger: the document may have been replaced since,
or deleted and created again. So these documents are part of the read set, and a change to one of
them finds the ledger record. A change that leaves the owned fields unchanged is covered.
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
    """The fields that a definition owns, and those that it owned at its last build.

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
    """The documents in which a definition owns or owned fields, from a snapshot.

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
    """The write that removes the owned fields from a document, unless it has none of them.

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
                f"{path} does not exist, and {definition.name} only writes fields of existing "
                "documents. Create it, or declare its sink with `creates=True`"
            )
