"""The same collection in another database: its function has the same name, but for the prefix."""

from onto_fn import App, DomainModel, Store, ViewMediator, ViewModel, root


class Order(DomainModel, collection="orders"):
    customer: str


class OrderStore(Store):
    order = root(Order)


class ArchivedOrder(ViewModel[OrderStore], path="archivedOrders/{order_id}"):
    @property
    def customer(self) -> str:
        return self.store.order.customer


App([ViewMediator(ArchivedOrder)], region="europe-west1", database="archive").export(globals())
