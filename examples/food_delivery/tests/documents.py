"""A small town, as the tests without emulators give it."""

from datetime import UTC, date, datetime, time
from decimal import Decimal

from google.cloud.firestore import GeoPoint
from models import (
    Address,
    Area,
    Courier,
    Customer,
    Hours,
    MenuItem,
    Offer,
    Order,
    OrderLine,
    OrderStatus,
    Restaurant,
    Review,
    Vehicle,
    Weekday,
)

from onto_fn import DomainModel

NOON = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)  # a Friday

HARBOUR = Area(doc_id="harbour", name="Harbour")
HOME = Address(street="Karl Johans gate 1", city="Oslo", postal_code="0154")
PASTA = Restaurant(
    doc_id="pasta",
    name="Pasta Pronta",
    owner="olga",
    area=HARBOUR.doc_ref,
    position=GeoPoint(59.9075, 10.7306),
    time_zone="Europe/Oslo",
    opening_hours={Weekday.FRIDAY: Hours(opens=time(11), closes=time(22))},
)
CARBONARA = MenuItem(
    doc_id="carbonara",
    restaurant=PASTA.doc_ref,
    name="Carbonara",
    price=Decimal("14.50"),
    tags=["pasta"],
)
PESTO = MenuItem(
    doc_id="pesto",
    restaurant=PASTA.doc_ref,
    name="Pesto",
    price=Decimal("12.95"),
    tags=["pasta", "vegetarian"],
)
WINTER = Offer(
    doc_id="winter",
    restaurant=PASTA.doc_ref,
    title="A tenth less",
    first_day=date(2026, 1, 1),
    last_day=date(2026, 1, 31),
    percentage=10,
)
ADA = Customer(
    doc_id="ada", name="Ada", address=HOME, phone="+47 22 00 00 01", follows=[PASTA.doc_ref]
)
CARL = Courier(doc_id="carl", name="Carl", area=HARBOUR.doc_ref, vehicle=Vehicle.BICYCLE)
TOWN: list[DomainModel] = [HARBOUR, PASTA, CARBONARA, PESTO, WINTER, ADA, CARL]


def order(
    doc_id: str = "o1",
    status: OrderStatus = OrderStatus.PLACED,
    courier: str | None = None,
    placed_at: datetime = NOON,
) -> Order:
    """An order of Ada's: two times pesto."""
    line = OrderLine(item=PESTO.doc_ref, name="Pesto", quantity=2, unit_price=PESTO.price)
    return Order(
        doc_id=doc_id,
        customer=ADA.doc_ref,
        restaurant=PASTA.doc_ref,
        courier=Courier.ref(courier) if courier else None,
        lines=[line],
        address=HOME,
        status=status,
        placed_at=placed_at,
    )


def review(stars: int = 5) -> Review:
    return Review.at(
        "restaurants/pasta/reviews/o1",
        customer=ADA.doc_ref,
        stars=stars,
        text="Still warm!",
        written_at=NOON,
    )
