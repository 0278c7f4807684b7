"""Views, their fields, and what changes them."""

from collections.abc import Iterable, Mapping
from typing import assert_type

from models import User
from stores import TeamStore

from onto_fn import ViewModel, mirror
from onto_fn.access import members, owner, role
from onto_fn.editing import Database, edit, load_view


class TeamPage(
    ViewModel[TeamStore],
    path="users/{user_id}/TeamPage/{team_id}",
    read=owner("user_id") | role("admin") | members("names"),
):
    name: str = mirror("team.name", setter=True)
    lead_nick: str | None = mirror("found.nick")

    @property
    def names(self) -> list[str]:
        assert_type(self.store, TeamStore)
        assert_type(self.store.members, list[User])
        return [user.first_name for user in self.store.members]

    @property
    def title(self) -> str:
        return self.store.team.name

    @title.setter
    def title(self, value: str) -> None:
        self.store.team.name = value

    @property
    def definition(self) -> str:
        return ""

    def targets(self) -> Iterable[Mapping[str, str]]:
        team = self.store.team.doc_id
        return [{"user_id": user.doc_id, "team_id": team} for user in self.store.members]


class WrongPage(ViewModel[TeamStore], path="pages/{id}"):
    def targets(self) -> Iterable[str]:  # pyright: ignore[reportIncompatibleMethodOverride]
        return []


def change(database: Database) -> None:
    page = load_view(database, TeamPage, "blue")
    assert_type(page, TeamPage)
    assert_type(page.name, str)
    assert_type(page.lead_nick, str | None)
    page.name = "Red"
    page.title = "Red"
    page.names = []  # pyright: ignore[reportAttributeAccessIssue]
    page.nonsense = 1  # pyright: ignore[reportAttributeAccessIssue]
    assert_type(page.save(), tuple[str, ...])
    page.propagate()  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]

    def rename(view: TeamPage) -> int:
        view.name = "Red"
        return 3

    assert_type(edit(database, TeamPage, User.ref("ann"), rename), int)


ViewModel[User]  # pyright: ignore[reportInvalidTypeArguments]
owner(7)  # pyright: ignore[reportArgumentType]
