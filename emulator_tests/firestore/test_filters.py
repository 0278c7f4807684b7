"""Filters of queries: they find what Google's own client finds."""

import math
from typing import Any

import pytest
from google.cloud.firestore import Client, FieldFilter

from emulator_tests.kit.domain import Person, Team
from emulator_tests.kit.writing import Writer
from onto_fn import Store, ViewModel, query, root
from onto_fn.editing import Database
from onto_fn.engine import Engine
from onto_fn.firestore import Filter, Query


class LonersStore(Store):
    team = root(Team)
    loners = query(Person).where("team", "==", None)


class LonersView(ViewModel[LonersStore], path="loners/{team_id}"):
    @property
    def names(self) -> list[str]:
        return [person.name for person in self.store.loners]


@pytest.mark.parametrize("op", ["==", "!="])
@pytest.mark.parametrize("value", [None, math.nan, 1, "x"])
def test_a_filter_finds_what_googles_client_finds(
    op: Any, value: Any, database: Database, writer: Writer, project: str
) -> None:
    for name, team in {"null": None, "nan": math.nan, "one": 1, "text": "x"}.items():
        writer.write(f"people/{name}", {"name": name, "team": team})
    writer.write("people/nothing", {"name": "nothing"})
    client = Client(project=project)
    theirs = client.collection("people").where(filter=FieldFilter("team", op, value)).stream()

    ours, _ = database.query(Query("people", (Filter("team", op, value),)))

    assert {d.path for d in ours} == {f"people/{snapshot.id}" for snapshot in theirs}
    assert ours


def test_a_view_of_those_without_a_value_follows_them(database: Database, writer: Writer) -> None:
    engine = Engine([LonersView.definition()])
    engine.handle(database, writer.write("teams/t", {}))

    engine.handle(database, writer.write("people/a", {"name": "Ann", "team": None}))
    alone = writer.content("loners/t")
    engine.handle(database, writer.write("people/a", {"name": "Ann", "team": "t"}))

    assert alone == {"names": ["Ann"]}
    assert writer.content("loners/t") == {"names": []}
