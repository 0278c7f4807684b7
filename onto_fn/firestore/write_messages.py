"""Writes in the form that Firestore takes them in a commit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from onto_fn.errors import DocumentTooLarge
from onto_fn.firestore.documents import Write
from onto_fn.firestore.fieldpaths import quoted
from onto_fn.firestore.values import MAX_COMMIT_BYTES, check_size, encode, fill_fields, fill_time


def fill_write(message: Any, write: Write, documents: str, encoded: dict[int, Any]) -> None:
    """Put a write into its message.

    Args:
        message: the protobuf write, empty.
        write: the write.
        documents: the database's `projects/…/databases/…/documents`.
        encoded: the protobuf documents of this commit by the identity of their content. The
            copies of a view share theirs: it is encoded once.
    """
    name = f"{documents}/{write.path}"
    if write.increments is not None:
        message.update.name = name
        message.update_mask.SetInParent()
        for names, amount in write.increments.items():
            message.update_transforms.add(
                field_path=".".join(quoted(part) for part in names),
                increment=encode(amount, documents=documents, where=write.path),
            )
    elif write.fields is None:
        message.delete = name
    else:
        document, same = message.update, encoded.get(id(write.fields))
        if same is None:
            fill_fields(document.fields, write.fields, documents=documents, where=write.path)
            encoded[id(write.fields)] = document
        else:
            document.CopyFrom(same)
        document.name = name
    if write.mask is not None:
        message.update_mask.field_paths.extend(quoted(name) for name in write.mask)
    if write.precondition == "absent":
        message.current_document.exists = False
    elif write.precondition == "exists":
        message.current_document.exists = True
    elif write.precondition is not None:
        fill_time(message.current_document.update_time, write.precondition, write.path)


def check_commit(writes: Sequence[Write]) -> None:
    """Refuse before the call what Firestore refuses for its size."""
    contents = {write.path: write.fields for write in writes if write.fields is not None}
    size = sum(check_size(path, fields) for path, fields in contents.items())
    if size > MAX_COMMIT_BYTES:
        raise DocumentTooLarge(
            f"a commit of {len(contents)} documents, the first of them {next(iter(contents))}, "
            f"would have {size} bytes; Firestore allows {MAX_COMMIT_BYTES}. Spread the copies of "
            "the view over `shards`, or make them smaller."
        )
