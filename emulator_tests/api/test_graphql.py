"""GraphQL: what is asked for at once, at one instant, by those who may."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import pytest

from emulator_tests.apps.graph import APP, DECLARED, Task, api
from emulator_tests.kit.http import Http
from emulator_tests.kit.writing import Writer
from onto_fn import App
from onto_fn.testing.billing import Billing

ADDRESS = "/graphql"


class Graph:
    """Sends operations."""

    def __init__(self, http: Http) -> None:
        self.http = http

    def send(self, query: str, user: str | None = None, **variables: Any) -> dict[str, Any]:
        body = {"query": query, "variables": variables}
        answer = self.http.send("POST", ADDRESS, body=body, user=user)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def data(self, query: str, user: str | None = None, **variables: Any) -> dict[str, Any]:
        found = self.send(query, user, **variables)
        assert "errors" not in found, found
        return found["data"]

    def errors(self, query: str, user: str | None = None, **variables: Any) -> list[str]:
        """The codes of the errors."""
        found = self.send(query, user, **variables)
        return [error["extensions"]["code"] for error in found["errors"]]


@pytest.fixture
def graph(connect: Any, monkeypatch: pytest.MonkeyPatch) -> Graph:
    return Graph(Http.of(APP, connect(), monkeypatch))


@pytest.fixture
def billing() -> Billing:
    return Billing()


@pytest.fixture
def billed(connect: Any, billing: Billing, monkeypatch: pytest.MonkeyPatch) -> Graph:
    return Graph(Http.of(APP, connect(billing), monkeypatch))


@pytest.fixture
def tasks(writer: Writer) -> Writer:
    """Three tasks and their views: ada is in all, bob in two and watches the third."""
    for name, who in (("a", ["ada"]), ("b", ["ada", "bob"]), ("c", ["ada", "bob"])):
        put(writer, name, member_ids=who, watcher_ids=["bob"] if name == "a" else [])
    return writer


def put(writer: Writer, name: str, **fields: Any) -> None:
    content = {"title": "T", "state": "open", "memberIds": [], "watcherIds": [], "rank": 0}
    content |= {Task.model_fields[field].alias or field: v for field, v in fields.items()}
    APP.engine.handle(writer.database, writer.write(f"graphTasks/{name}", content))


def test_an_operation_reads_all_documents_by_one_call_at_one_instant(
    billed: Graph, billing: Billing, tasks: Writer
) -> None:
    put(tasks, "b", member_ids=["ada"], rank=7, level="high")
    billing.counts.clear()

    found = billed.data(
        """{
          a: board(userId: "ada", taskId: "a") { title rank level }
          b: board(userId: "ada", taskId: "b") { title rank level }
          again: board(userId: "ada", taskId: "b") { state }
          taskPage(taskId: "b") { memberIds }
          nothing: board(userId: "ada", taskId: "z") { title }
        }""",
        "ada",
    )

    assert found["a"] == {"title": "T", "rank": 0, "level": "low"}
    assert found["b"] == {"title": "T", "rank": 7, "level": "high"}
    assert found["again"] == {"state": "open"}
    assert found["taskPage"] == {"memberIds": ["ada"]}
    assert found["nothing"] is None
    assert billing.counts == {"calls": 1, "reads": 4}


def test_lists_and_computed_views_are_read_at_the_instant_of_the_documents(
    billed: Graph, billing: Billing, tasks: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from onto_fn.firestore import Database

    times: list[Any] = []
    run, run_all = Database.query, Database.queries

    def queries(self: Database, queries: Any, *, read_time: Any) -> Any:
        times.extend([read_time] * len(queries))
        return run_all(self, queries, read_time=read_time)

    def query(self: Database, query: Any, *, read_time: Any = None) -> Any:
        if self is tasks.database:  # the engine's own
            return run(self, query, read_time=read_time)
        times.append(read_time)
        if len(times) == 1:  # between the two reads
            put(tasks, "a", member_ids=["ada"], title="later")
        return run(self, query, read_time=read_time)

    monkeypatch.setattr(Database, "query", query)
    monkeypatch.setattr(Database, "queries", queries)
    billing.counts.clear()
    found = billed.data(
        """{
          board(userId: "ada", taskId: "a") { title }
          boards(userId: "ada") { items { id fields { title } } next }
          same(userId: "ada", taskId: "b") { count }
          other: same(userId: "ada", taskId: "c") { count }
        }""",
        "ada",
    )

    assert found["board"] == {"title": "T"}
    assert [item["fields"]["title"] for item in found["boards"]["items"]] == ["T", "T", "T"]
    assert found["same"] == found["other"] == {"count": 3}
    assert len(times) == 2  # the list's, and that of both counts, which is the same
    assert len(set(times) - {None}) == len(set(times)) == 1


def test_one_field_that_is_denied_leaves_the_others(graph: Graph, tasks: Writer) -> None:
    asked = """{
      taskPage(taskId: "a") { title }
      other: taskPage(taskId: "b") { title }
      nothing: taskPage(taskId: "z") { title }
      same(userId: "ada", taskId: "a") { count }
      board(userId: "ada", taskId: "a") { title }
    }"""
    found = graph.send(asked, "bob")
    assert found["data"]["taskPage"] == {"title": "T"}  # as a watcher
    assert found["data"]["other"] == {"title": "T"}
    assert found["data"]["board"] == {"title": "T"}
    assert found["data"]["nothing"] is found["data"]["same"] is None
    assert {error["path"][0]: error["extensions"]["code"] for error in found["errors"]} == {
        "nothing": "permission-denied",
        "same": "permission-denied",
    }
    codes = {error["path"][0]: error for error in graph.send(asked)["errors"]}
    assert set(codes) == {"taskPage", "other", "nothing", "same"}
    assert {error["extensions"]["code"] for error in codes.values()} == {"unauthenticated"}


def test_a_list_has_what_the_caller_may_list_and_goes_on_where_it_ended(
    graph: Graph, tasks: Writer
) -> None:
    asked = """query ($first: Int, $after: String) {
      taskPages(first: $first, after: $after) { items { id etag fields { memberIds } } next }
    }"""
    mine = graph.data(asked, "bob")["taskPages"]
    assert [item["id"] for item in mine["items"]] == ["a", "b", "c"]
    assert mine["next"] is None
    page = graph.data(asked, "ada", first=2)["taskPages"]
    rest = graph.data(asked, "ada", first=2, after=page["next"])["taskPages"]
    assert [item["id"] for item in page["items"] + rest["items"]] == ["a", "b", "c"]
    assert all(item["etag"].startswith('"') for item in page["items"])
    assert graph.data(asked, "eve")["taskPages"] == {"items": [], "next": None}
    assert graph.errors(asked) == ["unauthenticated"]
    assert graph.errors(asked, "ada", first=101) == ["invalid-argument"]
    assert graph.errors(asked, "ada", after="nonsense") == ["invalid-argument"]


def test_only_declared_orders_and_conditions_can_be_asked_for(graph: Graph, tasks: Writer) -> None:
    put(tasks, "b", member_ids=["ada"], rank=2)
    put(tasks, "c", member_ids=["ada"], rank=1, state="done")
    asked = """query ($order: BoardOrder, $where: BoardWhere) {
      boards(userId: "ada", order: $order, where: $where) { items { id } }
    }"""

    def ids(**variables: Any) -> list[str]:
        items = graph.data(asked, **variables)["boards"]["items"]
        return [item["id"] for item in items]

    assert ids(order="rank_DESC") == ["b", "c", "a"]
    assert ids(where={"state": "open"}) == ["a", "b"]
    assert ids(order="rank_ASC", where={"state": "open"}) == ["a", "b"]
    assert ids(where={}) == ["a", "b", "c"]
    assert graph.errors(asked, order="rank_ASC") == ["invalid-argument"]
    assert graph.errors(asked, order="rank_DESC", where={"state": "open"}) == ["invalid-argument"]
    assert graph.errors(asked, where={"state": "nonsense"}) == ["invalid-argument"]


PATCH = """mutation ($owner: ID, $id: ID!, $fields: BoardPatchInput!) {
  boardPatch(userId: $owner, id: $id, fields: $fields) {
    id path state after board { title state } taskPage { title }
  }
}"""


def test_a_mutation_is_carried_out_once_and_answers_with_the_view_as_it_is_then(
    graph: Graph, tasks: Writer
) -> None:
    sent = {"id": "p1", "fields": {"task": "a", "state": "done"}}
    found = graph.data(PATCH, "ada", **sent)["boardPatch"]
    assert found["state"] == "done"
    assert found["path"] == "graphUsers/ada/boardPatches/p1"
    assert found["board"] == {"title": "T", "state": "done"}
    assert tasks.content("graphTasks/a")["state"] == "done"
    again = graph.data(PATCH, "ada", **sent)["boardPatch"]
    assert (again["after"], again["board"]) == (found["after"], found["board"])
    other = {"id": "p1", "fields": {"task": "b", "state": "done"}}
    assert graph.errors(PATCH, "ada", **other) == ["already-exists"]


def test_a_mutation_is_refused_for_the_reasons_that_rest_has(graph: Graph, tasks: Writer) -> None:
    fields = {"task": "a", "state": "open"}
    assert graph.errors(PATCH, "ada", id="p1", fields=fields) == ["failed-precondition"]
    assert graph.errors(PATCH, "bob", owner="ada", id="p2", fields=fields) == ["permission-denied"]
    assert graph.errors(PATCH, id="p2", fields=fields) == ["unauthenticated"]
    assert graph.errors(PATCH, "ada", id="x" * 129, fields=fields) == ["invalid-argument"]
    for wrong in ({"title": 1}, {"state": "closed"}, {"other": 1}):
        sent = {"id": "p3", "fields": {"task": "a", **wrong}}
        assert graph.errors(PATCH, "ada", **sent) == ["invalid-argument"]
    found = graph.send(PATCH, "ada", id="p4", fields={"task": "a", "title": None})
    assert found["errors"][0]["extensions"]["problems"] == [
        {"pointer": "/title", "detail": "Input should be a valid string"}
    ]
    form = """mutation ($title: String!) {
      taskForm(id: "f", fields: {title: $title}) { id }
    }"""
    assert graph.errors(form, "ada", title="no") == ["failed-precondition"]
    broken = """mutation { taskForm(id: "g", fields: {title: "broken"}) { id } }"""
    found = graph.send(broken, "ada")
    assert found["errors"][0]["extensions"]["code"] == "internal"
    assert "fault" not in json.dumps(found)


def test_mutations_of_one_operation_are_carried_out_one_after_another(
    graph: Graph, tasks: Writer
) -> None:
    found = graph.data(
        """mutation {
          one: boardPatch(id: "m1", fields: {task: "a", title: "one"}) { board { title } }
          two: boardPatch(id: "m2", fields: {task: "a", title: "two"}) { board { title } }
        }""",
        "ada",
    )
    assert found == {"one": {"board": {"title": "one"}}, "two": {"board": {"title": "two"}}}


def test_a_request_with_an_invalid_token_is_not_begun(
    graph: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    from onto_fn.api import application
    from onto_fn.gate.refusal import Refusal

    def refuse(*_: Any) -> Any:
        raise Refusal("unauthenticated", "the ID token is not valid")

    monkeypatch.setattr(application, "caller_of", refuse)
    answer = graph.http.send("POST", ADDRESS, body={"query": "{ __typename }"}, user="x")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json()["errors"][0]["extensions"]["code"] == "unauthenticated"


def test_a_get_needs_a_header_that_another_page_cannot_send(graph: Graph, tasks: Writer) -> None:
    def get(query: str, headers: Mapping[str, str]) -> Any:
        return graph.http.get(f"{ADDRESS}?{urlencode({'query': query})}", headers=headers)

    asked, sent = (
        """{ boards(userId: "ada") { items { id } } }""",
        {"GraphQL-Require-Preflight": "1"},
    )
    assert get(asked, {"Accept": "application/json"}).status_code == 403
    assert len(get(asked, sent).json()["data"]["boards"]["items"]) == 3
    mutation = get("""mutation { taskForm(id: "f", fields: {title: "a"}) { id } }""", sent)
    assert (mutation.status_code, mutation.headers["allow"]) == (405, "POST, OPTIONS")
    assert graph.http.send("PUT", ADDRESS, body={}).status_code == 405


def test_there_is_no_batch(graph: Graph) -> None:
    one = {"query": "{ __typename }"}
    assert graph.http.send("POST", ADDRESS, body=[one, one]).status_code == 400


@pytest.fixture
def closed(connect: Any, monkeypatch: pytest.MonkeyPatch) -> Graph:
    app = App(DECLARED, api=api(introspection=False))
    return Graph(Http.of(app, connect(), monkeypatch))


def test_a_closed_schema_is_neither_shown_nor_guessed(closed: Graph) -> None:
    for query in ("{ __schema { types { name } } }", '{ __type(name: "Board") { name } }'):
        assert set(closed.errors(query)) == {"invalid-argument"}
    found = closed.send('{ boar(userId: "a", taskId: "b") { titel } }')
    assert "board" not in json.dumps(found).replace("boar(", "")
    found = closed.send("query ($x: BoardPatchInpu) { __typename }")
    assert "Did you mean" not in json.dumps(found)
    assert closed.data("{ __typename }") == {"__typename": "Query"}


def _nested(depth: int) -> str:
    """A document deeper than the schema is, by fragments on the same field."""
    inner = "next"
    for _ in range(depth):
        inner = f"... on BoardList {{ {inner} }}"
    return f'{{ boards(userId: "a") {{ {inner} }} }}'


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("{ " + " ".join(f'a{n}: board(userId: "u", taskId: "{n}") {{ title }}' for n in range(21))
         + " }", "of its own"),
        ("{ " + " ".join("__typename" for _ in range(21)) + " }", "of its own"),
        ('{ board(userId: "u", taskId: "t") { '
         + " ".join(f"a{n}: title" for n in range(21)) + " } }", "aliases"),
        ("{ " + " ".join("__typename" for _ in range(1001)) + " }", "tokens"),
        ("query { ...A ...A ...A } fragment A on Query { "
         + " ".join("__typename" for _ in range(10)) + " }", "of its own"),
        ("query { ...F0 } " + " ".join(
            f"fragment F{n} on Query {{ ...F{n + 1} ...F{n + 1} }}" for n in range(30))
         + " fragment F30 on Query { __typename }", "of its own"),
    ],
    ids=["roots", "same roots", "aliases", "tokens", "fragments", "doubling fragments"],
)  # fmt: skip
def test_what_asks_for_too_much_is_refused_before_anything_is_read(
    query: str, told: str, billed: Graph, billing: Billing
) -> None:
    billing.counts.clear()
    found = billed.send(query, "ada")
    assert told in found["errors"][0]["message"]
    assert "data" not in found
    assert billing.counts == {}


def test_fields_are_counted_as_they_are_answered(connect: Any, monkeypatch: Any) -> None:
    app = App(DECLARED, api=api(max_fields=10, max_depth=3))
    graph = Graph(Http.of(app, connect(), monkeypatch))
    deep = '{ boards(userId: "a") { items { fields { title } } } }'
    assert graph.errors(deep) == ["invalid-argument"]
    wide = '{ board(userId: "a", taskId: "b") { ...A } } fragment A on Board { ' + "title " * 10
    assert graph.errors(wide + "}") == ["invalid-argument"]
    assert graph.errors(_nested(400)) == ["invalid-argument"]  # deeper than the parser goes, or not


def test_what_is_stored_has_its_form_in_graphql(graph: Graph, tasks: Writer) -> None:
    put(
        tasks,
        "a",
        member_ids=["ada"],
        rank=2**53 + 1,
        steps=[{"text": "x"}, {"text": "y", "doneAt": None}],
        extra={"a b": [1, {"c": None}]},
    )
    found = graph.data(
        """{ board(userId: "ada", taskId: "a") { rank share }
             taskPage(taskId: "a") { __typename steps { text doneAt } extra } }""",
        "ada",
    )
    assert found["board"] == {"rank": 2**53 + 1, "share": 0.5}
    assert found["taskPage"] == {
        "__typename": "TaskPage",
        "steps": [{"text": "x", "doneAt": None}, {"text": "y", "doneAt": None}],
        "extra": {"a b": [1, {"c": None}]},
    }


def test_a_number_that_graphql_lacks_is_an_error_of_its_field(graph: Graph, tasks: Writer) -> None:
    put(tasks, "a", member_ids=["ada"], share=float("nan"))
    found = graph.send('{ board(userId: "ada", taskId: "a") { share } other: __typename }')
    assert found["data"] == {"board": None, "other": "Query"}
    assert found["errors"][0]["path"] == ["board", "share"]
    assert graph.data('{ board(userId: "ada", taskId: "a") { rank } }') == {"board": {"rank": 0}}
