"""Orders, each shown with its customer: what benchmarks/backfill.py builds."""

from onto_fn import App, DomainModel, Ref, Store, ViewModel, one, root


class Customer(DomainModel, collection="customers"):
    name: str


class Order(DomainModel, collection="orders"):
    number: int
    note: str = ""
    customer: Ref[Customer]


class OrderStore(Store):
    order = root(Order)
    customer = one(Customer, lambda store: store.order.customer)


class OrderPage(ViewModel[OrderStore], path="orderPages/{order}"):
    @property
    def title(self) -> str:
        return f"{self.store.order.number} for {self.store.customer.name}"

    @property
    def note(self) -> str:
        return self.store.order.note


app = App([OrderPage])
app.export(globals())
