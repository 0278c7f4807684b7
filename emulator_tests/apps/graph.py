"""Tasks with pages, boards and forms, offered by GraphQL."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import Enum
from typing import Annotated, Any, Literal

from pydantic import Field

from onto_fn import (
    App,
    DomainModel,
    EmbeddedModel,
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
from onto_fn.api import Api, GraphQL, Live, Rest, Streams, by


class Level(Enum):
    LOW = "low"
    HIGH = "high"


class Step(EmbeddedModel):
    text: str
    done_at: datetime | None = None


class Task(DomainModel, collection="graphTasks"):
    title: str
    state: Literal["open", "done"] = "open"
    member_ids: list[str] = Field(default_factory=list)
    watcher_ids: list[str] = Field(default_factory=list)
    rank: int = 0
    level: Level = Level.LOW
    steps: list[Step] = Field(default_factory=list)
    extra: dict[str, Any] = Field(default_factory=dict)
    share: float = 0.5


class TaskStore(Store):
    task = root(Task)


class TaskPage(
    ViewModel[TaskStore],
    path="graphTaskPages/{task_id}",
    read=members("member_ids") | members("watcher_ids") | role("admin"),
):
    """A task, for those who work on it."""

    title: str = mirror("task.title")
    state: str = mirror("task.state")
    member_ids: list[str] = mirror("task.member_ids")
    watcher_ids: list[str] = mirror("task.watcher_ids")
    steps: list[Step] = mirror("task.steps")
    extra: dict[str, Any] = mirror("task.extra")


class Board(ViewModel[TaskStore], path="graphUsers/{user_id}/boards/{task_id}", read=public()):
    title: str = mirror("task.title", setter=True)
    rank: int = mirror("task.rank")
    level: Level = mirror("task.level")
    share: float = mirror("task.share")

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


class Same(ViewModel[OpenStore], path="graphUsers/{user_id}/same/{task_id}", read=owner("user_id")):
    @property
    def count(self) -> Annotated[int, Field(ge=0, le=1000)]:
        return len(self.store.same)

    def targets(self) -> Iterable[dict[str, str]]:
        task = self.store.task
        return [{"user_id": user, "task_id": task.doc_id} for user in task.member_ids]


class BoardPatch(
    Patch[Board],
    path="graphUsers/{user_id}/boardPatches/{patch}",
    target="task",
    create=owner("user_id"),
):
    """Changes a task."""

    title: str
    state: Literal["open", "done"]


class TaskForm(Form, path="graphUsers/{user_id}/taskForms/{form}", create=owner("user_id")):
    title: str
    rank: int = 0

    def submit(self, request: Request) -> list[Task]:
        if self.title == "no":
            raise Refused("not this one")
        if self.title == "broken":
            raise RuntimeError("a fault of the app")
        who = [request.uid or ""]
        return [Task(doc_id=request.doc_id, title=self.title, member_ids=who, rank=self.rank)]


DECLARED = [TaskPage, Board, BoardPatch, TaskForm]


def api(**more: Any) -> Api:
    return Api(
        views=[TaskPage, Board, Live(Same)],
        requests=[BoardPatch, TaskForm],
        rest=Rest(lists={Board: [by("-rank"), by(where=["state"]), by("rank", where=["state"])]}),
        graphql=GraphQL(**more),
        streams=Streams(beat_sec=0.2),
    )


APP = App(DECLARED, api=api())
