"""A change of a field that hardly any view reads, beside another checkout of onto_fn.

Two cases, each handled in one process, without the platform around it:

    unread   the stock of a dish that is on 300 menus, which show its name
    pause    a restaurant of examples/food_delivery with 303 orders, reviews and customers is
             paused: 909 views depend on it and do not show that; 4 do, and are built

Beside them "raw", the look-up's query by hand, of which nothing is decoded or decided. With
`--base=DIRECTORY`, another checkout (which has a `.venv`) is measured too, in a process of its own
and in turns on one emulator:

    python benchmarks/unread_fields.py --base=../base
"""

from __future__ import annotations

import json
import os
import secrets
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
APP = Path("examples", "food_delivery", "functions")
MENUS, ORDERS = 300, 303
EVENTS = {"unread": 5, "pause": 3}
"""Of one measurement, which is their median."""
WANTED = "at least 20"

if __name__ == "__main__" and "--worker" in sys.argv:  # also of another checkout
    sys.path[:0] = [str(Path.cwd()), str(Path.cwd() / APP)]

from google.cloud.firestore import GeoPoint  # noqa: E402

from onto_fn import DomainModel, Ref, Store, ViewModel, many, root  # noqa: E402
from onto_fn.editing import Database, Write  # noqa: E402
from onto_fn.engine import Engine  # noqa: E402
from onto_fn.engine.materialise.fan_out import Batch  # noqa: E402
from onto_fn.firestore import Filter, Query, Reference  # noqa: E402
from onto_fn.observability import Change  # noqa: E402
from onto_fn.testing.billing import Billing  # noqa: E402

Contents = dict[str, dict[str, Any]]


class Dish(DomainModel, collection="dishes"):
    name: str
    stock: int = 0


class Menu(DomainModel, collection="menus"):
    dishes: list[Ref[Dish]]


class MenuStore(Store):
    menu = root(Menu)
    dishes = many(Dish, "menu.dishes")


class MenuView(ViewModel[MenuStore], path="menuViews/{menu_id}"):
    @property
    def lines(self) -> list[str]:
        return [dish.name for dish in self.store.dishes]


class Case:
    """Views that are up to date, and a document whose changes are measured.

    Args:
        views: the views.
        contents: the documents, by path.
        path: of the document that changes.
        field: the field of it that changes.
        values: what the field becomes, in turns.
    """

    def __init__(
        self, views: Sequence[Any], contents: Contents, path: str, field: str, values: Sequence[Any]
    ) -> None:
        self._engine = Engine([view.definition() for view in views])
        self._path, self._field, self._values = path, field, values
        self._content = contents[path]
        self._changes = 0
        project = f"demo-{secrets.token_hex(6)}"
        self._billing = Billing()
        self._plain = Database(project)
        self._database = Database(project, interceptors=[self._billing])
        writes = [Write(name, fields) for name, fields in contents.items()]
        for start in range(0, len(writes), 400):
            self._plain.commit(writes[start : start + 400])
        for name, definition in self._engine.definitions.items():
            is_root = definition.root_collection.match
            roots = [p for p in contents if is_root(p.rpartition("/")[0]) is not None]
            for start in range(0, len(roots), 100):
                items = tuple((root, 0) for root in roots[start : start + 100])
                self._engine.handle_batch(self._plain, Batch(name, None, items))

    def change(self) -> Change:
        """The event of the next value."""
        before = self._plain.get([self._path])[0][self._path]
        self._changes += 1
        value = self._values[self._changes % len(self._values)]
        self._content = {**self._content, self._field: value}
        self._plain.commit([Write(self._path, self._content)])
        after = self._plain.get([self._path])[0][self._path]
        return Change(self._path, before, after, secrets.token_hex(8))

    def handled(self, events: int) -> dict[str, Any]:
        """Medians of some events, and what one of them came to and was billed."""
        measured = Measured()
        results: Counter[str] = Counter()
        self._billing.counts.clear()
        for _ in range(events):
            change = self.change()
            with measured:
                outcomes = self._engine.handle(self._database, change)
            results.update(outcome.result.value for outcome in outcomes)
        billed = {name: count / events for name, count in self._billing.counts.items()}
        return {**measured.medians(), **billed, "results": dict(results)}

    def raw(self, events: int) -> dict[str, Any]:
        """Medians of the look-up's query by hand."""
        measured = Measured()
        query = Query("onto_ledger", (Filter("watches", "array_contains", self._path),))
        _, at = self._plain.get([self._path])
        for _ in range(events):
            with measured:
                found = sum(1 for _ in self._plain.stream(query, at))
            assert found >= MENUS, found
        return measured.medians()


class Measured:
    """Seconds of wall clock and of this process's CPU, of each `with` block."""

    def __init__(self) -> None:
        self._seconds: list[float] = []
        self._cpu: list[float] = []

    def __enter__(self) -> None:
        self._begin = time.perf_counter(), time.process_time()

    def __exit__(self, *_: object) -> None:
        started, used = self._begin
        self._seconds.append(time.perf_counter() - started)
        self._cpu.append(time.process_time() - used)

    def medians(self) -> dict[str, float]:
        """Of both."""
        return {"seconds": statistics.median(self._seconds), "cpu": statistics.median(self._cpu)}


def unread() -> Case:
    """A dish of many menus."""
    contents: Contents = {f"menus/m{n}": {"dishes": [Dish.ref("d")]} for n in range(MENUS)}
    contents["dishes/d"] = {"name": "Soup"}
    return Case([MenuView], contents, "dishes/d", "stock", (1, 2))


def pause() -> Case:
    """A restaurant of many orders."""
    import views  # pyright: ignore[reportMissingImports] - of the example

    names = ("RestaurantPage", "RestaurantDashboard", "MenuByTag")
    names += ("OrderPage", "CustomerHistory", "FeedEntry")
    place = Reference("restaurants/pasta")
    home = {"street": "Karl Johans gate 1", "city": "Oslo", "postalCode": "0154"}
    noon = datetime(2026, 1, 2, 12, tzinfo=UTC)
    contents: Contents = {
        place.path: {
            "name": "Pasta Pronta",
            "owner": "olga",
            "area": Reference("areas/harbour"),
            "position": GeoPoint(59.9, 10.7),
            "openingHours": {},
        }
    }
    dish = {"restaurant": place, "price": "12.95", "tags": ["pasta"]}
    contents |= {f"menuItems/{name}": {"name": name, **dish} for name in ("pesto", "carbonara")}
    pesto = {"item": Reference("menuItems/pesto"), "name": "Pesto", "quantity": 2}
    for number in range(ORDERS):
        customer = Reference(f"customers/c{number:03}")
        contents[customer.path] = {"name": f"Customer {number}", "address": home, "phone": "+47"}
        contents[f"orders/o{number:03}"] = {
            "customer": customer,
            "restaurant": place,
            "lines": [{**pesto, "unitPrice": "12.95"}],
            "address": home,
            "status": "delivered",
            "placedAt": noon + timedelta(minutes=number),
        }
        contents[f"{place.path}/reviews/o{number:03}"] = {
            "customer": customer,
            "stars": 5,
            "text": "Still warm!",
            "writtenAt": noon,
        }
    made = [getattr(views, name) for name in names]
    return Case(made, contents, place.path, "paused", (True, False))


CASES: dict[str, Callable[[], Case]] = {"unread": unread, "pause": pause}


def work() -> None:
    """Measure what the standard input asks for, line by line."""
    made: dict[str, Case] = {}
    for line in sys.stdin:
        name, what = line.split()
        if name not in made:
            made[name] = CASES[name]()
            for _ in range(2):  # connections and caches
                made[name].handled(1)
        print(json.dumps(getattr(made[name], what)(EVENTS[name])), flush=True)


class Worker:
    """Measures one checkout, in a process of its own that does nothing between two rounds."""

    def __init__(self, checkout: Path) -> None:
        words = [checkout / ".venv" / "bin" / "python", HERE / "unread_fields.py", "--worker"]
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self._process = subprocess.Popen(words, cwd=checkout, env=os.environ, **pipes)

    def ask(self, name: str, what: str) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(name, what, file=self._process.stdin, flush=True)
        return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


def run(options: Any, base: Path | None = None) -> Any:
    """Compare with the look-up alone, and with another checkout."""
    from emulator import emulator
    from frame import Ratio, Report, Table, interleaved

    columns = ("", "ms", "min", "max", "CPU ms", "calls", "reads", "writes")
    report = Report()
    with emulator():
        workers = {"onto_fn": Worker(ROOT)} | ({"before": Worker(base)} if base else {})
        for name in CASES:
            found: dict[str, list[dict[str, Any]]] = {}

            def ask(side: str, name: str = name, found: Any = found) -> float:
                worker = workers["onto_fn" if side == "raw" else side]
                made = worker.ask(name, "raw" if side == "raw" else "handled")
                found.setdefault(side, []).append(made)
                return made["seconds"]

            sides = [*workers, "raw"]
            for side in sides:  # what is made at first is not measured
                ask(side)
            found.clear()
            asked = {side: lambda _, side=side, ask=ask: ask(side) for side in sides}
            seconds = interleaved(options.pick(15, 3), asked)
            _check(name, found["onto_fn"])
            report.tables.append(
                Table(
                    f"{name}: one event",
                    columns,
                    tuple(
                        (
                            side,
                            *(1000 * f(seconds[side]) for f in (statistics.median, min, max)),
                            1000 * statistics.median(one["cpu"] for one in found[side]),
                            *(found[side][-1].get(n, 0) for n in columns[5:]),
                        )
                        for side in sides
                    ),
                )
            )
            cpu = {side: [one["cpu"] for one in made] for side, made in found.items()}
            for unit, both in (("latency", seconds), ("CPU", cpu)):
                if base:
                    wanted = WANTED if unit == "latency" else ""
                    label = f"{name}: before / onto_fn"
                    report.ratios.append(
                        Ratio.of(label, both["before"], both["onto_fn"], unit=unit, target=wanted)
                    )
                label = f"{name}: onto_fn / raw"
                report.ratios.append(Ratio.of(label, both["onto_fn"], both["raw"], unit=unit))
        for worker in workers.values():
            worker.close()
    return report


def _check(name: str, found: list[dict[str, Any]]) -> None:
    """What the issue asks for, whatever the machine."""
    for one in found:
        if name == "unread":
            assert one["results"] == {"unaffected": EVENTS[name]}, one
            assert (one["reads"], one.get("writes", 0)) == (MENUS, 0), one
        else:
            assert one["results"] == {"unaffected": 3 * EVENTS[name], "committed": 4 * EVENTS[name]}


if __name__ == "__main__":
    if "--worker" in sys.argv:
        work()
    else:
        from frame import Options
        from rich.console import Console

        base = next((w.partition("=")[2] for w in sys.argv[1:] if w.startswith("--base=")), None)
        run(Options(quick="--quick" in sys.argv), Path(base).resolve() if base else None).show(
            Console(width=110)
        )
