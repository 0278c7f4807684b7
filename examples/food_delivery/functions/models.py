"""Domain models: the truth, one collection each."""

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Annotated
from zoneinfo import ZoneInfo

from google.cloud.firestore import GeoPoint
from pydantic import Field, computed_field

from onto_fn import DomainModel, EmbeddedModel, Ref

Price = Annotated[Decimal, Field(ge=0, max_digits=8, decimal_places=2)]


class Weekday(StrEnum):
    MONDAY = "mon"
    TUESDAY = "tue"
    WEDNESDAY = "wed"
    THURSDAY = "thu"
    FRIDAY = "fri"
    SATURDAY = "sat"
    SUNDAY = "sun"


class Vehicle(StrEnum):
    BICYCLE = "bicycle"
    SCOOTER = "scooter"
    CAR = "car"


class OrderStatus(StrEnum):
    PLACED = "placed"
    ACCEPTED = "accepted"
    READY = "ready"
    ON_THE_WAY = "on-the-way"
    DELIVERED = "delivered"
    REJECTED = "rejected"
    CANCELLED = "cancelled"


OPEN = [OrderStatus.PLACED, OrderStatus.ACCEPTED, OrderStatus.READY, OrderStatus.ON_THE_WAY]


class Hours(EmbeddedModel):
    """When a restaurant is open on one day, in its own time zone; it closes before midnight."""

    opens: time
    closes: time


class Address(EmbeddedModel):
    street: Annotated[str, Field(min_length=1, max_length=200)]
    city: Annotated[str, Field(min_length=1, max_length=100)]
    postal_code: Annotated[str, Field(min_length=1, max_length=12)]


class Area(DomainModel, collection="areas"):
    """A part of a town, in which couriers are compared."""

    name: str


class Restaurant(DomainModel, collection="restaurants"):
    name: str
    owner: str  # the uid of whoever runs it
    area: Ref[Area]
    position: GeoPoint
    time_zone: str = "UTC"
    opening_hours: dict[Weekday, Hours]  # without the days on which it is closed
    paused: bool = False

    def is_open(self, at: datetime) -> bool:
        """Whether it takes orders at an instant, by its opening hours."""
        local = at.astimezone(ZoneInfo(self.time_zone))
        hours = self.opening_hours.get(list(Weekday)[local.weekday()])
        return hours is not None and hours.opens <= local.time() <= hours.closes


class MenuItem(DomainModel, collection="menuItems"):
    restaurant: Ref[Restaurant]
    name: str
    price: Price
    tags: list[str] = Field(default_factory=list)
    available: bool = True


class Offer(DomainModel, collection="offers"):
    restaurant: Ref[Restaurant]
    title: str
    first_day: date
    last_day: date
    percentage: Annotated[int, Field(ge=1, le=100)]
    running: bool = True  # the function update_offers keeps it

    def runs_on(self, day: date) -> bool:
        return self.first_day <= day <= self.last_day


class Customer(DomainModel, collection="customers"):
    """A customer; the id is the user's."""

    name: str
    address: Address
    phone: str
    follows: list[Ref[Restaurant]] = Field(default_factory=list)


class Courier(DomainModel, collection="couriers"):
    """A courier; the id is the user's."""

    name: str
    area: Ref[Area]
    vehicle: Vehicle
    position: GeoPoint | None = None


class OrderLine(EmbeddedModel):
    item: Ref[MenuItem]
    name: str
    quantity: int
    unit_price: Price
    options: list[str] = Field(default_factory=list)


class Order(DomainModel, collection="orders"):
    customer: Ref[Customer]
    restaurant: Ref[Restaurant]
    courier: Ref[Courier] | None = None
    lines: Annotated[list[OrderLine], Field(min_length=1)]
    address: Address
    discount: Annotated[int, Field(ge=0, le=100)] = 0  # per cent
    status: OrderStatus = OrderStatus.PLACED
    placed_at: datetime
    note: str | None = None

    @computed_field
    @property
    def total_cents(self) -> int:
        """What the customer pays; in cents, as aggregates add up integers and not texts."""
        full = sum((line.quantity * line.unit_price for line in self.lines), Decimal(0))
        return int((full * (100 - self.discount)).to_integral_value())


class Delivery(DomainModel, collection="deliveries"):
    """One courier's way with one order, whose id it has."""

    order: Ref[Order]
    courier: Ref[Courier]
    picked_up_at: datetime
    took: timedelta | None = None  # when it has arrived


class Review(DomainModel, collection="restaurants/{restaurant}/reviews"):
    """A review of the restaurant that it stands below; its id is that of the order."""

    customer: Ref[Customer]
    stars: Annotated[int, Field(ge=1, le=5)]
    text: str
    written_at: datetime

    @property
    def restaurant(self) -> Ref[Restaurant]:
        return Restaurant.ref(self.doc_ref.path.split("/")[1])
