"""An aggregate's numbers are those of the documents as they are, however they came about."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from onto_fn import DomainModel, Store, aggregate, root
from onto_fn.aggregates import average, count, total
from onto_fn.aggregates.generations import Register
from onto_fn.aggregates.spec import AggregateSpec
from onto_fn.engine.aggregate.contribution import Found, parts_of, writes_of
from onto_fn.firestore import Document, Write

TIME = datetime(2026, 1, 2, tzinfo=UTC)


class Shop(DomainModel, collection="shops"):
    pass


class Sale(DomainModel, collection="shops/{shop}/sales"):
    kind: str | None = None
    amount: int | None = None


class ShopStore(Store):
    shop = root(Shop)
    sales = aggregate(
        Sale,
        shards=3,
        number=count(),
        sum=total("amount"),
        mean=average("amount"),
        numbers=count(by="kind"),
        sums=total("amount", by="kind"),
        means=average("amount", by="kind"),
    ).within(shop=lambda store: store.shop.doc_id)


[SPEC] = ShopStore.aggregates()
GROUP = SPEC.group("shops/s/sales?")

kinds = st.sampled_from(["a", "b"]) | st.none()
sales = st.fixed_dictionaries({"kind": kinds, "amount": st.integers(-5, 5) | st.none()})
histories = st.lists(st.tuples(st.integers(0, 3), sales | st.none()), max_size=12)


class Shards:
    """What the writes of an aggregate make of its documents."""

    def __init__(self, spec: AggregateSpec) -> None:
        self.spec = spec
        self.register = Register.first(spec)
        self.documents: dict[str, Document] = {}

    def read(self, path: str) -> Document:
        return self.documents.get(path, Document(path, None, None))

    def count(self, source: Document) -> None:
        self.documents[source.path] = source
        record = self.read(self.spec.contribution_path(source.path))
        found = Found(self.spec, self.register, {source.path: source, record.path: record})
        for write in writes_of(found, source.path, parts_of(self.spec, self.register, source)):
            self._apply(write)

    def values(self) -> dict[str, Any]:
        return self.spec.values([self.read(p) for p in self.spec.shard_paths(GROUP)], {})

    def _apply(self, write: Write) -> None:
        fields = write.fields
        if write.increments is not None:
            fields = dict(self.read(write.path).fields or {})
            for names, amount in write.increments.items():
                _add(fields, names, amount)
        self.documents[write.path] = Document(write.path, fields, TIME)


def _add(fields: dict[str, Any], names: tuple[str, ...], amount: float) -> None:
    *parents, last = names
    for name in parents:
        fields = fields.setdefault(name, {})
    fields[last] = fields.get(last, 0) + amount


def expected(now: Mapping[int, Mapping[str, Any]]) -> dict[str, Any]:
    """The same numbers, from the documents themselves."""
    by_kind: dict[str, list[Mapping[str, Any]]] = {}
    for sale in now.values():
        if sale["kind"] is not None:
            by_kind.setdefault(sale["kind"], []).append(sale)
    amounts = {kind: _amounts(found) for kind, found in by_kind.items()}
    everything = _amounts(now.values())
    return {
        "number": len(now),
        "sum": sum(everything),
        "mean": sum(everything) / len(everything) if everything else None,
        "numbers": {kind: len(found) for kind, found in by_kind.items()},
        "sums": {kind: sum(found) for kind, found in amounts.items() if found},
        "means": {kind: sum(found) / len(found) for kind, found in amounts.items() if found},
    }


def _amounts(sales: Any) -> list[int]:
    return [sale["amount"] for sale in sales if sale["amount"] is not None]


@given(histories)
@example([(1, {"kind": "a", "amount": 0})])
@example(
    [(1, {"kind": "a", "amount": 5}), (2, {"kind": "a", "amount": -5}), (1, None)],
)
def test_the_numbers_are_those_of_the_documents(
    history: list[tuple[int, dict[str, Any] | None]],
) -> None:
    shards, now = Shards(SPEC), dict[int, dict[str, Any]]()

    for step, (number, sale) in enumerate(history):
        path = f"shops/s/sales/{number}"
        time = TIME + timedelta(seconds=step)
        shards.count(Document(path, sale, time if sale else None))
        now.pop(number, None)
        if sale is not None:
            now[number] = sale

    assert shards.values() == expected(now)
