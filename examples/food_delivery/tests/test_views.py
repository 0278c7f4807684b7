"""What the views show, of documents that are given; without emulators."""

from datetime import UTC, datetime, timedelta

from documents import CARL, NOON, PASTA, TOWN, WINTER, order, review
from models import Delivery, OrderStatus
from views import (
    CourierPage,
    CourierRanking,
    CourierScore,
    CourierScoreStore,
    CustomerHistory,
    DashboardStore,
    FeedEntry,
    MenuByTag,
    OrderPage,
    RestaurantDashboard,
    RestaurantPage,
    RestaurantStore,
)

from onto_fn.testing import build, load_store


def test_a_restaurants_page_has_its_menu_by_name():
    page = RestaurantPage(load_store(RestaurantStore, "pasta", TOWN))

    assert [(entry.name, str(entry.price)) for entry in page.menu] == [
        ("Carbonara", "14.50"),
        ("Pesto", "12.95"),
    ]


def test_a_restaurants_page_shows_the_average_of_its_reviews():
    page = RestaurantPage(load_store(RestaurantStore, "pasta", [*TOWN, review(4)]))

    assert (page.stars, page.reviews) == (4.0, 1)


def test_a_restaurant_without_reviews_has_no_stars():
    page = RestaurantPage(load_store(RestaurantStore, "pasta", TOWN))

    assert (page.stars, page.reviews) == (None, 0)


def test_only_running_offers_are_shown():
    over = WINTER.model_copy(update={"running": False})
    town = [document for document in TOWN if document is not WINTER]

    pages = build(RestaurantPage, "pasta", [*town, over])

    assert pages["restaurantPages/pasta"]["offers"] == []


def test_a_dashboard_lists_open_orders_the_oldest_first():
    orders = [
        order("late", placed_at=NOON + timedelta(hours=1)),
        order("early"),
        order("done", OrderStatus.DELIVERED),
    ]

    dashboard = RestaurantDashboard(load_store(DashboardStore, "pasta", [*TOWN, *orders]))

    assert [entry.order for entry in dashboard.open_orders] == ["early", "late"]
    assert dashboard.numbers == {"placed": 2, "delivered": 1}
    assert dashboard.revenue_cents == 2590


def test_a_dashboard_is_built_without_an_order_that_is_not_valid():
    documents = {document.doc_ref.path: document.doc_fields() for document in TOWN}
    documents["orders/good"] = order("good").doc_fields()
    documents["orders/bad"] = {**order("bad").doc_fields(), "lines": "none"}

    [dashboard] = build(RestaurantDashboard, "pasta", documents).values()

    assert [open_order["order"] for open_order in dashboard["openOrders"]] == ["good"]
    assert dashboard["numbers"] == {"placed": 1}


def test_a_dish_is_shown_below_each_of_its_tags():
    views = build(MenuByTag, "pesto", TOWN)

    assert set(views) == {"menuTags/pasta/entries/pesto", "menuTags/vegetarian/entries/pesto"}


def test_customer_owner_and_courier_have_a_copy_of_an_order():
    taken = order(status=OrderStatus.ON_THE_WAY, courier="carl")

    assert set(build(OrderPage, "o1", [*TOWN, order()])) == {
        "users/ada/orderPages/o1",
        "users/olga/orderPages/o1",
    }
    assert "users/carl/orderPages/o1" in build(OrderPage, "o1", [*TOWN, taken])


def test_a_history_shows_the_newest_order_first():
    orders = [order("old"), order("new", placed_at=NOON + timedelta(days=1))]

    [history] = build(CustomerHistory, "ada", [*TOWN, *orders]).values()

    assert [past["order"]["order"] for past in history["orders"]] == ["new", "old"]
    assert history["orders"][0]["restaurant"] == "Pasta Pronta"


def test_a_review_is_in_the_feed_of_who_follows_the_restaurant():
    feeds = build(FeedEntry, review().doc_ref.path, [*TOWN, review()])

    assert list(feeds) == ["users/ada/feed/o1"]
    assert feeds["users/ada/feed/o1"]["text"] == "Still warm!"


def test_a_courier_sees_where_to_go():
    taken = order(status=OrderStatus.ON_THE_WAY, courier="carl")

    [page] = build(CourierPage, "carl", [*TOWN, taken]).values()

    assert [(stop["order"], stop["customer"]) for stop in page["stops"]] == [("o1", "Ada")]


def test_a_score_averages_the_deliveries_that_have_arrived():
    deliveries = [
        Delivery(
            doc_id=doc_id,
            order=order(doc_id).doc_ref,
            courier=CARL.doc_ref,
            picked_up_at=datetime(2026, 1, 2, 13, tzinfo=UTC),
            took=took,
        )
        for doc_id, took in [
            ("a", timedelta(minutes=10)),
            ("b", timedelta(minutes=20)),
            ("on-its-way", None),
        ]
    ]

    score = CourierScore(load_store(CourierScoreStore, "carl", [*TOWN, *deliveries]))

    assert (score.deliveries, score.took) == (3, timedelta(minutes=15))


def test_the_ranking_of_an_area_is_made_of_scores():
    scores = {
        f"courierScores/{name}": {"name": name, "area": PASTA.area, "deliveries": number}
        for name, number in [("carl", 3), ("dina", 7)]
    }
    documents = {document.doc_ref.path: document.doc_fields() for document in TOWN}

    [ranking] = build(CourierRanking, "harbour", documents | scores).values()

    assert [courier["name"] for courier in ranking["couriers"]] == ["dina", "carl"]
