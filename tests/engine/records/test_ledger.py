"""Ledger records: what they hold, and where they are."""

from datetime import UTC, datetime
from typing import Any

import pytest
from google.cloud.firestore_v1.types import Document as DocumentMessage
from hypothesis import given
from hypothesis import strategies as st

from onto_fn.engine.records.ledger import (
    Failure,
    LedgerRecord,
    dead_letter_path,
    ledger_path,
    message_of,
    record_id,
    root_of_id,
)
from onto_fn.firestore import Document
from onto_fn.firestore.paths import MAX_SEGMENT_BYTES, check_document_path, check_segment
from onto_fn.firestore.values import decode_fields, encode_fields
from tests.strategies import document_paths, instants, names, texts

digests = st.text("0123456789abcdef", min_size=32, max_size=32)
records = st.builds(
    LedgerRecord,
    definition=names,
    root=document_paths,
    sources=st.dictionaries(document_paths, st.none() | instants, max_size=3),
    matched=st.dictionaries(document_paths, instants, max_size=3),
    watches=st.frozensets(names, max_size=5),
    documents=st.dictionaries(document_paths, digests, max_size=3),
    fingerprint=texts,
    built=st.booleans(),
    failure=st.none() | st.builds(Failure, texts, texts, st.integers(1, 99), instants),
    event_id=texts,
    read_time=instants,
    update_time=instants,
)
definitions = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,60}", fullmatch=True)
wide = st.text("日🏟é%~ /", min_size=1, max_size=1600)


def stored(record: LedgerRecord) -> Document:
    """The record's document, after a way through the wire format."""
    encoded = encode_fields(record.to_fields(), documents="p/p/d/d/documents", where=record.path)
    message = DocumentMessage.pb(DocumentMessage(fields=encoded))
    return Document(
        record.path, decode_fields(message.fields, "p/p/d/d/documents"), record.update_time
    )


@given(records)
def test_a_record_comes_back_from_its_document(record: LedgerRecord) -> None:
    assert LedgerRecord.from_document(stored(record)) == record


def test_there_is_no_record_where_there_is_no_document() -> None:
    assert LedgerRecord.from_document(Document("onto_ledger/x", None, None)) is None


@given(definitions, document_paths)
def test_a_record_and_its_dead_letter_are_at_allowed_paths(definition: str, root: str) -> None:
    assert check_document_path(ledger_path(definition, root))
    assert check_document_path(dead_letter_path(definition, root))


@given(definitions, document_paths | wide)
def test_an_id_fits_however_long_and_wide_the_root_is(definition: str, root: str) -> None:
    identifier = check_segment(record_id(definition, root), what="ledger id")

    assert len(identifier.encode()) <= MAX_SEGMENT_BYTES


@given(st.tuples(definitions, document_paths | wide), st.tuples(definitions, document_paths | wide))
def test_different_materialisations_have_different_ids(
    one: tuple[str, str], other: tuple[str, str]
) -> None:
    assert (record_id(*one) == record_id(*other)) == (one == other)


def test_slashes_and_separators_in_ids_cannot_be_confused() -> None:
    similar = ["a/b", "a%2Fb", "a~b", "a/b~", "a%252Fb"]

    assert len({record_id("V", root) for root in similar}) == len(similar)


def test_long_roots_that_differ_at_the_end_have_different_ids() -> None:
    long = "users/" + "日" * 450

    assert record_id("V", long + "a") != record_id("V", long + "b")


def test_an_ordinary_id_is_readable() -> None:
    assert ledger_path("MeetingSession", "meetings/meeting_1") == (
        "onto_ledger/MeetingSession~meetings%2Fmeeting_1"
    )


def test_the_version_read_by_reference_counts_before_that_of_a_query() -> None:
    def at(second: int) -> datetime:
        return datetime(2026, 1, 1, 0, 0, second, tzinfo=UTC)

    fixed: dict[str, Any] = {"definition": "V", "root": "a/b", "fingerprint": "", "event_id": ""}
    record = LedgerRecord(
        sources={"a/b": at(1), "a/c": None},
        matched={"a/b": at(2), "a/d": at(3)},
        watches=frozenset(),
        documents={},
        built=True,
        failure=None,
        read_time=at(4),
        **fixed,
    )

    assert record.versions == {"a/b": at(1), "a/c": None, "a/d": at(3)}


def test_a_message_is_cut_to_what_a_reader_needs() -> None:
    assert message_of(ValueError("x" * 2001)) == "x" * 1999 + "…"
    assert message_of(ValueError("x" * 2000)) == "x" * 2000


def test_a_message_can_be_stored_whatever_it_holds() -> None:
    assert message_of(ValueError("a \ud800 b")) == "a \\ud800 b"


@pytest.mark.parametrize(
    ("path", "root"),
    [
        (ledger_path("View", "users/a"), "users/a"),
        (ledger_path("View", "users/a~b"), "users/a~b"),
        (ledger_path("View", "users/ä/b c/d%2F"), "users/ä/b c/d%2F"),
        (ledger_path("View", "users/a", 1), None),  # it may also be that of users/a~1
        (ledger_path("View", "users/a~1"), None),
        (ledger_path("View", f"users/{'ä' * 700}"), None),  # a digest
        (ledger_path("Other", "users/a"), None),
        ("onto_ledger/View~strange", None),
        ("onto_ledger/View", None),
    ],
)
def test_an_id_tells_its_root_only_if_it_tells_it_for_sure(path: str, root: str | None) -> None:
    assert root_of_id("View", path.removeprefix("onto_ledger/")) == root
