"""Models, references, queries. Pyright reads it, nothing runs it (repository/test_typing.py)."""

from typing import Any, assert_type

from onto_fn import DomainModel, EmbeddedModel, Ref
from onto_fn.editing import Database, Repository
from onto_fn.models import ModelQuery


class User(DomainModel, collection="users"):
    first_name: str
    nick: str | None = None


class Line(EmbeddedModel):
    user: Ref[User]
    amount: int = 1


class Team(DomainModel, collection="teams"):
    name: str
    members: list[Ref[User]]
    by_role: dict[str, Ref[User]] = {}
    lead: Ref[User] | None = None
    lines: list[Line] = []


class Odd(DomainModel, collection="odd"):
    """Fields named as what models can do."""

    content: str
    ref: str
    where: str
    all: int
    at: str | None = None
    family: list[str] = []
    template: str = ""
    owns: str = ""
    from_document: str = ""
    to_fields: str = ""


odd = Odd(content="a", ref="b", where="c", all=1)
assert_type(odd.ref, str)
assert_type(odd.all, int)
assert_type(odd.at, str | None)

user = User(doc_id="ann", first_name="Ann")
assert_type(user.doc_ref, Ref[User])
assert_type(user.doc_id, str)
assert_type(user.doc_fields(), dict[str, Any])
user.to_fields()  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
assert_type(User.ref("ann"), Ref[User])
assert_type(User.where("first_name", "==", "Ann"), ModelQuery[User])
assert_type(User.all().order_by("nick").limit(3), ModelQuery[User])
User.where("first_name", "=", "Ann")  # pyright: ignore[reportArgumentType]

team = Team(name="Blue", members=[user.doc_ref])
assert_type(team.members, list[Ref[User]])
Team(name="Blue", members=[team.doc_ref])  # pyright: ignore[reportArgumentType]


def read(database: Database) -> None:
    users = Repository(database)
    assert_type(users.get(User, "ann"), User | None)
    assert_type(users.find(User.all()), list[User])
