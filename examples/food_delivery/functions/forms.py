"""What clients may ask for: forms have documents created, patches have fields of views changed."""

from typing import Annotated, Literal

from google.cloud.firestore import GeoPoint
from models import (
    Address,
    Courier,
    Customer,
    Delivery,
    MenuItem,
    Offer,
    Order,
    OrderLine,
    OrderStatus,
    Restaurant,
    Review,
    Vehicle,
)
from pydantic import Field
from views import CourierPage, CustomerHistory, OrderStore, RestaurantDashboard

from onto_fn import EmbeddedModel, Form, Patch, Refused, Request, Store, query, root
from onto_fn.access import owner

Id = Annotated[str, Field(min_length=1, max_length=128)]


class OrderingStore(Store):
    """What it takes to decide about a new order."""

    restaurant = root(Restaurant)
    menu = query(MenuItem, invalid="skip").where(
        "restaurant", "==", lambda store: store.restaurant.doc_ref
    )
    offers = query(Offer, invalid="skip").where(
        "restaurant", "==", lambda store: store.restaurant.doc_ref
    )


class WantedLine(EmbeddedModel):
    item: Id
    quantity: Annotated[int, Field(ge=1, le=50)] = 1
    options: Annotated[
        list[Annotated[str, Field(max_length=100)]], Field(max_length=10, default_factory=list)
    ]


class PlaceOrder(
    Form[OrderingStore],
    path="users/{user_id}/orderForms/{order_id}",
    create=owner("user_id"),
    root="restaurant",
):
    """A customer orders. The prices are those of the menu, whatever the client has shown."""

    restaurant: Id
    lines: Annotated[list[WantedLine], Field(min_length=1, max_length=40)]
    address: Address
    note: Annotated[str, Field(max_length=500)] | None = None

    def submit(self, request: Request) -> list[Order]:
        restaurant = self.store.restaurant
        if restaurant.paused or not restaurant.is_open(request.time):
            raise Refused(f"{restaurant.name} takes no orders at present")
        today = request.time.date()
        running = [offer.percentage for offer in self.store.offers if offer.runs_on(today)]
        return [
            Order(
                doc_id=request.doc_id,
                customer=Customer.ref(request.params["user_id"]),
                restaurant=restaurant.doc_ref,
                lines=[self._line(wanted) for wanted in self.lines],
                address=self.address,
                discount=max(running, default=0),
                placed_at=request.time,
                note=self.note,
            )
        ]

    def _line(self, wanted: WantedLine) -> OrderLine:
        item = next((item for item in self.store.menu if item.doc_id == wanted.item), None)
        if item is None:
            raise Refused(f"{wanted.item} is not on the menu")
        if not item.available:
            raise Refused(f"{item.name} is sold out")
        return OrderLine(
            item=item.doc_ref,
            name=item.name,
            quantity=wanted.quantity,
            unit_price=item.price,
            options=wanted.options,
        )


class StatusStore(OrderStore):
    """An order, and the couriers who may take it: those of the restaurant's area."""

    couriers = query(Courier, invalid="skip").where(
        "area", "==", lambda store: store.restaurant.area
    )


# Who may move an order from one status to another. What is not here is refused.
MOVES: dict[tuple[OrderStatus, OrderStatus], Literal["restaurant", "courier", "customer"]] = {
    (OrderStatus.PLACED, OrderStatus.ACCEPTED): "restaurant",
    (OrderStatus.PLACED, OrderStatus.REJECTED): "restaurant",
    (OrderStatus.PLACED, OrderStatus.CANCELLED): "customer",
    (OrderStatus.ACCEPTED, OrderStatus.READY): "restaurant",
    (OrderStatus.READY, OrderStatus.ON_THE_WAY): "courier",
    (OrderStatus.ON_THE_WAY, OrderStatus.DELIVERED): "courier",
}


class ChangeOrderStatus(
    Form[StatusStore],
    path="users/{user_id}/statusForms/{form_id}",
    create=owner("user_id"),
    root="order",
):
    """The way of an order: the restaurant accepts, a courier delivers, the customer cancels."""

    order: Id
    status: OrderStatus

    def submit(self, request: Request) -> list[Delivery]:
        order = self.store.order
        who = MOVES.get((order.status, self.status))
        if request.uid is None or not self._has_part(request.uid):
            raise Refused("this order is not yours")
        if who is None:
            raise Refused(f"an order that is {order.status} cannot become {self.status}")
        if not self._is(who, request.uid):
            raise Refused(f"only the {who} can make an order {self.status}")
        order.status = self.status
        if self.status is OrderStatus.ON_THE_WAY:
            order.courier = Courier.ref(request.uid)
            return [
                Delivery(
                    doc_id=order.doc_id,
                    order=order.doc_ref,
                    courier=order.courier,
                    picked_up_at=request.time,
                )
            ]
        if self.status is OrderStatus.DELIVERED and self.store.delivery:
            self.store.delivery.took = request.time - self.store.delivery.picked_up_at
        return []

    def _has_part(self, uid: str) -> bool:
        return any(self._is(who, uid) for who in ("customer", "restaurant", "courier"))

    def _is(self, who: Literal["restaurant", "courier", "customer"], uid: str) -> bool:
        order = self.store.order
        match who:
            case "customer":
                return order.customer.id == uid
            case "restaurant":
                return self.store.restaurant.owner == uid
            case "courier" if order.courier:
                return order.courier.id == uid
            case "courier":
                return any(courier.doc_id == uid for courier in self.store.couriers)


class WriteReview(
    Form[OrderStore],
    path="users/{user_id}/reviewForms/{form_id}",
    create=owner("user_id"),
    root="order",
):
    """A customer reviews what was delivered, once for each order."""

    order: Id
    stars: Annotated[int, Field(ge=1, le=5)]
    text: Annotated[str, Field(max_length=2000)] = ""

    def submit(self, request: Request) -> list[Review]:
        order = self.store.order
        if order.customer.id != request.uid:
            raise Refused("this order is not yours")
        if order.status is not OrderStatus.DELIVERED:
            raise Refused("only what was delivered can be reviewed")
        return [
            Review.at(
                f"{order.restaurant.path}/reviews/{order.doc_id}",
                customer=order.customer,
                stars=self.stars,
                text=self.text,
                written_at=request.time,
            )
        ]


class RestaurantPatch(
    Patch[RestaurantDashboard],
    path="users/{owner_id}/restaurantPatches/{patch_id}",
    target="restaurant",
    create=owner("owner_id"),
):
    """The owner pauses the restaurant, or says what is sold out."""

    paused: bool
    sold_out: Annotated[list[Id], Field(max_length=200)]


class CustomerPatch(
    Patch[CustomerHistory],
    path="users/{customer_id}/customerPatches/{patch_id}",
    create=owner("customer_id"),
):
    """A customer moves house."""

    address: Address


class CourierPatch(
    Patch[CourierPage],
    path="users/{courier_id}/courierPatches/{patch_id}",
    create=owner("courier_id"),
):
    """A courier takes another vehicle, or is somewhere else."""

    vehicle: Vehicle
    position: GeoPoint
