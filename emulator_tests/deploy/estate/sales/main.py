"""Orders, as their customers see them: every option is a parameter or is set."""

import os

from firebase_functions.params import IntParam, SecretParam, StringParam

from onto_fn import App, DomainModel, FanOut, Store, ViewMediator, ViewModel, root
from onto_fn.access import public
from onto_fn.api import Api

CURRENCY = StringParam("CURRENCY", default="USD")


class Order(DomainModel, collection="orders"):
    customer: str
    total: int


class OrderStore(Store):
    order = root(Order)


class OrderPage(ViewModel[OrderStore], path="orderPages/{order_id}", read=public()):
    @property
    def price(self) -> str:
        return f"{self.store.order.total} {CURRENCY.value}"

    @property
    def signed(self) -> bool:
        return "SIGNING_KEY" in os.environ


App(
    [ViewMediator(OrderPage)],
    region=StringParam("VIEW_REGION"),
    memory=IntParam("VIEW_MEMORY"),
    timeout_sec=IntParam("VIEW_TIMEOUT"),
    concurrency=IntParam("VIEW_CONCURRENCY"),
    min_instances=IntParam("VIEW_WARM"),
    max_instances=IntParam("VIEW_MOST"),
    cpu=2,
    service_account=StringParam("VIEW_ACCOUNT"),
    secrets=[SecretParam("API_KEY"), "SIGNING_KEY"],
    labels={"team": "sales"},
    fan_out=FanOut(),
    api=Api(views=[OrderPage], timeout_sec=900, memory=512, concurrency=200),
).export(globals())
