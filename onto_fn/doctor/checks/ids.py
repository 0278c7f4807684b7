"""Document ids that increase: each new document lands beside the last one, on one server."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator
from datetime import date
from typing import Any

from onto_fn.doctor.check import Check
from onto_fn.doctor.finding import Finding
from onto_fn.doctor.places import member_place
from onto_fn.doctor.project import Project
from onto_fn.models.fields import fields_of, kinds_of
from onto_fn.views import ViewModel

NAME = "increasing-id"
_TIME_CALLS = {"isoformat", "strftime", "timestamp", "toordinal", "time_ns", "uuid1", "uuid7"}


def _run(project: Project) -> Iterator[Finding]:
    for view in project.views():
        told = _increasing(view)
        if told:
            yield Finding(
                NAME,
                "warning",
                member_place(view, "targets", project.folder),
                f"the last variable of {view.__name__}'s path is made of {told}: ids that increase "
                "with time are all written to one range, which takes about 500 writes a second",
                "begin the id with something that is spread evenly, such as the root's id: "
                'f"{store.root.doc_id}~{day}"',
            )


def _increasing(view: type[ViewModel[Any]]) -> str:
    """What of a view's last path variable increases with time, "" if nothing does."""
    variables = view.__path__.variables
    if not variables or view.__path__.segments[-1] != f"{{{variables[-1]}}}":
        return ""
    times = {
        field.name
        for model in view.__store__.models()
        for field in fields_of(model)
        if any(
            isinstance(kind.annotation, type) and issubclass(kind.annotation, date)
            for kind in kinds_of(field.annotation)
        )
    }
    for value in _values(view, variables[-1]):
        first = _first(value)
        for node in ast.walk(first):
            if isinstance(node, ast.Attribute) and node.attr in times | _TIME_CALLS:
                return f"`{ast.unparse(first)}`"
    return ""


def _values(view: type[ViewModel[Any]], variable: str) -> Iterator[ast.expr]:
    """The expressions that `targets` gives for a variable."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(view.targets)))
    except (OSError, TypeError, SyntaxError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if isinstance(key, ast.Constant) and key.value == variable:
                    yield value
        elif isinstance(node, ast.keyword) and node.arg == variable:
            yield node.value


def _first(value: ast.expr) -> ast.expr:
    """The part of a text that decides its order: what it begins with."""
    if isinstance(value, ast.JoinedStr) and value.values:
        part = value.values[0]
        return part.value if isinstance(part, ast.FormattedValue) else part
    if isinstance(value, ast.BinOp) and isinstance(value.op, ast.Add):
        return _first(value.left)
    return value


CHECK = Check(
    NAME, "`targets` of views: ids made of dates, times, or UUIDs of version 1 or 7", _run
)
