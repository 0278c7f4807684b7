"""Who may read a view: as it is declared, and as it is decided for a caller by HTTP."""

import pytest

from onto_fn import DeclarationError, DomainModel, Store, ViewModel, root
from onto_fn.access import (
    NOBODY,
    Access,
    AnyOf,
    Members,
    allows,
    checked_access,
    claim,
    members,
    owner,
    public,
    role,
    signed_in,
)
from onto_fn.firestore import PathTemplate


class Team(DomainModel, collection="teams"):
    title: str = "Blue"


class TeamStore(Store):
    team = root(Team)


def page(
    path: str = "pages/{team_id}", read: Access | None = None, read_group: Access | None = None
) -> type[ViewModel[TeamStore]]:
    class Page(ViewModel[TeamStore], path=path, read=read, read_group=read_group):
        @property
        def title(self) -> str:
            return "T"

        @property
        def member_ids(self) -> list[str]:
            return []

        @property
        def guests(self) -> dict[str, bool] | None:
            return None

        @property
        def counts(self) -> list[int]:
            return []

    return Page


ADA = {"user_id": "ada"}


@pytest.mark.parametrize(
    ("access", "uid", "claims", "fields", "expected"),
    [
        (public(), None, {}, {}, True),
        (signed_in(), "bob", {}, {}, True),
        (signed_in(), None, {}, {}, False),
        (owner("user_id"), "ada", {}, {}, True),
        (owner("user_id"), "bob", {}, {}, False),
        (owner("user_id"), None, {}, {}, False),
        (role("admin"), "bob", {"admin": True}, {}, True),
        (role("admin"), "bob", {"admin": 1}, {}, False),
        (role("admin"), "bob", {"admin": "true"}, {}, False),
        (role("admin"), None, {"admin": True}, {}, False),
        (claim("tier", "gold"), "bob", {"tier": "gold"}, {}, True),
        (claim("tier", "gold"), "bob", {"tier": "silver"}, {}, False),
        (claim("level", 1), "bob", {"level": True}, {}, False),
        (members("ids"), "bob", {}, {"ids": ["ada", "bob"]}, True),
        (members("ids"), "bob", {}, {"ids": ["ada"]}, False),
        (Members("ids", is_map=True), "bob", {}, {"ids": {"bob": "editor"}}, True),
        (Members("ids", is_map=True), "bob", {}, {"ids": {"bob": False}}, False),
        (Members("ids", is_map=True), "bob", {}, {"ids": ["bob"]}, False),
        (members("ids"), "bob", {}, {"ids": {"bob": True}}, False),
        (members("ids"), "bob", {}, {"ids": "bob"}, False),
        (members("ids"), "bob", {}, {}, False),
        (owner("user_id") | role("admin"), "bob", {"admin": True}, {}, True),
        (owner("user_id") | role("admin"), "ada", {}, {}, True),
        (owner("user_id") | role("admin"), "bob", {}, {}, False),
        (NOBODY, "ada", {"admin": True}, {}, False),
    ],
)
def test_access_is_decided_for_a_caller(access, uid, claims, fields, expected) -> None:
    assert allows(access, uid, claims, ADA, fields) is expected


def test_a_view_without_access_is_readable_by_nobody() -> None:
    assert page().__read__ == NOBODY
    assert page().__read_group__ == NOBODY


def test_members_are_named_in_either_name_and_kept_in_firestores() -> None:
    expected = AnyOf((Members("memberIds"),))

    assert page(read=members("member_ids")).__read__ == expected
    assert page(read=members("memberIds")).__read__ == expected


def test_members_may_be_the_keys_of_an_optional_map() -> None:
    assert page(read=members("guests")).__read__ == AnyOf((Members("guests", is_map=True),))


def test_an_owner_that_the_path_does_not_name_is_refused() -> None:
    with pytest.raises(DeclarationError, match=r"Page: owner\('user'\) names no variable.*team_id"):
        page(read=owner("user"))


@pytest.mark.parametrize("field", ["title", "counts", "nobody"])
def test_members_in_a_field_that_lists_no_user_ids_are_refused(field: str) -> None:
    with pytest.raises(DeclarationError, match="member_ids, guests"):
        page(read=members(field))


def test_members_cannot_say_who_creates_a_document() -> None:
    with pytest.raises(DeclarationError, match="because the client writes the list"):
        checked_access(members("ids"), "Form", PathTemplate("a/{b}"))


def test_an_owner_cannot_be_told_in_a_collection_group() -> None:
    with pytest.raises(DeclarationError, match="read_group=owner"):
        page(read_group=owner("team_id"))


def test_what_is_no_access_is_refused() -> None:
    with pytest.raises(DeclarationError, match="use public"):
        page(read="ada")  # pyright: ignore


def test_a_claim_is_a_plain_value() -> None:
    with pytest.raises(DeclarationError, match="claim"):
        claim("tier", ["gold"])  # pyright: ignore
