"""Forms, patches and what they know of a request."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import assert_type

from models import Team, User
from stores import TeamStore
from views import TeamPage

from onto_fn import DomainModel, Form, Patch, Refused, Request
from onto_fn.access import owner


class UserForm(Form, path="users/{user_id}/userForms/{id}", create=owner("user_id")):
    first_name: str
    is_declared: bool = False
    parsed: str = ""

    def submit(self, request: Request) -> list[User]:
        assert_type(request.params, Mapping[str, str])
        assert_type(request.uid, str | None)
        assert_type(request.time, datetime)
        assert_type(request.id, str)
        if request.uid is None:
            raise Refused("sign in")
        return [User(doc_id=request.doc_id, first_name=self.first_name)]


class TeamForm(
    Form[TeamStore], path="users/{user_id}/teamForms/{id}", create=owner("user_id"), root="team_id"
):
    team_id: str

    def submit(self, request: Request) -> Iterable[DomainModel]:
        assert_type(self.store, TeamStore)
        assert_type(self.store.team, Team)
        self.store.team.name = "Red"
        return []


class WrongForm(Form, path="wrong/{id}"):
    def submit(self, request: str) -> list[User]:  # pyright: ignore[reportIncompatibleMethodOverride]
        return []


class TeamPatch(
    Patch[TeamPage],
    path="users/{user_id}/teamPatches/{id}",
    target="team",
    create=owner("user_id"),
):
    name: str
    stored_names: str


assert_type(TeamForm.request("users/ann/teamForms/a"), Request)
assert_type(TeamForm.parsed({"teamId": "a"}), TeamForm)
assert_type(UserForm(first_name="Ann").first_name, str)
assert_type(UserForm(first_name="Ann").parsed, str)
Patch[User]  # pyright: ignore[reportInvalidTypeArguments]
