"""Random declarations, and what random callers try on them."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from emulator_tests.access.guards.values import KINDS, MAPS, SCALARS, VALUES
from onto_fn import App, DomainModel, Form, Patch, Store, ViewModel, root
from onto_fn.access import Access, claim, members, owner, public, role, signed_in
from onto_fn.api import Api
from onto_fn.requests import RequestModel

USERS = ["ada", "bob", "é", "a b"]
IDS = [
    *USERS,
    *("ada", "bob", "one", "two", "Ada", "ada ", "e\N{COMBINING ACUTE ACCENT}", "a%2Fb", "a\nb"),
    *(
        "..",
        ".",
        "__x__",
        "a/b",
        "x" * 128,
        "x" * 129,
        "😀" * 129,
        "é" * 129,
        "😀" * 65,
        "😀" * 128,
        "x" * 1501,
        "\0",
    ),
]
CLAIMS: dict[str, list[Any]] = {
    "admin": [True, False, 1, "true"],
    "tier": ["gold", "silver", ["gold"]],
    "level": [1, True, "1", 2],
    "uid": ["ada", "x"],
    "sub_": [0],
}
LISTED = [[], ["ada", "bob"], ["bob", "é"], {"ada": True, "bob": 1}, "ada", None, [None, "ada"]]
MAPPED = [{}, {"ada": True}, {"ada": False, "bob": True}, {"é": None}, *[["ada", "bob"]] * 3, 1]


class Team(DomainModel, collection="worldTeams"):
    title: str = "Blue"


class TeamStore(Store):
    team = root(Team)


@dataclass(frozen=True)
class Try:
    """What one caller tries.

    Attributes:
        op: `get`, `list`, or `create`.
        model: the view or request.
        params: of the path.
        uid: of the caller; None for nobody.
        claims: of the caller's token.
        fields: of the request's document, as they would be stored.
        body: what goes over HTTP, if not the JSON form of `fields`.
    """

    op: str
    model: Any
    params: Mapping[str, str]
    uid: str | None
    claims: Mapping[str, Any]
    fields: Mapping[str, Any] = field(default_factory=dict[str, Any])
    body: Any = None


@dataclass(frozen=True)
class World:
    """An app, the documents that there are, and what is tried.

    Attributes:
        app: of the declarations.
        documents: content by path.
        tries: what is tried, in order.
    """

    app: App
    documents: Mapping[str, Mapping[str, Any]]
    tries: list[Try]


VIEW_PATHS = [
    "pages/{a}",
    "pages/{a}/parts/view",
    "pages/{a}/parts/{b}",
    "pages/{a}/parts/{b}/more/{c}",
]
FORM_PATHS = ["asks/{id}", "users/{a}/asks/{id}", "users/{a}/x/{b}/asks/{id}"]


@st.composite
def access(draw: st.DrawFn, variables: tuple[str, ...], *, listed: bool) -> Access:
    """A union of one to three conditions."""
    claims = [role("admin"), claim("tier", "gold"), claim("level", 1), claim("uid", "ada")]
    owners = [owner(name) for name in variables]
    lists = [members("member_ids"), members("guests"), members("watchers")] if listed else []
    kinds = st.sampled_from([public(), signed_in(), *claims, *owners * 2, *lists * 3])
    found = draw(kinds)
    for part in draw(st.lists(kinds, max_size=2)):
        found = found | part
    return found


@st.composite
def worlds(draw: st.DrawFn, tries: int = 16) -> World:
    """A view, a form and a patch of random declarations, and what is tried on them."""
    path = draw(st.sampled_from(VIEW_PATHS))
    view = _view(path, draw(access(_variables(path), listed=True)))
    asked = draw(st.sampled_from(FORM_PATHS))
    numbers = draw(st.lists(st.integers(0, len(KINDS) - 1), min_size=1, max_size=2, unique=True))
    optional = draw(st.booleans())
    form = _form(asked, draw(access(_variables(asked), listed=False)), numbers, optional)
    patched, patch = _patch(draw(access(("u",), listed=False)), numbers)
    app = App([view, patched, form, patch], api=Api(views=[view, patched], requests=[form, patch]))
    ids = st.sampled_from(IDS)
    documents: dict[str, dict[str, Any]] = {}
    some = st.sampled_from(["ada", "bob", "one", "é", "a\nb"])
    for _ in range(draw(st.integers(0, 5))):
        params = {name: draw(some) for name in _variables(path)}
        content = {"title": draw(st.sampled_from(["t", "u"]))}
        for name, values in (("memberIds", LISTED), ("watchers", LISTED), ("guests", MAPPED)):
            if draw(st.integers(0, 4)):
                content[name] = draw(st.sampled_from(values))
        documents[view.__path__.render(params)] = content
    tried: list[Try] = []
    for _ in range(tries):
        op = draw(st.sampled_from(["get", "list", "create", "create"]))
        model: Any = view if op != "create" else draw(st.sampled_from([form, patch]))
        if op == "list" and not path.endswith("}"):
            op = "get"
        named = _variables(model.__path__.text)
        params = {name: draw(ids if draw(_at_times) else some) for name in named}
        if documents and op != "create" and not draw(_at_times):
            params = view.__path__.match(draw(st.sampled_from(sorted(documents)))) or {}
        uid = draw(st.sampled_from([None, "ada", "ada", "bob", "bob", *USERS, *params.values()]))
        if uid is not None and not 1 <= len(uid) <= 128:
            uid = "ada"
        claims = {
            name: draw(st.sampled_from(values))
            for name, values in CLAIMS.items()
            if draw(st.booleans())
        }
        fields: dict[str, Any] = {}
        body: Any = None
        if op == "create":
            fields = {f"field{n}": draw(_value(n)) for n in numbers}
            if draw(_rarely):
                del fields[f"field{numbers[0]}"]
            if model is patch:
                fields["which"] = draw(st.one_of(ids, SCALARS) if draw(_rarely) else some)
            if draw(_rarely):
                fields[draw(st.sampled_from(["extra", "processed", "obj_type"]))] = draw(SCALARS)
            if draw(_rarely):
                body = draw(_json)
                if isinstance(body, dict) and draw(st.booleans()):
                    body = {f"field{numbers[0]}": next(iter(body.values()), None)}
        tried.append(Try(op, model, params, uid, claims, fields, body))
    return World(app, documents, tried)


_at_times = st.integers(0, 3).map(lambda n: n == 3)
_rarely = st.integers(0, 9).map(lambda n: n == 9)
_json = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 2**64) | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["field0", "a", "__x__", "", "sku", "name"]), inner)
    ),
    max_leaves=6,
)


def _value(number: int) -> st.SearchStrategy[Any]:
    """Mostly what is valid."""
    valid = st.sampled_from(KINDS[number][1])
    return st.integers(0, 9).flatmap(lambda n: st.one_of(VALUES, MAPS) if n == 9 else valid)


def _variables(path: str) -> tuple[str, ...]:
    return tuple(part[1:-1] for part in path.split("/") if part.startswith("{"))


def _view(path: str, read: Access) -> type[ViewModel[Any]]:
    def body(namespace: dict[str, Any]) -> None:
        namespace["__module__"] = __name__
        namespace["title"] = property(_typed(str, lambda self: "t"))
        namespace["member_ids"] = property(_typed(list[str], lambda self: []))
        namespace["watchers"] = property(_typed(list[str], lambda self: []))
        namespace["guests"] = property(_typed(dict[str, bool], lambda self: {}))
        namespace["targets"] = lambda self: []

    return types.new_class("Page", (ViewModel[TeamStore],), {"path": path, "read": read}, body)


def _form(path: str, create: Access, numbers: list[int], optional: bool) -> type[RequestModel]:
    def body(namespace: dict[str, Any]) -> None:
        namespace |= {"__module__": __name__, "submit": lambda self, request: []}
        namespace["__annotations__"] = {
            f"field{n}": KINDS[n][0] | None if optional else KINDS[n][0] for n in numbers
        }
        if optional:
            namespace |= dict.fromkeys(namespace["__annotations__"], None)

    return types.new_class("Ask", (Form,), {"path": path, "create": create}, body)


def _patch(create: Access, numbers: list[int]) -> tuple[type[ViewModel[Any]], type[RequestModel]]:
    def nothing(self: object, value: Any) -> None:
        pass

    def body(namespace: dict[str, Any]) -> None:
        namespace["__module__"] = __name__
        for n in numbers:
            getter = _typed(KINDS[n][0], lambda self, n=n: KINDS[n][1][0])
            namespace[f"field{n}"] = property(getter, nothing)
        namespace["targets"] = lambda self: []

    keywords = {"path": "users/{u}/patched/{t}", "read": public()}
    view = types.new_class("Patched", (ViewModel[TeamStore],), keywords, body)

    def fields(namespace: dict[str, Any]) -> None:
        namespace["__module__"] = __name__
        namespace["__annotations__"] = {f"field{n}": KINDS[n][0] for n in numbers}

    keywords = {"path": "users/{u}/patches/{id}", "target": "which", "create": create}
    return view, types.new_class("PatchedPatch", (Patch[view],), keywords, fields)


def _typed(kind: Any, function: Any) -> Any:
    function.__annotations__ = {"return": kind}
    return function


def kinds_of_members(field: str, values: list[Any]) -> World:
    """A view whose members are in one field, which holds each of some values."""
    view = _view("pages/{a}", members(field))
    stored = {"member_ids": "memberIds"}.get(field, field)
    documents = {
        f"pages/{n}": {"title": "t", stored: value} for n, value in enumerate([*LISTED, *values])
    }
    tries = [
        Try("get", view, {"a": path.rpartition("/")[2]}, uid, {})
        for path in [*documents, "pages/none"]
        for uid in ("ada", "bob", "é", None)
    ]
    return World(App([view], api=Api(views=[view])), documents, tries)
