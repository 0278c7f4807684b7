"""Everything that an API can offer: every type of field, access, lists, live views, requests."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal
from uuid import UUID

from google.cloud.firestore_v1 import GeoPoint
from google.cloud.firestore_v1.vector import Vector
from pydantic import AnyUrl, Field

from onto_fn import (
    App,
    DomainModel,
    EmbeddedModel,
    Form,
    Patch,
    Ref,
    Refused,
    Request,
    Store,
    ViewModel,
    mirror,
    root,
)
from onto_fn.access import claim, members, owner, public, role, signed_in
from onto_fn.api import Api, Live, Rest, by


class Size(Enum):
    SMALL = "small"
    LARGE = "large"


class Animal(EmbeddedModel, obj_type="Animal"):
    """An animal, perhaps of a kind that is known more closely."""

    name: str
    parent: Animal | None = None


class Bird(Animal):
    wingspan: float


class Dimensions(EmbeddedModel):
    width: int = 1
    depth: int | None = None
    height: int | None


class Author(DomainModel, collection="authors"):
    name: str


class Item(DomainModel, collection="items"):
    """One of each type."""

    title: str
    state: Literal["open", "done"] = "open"
    member_ids: list[str] = Field(default_factory=list)
    rank: int = 0
    ratio: float = 0.5
    is_large: bool = False
    size: Size = Size.SMALL
    data: bytes = b"\x00\xff"
    at: datetime | None = None
    day: date = date(2026, 1, 2)
    hour: time = time(3, 4, 5)
    lasts: timedelta = timedelta(hours=1)
    price: Decimal = Decimal("12.50")
    key: UUID = UUID(int=7)
    link: AnyUrl = AnyUrl("https://example.com/")
    author: Ref[Author] | None = None
    place: GeoPoint | None = None
    meaning: Vector | None = None
    tags: set[str] = Field(default_factory=set)
    pair: tuple[int, str] = (1, "one")
    counts: dict[UUID, int] = Field(default_factory=dict)
    animal: Animal | None = None
    animals: list[Animal] = Field(default_factory=list)
    dimensions: Dimensions | None = None
    extra: Any = None


class ItemStore(Store):
    item = root(Item)


class ItemPage(
    ViewModel[ItemStore],
    path="owners/{user_id}/ItemPage/{item_id}",
    typed=True,
    read=owner("user_id") | members("member_ids"),
):
    """An item, with a field of each type.

    It is in the list of each of its members.
    """

    title: str = mirror("item.title", setter=True)
    state: Literal["open", "done"] = mirror("item.state", setter=True)
    member_ids: list[str] = mirror("item.member_ids")
    rank: int = mirror("item.rank", setter=True)
    ratio: float = mirror("item.ratio", setter=True)
    is_large: bool = mirror("item.is_large", setter=True)
    size: Size = mirror("item.size", setter=True)
    data: bytes = mirror("item.data", setter=True)
    at: datetime | None = mirror("item.at", setter=True)
    day: date = mirror("item.day", setter=True)
    hour: time = mirror("item.hour", setter=True)
    lasts: timedelta = mirror("item.lasts", setter=True)
    price: Decimal = mirror("item.price", setter=True)
    key: UUID = mirror("item.key", setter=True)
    link: AnyUrl = mirror("item.link")
    author: Ref[Author] | None = mirror("item.author", setter=True)
    place: GeoPoint | None = mirror("item.place", setter=True)
    meaning: Vector | None = mirror("item.meaning", setter=True)
    tags: set[str] = mirror("item.tags", setter=True)
    pair: tuple[int, str] = mirror("item.pair", setter=True)
    counts: dict[UUID, int] = mirror("item.counts")
    animal: Animal | None = mirror("item.animal", setter=True)
    animals: list[Animal] = mirror("item.animals", setter=True)
    dimensions: Dimensions | None = mirror("item.dimensions", setter=True)
    extra: Any = mirror("item.extra", setter=True)

    @property
    def headline(self) -> Annotated[str, Field(max_length=30_000)]:
        """The title, in capitals."""
        return self.store.item.title.upper()[:30_000]

    def targets(self) -> Iterable[dict[str, str]]:
        item = self.store.item
        return [{"user_id": user, "item_id": item.doc_id} for user in item.member_ids]


class Card(ViewModel[ItemStore], path="cards/{item_id}", read=public()):
    """What everybody sees of an item."""

    title: str = mirror("item.title")
    state: Literal["open", "done"] = mirror("item.state")
    rank: int = mirror("item.rank")
    is_large: bool = mirror("item.is_large")
    tags: set[str] = mirror("item.tags")


class Shared(ViewModel[ItemStore], path="shared/{item_id}", read=members("member_ids")):
    title: str = mirror("item.title")
    member_ids: list[str] = mirror("item.member_ids")
    rank: int = mirror("item.rank")


class Report(
    ViewModel[ItemStore], path="reports/{item_id}", read=role("admin") | claim("level", 3)
):
    """For those who run this."""

    title: str = mirror("item.title")


class Now(ViewModel[ItemStore], path="now/{item_id}", read=signed_in()):
    """An item as it is at this moment."""

    title: str = mirror("item.title")
    rank: int = mirror("item.rank")
    meaning: Vector | None = mirror("item.meaning")


class Latest(ViewModel[ItemStore], path="owners/{item_id}/latest/card", read=public()):
    """It has no list: its path ends in a name."""

    title: str = mirror("item.title")


class ItemPatch(
    Patch[ItemPage],
    path="owners/{user_id}/itemPatches/{id}",
    target="item",
    create=owner("user_id"),
):
    """Changes an item; at least one field."""

    title: Annotated[str, Field(min_length=1, max_length=200)]
    state: Literal["open", "done"]
    rank: Annotated[int, Field(ge=-10, le=1000)]
    ratio: Annotated[float, Field(ge=0)]
    is_large: bool
    size: Size
    data: Annotated[bytes, Field(max_length=100)]
    at: datetime | None
    day: date
    hour: time
    lasts: timedelta
    price: Decimal
    key: UUID
    author: Ref[Author] | None
    place: GeoPoint | None
    meaning: Vector | None
    tags: Annotated[set[str], Field(max_length=5)]
    pair: tuple[int, str]
    animal: Animal | None
    animals: Annotated[list[Animal], Field(max_length=3)]
    dimensions: Dimensions | None
    extra: Any


class RankPatch(
    Patch[ItemPage], path="owners/{user_id}/rankPatches/{id}", target="item", create=signed_in()
):
    rank: int


class ItemForm(Form, path="owners/{user_id}/itemForms/{id}", create=owner("user_id")):
    """A new item. Its id is that of the form."""

    title: Annotated[str, Field(description="How it is called.", pattern="^[a-z ]*$")]
    rank: int = 0
    code: Annotated[str, Field(pattern="^[0-9]{3}$")] | None = None
    weights: dict[str, float] = Field(default_factory=dict)

    def submit(self, request: Request) -> list[Item]:
        if self.title == "no":
            raise Refused("not this one")
        return [
            Item(
                doc_id=request.doc_id,
                title=self.title,
                rank=self.rank,
                member_ids=[request.uid or "nobody"],
            )
        ]


class Suggestion(Form, path="suggestions/{id}", create=public()):
    """Anybody may suggest something."""

    text: str

    def submit(self, request: Request) -> list[Author]:
        return [Author(doc_id=request.doc_id, name=self.text)]


app = App(
    [ItemPage, Card, Shared, Report, Latest, ItemPatch, RankPatch, ItemForm, Suggestion],
    api=Api(
        views=[ItemPage, Card, Shared, Report, Live(Now), Latest],
        requests=[ItemPatch, RankPatch, ItemForm, Suggestion],
        rest=Rest(
            title="Items",
            lists={
                ItemPage: [by("-rank"), by(where=["state"]), by("rank", where=["state"])],
                Card: [by("rank"), by("-rank", where=["tags"]), by(where=["is_large", "state"])],
                Shared: [by("rank")],
            },
            max_wait_sec=0.3,
        ),
    ),
)
app.export(globals())
