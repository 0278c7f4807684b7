"""The app: what is in it becomes Firebase functions."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from firebase_functions import scheduler_fn
from forms import (
    ChangeOrderStatus,
    CourierPatch,
    CustomerPatch,
    PlaceOrder,
    RestaurantPatch,
    WriteReview,
)
from models import Offer, Order
from views import (
    CourierPage,
    CourierRanking,
    CourierScore,
    CustomerHistory,
    FeedEntry,
    MenuByTag,
    OrderPage,
    RestaurantDashboard,
    RestaurantPage,
)

from onto_fn import App, DocumentSink, FormMediator, Mediator, PatchMediator
from onto_fn.api import Api, Rest, by
from onto_fn.editing import Database, Repository, Write
from onto_fn.messaging import TopicSink


class OrderStatuses(Mediator):
    """A small document for each order, whose changes are told to a topic: one for each status."""

    source = Order
    sink = DocumentSink("orderStatuses/{order_id}")
    sends = (TopicSink("order-status"),)

    def on_write(self, source: Order) -> object:
        return self.sink.document(
            {"status": source.status.value, "restaurant": source.restaurant.id},
            order_id=source.doc_id,
        )


app = App(
    [
        RestaurantPage,
        RestaurantDashboard,
        MenuByTag,
        OrderPage,
        CustomerHistory,
        FeedEntry,
        CourierPage,
        CourierScore,
        CourierRanking,
        OrderStatuses,
        FormMediator(PlaceOrder, callable=True),
        FormMediator(ChangeOrderStatus, callable=True),
        FormMediator(WriteReview, callable=True),
        PatchMediator(RestaurantPatch, callable=True),
        PatchMediator(CustomerPatch, callable=True),
        PatchMediator(CourierPatch, callable=True),
    ],
    region="europe-west1",
    api=Api(  # for programs without a Firebase SDK, such as the till of a restaurant
        views=[RestaurantPage, MenuByTag, OrderPage, RestaurantDashboard],
        requests=[PlaceOrder, ChangeOrderStatus],
        rest=Rest(title="Food delivery", lists={MenuByTag: [by(where=["available"])]}),
    ),
)
app.export(globals())


def start_and_end_offers(database: Database, today: date) -> list[str]:
    """Write which offers run on a day; views show only those. Returns the paths of what changed.

    No event tells that a day has begun, so a view cannot know it: something has to write it.
    """
    changed = [
        offer
        for offer in Repository(database).find(Offer.all())
        if offer.runs_on(today) != offer.running
    ]
    if changed:
        database.commit(
            [
                Write(
                    offer.doc_ref.path,
                    {"running": offer.runs_on(today)},
                    precondition="exists",
                    mask=("running",),  # the other fields stay, whoever changes them meanwhile
                )
                for offer in changed
            ]
        )
    return [offer.doc_ref.path for offer in changed]


@scheduler_fn.on_schedule(
    schedule="every day 00:00", timezone=ZoneInfo("Etc/UTC"), region="europe-west1"
)
def update_offers(event: scheduler_fn.ScheduledEvent) -> None:
    """Each night, the offers that begin or end."""
    start_and_end_offers(app.database(), (event.schedule_time or datetime.now(UTC)).date())
