"""Where something is declared: files and lines."""

from __future__ import annotations

import ast
import inspect
import textwrap
from pathlib import Path
from typing import Any

from onto_fn.doctor.finding import Place
from onto_fn.store.reads import Read


def shown(path: Path, folder: Path) -> str:
    """A path for people: relative to the folder, if it is in it."""
    path, folder = path.resolve(), folder.resolve()
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else str(path)


def class_place(cls: type, folder: Path) -> Place:
    """The line of a class; line 1 of an unknown file if it has no source."""
    try:
        file = inspect.getsourcefile(cls)
        _, line = inspect.getsourcelines(cls)
    except (OSError, TypeError):
        return Place(cls.__module__, 1)
    return Place(shown(Path(file or cls.__module__), folder), line)


def member_place(cls: type, name: str, folder: Path) -> Place:
    """The line of an attribute or a method in a class's body; that of the class if it has none."""
    whole = class_place(cls, folder)
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(cls)))
    except (OSError, TypeError, SyntaxError):
        return whole
    (made,) = tree.body
    for node in made.body if isinstance(made, ast.ClassDef) else ():
        names = [
            target.id
            for target in getattr(node, "targets", [getattr(node, "target", None)])
            if isinstance(target, ast.Name)
        ]
        if name in names or getattr(node, "name", None) == name:
            return Place(whole.file, whole.line + node.lineno - 1)
    return whole


def read_place(read: Read[Any], folder: Path) -> Place:
    """The line of a read in its store."""
    assert read.declared_in is not None
    return member_place(read.declared_in, read.name, folder)


def app_place(main: Path, folder: Path, option: str = "") -> Place:
    """The line of an app's declaration, or of one of its options there."""
    name = shown(main, folder)
    try:
        tree = ast.parse(main.read_text(encoding="utf-8"))
    except (OSError, SyntaxError):
        return Place(name, 1)
    calls = [call for call in ast.walk(tree) if is_app(call)]
    for call in calls:
        for keyword in call.keywords if isinstance(call, ast.Call) else ():
            if keyword.arg == option:
                return Place(name, keyword.value.lineno)
    return Place(name, getattr(calls[0], "lineno", 1) if calls else 1)


def is_app(node: ast.AST) -> bool:
    """Whether a piece of code makes an `App`."""
    if not isinstance(node, ast.Call):
        return False
    made = node.func
    return (made.attr if isinstance(made, ast.Attribute) else getattr(made, "id", "")) == "App"


def text_place(path: Path, folder: Path, *wanted: str) -> Place:
    """The line of a file that has the last of these texts, each of which follows the one before."""
    name = shown(path, folder)
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError:
        return Place(name, 1)
    waiting = list(wanted)
    for number, line in enumerate(lines, start=1):
        if waiting and waiting[0] in line:
            waiting.pop(0)
            if not waiting:
                return Place(name, number)
    return Place(name, 1)
