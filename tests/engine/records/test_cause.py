"""What a dead letter is grouped by: the document at fault, or what has failed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onto_fn.engine.records.cause import cause_of
from onto_fn.engine.records.dead_letter import letter_fields
from onto_fn.engine.records.ledger import Failure
from onto_fn.errors import BuildError, InvalidDocument, MissingDocument

NOW = datetime(2026, 1, 1, tzinfo=UTC)
BAD = InvalidDocument("orders/a b", "Order", ["lines: is no list"])


def letter(definition: str, root: str, error: Exception) -> dict[str, Any]:
    return letter_fields(definition, root, None, Failure.of(error, NOW), "", NOW)


def test_one_bad_document_is_one_cause_whatever_views_it_is_in_the_way_of() -> None:
    letters = [letter(view, f"roots/{view}", BAD) for view in ("OrderPage", "Dashboard", "Feed")]

    assert {cause_of(fields) for fields in letters} == {"InvalidDocument:orders/a%20b"}


def test_a_missing_document_is_another_cause_than_an_invalid_one() -> None:
    missing = letter("OrderPage", "orders/o", MissingDocument("orders/a b", "OrderStore.other"))

    assert cause_of(missing) == "MissingDocument:orders/a%20b"


def test_what_the_code_raises_is_one_cause_for_each_definition() -> None:
    letters = [letter("OrderPage", f"orders/{n}", BuildError(f"raised {n}")) for n in range(3)]

    assert {cause_of(fields) for fields in letters} == {"BuildError:OrderPage"}


def test_a_letter_names_the_document_at_fault_whatever_its_message_is_cut_to() -> None:
    fields = letter("OrderPage", "roots/r", BAD)

    assert fields["error"]["document"] == "orders/a b"
    assert cause_of(fields | {"error": fields["error"] | {"message": "…"}}) == cause_of(fields)


@pytest.mark.parametrize("error", [BAD, MissingDocument("orders/a b", "OrderStore.other")])
def test_a_letter_of_an_earlier_version_is_grouped_by_its_message(error: Exception) -> None:
    fields = letter("OrderPage", "orders/o", error)
    old = fields | {"error": {n: v for n, v in fields["error"].items() if n != "document"}}

    assert cause_of(old) == cause_of(fields)


@settings(deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["error", "definition", "event"]),
        st.none() | st.text() | st.dictionaries(st.sampled_from(["kind", "message"]), st.text()),
    )
)
def test_whatever_a_letter_holds_its_cause_is_one_word(fields: dict[str, Any]) -> None:
    assert len(cause_of(fields).split()) == 1
