"""Forms and patches, on documents that are given; without emulators."""

from datetime import datetime, timedelta

import pytest
from documents import ADA, CARBONARA, CARL, HOME, NOON, PASTA, TOWN, order, review
from forms import (
    ChangeOrderStatus,
    CourierPatch,
    CustomerPatch,
    PlaceOrder,
    RestaurantPatch,
    WriteReview,
)
from models import Courier, Delivery, OrderStatus, Vehicle

from onto_fn import DomainModel, Refused
from onto_fn.testing import PermissionDenied, submit

ADDRESS = {"street": "Storgata 2", "city": "Oslo", "postalCode": "0155"}


def place(documents=TOWN, *, time: datetime | None = NOON, **fields):
    """What becomes of Ada's form."""
    form = {
        "restaurant": "pasta",
        "lines": [{"item": "pesto", "quantity": 2}],
        "address": ADDRESS,
        **fields,
    }
    return submit(PlaceOrder, form, documents, id="o1", user="ada", time=time)


def with_changes(document: DomainModel, **changes: object) -> list[DomainModel]:
    """The town, in which one document is another."""
    others = [other for other in TOWN if other is not document]
    return [*others, document.model_copy(update=changes)]


def test_an_order_has_the_prices_of_the_menu_and_the_discount_of_the_day():
    made = place()["orders/o1"]

    [line] = made["lines"]
    assert (line["unitPrice"], made["discount"], made["totalCents"]) == ("12.95", 10, 2331)
    assert made["placedAt"] == NOON


def test_an_offer_that_is_over_gives_no_discount():
    assert place(time=NOON + timedelta(days=35))["orders/o1"]["discount"] == 0


def test_a_client_cannot_say_the_price():
    with pytest.raises(Refused, match="unitPrice"):
        place(lines=[{"item": "pesto", "unitPrice": "0.01"}])


def test_a_restaurant_that_pauses_takes_no_orders():
    with pytest.raises(Refused, match="Pasta Pronta takes no orders at present"):
        place(with_changes(PASTA, paused=True))


def test_a_restaurant_takes_no_orders_at_night(frozen_time):
    frozen_time("2026-01-02T03:00Z")

    with pytest.raises(Refused, match="takes no orders"):
        place(time=None)


def test_opening_hours_are_those_of_the_restaurants_time_zone(frozen_time):
    frozen_time("2026-01-02T10:30Z")  # half past eleven in Oslo

    assert place(time=None)


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ([{"item": "ramen"}], "ramen is not on the menu"),
        ([{"item": "carbonara"}], "Carbonara is sold out"),
        ([], "at least 1 item"),
        ([{"item": "pesto", "quantity": 0}], "greater than or equal to 1"),
    ],
)
def test_what_cannot_be_ordered_is_refused(lines, reason):
    with pytest.raises(Refused, match=reason):
        place(with_changes(CARBONARA, available=False), lines=lines)


def test_nobody_orders_for_somebody_else():
    with pytest.raises(PermissionDenied):
        submit(PlaceOrder, {}, TOWN, user="eve", params={"user_id": "ada"})


def move(status, now, user, *, courier=None, others=()):
    """What becomes of an order whose status a user wants to change."""
    documents = [*TOWN, *others, order(status=now, courier=courier)]
    form = {"order": "o1", "status": status}
    return submit(ChangeOrderStatus, form, documents, user=user, time=NOON)


@pytest.mark.parametrize(
    ("now", "wanted", "user"),
    [
        (OrderStatus.PLACED, OrderStatus.ACCEPTED, "olga"),
        (OrderStatus.PLACED, OrderStatus.REJECTED, "olga"),
        (OrderStatus.PLACED, OrderStatus.CANCELLED, "ada"),
        (OrderStatus.ACCEPTED, OrderStatus.READY, "olga"),
        (OrderStatus.READY, OrderStatus.ON_THE_WAY, "carl"),
    ],
)
def test_an_order_goes_its_way(now, wanted, user):
    assert move(wanted, now, user)["orders/o1"]["status"] == wanted.value


@pytest.mark.parametrize(
    ("now", "wanted", "user", "reason"),
    [
        (OrderStatus.PLACED, OrderStatus.ACCEPTED, "ada", "only the restaurant can"),
        (OrderStatus.PLACED, OrderStatus.CANCELLED, "olga", "only the customer can"),
        (OrderStatus.READY, OrderStatus.ON_THE_WAY, "ada", "only the courier can"),
        (OrderStatus.ACCEPTED, OrderStatus.CANCELLED, "ada", "is accepted cannot become cancel"),
        (OrderStatus.DELIVERED, OrderStatus.PLACED, "olga", "is delivered cannot become placed"),
        (OrderStatus.PLACED, OrderStatus.ACCEPTED, "eve", "not yours"),
    ],
)
def test_a_step_that_is_not_the_users_is_refused(now, wanted, user, reason):
    with pytest.raises(Refused, match=reason):
        move(wanted, now, user)


def test_only_the_courier_who_has_an_order_delivers_it():
    dina = Courier(doc_id="dina", name="Dina", area=PASTA.area, vehicle=Vehicle.CAR)

    with pytest.raises(Refused, match="not yours"):
        move("delivered", OrderStatus.ON_THE_WAY, "dina", courier="carl", others=[dina])


def test_whoever_picks_an_order_up_delivers_it():
    made = move("on-the-way", OrderStatus.READY, "carl")

    assert made["orders/o1"]["courier"] == CARL.doc_ref
    assert made["deliveries/o1"]["pickedUpAt"] == NOON


def test_a_delivery_knows_how_long_it_took():
    way = Delivery(
        doc_id="o1",
        order=order().doc_ref,
        courier=CARL.doc_ref,
        picked_up_at=NOON - timedelta(minutes=16),
    )

    made = move("delivered", OrderStatus.ON_THE_WAY, "carl", courier="carl", others=[way])

    assert made["deliveries/o1"]["took"] == 960


def test_what_was_delivered_is_reviewed_once():
    documents = [*TOWN, order(status=OrderStatus.DELIVERED)]
    form = {"order": "o1", "stars": 4, "text": "Fine"}

    made = submit(WriteReview, form, documents, user="ada")

    assert made["restaurants/pasta/reviews/o1"]["stars"] == 4
    with pytest.raises(Refused, match="already exists"):
        submit(WriteReview, form, [*documents, review()], user="ada")


@pytest.mark.parametrize(
    ("status", "user", "reason"),
    [
        (OrderStatus.PLACED, "ada", "only what was delivered"),
        (OrderStatus.DELIVERED, "olga", "not yours"),
    ],
)
def test_others_write_no_reviews(status, user, reason):
    with pytest.raises(Refused, match=reason):
        submit(WriteReview, {"order": "o1", "stars": 1}, [*TOWN, order(status=status)], user=user)


def test_an_owner_pauses_the_restaurant():
    patch = {"restaurant": "pasta", "paused": True}

    assert submit(RestaurantPatch, patch, TOWN, user="olga")["restaurants/pasta"]["paused"] is True
    with pytest.raises(Refused):
        submit(RestaurantPatch, patch, TOWN, user="eve")


def test_an_owner_says_what_is_sold_out():
    patch = {"restaurant": "pasta", "soldOut": ["pesto"]}

    made = submit(RestaurantPatch, patch, TOWN, user="olga")

    assert list(made) == ["menuItems/pesto"]
    assert made["menuItems/pesto"]["available"] is False
    with pytest.raises(Refused, match="not on the menu: ramen"):
        submit(RestaurantPatch, {**patch, "soldOut": ["ramen"]}, TOWN, user="olga")


def test_a_customer_moves():
    made = submit(CustomerPatch, {"address": ADDRESS}, TOWN, user="ada")

    assert made["customers/ada"]["address"] == ADDRESS
    assert ADA.address == HOME


def test_a_courier_who_has_deliveries_keeps_the_vehicle():
    taken = order(status=OrderStatus.ON_THE_WAY, courier="carl")

    assert submit(CourierPatch, {"vehicle": "car"}, TOWN, user="carl")["couriers/carl"]
    with pytest.raises(Refused, match="deliver first"):
        submit(CourierPatch, {"vehicle": "car"}, [*TOWN, taken], user="carl")
