"""A skimmed record says of a record what a comparison needs, and refuses what is none."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from google.cloud.firestore_v1.types import Document as Stored
from hypothesis import given
from hypothesis import strategies as st

from onto_fn.engine.records.ledger import Failure, LedgerRecord
from onto_fn.engine.records.skimmed import skimmed
from onto_fn.errors import UnreadableRecord
from onto_fn.firestore import Database, Document
from onto_fn.firestore.values import decode_fields, fill_fields
from tests.strategies import document_paths, instants, scalars, texts

DATABASE = "projects/p/databases/d/documents"
NOW = datetime(2026, 11, 30, tzinfo=UTC)


class Decoding:
    """The part of a database that decodes."""

    def decoded(self, message: Any) -> Document:
        return Document("onto_ledger/x", decode_fields(message.fields, DATABASE), NOW)


DECODING = cast(Database, Decoding())


def stored(fields: dict[str, Any]) -> Any:
    message = cast(Any, Stored).pb()()
    fill_fields(message.fields, fields, documents=DATABASE, where="onto_ledger/x")
    return message


versions = st.dictionaries(document_paths, st.none() | instants, max_size=3)
failures = st.builds(Failure, texts, texts, st.integers(1, 9), instants)
records = st.builds(
    LedgerRecord,
    definition=texts,
    root=document_paths,
    sources=versions,
    matched=versions,
    watches=st.frozensets(texts, max_size=3),
    documents=st.dictionaries(document_paths, texts, max_size=3),
    fingerprint=texts,
    built=st.booleans(),
    failure=st.none() | failures,
    event_id=texts,
    read_time=instants,
    shard=st.integers(0, 99),
    memory=st.none() | st.just({"documents": b"", "queries": []}),
    owns=st.just(()) | st.just(("a", "b")),
)


@given(records)
def test_a_skimmed_record_compares_like_the_whole_one(record: LedgerRecord) -> None:
    whole = LedgerRecord.from_document(Document("onto_ledger/x", record.to_fields(), NOW))
    found = skimmed(DECODING, stored(record.to_fields()))

    assert whole is not None
    assert found is not None
    for name in ("definition", "root", "documents", "fingerprint", "built", "failure", "owns"):
        assert getattr(found, name) == getattr(whole, name)
    assert found.shard == whole.shard
    assert found.sources.keys() == whole.sources.keys()


def test_no_document_is_no_record() -> None:
    assert skimmed(DECODING, None) is None


BASE = LedgerRecord(
    definition="View",
    root="groups/a",
    sources={"groups/a": NOW},
    matched={},
    watches=frozenset({"groups/a"}),
    documents={"views/a": "digest"},
    fingerprint="f",
    built=True,
    failure=None,
    event_id="",
    read_time=NOW,
)


@given(st.sampled_from(sorted(BASE.to_fields())), scalars | st.just([1]) | st.just([{"path": 1}]))
def test_what_is_refused_as_a_whole_is_refused_when_skimmed(name: str, value: object) -> None:
    fields = {**BASE.to_fields(), name: value}
    document = Document("onto_ledger/x", decode_fields(stored(fields).fields, DATABASE), NOW)
    try:
        LedgerRecord.from_document(document)
    except UnreadableRecord:
        with pytest.raises(UnreadableRecord):
            skimmed(DECODING, stored(fields))
    else:
        skimmed(DECODING, stored(fields))


@pytest.mark.parametrize("name", sorted(BASE.to_fields().keys() - {"shard"}))
def test_a_record_that_lacks_a_field_is_refused(name: str) -> None:
    fields = {key: value for key, value in BASE.to_fields().items() if key != name}

    with pytest.raises(UnreadableRecord):
        skimmed(DECODING, stored(fields))


@pytest.mark.parametrize("name", ["sources", "matched"])
@pytest.mark.parametrize("entry", [{"path": "a/b", "time": "x"}, {"path": "a/b"}, {"time": NOW}])
def test_a_record_with_a_strange_version_is_refused(name: str, entry: dict[str, Any]) -> None:
    with pytest.raises(UnreadableRecord):
        skimmed(DECODING, stored({**BASE.to_fields(), name: [entry]}))


def test_a_record_of_a_failed_build_says_so() -> None:
    failed = replace(BASE, failure=Failure("ValueError", "no", 1, NOW))

    found = skimmed(DECODING, stored(failed.to_fields()))

    assert found is not None
    assert found.failure == failed.failure
