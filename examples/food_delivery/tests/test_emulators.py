"""The app on the emulators: the functions run as they will when they are deployed."""

from datetime import date, time

import pytest
import requests
from documents import ADA, CARBONARA, CARL, HARBOUR, PASTA, PESTO, WINTER, order
from forms import ChangeOrderStatus, PlaceOrder, RestaurantPatch, WriteReview
from main import start_and_end_offers
from models import Hours, OrderStatus, Weekday

from onto_fn.editing import Repository
from onto_fn.testing import CallFailed, PermissionDenied

SECONDS = 60  # at most; the first event has to start a process of the function
ALWAYS = {day: Hours(opens=time.min, closes=time.max) for day in Weekday}
FORM = {
    "restaurant": "pasta",
    "lines": [{"item": "pesto", "quantity": 2}],
    "address": {"street": "Storgata 2", "city": "Oslo", "postalCode": "0155"},
}


@pytest.fixture
def town(database):
    """A restaurant that is always open, its menu, a customer and a courier."""
    pasta = PASTA.model_copy(update={"opening_hours": ALWAYS})
    repository = Repository(database)
    repository.save(HARBOUR, pasta, CARBONARA, PESTO, WINTER, ADA, CARL)
    return repository


@pytest.fixture
def document(firestore_client):
    """The content of a document; KeyError if there is none."""

    def content(path):
        snapshot = firestore_client.document(path).get()
        if not snapshot.exists:
            raise KeyError(path)
        return snapshot.to_dict()

    return content


def test_an_order_goes_all_its_way(town, document, signed_in, call, eventually, topics):
    ada, olga, carl = (signed_in(name) for name in ("ada", "olga", "carl"))
    dashboard = "users/olga/dashboards/pasta"

    call(PlaceOrder, FORM, id="o1", user=ada)
    eventually(
        lambda: (
            document(dashboard)["openOrders"][0]["order"] == "o1"
            and document(dashboard)["numbers"] == {"placed": 1}
        ),
        deadline=SECONDS,
    )
    steps = [(olga, "accepted"), (olga, "ready"), (carl, "on-the-way"), (carl, "delivered")]
    for user, status in steps:
        call(ChangeOrderStatus, {"order": "o1", "status": status}, user=user)
        eventually(
            lambda wanted=status: document("users/ada/orderPages/o1")["order"]["status"] == wanted,
            deadline=SECONDS,
        )

    eventually(
        lambda: document(dashboard)["revenueCents"] == document("orders/o1")["totalCents"],
        deadline=SECONDS,
    )
    assert document(dashboard)["openOrders"] == []
    assert document("users/carl/orderPages/o1")["courier"] == "Carl"
    eventually(
        lambda: document("courierRankings/harbour")["couriers"][0]["deliveries"] == 1,
        deadline=SECONDS,
    )
    told = topics.messages("order-status", 5, subject="orderStatuses/o1", deadline=SECONDS)
    assert [message.data["status"] for message in told] == [
        "placed",
        "accepted",
        "ready",
        "on-the-way",
        "delivered",
    ]

    call(WriteReview, {"order": "o1", "stars": 4, "text": "Fine"}, user=ada)
    eventually(lambda: document("restaurantPages/pasta")["stars"] == 4, deadline=SECONDS)
    eventually(lambda: document("users/ada/feed/o1")["text"] == "Fine", deadline=SECONDS)


def test_a_step_that_is_not_the_callers_is_refused(town, document, signed_in, call):
    town.save(order())
    accept = {"order": "o1", "status": "accepted"}

    with pytest.raises(CallFailed, match="only the restaurant can make an order accepted"):
        call(ChangeOrderStatus, accept, user=signed_in("ada"))
    with pytest.raises(CallFailed, match="this order is not yours"):
        call(ChangeOrderStatus, accept, user=signed_in("eve"))
    with pytest.raises(CallFailed, match="placed cannot become delivered"):
        call(ChangeOrderStatus, {**accept, "status": "delivered"}, user=signed_in("carl"))
    assert document("orders/o1")["status"] == "placed"


def test_pages_are_read_by_those_whom_they_concern(town, signed_in, signed_out, eventually):
    town.save(order())
    ada = signed_in("ada")

    eventually(lambda: ada.get("users/ada/orderPages/o1"), deadline=SECONDS)
    eventually(lambda: signed_out.get("restaurantPages/pasta"), deadline=SECONDS)
    eventually(lambda: signed_out.query("menuTags/pasta/entries"), deadline=SECONDS)
    assert signed_in("olga").get("users/olga/dashboards/pasta")
    for path in ("users/ada/orderPages/o1", "users/olga/dashboards/pasta", "orders/o1"):
        with pytest.raises(PermissionDenied):
            signed_in("eve").get(path)
    with pytest.raises(PermissionDenied):
        ada.update("orders/o1", {"status": "delivered"})


def test_an_order_can_be_a_document_too(town, signed_in, eventually):
    ada = signed_in("ada")

    ada.set("users/ada/orderForms/o1", FORM)
    ada.set("users/ada/orderForms/o2", {**FORM, "lines": [{"item": "ramen"}]})

    done = eventually(lambda: ada.get("users/ada/orderForms/o1")["processed"], deadline=SECONDS)
    refused = eventually(lambda: ada.get("users/ada/orderForms/o2")["processed"], deadline=SECONDS)
    assert done["state"] == "done"
    assert (refused["state"], refused["reason"]) == ("failed", "ramen is not on the menu")
    with pytest.raises(PermissionDenied):
        signed_in("eve").set("users/ada/orderForms/o3", FORM)


def test_a_program_orders_over_http_and_reads_its_order_back(town, emulators, signed_in):
    api = emulators.function_urls()["onto_api"]
    ada, eve = ({"Authorization": f"Bearer {signed_in(name).token}"} for name in ("ada", "eve"))
    form = f"{api}/users/ada/orderForms/h1"

    first, again = (requests.put(form, json=FORM, headers=ada, timeout=SECONDS) for _ in range(2))
    other = requests.put(form, json={**FORM, "note": "no nuts"}, headers=ada, timeout=SECONDS)
    after = {"after": first.json()["after"]}
    page = f"{api}/users/ada/orderPages/h1"
    shown = requests.get(page, params=after, headers=ada, timeout=SECONDS)

    assert [answer.status_code for answer in (first, again, other)] == [201, 200, 409]
    assert shown.json()["order"]["status"] == "placed"
    assert requests.get(page, headers=eve, timeout=SECONDS).status_code == 403
    assert requests.put(form, json=FORM, timeout=SECONDS).status_code == 401


def test_dishes_that_can_be_ordered_are_listed_over_http(town, emulators, eventually):
    entries = f"{emulators.function_urls()['onto_api']}/menuTags/pasta/entries"

    def listed():
        answer = requests.get(entries, params={"available": "true"}, timeout=SECONDS)
        return [item["id"] for item in answer.json()["items"]]

    eventually(lambda: listed() == ["carbonara", "pesto"], deadline=SECONDS)
    assert requests.get(entries, params={"price": "1"}, timeout=SECONDS).status_code == 400


def test_an_invalid_order_does_not_freeze_the_dashboard(
    town, firestore_client, document, eventually
):
    dashboard = "users/olga/dashboards/pasta"
    town.save(order("good"), order("bad"))
    firestore_client.document("orders/bad").update({"lines": "none"})
    eventually(lambda: document("onto_dead_letters/OrderPage~orders%2Fbad"), deadline=SECONDS)

    town.save(order("next", OrderStatus.ACCEPTED))

    eventually(
        lambda: {entry["order"] for entry in document(dashboard)["openOrders"]} == {"good", "next"},
        deadline=SECONDS,
    )


def test_an_owner_pauses_and_nothing_can_be_ordered(town, document, signed_in, call, eventually):
    paused = {"restaurant": "pasta", "paused": True, "soldOut": ["carbonara"]}

    eventually(lambda: document("menuTags/pasta/entries/pesto")["available"], deadline=SECONDS)
    call(RestaurantPatch, paused, user=signed_in("olga"))

    eventually(lambda: document("restaurantPages/pasta")["paused"], deadline=SECONDS)
    eventually(lambda: not document("menuTags/pasta/entries/pesto")["available"], deadline=SECONDS)
    assert document("menuItems/carbonara")["available"] is False
    with pytest.raises(CallFailed, match="Pasta Pronta takes no orders"):
        call(PlaceOrder, FORM, user=signed_in("ada"))
    with pytest.raises(CallFailed):
        call(RestaurantPatch, paused, user=signed_in("eve"))


def test_an_offer_ends_with_its_last_day(town, database, document, eventually):
    eventually(lambda: document("restaurantPages/pasta")["offers"], deadline=SECONDS)

    assert start_and_end_offers(database, date(2026, 1, 31)) == []
    assert start_and_end_offers(database, date(2026, 2, 1)) == ["offers/winter"]

    eventually(lambda: document("restaurantPages/pasta")["offers"] == [], deadline=SECONDS)
    assert document("offers/winter")["percentage"] == 10
