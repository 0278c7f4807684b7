"""A small domain with each kind of read: references, a chain of them, a query, copies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import Field

from onto_fn import DomainModel, EmbeddedModel, Ref, Store, ViewModel, many, one, query, root


class Town(DomainModel, collection="towns"):
    name: str


class Person(DomainModel, collection="people"):
    name: str
    team: str | None = None
    home: Ref[Town] | None = None


class Group(DomainModel, collection="groups"):
    title: str = ""
    members: list[Ref[Person]] = Field(default_factory=list)


class Team(DomainModel, collection="teams"):
    title: str = ""


class GroupStore(Store):
    """References, and references that those hold."""

    group = root(Group)
    members = many(Person, lambda store: store.group.members, missing="skip")
    towns = many(
        Town, lambda store: [p.home for p in store.members if p.home is not None], missing="skip"
    )


class GroupView(ViewModel[GroupStore], path="groupViews/{group_id}"):
    @property
    def title(self) -> str:
        return self.store.group.title

    @property
    def names(self) -> list[str]:
        return [person.name for person in self.store.members]

    @property
    def towns(self) -> list[str]:
        return [town.name for town in self.store.towns]


class TeamStore(Store):
    team = root(Team)
    members = query(Person).where("team", "==", lambda store: store.team.doc_id)


class TeamView(ViewModel[TeamStore], path="teamViews/{team_id}"):
    @property
    def names(self) -> list[str]:
        return sorted(person.name for person in self.store.members)


class Address(EmbeddedModel):
    name: str
    town: str


class AddressStore(Store):
    """A reference that must not dangle."""

    person = root(Person)
    town = one(Town, lambda store: store.person.home)


class AddressView(ViewModel[AddressStore], path="addresses/{person_id}"):
    @property
    def address(self) -> Address:
        return Address(name=self.store.person.name, town=self.store.town.name)


class BoardView(ViewModel[GroupStore], path="people/{person_id}/boards/{group_id}"):
    """A copy for each member."""

    @property
    def title(self) -> str:
        return self.store.group.title

    def targets(self) -> Iterable[Mapping[str, str]]:
        group = self.store.group
        return [{"person_id": ref.id, "group_id": group.doc_id} for ref in group.members]


def people(*identifiers: str) -> list[Ref[Person]]:
    """References to people, as a group's document has them."""
    return [Person.ref(identifier) for identifier in identifiers]


def group_view(*names: str, title: str = "", towns: Iterable[str] = ()) -> dict[str, Any]:
    """The content that a `GroupView` has."""
    return {"title": title, "names": list(names), "towns": list(towns)}
