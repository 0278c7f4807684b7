"""Ledger records as they came: decoded when asked for, and written back where unchanged."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from google.cloud.firestore_v1.types import Document as DocumentMessage
from google.cloud.firestore_v1.types import Write as WriteMessage
from hypothesis import given
from hypothesis import strategies as st

from onto_fn.engine.records.ledger import LedgerRecord
from onto_fn.firestore import Document, Write
from onto_fn.firestore.rpc import Stored, fill_write
from onto_fn.firestore.values import decode_fields, fill_fields
from tests.engine.records.test_ledger import records
from tests.strategies import values

DOCUMENTS = "projects/p/databases/d/documents"
TIME = datetime(2026, 11, 30, tzinfo=UTC)
pairs = st.fixed_dictionaries({"path": st.text("ab/", max_size=3), "time": values}) | values
contents = st.dictionaries(
    st.sampled_from(["sources", "watches", "other"]),
    st.lists(pairs.filter(lambda value: not isinstance(value, list)), max_size=4) | values,
)


def message_of(fields: dict[str, Any]) -> Any:
    message = DocumentMessage.pb()()
    fill_fields(message.fields, fields, documents=DOCUMENTS, where="a/b")
    return message.fields


def stored(fields: dict[str, Any]) -> Stored:
    return Stored(message_of(fields), DOCUMENTS)


def written(write: Write) -> Any:
    message = WriteMessage.pb()()
    fill_write(message, write, DOCUMENTS, {})
    return message


@given(contents)
def test_it_has_the_same_values_as_a_document_that_is_decoded_at_once(fields: Any) -> None:
    message, found = message_of(fields), stored(fields)
    whole = decode_fields(message, DOCUMENTS)
    assert repr({name: found[name] for name in found}) == repr(whole)
    assert repr(found.decoded({"sources": "time"})) == repr(whole)
    assert len(found) == len(whole)


@given(contents)
def test_reading_it_changes_nothing_in_it(fields: Any) -> None:
    message = message_of(fields)
    found = Stored(message, DOCUMENTS)
    found.decoded({"sources": "time", "watches": "missing", "missing": "time"})
    assert found.get("missing") is None
    assert message == message_of(fields)


@pytest.mark.parametrize(
    "item",
    [
        {"path": "a", "time": TIME, "more": 1},
        {"path": "a"},
        {"path": 1, "time": TIME},
        {"path": "", "time": TIME},
        {"path": "a", "time": ""},
        {"path": "a", "time": 0},
        {"path": "a", "time": None},
        "a",
        None,
    ],
)
def test_an_item_of_another_form_is_as_it_was_stored(item: Any) -> None:
    others = [{"path": "b", "time": TIME}]
    sources = [*others, item]
    assert stored({"sources": sources}).decoded({"sources": "time"}) == {"sources": sources}


def test_a_field_that_is_not_there_is_missing() -> None:
    with pytest.raises(KeyError):
        stored({})["sources"]


@given(contents, contents)
def test_what_is_filled_in_is_the_same_as_without_what_was_before(before: Any, now: Any) -> None:
    found, target, expected = stored(before), DocumentMessage.pb()(), DocumentMessage.pb()()
    found.decoded({"sources": "time"})
    found.fill(target.fields, now, documents=DOCUMENTS, where="a/b")
    fill_fields(expected.fields, now, documents=DOCUMENTS, where="a/b")
    assert target == expected


@pytest.mark.parametrize(("before", "now"), [(1, True), (1, 1.0), (0.0, -0.0), (True, 1.0)])
def test_what_is_equal_in_python_alone_is_not_copied(before: Any, now: Any) -> None:
    for wrapped in (lambda value: [value], lambda value: [{"path": "a", "time": value}]):
        found, target = stored({"sources": wrapped(before)}), DocumentMessage.pb()()
        found.decoded({"sources": "time"})
        found.fill(target.fields, {"sources": wrapped(now)}, documents=DOCUMENTS, where="a/b")
        assert target.fields == message_of({"sources": wrapped(now)})


@given(records, records)
def test_a_record_is_written_the_same_over_any_other(
    before: LedgerRecord, now: LedgerRecord
) -> None:
    old = LedgerRecord.from_document(Document(before.path, stored(before.to_fields()), TIME))
    assert old == LedgerRecord(**{**vars(before), "update_time": TIME})
    fields = now.to_fields()
    assert written(Write(now.path, fields, before=old.stored)) == written(Write(now.path, fields))


def test_only_what_is_known_is_copied_of_a_record() -> None:
    """What a later version of the library notes, an earlier one must not claim of its own build."""
    found, target = stored({"watches": ["a"], "later": ["b"]}), DocumentMessage.pb()()
    assert found.decoded({}) == {"watches": ["a"], "later": ["b"]}
    found.fill(target.fields, {"watches": ["a"]}, documents=DOCUMENTS, where="a/b")
    assert target.fields == message_of({"watches": ["a"]})
