"""Whether a stored view shows what was written until an instant."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from onto_fn.attempts import Subject
from onto_fn.engine.records.ledger import LedgerRecord, ledger_path
from onto_fn.errors import PermanentError, UnreadableRecord
from onto_fn.firestore import Document
from onto_fn.firestore.canonical import digest
from onto_fn.gate.answered import answered
from onto_fn.gate.offers import ViewOffer
from onto_fn.gate.reading import Views, path_of, root_of
from onto_fn.views import Definition


def covers(
    views: Views,
    offer: ViewOffer,
    params: Mapping[str, str],
    time: datetime,
    *,
    builds: bool = True,
) -> bool:
    """Whether a stored document shows all that was written until an instant.

    It does if it was built later, or if it is as it would be built now: an event that is still
    to come, or that does not concern it, would change nothing.

    Args:
        views: reads views.
        offer: its view.
        params: values of the variables of its path.
        time: the instant, in the past.
        builds: whether it is built to find out; False looks at one document of the ledger.

    Raises:
        Refusal: its path does not say its root, or Firestore could not be reached.
    """
    path, root = path_of(offer, params), root_of(offer, params)
    definition = offer.definition
    record_path = ledger_path(definition.name, root, definition.shard_of(path))
    covered = False
    with answered(offer.name):
        for attempt in views.retry.attempts_of(Subject(offer.name, root, "read")):
            with attempt:
                found, _ = views.database.get([record_path])
                covered = _was_built_since(found[record_path], definition, time)
                if builds and not covered:
                    covered = _is_as_built_now(views, offer, root, path)
    return covered


def _is_as_built_now(views: Views, offer: ViewOffer, root: str, path: str) -> bool:
    try:
        content, stored = views.built_and_stored(offer, root, path)
    except PermanentError:  # its dead letter says why
        return False
    if content is None or stored is None:
        return content is stored
    return digest(content) == digest(stored)


def _was_built_since(record: Document, definition: Definition, time: datetime) -> bool:
    if definition.consistency != "snapshot":  # it may remember what is older
        return False
    try:
        found = LedgerRecord.from_document(record)
    except UnreadableRecord:
        return False
    return found is not None and found.failure is None and found.read_time >= time
