"""What a list is put together from, without a database."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import pytest

from onto_fn import DomainModel, Store, ViewModel, mirror, root
from onto_fn.access import members
from onto_fn.firestore import Document, Query
from onto_fn.firestore.matching import in_order
from onto_fn.gate.caller import Caller
from onto_fn.gate.offers import ViewOffer, by
from onto_fn.gate.reading import Views
from onto_fn.gate.refusal import Refusal

TIME = datetime(2026, 1, 2, tzinfo=UTC)


class Talk(DomainModel, collection="talks"):
    title: str
    speakers: list[str]
    guests: list[str]


class TalkStore(Store):
    talk = root(Talk)


class TalkPage(
    ViewModel[TalkStore],
    path="talkPages/{talk_id}",
    read=members("speakers") | members("guests"),
):
    title: str = mirror("talk.title")
    speakers: list[str] = mirror("talk.speakers")
    guests: list[str] = mirror("talk.guests")


OFFER = ViewOffer(TalkPage, False, "talk_id", (by("-title").checked(TalkPage),))
TALKS = {
    "a": {"title": "M", "speakers": ["ada"], "guests": []},
    "b": {"title": "Z", "speakers": [], "guests": ["ada"]},
    "c": {"title": "A", "speakers": ["ada"], "guests": ["ada"]},
    "d": {"title": "X", "speakers": ["bob"], "guests": []},
    "e": {"title": "M", "speakers": [], "guests": ["ada"]},
}


class Fake:
    """As much of Firestore as a page needs."""

    def __init__(self) -> None:
        self.asked: list[datetime | None] = []

    def query(
        self, query: Query, *, read_time: datetime | None = None
    ) -> tuple[list[Document], datetime]:
        self.asked.append(read_time)
        documents = [
            Document(f"talkPages/{name}", fields, TIME)
            for name, fields in TALKS.items()
            if all(condition.value in fields[condition.field] for condition in query.filters)  # pyright: ignore
        ]
        found = in_order(query, documents)
        return found[: query.limit], TIME


def titles(listing: Any, size: int) -> Iterable[str]:
    page = Views(lambda: Fake()).page(OFFER, {}, Caller("ada"), size=size, listing=listing)  # pyright: ignore
    return [f"{item.path[-1]}{item.fields['title']}" for item in page.items]


def test_what_several_lists_name_is_one_list_in_the_order_that_was_asked_for() -> None:
    assert titles(OFFER.lists[0], 10) == ["bZ", "eM", "aM", "cA"], "each once, none of bob's"
    assert titles(OFFER.lists[0], 2) == ["bZ", "eM"]
    assert titles(None, 10) == ["aM", "bZ", "cA", "eM"]


def test_what_several_lists_name_is_read_at_one_instant() -> None:
    fake = Fake()
    Views(lambda: fake).page(OFFER, {}, Caller("ada"), size=10)  # pyright: ignore
    assert fake.asked == [None, TIME]


def test_who_is_not_signed_in_is_listed_nothing() -> None:
    with pytest.raises(Refusal) as refusal:
        Views(lambda: Fake()).page(OFFER, {}, Caller(), size=1)  # pyright: ignore
    assert refusal.value.code == "unauthenticated"
