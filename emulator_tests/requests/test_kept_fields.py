"""What a model does not declare stays in its document, byte for byte, whatever changes a view."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest
from google.cloud.firestore_v1 import Client, DocumentReference, GeoPoint
from google.cloud.firestore_v1.types import Document as DocumentMessage
from google.cloud.firestore_v1.vector import Vector
from pydantic import BaseModel, Field

from emulator_tests.kit.writing import Writer
from onto_fn import (
    DomainModel,
    EmbeddedModel,
    Patch,
    PatchMediator,
    Ref,
    Store,
    ViewMediator,
    ViewModel,
    one,
    root,
)
from onto_fn.access import owner
from onto_fn.editing import Database, Repository, edit, load_view
from onto_fn.engine import Engine
from onto_fn.errors import InvalidReference
from onto_fn.observability import Result

SHIP = "ships/a"
KINDS: tuple[Any, ...] = (
    None,
    True,
    -0.0,
    1.0,
    2**53 + 1,
    float("inf"),
    float("nan"),
    "",
    "text",
    b"\x00\xff",
    datetime(2020, 1, 2, 3, 4, 5, 678901, UTC),
    GeoPoint(-0.0, 12.5),
    Vector([1.0, -0.0]),
    {},
    [],
)


class Cabin(EmbeddedModel):
    number: int
    booked_on: date | None = None


class Deck(BaseModel):
    title: str
    cabins: list[Cabin] = Field(default_factory=list)


class Ship(DomainModel, collection="ships"):
    name: str
    deck: Deck
    decks: list[Deck] = Field(default_factory=list)
    port: Ref[Port] | None = None


class Port(DomainModel, collection="ports"):
    name: str


class ShipStore(Store):
    ship = root(Ship)


class ShipPage(ViewModel[ShipStore], path="users/{user_id}/ships/{ship_id}"):
    @property
    def first_cabin(self) -> int:
        return self.store.ship.decks[0].cabins[0].number

    @first_cabin.setter
    def first_cabin(self, value: int) -> None:
        self.store.ship.decks[0].cabins[0].number = value

    @property
    def deck_title(self) -> str:
        return self.store.ship.deck.title

    @deck_title.setter
    def deck_title(self, value: str) -> None:
        self.store.ship.deck = Deck(title=value, cabins=self.store.ship.deck.cabins)

    def targets(self) -> Any:
        return [{"user_id": "u", "ship_id": self.store.ship.doc_id}]


class ShipPatch(
    Patch[ShipPage],
    path="users/{user_id}/shipPatches/{id}",
    target="ship",
    create=owner("user_id"),
):
    first_cabin: int
    deck_title: str


class PortStore(Store):
    ship = root(Ship)
    port = one(Port, lambda store: store.ship.port)


class PortPage(ViewModel[PortStore], path="portPages/{ship_id}"):
    @property
    def port(self) -> str:
        return self.store.port.name


@pytest.fixture
def client(project: str) -> Client:
    return Client(project=project)


def beside(client: Client, depth: int) -> dict[str, Any]:
    """Undeclared fields of every kind, some of them `depth` levels deeper."""
    foreign = Client(project="another-project", credentials=client._credentials)
    fields: dict[str, Any] = {f"other {number}": kind for number, kind in enumerate(KINDS)}
    fields["own"] = DocumentReference("ports", "p", client=client)
    fields["foreign"] = DocumentReference("ports", "p", client=foreign)
    if depth:
        fields["map"] = beside(client, depth - 1)
        fields["list"] = [beside(client, depth - 1), None, 1]
    return fields


def message(client: Client) -> Any:
    """The ship as it is stored, as protobuf."""
    name = client.document(SHIP)._document_path
    found = client._firestore_api.get_document({"name": name}, metadata=client._rpc_metadata)
    return DocumentMessage.pb(found)


def wire(document: Any) -> dict[str, bytes]:
    """Each field as it goes over the wire, in which -0.0 is not 0.0."""
    return {
        name: value.SerializeToString(deterministic=True) for name, value in document.fields.items()
    }


def by_google(client: Client) -> Any:
    """Write the ship by Google's client, which knows no models; its stored form."""
    extra = beside(client, 3)
    cabins = [{**extra, "number": 1, "bookedOn": None}, {**extra, "number": 2}]
    foreign = extra["foreign"]
    client.document(SHIP).set(
        {
            **extra,
            "name": "Ada",
            "deck": {**extra, "title": "Sun", "cabins": cabins},
            "decks": [{**extra, "title": "A", "cabins": cabins}, {**extra, "title": "B"}],
            "port": foreign,
        }
    )
    stored = message(client)
    assert len(stored.fields) - 4 + sum(len(extra) for _ in range(2)) >= 50
    return stored


def by_edit(database: Database, writer: Writer, **values: Any) -> None:
    def change(view: ShipPage) -> None:
        for name, value in values.items():
            setattr(view, name, value)

    edit(database, ShipPage, "a", change)


def by_propagate(database: Database, writer: Writer, **values: Any) -> None:
    view = load_view(database, ShipPage, "a")
    for name, value in values.items():
        setattr(view, name, value)
    assert view.save() == (SHIP,)


def by_patch(database: Database, writer: Writer, **values: Any) -> None:
    names = {"first_cabin": "firstCabin", "deck_title": "deckTitle"}
    fields = {names[name]: value for name, value in values.items()}
    change = writer.write("users/u/shipPatches/p", {"ship": "a", **fields})
    engine = Engine([PatchMediator(ShipPatch).definition()])
    assert [outcome.result for outcome in engine.handle(database, change)] == [Result.COMMITTED]


WAYS = [by_edit, by_propagate, by_patch]


@pytest.mark.parametrize("way", WAYS)
def test_a_setter_in_a_list_of_maps_changes_one_number_of_the_stored_document(
    way: Callable[..., None], client: Client, database: Database, writer: Writer
) -> None:
    expected = by_google(client)

    way(database, writer, first_cabin=7)

    [deck, _] = expected.fields["decks"].array_value.values
    [cabin, _] = deck.map_value.fields["cabins"].array_value.values
    cabin.map_value.fields["number"].integer_value = 7
    assert wire(message(client)) == wire(expected)


@pytest.mark.parametrize("way", WAYS)
def test_a_setter_that_makes_a_new_object_changes_the_keys_that_differ(
    way: Callable[..., None], client: Client, database: Database, writer: Writer
) -> None:
    expected = by_google(client)

    way(database, writer, deck_title="Moon")

    expected.fields["deck"].map_value.fields["title"].string_value = "Moon"
    assert wire(message(client)) == wire(expected)


def test_a_reference_into_another_database_is_a_dead_letter_where_it_is_read(
    client: Client, database: Database, writer: Writer
) -> None:
    by_google(client)
    writer.write("ports/p", {"name": "of this database"})
    engine = Engine([ViewMediator(PortPage).definition()])

    outcome = engine.rebuild(database, "PortPage", SHIP)

    assert outcome.result is Result.DEAD_LETTER
    assert "another-project" in str(outcome.error)
    assert "PortStore.port" in str(outcome.error)
    assert writer.content("portPages/a") is None


def test_a_read_by_a_reference_into_another_database_is_refused(database: Database) -> None:
    foreign: Ref[Port] = Ref.stored("ports/p", "projects/other/databases/(default)")

    with pytest.raises(InvalidReference, match="projects/other"):
        Repository(database).get(Port, foreign)


def test_a_saved_object_is_equal_to_the_one_that_is_read(database: Database) -> None:
    ship = Ship(doc_id="a", name="Ada", deck=Deck(title="Sun"))
    repository = Repository(database)

    repository.save(ship)
    read = repository.get(Ship, "a")

    assert read == ship
    assert read is not None
    assert read.doc_update_time == ship.doc_update_time is not None
