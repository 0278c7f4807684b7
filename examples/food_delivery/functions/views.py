"""View models: what a screen needs."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal

from google.cloud.firestore import GeoPoint
from models import (
    OPEN,
    Address,
    Area,
    Courier,
    Customer,
    Delivery,
    Hours,
    MenuItem,
    Offer,
    Order,
    OrderStatus,
    Restaurant,
    Review,
    Vehicle,
    Weekday,
)

from onto_fn import EmbeddedModel, Ref, Refused, Store, ViewModel, aggregate, many, one, query, root
from onto_fn.access import owner, public, signed_in
from onto_fn.aggregates import average, count, total


class MenuEntry(EmbeddedModel):
    item: Ref[MenuItem]
    name: str
    price: Decimal
    tags: list[str]
    available: bool


class RunningOffer(EmbeddedModel):
    title: str
    last_day: date
    percentage: int


class OrderSummary(EmbeddedModel):
    order: str
    status: OrderStatus
    placed_at: datetime
    total_cents: int
    dishes: list[str]
    note: str | None = None


def summary(order: Order) -> OrderSummary:
    """An order as lists of orders show it."""
    return OrderSummary(
        order=order.doc_id,
        status=order.status,
        placed_at=order.placed_at,
        total_cents=order.total_cents,
        dishes=[f"{line.quantity} x {line.name}" for line in order.lines],
        note=order.note,
    )


class RestaurantStore(Store):
    """A restaurant with its menu, what its customers say, and the offers that run."""

    restaurant = root(Restaurant)
    menu = (
        query(MenuItem, invalid="skip")
        .where("restaurant", "==", lambda store: store.restaurant.doc_ref)
        .order_by("name")
    )
    offers = (
        query(Offer, invalid="skip")
        .where("restaurant", "==", lambda store: store.restaurant.doc_ref)
        .where("running", "==", True)
    )
    ratings = aggregate(Review, number=count(), stars=average("stars")).within(
        restaurant=lambda store: store.restaurant.doc_id
    )


class RestaurantPage(
    ViewModel[RestaurantStore], path="restaurantPages/{restaurant_id}", read=public()
):
    """A restaurant as everybody sees it."""

    @property
    def name(self) -> str:
        return self.store.restaurant.name

    @property
    def position(self) -> GeoPoint:
        return self.store.restaurant.position

    @property
    def opening_hours(self) -> dict[Weekday, Hours]:
        return self.store.restaurant.opening_hours

    @property
    def paused(self) -> bool:
        return self.store.restaurant.paused

    @property
    def menu(self) -> list[MenuEntry]:
        return [
            MenuEntry(
                item=item.doc_ref,
                name=item.name,
                price=item.price,
                tags=item.tags,
                available=item.available,
            )
            for item in self.store.menu
        ]

    @property
    def offers(self) -> list[RunningOffer]:
        offers = sorted(self.store.offers, key=lambda offer: offer.last_day)
        return [
            RunningOffer(title=offer.title, last_day=offer.last_day, percentage=offer.percentage)
            for offer in offers
        ]

    @property
    def stars(self) -> float | None:
        """The average of its reviews; None before the first."""
        return self.store.ratings["stars"]

    @property
    def reviews(self) -> int:
        return self.store.ratings["number"]


class DashboardStore(Store):
    """A restaurant as its owner runs it."""

    restaurant = root(Restaurant)
    menu = query(MenuItem, invalid="skip").where(
        "restaurant", "==", lambda store: store.restaurant.doc_ref
    )
    open_orders = (
        query(Order, invalid="skip")
        .where("restaurant", "==", lambda store: store.restaurant.doc_ref)
        .where("status", "in", OPEN)
        .order_by("placed_at")
        .limit(50)
    )
    orders = aggregate(
        Order, shards=4, number=count(by="status"), cents=total("total_cents", by="status")
    ).where("restaurant", "==", lambda store: store.restaurant.doc_ref)


class RestaurantDashboard(
    ViewModel[DashboardStore],
    path="users/{owner_id}/dashboards/{restaurant_id}",
    read=owner("owner_id"),
):
    """What a restaurant's owner works with."""

    @property
    def name(self) -> str:
        return self.store.restaurant.name

    @property
    def open_orders(self) -> list[OrderSummary]:
        return [summary(order) for order in self.store.open_orders]

    @property
    def numbers(self) -> dict[OrderStatus, int]:
        return self.store.orders["number"]

    @property
    def revenue_cents(self) -> int:
        return self.store.orders["cents"].get(OrderStatus.DELIVERED, 0)

    @property
    def paused(self) -> bool:
        return self.store.restaurant.paused

    @paused.setter
    def paused(self, value: bool) -> None:
        self.store.restaurant.paused = value

    @property
    def sold_out(self) -> list[str]:
        """Ids of the menu items that cannot be ordered."""
        return sorted(item.doc_id for item in self.store.menu if not item.available)

    @sold_out.setter
    def sold_out(self, value: list[str]) -> None:
        items = {item.doc_id: item for item in self.store.menu}
        if unknown := set(value) - set(items):
            raise Refused(f"not on the menu: {', '.join(sorted(unknown))}")
        for doc_id, item in items.items():
            item.available = doc_id not in value

    def targets(self) -> list[Mapping[str, str]]:
        restaurant = self.store.restaurant
        return [{"owner_id": restaurant.owner, "restaurant_id": restaurant.doc_id}]


class MenuItemStore(Store):
    item = root(MenuItem)
    restaurant = one(Restaurant, "item.restaurant")


class MenuByTag(ViewModel[MenuItemStore], path="menuTags/{tag}/entries/{item_id}", read=public()):
    """A dish, once below each of its tags: "everything that is vegan" is one collection."""

    @property
    def name(self) -> str:
        return self.store.item.name

    @property
    def restaurant(self) -> str:
        return self.store.restaurant.name

    @property
    def price(self) -> Decimal:
        return self.store.item.price

    @property
    def available(self) -> bool:
        return self.store.item.available and not self.store.restaurant.paused

    def targets(self) -> Iterable[Mapping[str, str]]:
        item = self.store.item
        return [{"tag": tag, "item_id": item.doc_id} for tag in item.tags]


class OrderStore(Store):
    """An order and everybody who has to do with it."""

    order = root(Order)
    restaurant = one(Restaurant, "order.restaurant")
    customer = one(Customer, "order.customer", default=None, invalid=None)
    courier = one(Courier, "order.courier", default=None)
    delivery = one(
        Delivery, lambda store: Delivery.ref(store.order.doc_id), default=None, invalid=None
    )


class OrderPage(
    ViewModel[OrderStore], path="users/{user_id}/orderPages/{order_id}", read=owner("user_id")
):
    """An order, for its customer, the restaurant's owner, and the courier who has taken it."""

    @property
    def restaurant(self) -> str:
        return self.store.restaurant.name

    @property
    def customer(self) -> str | None:
        return self.store.customer.name if self.store.customer else None

    @property
    def phone(self) -> str | None:
        return self.store.customer.phone if self.store.customer else None

    @property
    def address(self) -> Address:
        return self.store.order.address

    @property
    def courier(self) -> str | None:
        return self.store.courier.name if self.store.courier else None

    @property
    def courier_position(self) -> GeoPoint | None:
        on_the_way = self.store.order.status == OrderStatus.ON_THE_WAY
        return self.store.courier.position if self.store.courier and on_the_way else None

    @property
    def order(self) -> OrderSummary:
        return summary(self.store.order)

    @property
    def took(self) -> timedelta | None:
        return self.store.delivery.took if self.store.delivery else None

    def targets(self) -> Iterator[Mapping[str, str]]:
        order = self.store.order
        users = {order.customer.id, self.store.restaurant.owner}
        if order.courier:
            users.add(order.courier.id)
        for user in sorted(users):
            yield {"user_id": user, "order_id": order.doc_id}


class CustomerStore(Store):
    customer = root(Customer)
    orders = (
        query(Order, invalid="skip")
        .where("customer", "==", lambda store: store.customer.doc_ref)
        .order_by("placed_at", descending=True)
        .limit(50)
    )
    restaurants = many(Restaurant, "orders.restaurant", missing="skip", invalid="skip")


class PastOrder(EmbeddedModel):
    restaurant: str
    order: OrderSummary


class CustomerHistory(
    ViewModel[CustomerStore],
    path="users/{customer_id}/customerHistory/latest",
    read=owner("customer_id"),
):
    """A customer's last 50 orders, and where the next one goes."""

    @property
    def orders(self) -> list[PastOrder]:
        names = {restaurant.doc_ref: restaurant.name for restaurant in self.store.restaurants}
        return [
            PastOrder(restaurant=names.get(order.restaurant, "closed"), order=summary(order))
            for order in self.store.orders
        ]

    @property
    def address(self) -> Address:
        return self.store.customer.address

    @address.setter
    def address(self, value: Address) -> None:
        self.store.customer.address = value


class ReviewStore(Store):
    review = root(Review)
    restaurant = one(Restaurant, lambda store: store.review.restaurant)
    author = one(Customer, "review.customer", default=None)
    followers = query(Customer, invalid="skip").where(
        "follows", "array_contains", lambda store: store.restaurant.doc_ref
    )


class FeedEntry(
    ViewModel[ReviewStore],
    path="users/{customer_id}/feed/{review_id}",
    read=owner("customer_id"),
):
    """A review, for each customer who follows the restaurant."""

    @property
    def restaurant(self) -> str:
        return self.store.restaurant.name

    @property
    def author(self) -> str:
        return self.store.author.name if self.store.author else "somebody"

    @property
    def stars(self) -> int:
        return self.store.review.stars

    @property
    def text(self) -> str:
        return self.store.review.text

    @property
    def written_at(self) -> datetime:
        return self.store.review.written_at

    def targets(self) -> Iterable[Mapping[str, str]]:
        review = self.store.review.doc_id
        return [
            {"customer_id": customer.doc_id, "review_id": review}
            for customer in self.store.followers
        ]


class CourierStore(Store):
    courier = root(Courier)
    current = (
        query(Order, invalid="skip")
        .where("courier", "==", lambda store: store.courier.doc_ref)
        .where("status", "==", OrderStatus.ON_THE_WAY)
        .order_by("placed_at")
    )
    customers = many(Customer, "current.customer", missing="skip", invalid="skip")


class Stop(EmbeddedModel):
    order: str
    address: Address
    customer: str | None = None
    phone: str | None = None


class CourierPage(
    ViewModel[CourierStore],
    path="users/{courier_id}/courierPage/now",
    read=owner("courier_id"),
):
    """What a courier has to deliver now."""

    @property
    def stops(self) -> list[Stop]:
        customers = {customer.doc_ref: customer for customer in self.store.customers}
        stops: list[Stop] = []
        for order in self.store.current:
            customer = customers.get(order.customer)
            stops.append(
                Stop(
                    order=order.doc_id,
                    address=order.address,
                    customer=customer.name if customer else None,
                    phone=customer.phone if customer else None,
                )
            )
        return stops

    @property
    def vehicle(self) -> Vehicle:
        return self.store.courier.vehicle

    @vehicle.setter
    def vehicle(self, value: Vehicle) -> None:
        if self.store.current:
            raise Refused("deliver first, then change the vehicle")
        self.store.courier.vehicle = value

    @property
    def position(self) -> GeoPoint | None:
        return self.store.courier.position

    @position.setter
    def position(self, value: GeoPoint | None) -> None:
        self.store.courier.position = value


class CourierScoreStore(Store):
    courier = root(Courier)
    deliveries = aggregate(Delivery, number=count(), took=average("took")).where(
        "courier", "==", lambda store: store.courier.doc_ref
    )


class CourierScore(
    ViewModel[CourierScoreStore], path="courierScores/{courier_id}", read=signed_in()
):
    """What a courier has delivered; CourierRanking reads it."""

    @property
    def name(self) -> str:
        return self.store.courier.name

    @property
    def area(self) -> Ref[Area]:
        return self.store.courier.area

    @property
    def deliveries(self) -> int:
        return self.store.deliveries["number"]

    @property
    def took(self) -> timedelta | None:
        """The average."""
        return self.store.deliveries["took"]


class RankingStore(Store):
    area = root(Area)
    best = (
        query(CourierScore.Document)
        .where("area", "==", lambda store: store.area.doc_ref)
        .order_by("deliveries", descending=True)
        .limit(10)
    )


class RankedCourier(EmbeddedModel):
    name: str
    deliveries: int
    took: timedelta | None = None


class CourierRanking(ViewModel[RankingStore], path="courierRankings/{area_id}", read=signed_in()):
    """The couriers of an area who have delivered most; a view that is made of views."""

    @property
    def area(self) -> str:
        return self.store.area.name

    @property
    def couriers(self) -> list[RankedCourier]:
        return [
            RankedCourier(name=score.name, deliveries=score.deliveries, took=score.took)
            for score in self.store.best
        ]
