"""Every kind of access, and a form with every kind of field: what the tests of the rules attack."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from onto_fn import (
    App,
    DomainModel,
    Form,
    FormMediator,
    Ref,
    Request,
    Store,
    ViewMediator,
    ViewModel,
    root,
)
from onto_fn.access import claim, members, owner, public, role, signed_in


class Team(DomainModel, collection="teams"):
    title: str
    member_ids: list[str] = Field(default_factory=list)
    guests: dict[str, bool] = Field(default_factory=dict)


class TeamStore(Store):
    team = root(Team)


class Titled(ViewModel[TeamStore], path="titles/{team_id}", read=public()):
    """Readable by anybody."""

    @property
    def title(self) -> str:
        return self.store.team.title


class Lobby(Titled, path="lobbies/{team_id}", read=signed_in()):
    """Readable by whoever is signed in."""


class Board(Titled, path="boards/{team_id}", read=members("member_ids") | role("admin")):
    """Readable by the members that a list names, and by administrators."""

    @property
    def member_ids(self) -> list[str]:
        return self.store.team.member_ids


class GuestBook(Titled, path="guestBooks/{team_id}", read=members("guests")):
    """Readable by the members that a map names."""

    @property
    def guests(self) -> dict[str, bool]:
        return self.store.team.guests


class Audit(
    Titled,
    path="teams/{team_id}/audits/{audit_id}",
    read=claim("tier", "gold"),
    read_group=role("admin"),
):
    """Readable in one team by gold users, in all teams by administrators."""

    def targets(self) -> list[dict[str, str]]:
        return [{"team_id": self.store.team.doc_id, "audit_id": "latest"}]


class Profile(Titled, path="profiles/{team_id}", read=owner("team_id")):
    """Readable by the user whose id is that of the document."""


class Screen(Titled, path="users/{team_id}/Screen/view", read=owner("team_id")):
    """One document for each user, which no query finds."""


class Secret(Titled, path="secrets/{team_id}"):
    """Readable by nobody."""


class Address(BaseModel):
    city: str = Field(max_length=20)
    zip: str = Field(pattern=r"^[0-9]+$", max_length=5)
    note: str | None = Field(None, max_length=10)


class Sheet(DomainModel, collection="sheets"):
    owner: str


class SheetForm(Form, path="users/{user_id}/sheetForms/{sheet_id}", create=owner("user_id")):
    """Fields of every kind."""

    nick: str = Field(min_length=2, max_length=8)
    level: Literal["low", "high"]
    whatever: Any
    one: Literal[1] | None = None
    slug: str | None = Field(None, max_length=8, pattern=r"^[a-z]+")
    age: int | None = Field(None, ge=0, le=150)
    score: float | None = Field(None, gt=-1, lt=1.5)
    ratio: float | None = None
    active: bool = True
    born: datetime | None = None
    photo: bytes | None = Field(None, max_length=8)
    tags: list[Annotated[str, Field(max_length=5)]] | None = Field(None, min_length=1, max_length=2)
    colours: list[Literal["red", "green"]] | None = Field(None, max_length=3)
    names: list[str] | None = Field(None, max_length=20)
    pair: tuple[str, int] | None = None
    address: Address | None = None
    friend: Ref[Team] | None = None
    flags: dict[str, bool] | None = Field(None, min_length=1, max_length=2)
    free_text: str | None = None

    def submit(self, request: Request) -> list[DomainModel]:
        return [Sheet(doc_id=request.params["sheet_id"], owner=request.params["user_id"])]


class Note(DomainModel, collection="notes"):
    text: str


class NoteForm(Form, path="noteForms/{note_id}", create=public()):
    """Anybody may leave a note, and nobody may read what others left."""

    text: str = Field(max_length=10)

    def submit(self, request: Request) -> list[DomainModel]:
        return [Note(doc_id=request.params["note_id"], text=self.text)]


class TeamForm(Form, path="teamForms/{team_id}", create=role("admin"), read=role("admin")):
    """Only administrators found teams."""

    title: str = Field(max_length=10)

    def submit(self, request: Request) -> list[DomainModel]:
        return [Team(doc_id=request.params["team_id"], title=self.title)]


class ClosedForm(Form, path="closedForms/{note_id}"):
    """Only other functions may ask for this."""

    text: str

    def submit(self, request: Request) -> list[DomainModel]:
        return [Note(doc_id=request.params["note_id"], text=self.text)]


VIEWS = [Titled, Lobby, Board, GuestBook, Audit, Profile, Screen, Secret]
FORMS = [SheetForm, NoteForm, TeamForm, ClosedForm]

app = App([*map(ViewMediator, VIEWS), *map(FormMediator, FORMS)])
