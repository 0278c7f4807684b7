"""Declared lists: what Firestore cannot answer is refused, and the rest gets its indexes."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any

import pytest
from pydantic import Field

from onto_fn import App, DeclarationError, DomainModel, Form, Store, ViewModel, mirror, root
from onto_fn.access import Access, members, owner, public, role, signed_in
from onto_fn.api import Api, Listing, Live, Rest, by
from onto_fn.generate import index_file

UP, DOWN, HAS = "ASCENDING", "DESCENDING", "CONTAINS"


class Task(DomainModel, collection="tasks"):
    title: str
    state: str
    limit: int
    cost: Decimal
    tags: list[str]
    labels: list[str]
    member_ids: list[str]
    watcher_ids: list[str]
    roles: dict[str, bool]


class TaskStore(Store):
    task = root(Task)


def view(read: Access, path: str = "taskPages/{task_id}", name: str = "TaskPage") -> Any:
    class TaskPage(ViewModel[TaskStore], path=path, read=read):
        title: str = mirror("task.title")
        state: str = mirror("task.state")
        cost: Decimal = mirror("task.cost")
        tags: list[str] = mirror("task.tags")
        labels: list[str] = mirror("task.labels")
        member_ids: list[str] = mirror("task.member_ids")
        watcher_ids: list[str] = mirror("task.watcher_ids")
        roles: dict[str, bool] = mirror("task.roles")

        @property
        def limit(self) -> int:
            return 1

        @property
        def odd(self) -> Annotated[str, Field(alias="odd name")]:
            return ""

        def targets(self) -> list[dict[str, str]]:
            return []

    TaskPage.__name__ = name
    return TaskPage


def app(page: Any, *lists: Listing) -> App:
    return App([page], api=Api(views=[page], rest=Rest(lists={page: list(lists)})))


REFUSED: dict[str, tuple[Access, Listing, str]] = {
    "an order of texts that are numbers": (public(), by("cost"), "different order"),
    "an order by one field twice": (public(), by("title", "-title"), "'title' is in its orders"),
    "one condition twice": (public(), by(where=["state", "state"]), "'state' is in its where"),
    "a condition with the name of a parameter": (public(), by(where=["limit"]), "another alias"),
    "two conditions on lists": (public(), by(where=["tags", "labels"]), "looks into one list"),
    "a condition on a list, and members in another": (
        role("admin") | members("member_ids"),
        by(where=["tags"]),
        "members are found by another one, memberIds",
    ),
    "a list that nobody may ask for": (members("roles"), by("title"), "cannot be listed"),
    "a list of the owner's only document": (owner("task_id"), by("title"), "cannot be listed"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_it_refuses(what: str) -> None:
    access, listing, message = REFUSED[what]
    with pytest.raises(DeclarationError, match=message):
        app(view(access), listing)


def test_a_view_at_a_fixed_name_has_no_list() -> None:
    page = view(public(), "users/{user_id}/pages/page")
    with pytest.raises(DeclarationError, match="its path ends in a name"):
        app(page, by("title"))


def test_a_view_in_collections_of_any_name_has_no_index() -> None:
    page = view(public(), "users/{user_id}/{kind}/{task_id}")
    with pytest.raises(DeclarationError, match="no index can cover"):
        app(page, by("title"))


def test_whoever_may_list_all_is_not_narrowed_to_what_names_it() -> None:
    app(view(signed_in() | members("member_ids")), by(where=["tags"]))
    app(view(public() | members("member_ids") | members("watcher_ids")), by("title"))


def test_two_offers_of_one_name_are_refused() -> None:
    class TaskForm(Form, path="users/{user_id}/forms/{id}", create=owner("user_id")):
        title: str

        def submit(self, request: Any) -> list[Task]:
            return []

    first, second = view(public()), view(public(), "other/{task_id}")
    with pytest.raises(DeclarationError, match="are called 'TaskPage'"):
        App([first], api=Api(views=[first, Live(second)]))
    live = Live(view(public(), "other/{task_id}", "TaskForm"))
    with pytest.raises(DeclarationError, match="are called 'TaskForm'"):
        App([TaskForm], api=Api(views=[live], requests=[TaskForm]))


def indexes(declared: App) -> list[list[tuple[str, str]]]:
    content = index_file(declared, {})["indexes"]
    assert all(index["collectionGroup"] in {"taskPages", "onto_ledger"} for index in content)
    return [
        [
            (field["fieldPath"], field.get("order") or field["arrayConfig"])
            for field in one["fields"]
        ]
        for one in content
        if one["collectionGroup"] == "taskPages"
    ]


LISTS = (by("-title"), by(where=["state"]), by("title", where=["state"]))


@pytest.mark.parametrize(
    ("access", "lists", "expected"),
    [
        (public(), LISTS, [[("state", UP), ("title", UP)]]),
        (public(), [by("title", "-odd")], [[("title", UP), ("`odd name`", DOWN)]]),
        (public(), [by("title", where=["tags"])], [[("tags", HAS), ("title", UP)]]),
        (
            members("member_ids"),
            LISTS,
            [
                [("memberIds", HAS), ("title", DOWN)],
                [("state", UP), ("memberIds", HAS)],
                [("state", UP), ("memberIds", HAS), ("title", UP)],
            ],
        ),
        (
            role("admin") | members("member_ids"),
            [by("title", where=["state"])],
            [
                [("state", UP), ("memberIds", HAS), ("title", UP)],
                [("state", UP), ("title", UP)],
            ],
        ),
        (
            members("member_ids") | members("watcher_ids"),
            [by(where=["state"])],
            [[("state", UP), ("memberIds", HAS)], [("state", UP), ("watcherIds", HAS)]],
        ),
        (signed_in() | members("member_ids"), LISTS, [[("state", UP), ("title", UP)]]),
        (members("member_ids"), [], []),
    ],
)
def test_a_declared_list_has_the_indexes_of_all_who_may_ask_for_it(
    access: Access, lists: Any, expected: list[list[tuple[str, str]]]
) -> None:
    assert sorted(indexes(app(view(access), *lists))) == sorted(expected)


def test_a_view_without_an_api_needs_no_index_of_a_list() -> None:
    assert indexes(App([view(members("member_ids"))])) == []
