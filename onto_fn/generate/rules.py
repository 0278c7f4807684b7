"""`firestore.rules` of an app: what is declared, and nothing else, is allowed."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from onto_fn.access import NOBODY, Access, Claim, Members, Owner, Public, SignedIn, can_list
from onto_fn.engine.records.ledger import OWN_COLLECTIONS
from onto_fn.errors import DeclarationError
from onto_fn.firestore import PathTemplate
from onto_fn.gate.paths import check_paths
from onto_fn.generate.bounds import EMOJI
from onto_fn.generate.costs import MAX_SOURCE_BYTES, Function
from onto_fn.generate.declarations import requests_of, views_of
from onto_fn.generate.expressions import (
    KEYWORDS,
    Allow,
    Joined,
    Match,
    comment,
    either,
    every,
    is_name,
    is_segment,
    literal,
    member,
    text_of,
)
from onto_fn.generate.fields import HELPERS, checks_of
from onto_fn.requests.shapes import MAX_ID

if TYPE_CHECKING:
    from onto_fn.functions import App
    from onto_fn.requests import RequestModel
    from onto_fn.views import ViewModel

KEEP_BEGIN = "// onto:keep-begin"
KEEP_END = "// onto:keep-end"

_HEAD = """\
rules_version = '2';

// Made by `onto generate` from what the app declares: a change here is lost, except between
// onto:keep-begin and onto:keep-end. What no line allows is denied. Functions use the server SDK,
// which passes these rules by."""

_HELPERS = {
    "signedIn()": "request.auth != null",
    "isUser(userId)": "signedIn() && request.auth.uid == userId",
    "hasClaim(name, value)": "signedIn() && request.auth.token.get(name, null) == value",
}
# What a variable of a path must not be named inside the rules.
_TAKEN = KEYWORDS | HELPERS | {"data", "database", "item", "path", "request", "resource"}
_WIDTH = 92
_ABOUT_EMOJI = ("size() counts an emoji as two; in a text, what is replaced counts as one.",)
_ASKED_ELSEWHERE = 4
"""Expressions of another block whose pattern fits, until it sees that the collection is another."""


@dataclass(frozen=True)
class Rules:
    """The rules of an app.

    Attributes:
        text: of the file.
        left: what only the functions check, by the name of the request.
    """

    text: str
    left: Mapping[str, tuple[str, ...]]


def rules_text(app: App, kept: Iterable[str] = ("",)) -> str:
    """The text of an app's rules; see `rules_of`."""
    return rules_of(app, kept).text


def rules_of(app: App, kept: Iterable[str] = ("",)) -> Rules:
    """The rules of an app.

    Args:
        app: whose views and requests are declared.
        kept: lines that are written by hand, for the marked section.

    Raises:
        DeclarationError: what is declared would open a document to more clients than it says, or
            has no form in rules.
    """
    views = views_of(app)
    requests = requests_of(app)
    check_paths([*views, *requests])
    blocks = [block for view in views for block in _view_blocks(view, views)]
    opened = [request for request in requests if request.__create__ != NOBODY]
    paths = [owner.__path__ for owner in (*views, *opened)]
    spent = _ASKED_ELSEWHERE * sum(bool(_Names(path).conditions) for path in paths)
    left: dict[str, tuple[str, ...]] = {}
    for request in opened:
        block, unasked = _request_block(request, spent)
        blocks.append(block)
        if unasked:
            left[request.__name__] = unasked
    body = [line for block in blocks for line in [*block.lines(), ""]]
    body += _closed(views, requests)
    body += _closed_sources(app)
    used = "\n".join(body)
    helpers = [name for name in _HELPERS if name.partition("(")[0] in used]
    if helpers and "signedIn()" not in helpers:
        helpers.insert(0, "signedIn()")
    lines = [
        *_HEAD.splitlines(),
        "service cloud.firestore {",
        "  match /databases/{database}/documents {",
    ]
    for name in helpers:
        lines += [
            f"    function {name} {{",
            f"      return {_HELPERS[name]};",
            "    }",
            "",
        ]
    lines += [f"    {line}" if line else "" for line in body]
    lines += [f"    {KEEP_BEGIN}", *(line for line in kept if line), f"    {KEEP_END}", "  }", "}"]
    text = "\n".join(lines) + "\n"
    size = len(text.encode())
    if size > MAX_SOURCE_BYTES:
        raise DeclarationError(
            f"the security rules would have {size:,} bytes; Firestore allows {MAX_SOURCE_BYTES:,}. "
            "Declare fewer or smaller forms"
        )
    return Rules(text, left)


def _view_blocks(view: type[ViewModel[Any]], views: Iterable[type[ViewModel[Any]]]) -> list[Match]:
    path = view.__path__
    names = _Names(path)
    blocks: list[Match] = []
    if view.__read__ != NOBODY:
        allows = _reading(view.__read__, path, names)
        blocks.append(Match(names.pattern, (f"{view.__name__}: read={view.__read__}",), allows))
    if view.__read_group__ != NOBODY:
        _check_group(view, views)
        text = (
            f"{view.__name__}, in all {path.segments[-2]} at once: read_group={view.__read_group__}"
        )
        group = _Names(PathTemplate("/".join(path.segments[-2:])))
        if not path.segments[-1].startswith("{"):
            group = _Names(PathTemplate(f"{path.segments[-2]}/{{{path.segments[-1]}}}"))
        condition = every(*group.conditions, either(*_conditions(view.__read_group__, group)))
        blocks.append(Match(f"/{{path=**}}{group.pattern}", (text,), (Allow("list", condition),)))
    return blocks


def _reading(access: Access, path: PathTemplate, names: _Names) -> tuple[Allow, ...]:
    """`get` for all who have access; `list` where that does not depend on each document's id."""
    every_one = _conditions(access, names)
    parts = [part for part in access.alternatives() if can_list(part, path)]
    listing = [condition for part in parts for condition in _conditions(part, names)]
    if listing == every_one:
        return (Allow("get, list", every(*names.conditions, either(*every_one))),)
    allows = [Allow("get", every(*names.conditions, either(*every_one)))]
    if listing:
        allows.append(Allow("list", every(*names.conditions, either(*listing))))
    return tuple(allows)


def _conditions(access: Access, names: _Names) -> list[str | Joined]:
    return [_condition(part, names) for part in access.alternatives()]


def _condition(part: Access, names: _Names) -> str:
    match part:
        case Public():
            return "true"
        case SignedIn():
            return "signedIn()"
        case Owner(variable):
            return f"isUser({names.variables[variable]})"
        case Claim(name, value):
            return f"hasClaim({literal(name)}, {literal(value)})"
        case Members(field, is_map):
            data = member("resource.data", field)
            return f"{data}[request.auth.uid] != false" if is_map else f"request.auth.uid in {data}"
        case _:
            raise DeclarationError(f"{part!r} has no form in security rules")


def _request_block(request: type[RequestModel], spent: int) -> tuple[Match, tuple[str, ...]]:
    path = request.__path__
    paths = _Names(path)
    identifier = paths.variables[path.variables[-1]]
    check = f"is{request.__name__}"
    if not is_name(check) or check in HELPERS:
        check = "isRequest"
    create = every(
        *paths.conditions,
        either(*_conditions(request.__create__, paths)),
        f"{identifier}.matches('(?s).{{1,{MAX_ID}}}')",
        f"{check}(request.resource.data)",
    )
    helpers = {name.partition("(")[0]: Function(text) for name, text in _HELPERS.items()}
    checks = checks_of(request.written_shape(), check, text_of(create), helpers, spent)
    allows = [Allow("create", create)]
    if request.__read__ != NOBODY:
        reading = either(*_conditions(request.__read__, paths))
        allows.insert(0, Allow("get", every(*paths.conditions, reading)))
    said = f"create={request.__create__}, read={request.__read__}"
    emoji = literal(EMOJI)
    comments = [
        f"{request.__name__}: {said}",
        "Only a function writes to it once it is there: its mark says what has become of it.",
        *(_ABOUT_EMOJI if any(emoji in text_of(c) for c in checks.functions.values()) else ()),
        *_about(checks.left),
    ]
    return Match(paths.pattern, tuple(comments), tuple(allows), checks.functions), checks.left


def _about(left: tuple[str, ...]) -> list[str]:
    lines: list[str] = []
    for part in left:
        text = f"Left to the function, which checks all again: {part}."
        lines += textwrap.wrap(text, _WIDTH, subsequent_indent="  ", break_long_words=False)
    return lines


def _closed(views: list[type[ViewModel[Any]]], requests: list[type[RequestModel]]) -> list[str]:
    closed = [view for view in views if view.__read__ == NOBODY == view.__read_group__]
    listed = [f"  {view.__path__} ({view.__name__}, without read=)" for view in closed]
    for request in requests:
        if request.__create__ == NOBODY:
            listed.append(f"  {request.__path__} ({request.__name__}, without create=)")
    return [*comment("Declared for nobody:", *listed), ""] if listed else []


def _closed_sources(app: App) -> list[str]:
    views = {view.__path__.parent for view in views_of(app)}
    requests = {request.__path__.parent for request in requests_of(app)}
    sources = {
        template
        for definition in app.engine.definitions.values()
        for template in definition.source_collections()
        if template.segments[0] not in OWN_COLLECTIONS
    }
    sources |= {spec.shape.collection for spec in app.engine.aggregates.values()}
    listed = sorted(f"  {template}" for template in sources - views - requests)
    lines = [
        *comment("Domain documents, which only functions and lines written by hand open:", *listed),
        "",
        *comment("What onto_fn keeps for itself: the ledger, dead letters, messages, numbers."),
    ]
    for collection in sorted(OWN_COLLECTIONS):
        lines += [f"match /{collection}/{{document=**}} {{ allow read, write: if false; }}"]
    return [*lines, ""]


def _check_group(view: type[ViewModel[Any]], views: Iterable[type[ViewModel[Any]]]) -> None:
    collection = view.__path__.segments[-2]
    for other in views:
        if other is not view and other.__path__.segments[-2] == collection:
            raise DeclarationError(
                f"{view.__name__}: read_group would open {other.__name__} as well, which is in a "
                f"collection named {collection!r} too; rename one of them"
            )
    for model in {m for v in views for m in v.__store__.models()}:
        if model is not view.Document and model.template().segments[-1] == collection:
            raise DeclarationError(
                f"{view.__name__}: read_group would open the documents of {model.__name__} as "
                f"well, which are in collections named {collection!r} too; rename one of them"
            )


@dataclass(frozen=True)
class _Names:
    """How a path is named in the rules.

    A collection whose name a path cannot have in the rules is matched by a variable, and compared.

    Attributes:
        path: as it is declared.
        variables: names of the path's variables in the rules.
        pattern: of the block, with a leading slash.
        conditions: that hold if the path fits, besides the pattern.
    """

    path: PathTemplate
    variables: dict[str, str] = field(init=False, default_factory=dict[str, str])
    pattern: str = field(init=False, default="")
    conditions: list[str] = field(init=False, default_factory=list[str])

    def __post_init__(self) -> None:
        segments: list[str] = []
        for segment in self.path.segments:
            if segment.startswith("{"):
                name = self._free(segment.strip("{}"))
                self.variables[segment.strip("{}")] = name
                segments.append(f"{{{name}}}")
            elif is_segment(segment):
                segments.append(segment)
            else:
                name = self._free(f"name_{len(self.conditions) + 1}")
                self.conditions.append(f"{name} == {literal(segment)}")
                segments.append(f"{{{name}}}")
        object.__setattr__(self, "pattern", "/" + "/".join(segments))

    def _free(self, name: str) -> str:
        """A name like this one that nothing else has."""
        used = {*self.variables.values(), *(text.partition(" ")[0] for text in self.conditions)}
        used |= set(self.path.variables) - {name}
        while name in _TAKEN or name in used:
            name = f"{name}_"
        return name
