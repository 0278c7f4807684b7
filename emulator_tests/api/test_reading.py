"""Views over HTTP: who sees which version of what, at what cost."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Literal, NoReturn
from urllib.parse import quote

import pytest
from pydantic import Field

from emulator_tests.kit.http import Http
from emulator_tests.kit.writing import Writer
from onto_fn import (
    App,
    DomainModel,
    Form,
    Patch,
    Refused,
    Request,
    Store,
    ViewModel,
    mirror,
    query,
    root,
)
from onto_fn.access import members, owner, public, role
from onto_fn.api import Api, Live, Rest, by
from onto_fn.gate.reading import Views
from onto_fn.gate.refusal import Refusal
from onto_fn.testing.billing import Billing


class Task(DomainModel, collection="httpTasks"):
    title: str
    state: Literal["open", "done"] = "open"
    member_ids: list[str] = Field(default_factory=list)
    watcher_ids: list[str] = Field(default_factory=list)
    rank: int = 0


class TaskStore(Store):
    task = root(Task)


class TaskPage(
    ViewModel[TaskStore],
    path="httpTaskPages/{task_id}",
    read=members("member_ids") | members("watcher_ids") | role("admin"),
):
    title: str = mirror("task.title")
    state: str = mirror("task.state")
    member_ids: list[str] = mirror("task.member_ids")
    watcher_ids: list[str] = mirror("task.watcher_ids")


class Board(ViewModel[TaskStore], path="httpUsers/{user_id}/boards/{task_id}", read=public()):
    title: str = mirror("task.title", setter=True)
    rank: int = mirror("task.rank")

    @property
    def state(self) -> Literal["open", "done"]:
        return self.store.task.state

    @state.setter
    def state(self, value: Literal["open", "done"]) -> None:
        if self.store.task.state == value:
            raise Refused(f"the task is {value} already")
        self.store.task.state = value

    def targets(self) -> Iterable[dict[str, str]]:
        task = self.store.task
        return [{"user_id": user, "task_id": task.doc_id} for user in task.member_ids]


class OpenStore(Store):
    task = root(Task)
    same = query(Task).where("title", "==", lambda store: store.task.title)


class Same(ViewModel[OpenStore], path="httpUsers/{user_id}/same/{task_id}", read=owner("user_id")):
    @property
    def count(self) -> int:
        return len(self.store.same)

    def targets(self) -> Iterable[dict[str, str]]:
        task = self.store.task
        return [{"user_id": user, "task_id": task.doc_id} for user in task.member_ids]


class BoardPatch(
    Patch[Board],
    path="httpUsers/{user_id}/boardPatches/{id}",
    target="task",
    create=owner("user_id"),
):
    title: str
    state: Literal["open", "done"]


class TaskForm(Form, path="httpUsers/{user_id}/taskForms/{id}", create=owner("user_id")):
    title: str

    def submit(self, request: Request) -> list[Task]:
        if self.title == "no":
            raise Refused("not this one")
        if self.title == "broken":
            raise RuntimeError("a fault of the app")
        return [Task(doc_id=request.doc_id, title=self.title, member_ids=[request.uid or ""])]


DECLARED = [TaskPage, Board, BoardPatch, TaskForm]
APP = App(
    DECLARED,
    api=Api(
        views=[TaskPage, Board, Live(Same)],
        requests=[BoardPatch, TaskForm],
        rest=Rest(
            lists={Board: [by("-rank"), by(where=["state"]), by("rank", where=["state"])]},
            max_wait_sec=0.5,
        ),
    ),
)


@pytest.fixture
def http(connect: Any, monkeypatch: pytest.MonkeyPatch) -> Http:
    return Http.of(APP, connect(), monkeypatch)


@pytest.fixture
def tasks(writer: Writer) -> Writer:
    """Three tasks and their views: ada is in all, bob in two and watches the third."""
    for name, who in (("a", ["ada"]), ("b", ["ada", "bob"]), ("c", ["ada", "bob"])):
        put(writer, name, member_ids=who, watcher_ids=["bob"] if name == "a" else [])
    return writer


def put(writer: Writer, name: str, *, deliver: bool = True, **fields: Any) -> Any:
    content = {"title": "T", "state": "open", "memberIds": [], "watcherIds": [], "rank": 0}
    content |= {Task.model_fields[field].alias or field: v for field, v in fields.items()}
    change = writer.write(f"httpTasks/{name}", content)
    if deliver:
        APP.engine.handle(writer.database, change)
    return change


def test_a_member_sees_a_document_and_others_do_not_learn_whether_it_exists(
    http: Http, tasks: Writer
) -> None:
    seen = http.get("/httpTaskPages/b", user="bob")
    assert seen.status_code == 200
    assert seen.json() == tasks.content("httpTaskPages/b")

    for address in ("/httpTaskPages/b", "/httpTaskPages/nothing"):
        assert http.get(address, user="eve").status_code == 403
        assert http.get(address).status_code == 401
    denied, missing = (
        http.get(f"/httpTaskPages/{name}", user="eve").json() for name in ("b", "nothing")
    )
    assert denied == missing
    assert http.get("/httpTaskPages/nothing", user='x {"admin": true}').status_code == 404


def test_a_document_that_cannot_be_read_is_not_told_from_a_missing_one_to_others(
    http: Http, connect: Any, tasks: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreadable(_: Views, __: object) -> NoReturn:
        raise Refusal("internal", "it cannot be read")

    denied = http.get("/httpTaskPages/nothing", user="eve")
    monkeypatch.setattr(Views, "stored", unreadable)
    http = Http.of(APP, connect(), monkeypatch)

    assert http.get("/httpTaskPages/b", user='x {"admin": true}').status_code == 500
    seen = http.get("/httpTaskPages/b", user="eve")
    assert (seen.status_code, seen.json()) == (403, denied.json())


def test_a_computed_document_costs_the_reads_of_its_store(
    connect: Any, tasks: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    billing = Billing()
    http = Http.of(APP, connect(billing), monkeypatch)

    assert http.get("/httpUsers/ada/same/a", user="ada").json() == {"count": 3}
    assert billing.counts == {"calls": 2, "reads": 4}, "its root, and the three that it counts"


def test_an_unchanged_document_costs_one_read_and_is_not_sent_again(
    connect: Any, tasks: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    billing = Billing()
    http = Http.of(APP, connect(billing), monkeypatch)
    first = http.get("/httpTaskPages/b", user="ada")
    assert billing.counts == {"calls": 1, "reads": 1}
    tag = first.headers["etag"]

    for value in (tag, f'"other", W/{tag}', "*"):
        billing.counts.clear()
        again = http.get("/httpTaskPages/b", user="ada", headers={"If-None-Match": value})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == tag
        assert billing.counts == {"calls": 1, "reads": 1}

    put(tasks, "b", title="other", member_ids=["ada"])
    changed = http.get("/httpTaskPages/b", user="ada", headers={"If-None-Match": tag})
    assert changed.status_code == 200
    assert changed.headers["etag"] != tag


def test_what_everybody_may_read_may_be_kept_by_caches_and_nothing_else(
    http: Http, tasks: Writer
) -> None:
    open_to_all = http.get("/httpUsers/ada/boards/a")
    assert open_to_all.headers["cache-control"] == "public, max-age=0, must-revalidate"
    assert "last-modified" in open_to_all.headers
    private = http.get("/httpTaskPages/b", user="ada")
    assert private.headers["cache-control"] == "private, no-cache"
    assert "Authorization" in private.headers["vary"]
    head = http.send("HEAD", "/httpUsers/ada/boards/a")
    assert head.headers["etag"] == open_to_all.headers["etag"]


def test_a_list_has_what_the_caller_may_list_and_says_where_it_goes_on(
    connect: Any, tasks: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    billing = Billing()
    http = Http.of(APP, connect(billing), monkeypatch)

    def ids(address: str, user: str | None) -> list[str]:
        answer = http.get(address, user=user)
        assert answer.status_code == 200, answer.text
        return [item["id"] for item in answer.json()["items"]]

    assert ids("/httpTaskPages", "bob") == ["a", "b", "c"], "as member, and as watcher"
    assert ids("/httpTaskPages", "eve") == []
    assert ids("/httpTaskPages", 'x {"admin": true}') == ["a", "b", "c"]
    assert http.get("/httpTaskPages").status_code == 401

    seen: list[str] = []
    address = "/httpTaskPages?limit=1"
    while address:
        answer = http.get(address, user="bob")
        seen += [item["id"] for item in answer.json()["items"]]
        link = answer.headers.get("link")
        address = "" if link is None else f"/httpTaskPages{link.split('>')[0][1:]}"
        assert (answer.json()["next"] is None) == (link is None)
    assert seen == ["a", "b", "c"]
    billing.counts.clear()
    ids("/httpUsers/ada/boards?limit=2", None)
    assert billing.counts == {"calls": 1, "reads": 3}, "a page, and one to see whether more follow"


def test_a_list_is_sorted_and_narrowed_as_declared_and_not_otherwise(
    http: Http, writer: Writer
) -> None:
    for name, rank, state in (
        ("a", 2, "open"),
        ("b", 1, "done"),
        ("c", 2, "open"),
        ("d", 3, "open"),
    ):
        put(writer, name, member_ids=["ada"], rank=rank, state=state)

    def pages(query: str) -> list[str]:
        found: list[str] = []
        address: str | None = f"?{query}&limit=1"
        while address:
            answer = http.get(f"/httpUsers/ada/boards{address}")
            assert answer.status_code == 200, answer.text
            found += [item["id"] for item in answer.json()["items"]]
            link = answer.headers.get("link")
            address = None if link is None else link.split(">")[0][1:]
        return found

    assert pages("order=-rank") == ["d", "c", "a", "b"]
    assert pages("order=rank&state=open") == ["a", "c", "d"]
    assert pages("state=done") == ["b"]
    for wrong in (
        "order=rank",
        "rank=3",
        "order=-rank&state=open",
        "state=lost",
        "cursor=x",
        "a=b",
    ):
        assert http.get(f"/httpUsers/ada/boards?{wrong}").status_code == 400, wrong


def test_a_live_view_is_computed_for_its_targets_and_tagged_by_its_content(
    http: Http, tasks: Writer
) -> None:
    seen = http.get("/httpUsers/ada/same/a", user="ada")
    assert seen.json() == {"count": 3}
    assert tasks.content("httpUsers/ada/same/a") is None
    tag = seen.headers["etag"]
    again = http.get("/httpUsers/ada/same/a", user="ada", headers={"If-None-Match": tag})
    assert again.status_code == 304

    put(tasks, "c", title="other", deliver=False)
    assert http.get("/httpUsers/ada/same/a", user="ada").json() == {"count": 2}
    assert http.get("/httpUsers/bob/same/a", user="bob").status_code == 404, "not its target"
    assert http.get("/httpUsers/bob/same/a", user="ada").status_code == 403
    assert http.get("/httpUsers/ada/same", user="ada").status_code == 404, "it has no list"


def test_a_request_is_carried_out_once_for_its_id(http: Http, writer: Writer) -> None:
    address = "/httpUsers/ada/taskForms/t"
    first = http.put(address, {"title": "new"}, user="ada")
    assert (first.status_code, first.headers["location"]) == (201, "t")
    assert first.json() == {
        "id": "t",
        "path": "httpUsers/ada/taskForms/t",
        "state": "done",
        "after": first.headers["onto-after"],
    }
    assert writer.content("httpTasks/t") is not None
    again = http.put(address, {"title": "new"}, user="ada")
    assert (again.status_code, again.json()) == (200, first.json())
    other = http.put(address, {"title": "other"}, user="ada")
    assert other.status_code == 409

    refused = http.put("/httpUsers/ada/taskForms/u", {"title": "no"}, user="ada")
    assert (refused.status_code, refused.json()["detail"]) == (422, "not this one")
    broken = http.put("/httpUsers/ada/taskForms/v", {"title": "broken"}, user="ada")
    assert (broken.status_code, broken.json()["detail"]) == (500, "internal error")
    unfit = http.put("/httpUsers/ada/taskForms/w", {"title": 1, "more": 2}, user="ada")
    assert unfit.status_code == 422
    assert [part["pointer"] for part in unfit.json()["problems"]] == ["/title", "/more"]
    assert http.put(address, {"title": "new"}, user="bob").status_code == 403


def test_the_answer_to_a_write_can_have_the_view_as_it_becomes(http: Http, tasks: Writer) -> None:
    address = "/httpUsers/ada/boardPatches/p?return=Board"
    done = http.put(address, {"task": "a", "title": "changed"}, user="ada")
    assert done.status_code == 201
    assert done.json()["view"] == {"title": "changed", "rank": 0, "state": "open"}
    stored = tasks.content("httpUsers/ada/boards/a") or {}
    assert stored["title"] == "T", "its event has not been handled"

    page = http.put("/httpUsers/ada/taskForms/f?return=TaskPage", {"title": "n"}, user="ada")
    assert page.status_code == 400, "neither address nor body says the variable task_id"
    assert tasks.content("httpTasks/f") is None, "so nothing was done"


def test_a_caller_reads_its_own_write_and_is_told_if_it_cannot_yet(
    http: Http, tasks: Writer
) -> None:
    change = put(tasks, "a", title="later", member_ids=["ada"], deliver=False)
    after = http.put("/httpUsers/ada/taskForms/x", {"title": "x"}, user="ada").json()["after"]

    early = http.get(f"/httpUsers/ada/boards/a?after={after}")
    assert early.status_code == 504
    assert early.json()["view"]["title"] == "T"
    assert "etag" in early.json()

    timer = threading.Timer(0.1, lambda: APP.engine.handle(tasks.database, change))
    timer.start()
    seen = http.get(f"/httpUsers/ada/boards/a?after={after}")
    timer.join()
    assert (seen.status_code, seen.json()["title"]) == (200, "later")


def test_a_write_that_does_not_concern_the_view_is_not_waited_for(
    connect: Any, tasks: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    billing = Billing()
    http = Http.of(APP, connect(billing), monkeypatch)
    after = http.put("/httpUsers/ada/taskForms/x", {"title": "x"}, user="ada").json()["after"]
    billing.counts.clear()

    assert http.get(f"/httpUsers/ada/boards/a?after={after}").status_code == 200
    # The record, what it would be built from and the document, and the document to be shown.
    assert billing.counts == {"calls": 3, "reads": 4}

    time = quote(datetime.now(UTC).isoformat())
    assert http.get(f"/httpUsers/ada/boards/a?after={time}").status_code == 200
    assert http.get("/httpUsers/ada/boards/a?after=yesterday").status_code == 400


def test_errors_say_what_may_be_done(http: Http, tasks: Writer) -> None:
    post = http.send("POST", "/httpTaskPages/a", user="ada")
    assert (post.status_code, post.headers["allow"]) == (405, "GET, HEAD, OPTIONS")
    options = http.send("OPTIONS", "/httpUsers/ada/taskForms/t")
    assert (options.status_code, options.headers["allow"]) == (204, "PUT, OPTIONS")
    page = "/httpTaskPages/a"
    assert http.get(page, user="ada", headers={"Accept": "text/html"}).status_code == 406
    assert http.get(f"{page}?x=1", user="ada").status_code == 400
    form = "/httpUsers/ada/taskForms/t"
    text = http.send("PUT", form, user="ada", headers={"Content-Type": "text/plain"})
    assert text.status_code == 415
    large = http.put(form, {"title": "x" * 1_100_000}, user="ada")
    assert large.status_code == 413
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    traced = http.get("/none", headers={"traceparent": f"00-{trace}-00f067aa0ba902b7-01"})
    assert traced.status_code == 404
    assert traced.headers["content-type"] == "application/problem+json"
    assert traced.json()["trace"] == trace
    for answer in (post, text, large, traced):
        problem = answer.json()
        assert problem["status"] == answer.status_code
        assert problem["detail"]
