"""Declarations that the guarded app lacks, and that a guard is about."""

from __future__ import annotations

from typing import Literal

from emulator_tests.apps.guarded import Team, TeamStore, Titled
from onto_fn import App, DomainModel, EmbeddedModel, Form, Refused, Request, ViewModel
from onto_fn.access import claim, members, public
from onto_fn.api import Api, Rest, by


class ByUid(Titled, path="byUid/{team_id}", read=claim("uid", "ada")):
    """Readable by whose token has a claim that the Admin SDK makes up."""


class Choice(ViewModel[TeamStore], path="choices/{team_id}", read=public()):
    """Listed by a value of a few."""

    @property
    def state(self) -> Literal["open", "done"]:
        return "open"


class Pair(ViewModel[TeamStore], path="pairs/{a}/of/{b}/pages/page", read=public()):
    """Whose path does not say its root."""

    @property
    def title(self) -> str:
        return self.store.team.title

    def targets(self) -> list[dict[str, str]]:
        return []


class Long(ViewModel[TeamStore], path="a/{a}/b/{b}/c/{c}/d/{d}/e/{team_id}", read=public()):
    """Whose path can be longer than Firestore's."""

    @property
    def title(self) -> str:
        return self.store.team.title

    def targets(self) -> list[dict[str, str]]:
        return []


class Tagged(ViewModel[TeamStore], path="tagged/{team_id}", read=members("member_ids")):
    """Listed for members, and with another list."""

    @property
    def member_ids(self) -> list[str]:
        return self.store.team.member_ids

    @property
    def tags(self) -> list[str]:
        return []


class Twin(Titled, path="titles/{twin_id}", read=public()):
    """At the address of another view."""


class Every(Pair, path="{a}/{b}/pages/{c}", read=public()):
    """In the collections of everything."""


class TitleForm(Form, path="titles/{id}", create=public()):
    """Sent to where a view is."""

    def submit(self, request: Request) -> list[DomainModel]:
        return []


class NoForm(Form, path="noForms/{id}", create=public()):
    """Which the app refuses."""

    text: str

    def submit(self, request: Request) -> list[DomainModel]:
        raise Refused("no")


class Node(EmbeddedModel):
    child: Node | None = None


class TreeForm(Form, path="trees/{id}", create=public()):
    """Whose documents are as deep as a client likes."""

    node: Node

    def submit(self, request: Request) -> list[Team]:
        return []


class PickForm(Form, path="picks/{id}", create=public()):
    """Whose body says which document of a view is meant."""

    team_id: str
    a: str = "a"
    b: str = "b"

    def submit(self, request: Request) -> list[Team]:
        return []


app = App(
    [ByUid, Choice, Pair, Long, NoForm, TreeForm, PickForm],
    api=Api(
        views=[ByUid, Choice, Pair, Long],
        requests=[NoForm, TreeForm, PickForm],
        rest=Rest("/v1", lists={Choice: [by(where=["state"])]}, max_wait_sec=0.1),
    ),
)
