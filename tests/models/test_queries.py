"""Queries in the terms of a model: checked against its fields, put in Firestore's names."""

import pytest
from google.cloud.firestore import DocumentReference
from pydantic import Field

from onto_fn import DeclarationError, DomainModel, EmbeddedModel, Ref
from onto_fn.errors import InvalidPath
from onto_fn.firestore import Filter, Query, Reference
from onto_fn.firestore.queries import Order


class Address(EmbeddedModel):
    postal_code: str


class Guest(DomainModel, collection="guests"):
    first_name: str
    home_address: Address | None = None
    homes: dict[str, Address] = Field(default_factory=dict)
    scores: dict[str, int] = Field(default_factory=dict)


class Booking(DomainModel, collection="hotels/{hotel}/bookings"):
    guest: Ref[Guest]
    guests: list[Ref[Guest]] = Field(default_factory=list)


class OldBooking(DomainModel, collection="old_bookings", references="path"):
    guest: Ref[Guest]


def field(name: str) -> str:
    return Guest.where(name, "==", "x").filters[0].field


def test_a_query_is_put_together_step_by_step() -> None:
    query = (
        Guest.where("first_name", ">=", "T")
        .where("home_address.postal_code", "==", "02150")
        .order_by("first_name", descending=True)
        .limit(3)
    )

    assert query.query() == Query(
        "guests",
        (Filter("firstName", ">=", "T"), Filter("homeAddress.postalCode", "==", "02150")),
        (Order("firstName", True),),
        3,
    )


def test_each_step_leaves_the_query_before_it_as_it_was() -> None:
    everyone = Guest.all()
    everyone.where("first_name", "==", "T").limit(1)

    assert everyone.query() == Query("guests")


@pytest.mark.parametrize("name", ["first_name", "firstName"])
def test_a_field_is_known_by_its_python_and_its_firestore_name(name: str) -> None:
    assert field(name) == "firstName"


def test_names_below_a_map_are_free() -> None:
    assert field("scores.any_key") == "scores.any_key"


def test_models_in_a_map_are_found_below_its_keys() -> None:
    assert field("homes.summer.postal_code") == "homes.summer.postalCode"


@pytest.mark.parametrize("name", ["last_name", "home_address.city", "", "obj_type"])
def test_an_unknown_field_is_an_error(name: str) -> None:
    with pytest.raises(DeclarationError, match=f"Guest has no field {name!r}"):
        Guest.where(name, "==", "x")


def test_an_unknown_field_to_sort_by_is_an_error() -> None:
    with pytest.raises(DeclarationError, match="last_name"):
        Guest.all().order_by("last_name")


def test_the_error_of_an_unknown_field_lists_those_that_are_known() -> None:
    with pytest.raises(DeclarationError, match="declares first_name, home_address, homes, scores"):
        Guest.where("last_name", "==", "x")


def test_an_unknown_operator_is_an_error() -> None:
    with pytest.raises(DeclarationError, match="unknown operator '='; there are ==, !="):
        Guest.where("first_name", "=", "x")


@pytest.mark.parametrize("count", [0, -1])
def test_a_limit_below_one_is_an_error(count: int) -> None:
    with pytest.raises(DeclarationError, match="limit"):
        Guest.all().limit(count)


def test_a_nested_collection_needs_its_parents() -> None:
    assert Booking.all().within(hotel="ritz").query().collection == "hotels/ritz/bookings"
    with pytest.raises(InvalidPath, match="'hotel'"):
        Booking.all().query()


@pytest.mark.parametrize(
    "value",
    [
        Guest.ref("a"),
        Reference("guests/a"),
        DocumentReference("guests", "a"),
        Guest(doc_id="a", first_name="A"),
    ],
)
def test_a_value_may_be_any_form_of_a_reference(value: object) -> None:
    assert Booking.where("guest", "==", value).filters[0].value == Reference("guests/a")


def test_references_in_a_list_of_values_may_have_any_form() -> None:
    condition = Booking.where("guest", "in", [Guest.ref("a"), DocumentReference("guests", "b")])

    assert condition.filters[0].value == [Reference("guests/a"), Reference("guests/b")]


def test_a_model_that_stores_references_as_paths_is_queried_by_paths() -> None:
    condition = OldBooking.where("guest", "==", Guest.ref("a"))

    assert condition.filters[0].value == "guests/a"
