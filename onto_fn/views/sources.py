"""The source code that a class depends on: its own, and what that names in the app's own code.

It is found by reading, not by running: a statement at the top of a module (a class, a function, a
constant) uses the names in it, and each of those stands for another statement, of the same module
or of the one that it is imported from. So embedded models, Enums, validators, aliases of types and
helper functions are found wherever they are named. What a library has is left out, and so is the
model in `Ref[Model]`: a reference reads nothing of it.

A module is parsed once in a process, which takes less time than `inspect.getsource` for one class.
"""

from __future__ import annotations

import ast
import inspect
import sys
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from importlib.machinery import ModuleSpec
from importlib.util import find_spec, module_from_spec
from tokenize import TokenError
from types import ModuleType
from typing import Any
from weakref import WeakKeyDictionary

Code = tuple[str, str]
"""A name, and the source of what it stands for."""
Chain = tuple[str, ...]
"""A name and the attributes that are taken of it: `("models", "Town")` for `models.Town`."""

_NO_APP = {"onto_fn", "pydantic"}
_INSTALLED = ("site-packages", "dist-packages")
_LOCALS = "<locals>"
_DEFINED = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def source_of(classes: Iterable[type[Any]]) -> set[Code]:
    """The code that classes depend on, their own included.

    A class without a source (of an interactive session) has its name in the place of it.
    """
    wanted = list(classes)
    packages = {cls.__module__.partition(".")[0] for cls in wanted}
    found: set[Code] = set()
    seen: set[tuple[str, str]] = set()
    open_names: list[tuple[str, str]] = []
    for cls in wanted:
        top = cls.__qualname__.partition(".")[0]
        module = _module(cls.__module__)
        if module is not None and _LOCALS not in cls.__qualname__ and top in module.statements:
            open_names.append((cls.__module__, top))
            continue
        source = _source(cls)
        found.add((cls.__qualname__, source))
        if module is not None:
            open_names += module.resolved(_names(_parsed(source)))
    while open_names:
        place = open_names.pop()
        if place in seen:
            continue
        seen.add(place)
        name, top = place
        module = _module(name) if _is_app(name, packages) else None
        if module is None:
            continue
        statements = module.statements.get(top)
        if statements is None:
            open_names += module.resolved([(top,)])  # which that module imports itself
            continue
        for statement in statements:
            found.add((top, statement.source))
            open_names += module.resolved(statement.names)
    return found


@dataclass
class _Statement:
    """A statement at the top of a module, and what it names."""

    source: str
    names: list[Chain]


@dataclass
class _Module:
    """What the names in a module stand for.

    Attributes:
        statements: by the names that they give to something.
        imports: the module and the name in it (None for the module itself), by name.
        stars: modules of which all names are imported.
    """

    name: str
    statements: dict[str, list[_Statement]] = field(default_factory=dict[str, list[_Statement]])
    imports: dict[str, tuple[str, str | None]] = field(
        default_factory=dict[str, tuple[str, "str | None"]]
    )
    stars: list[str] = field(default_factory=list[str])

    def resolved(self, names: Iterable[Chain]) -> Iterator[tuple[str, str]]:
        """The modules, and the names in them, that names used here stand for."""
        for name, *attributes in names:
            if name in self.statements:
                yield self.name, name
            if name in self.imports:
                module, original = self.imports[name]
                rest = [original, *attributes] if original else attributes
                while rest and f"{module}.{rest[0]}" in sys.modules:
                    module = f"{module}.{rest.pop(0)}"
                if rest:
                    yield module, rest[0]
            elif name not in self.statements:
                for module in self.stars:
                    yield module, name


_read: WeakKeyDictionary[ModuleType, _Module | None] = WeakKeyDictionary()


def _module(name: str) -> _Module | None:
    """A module, read; None if it has no source."""
    loaded = sys.modules.get(name)
    if loaded is None:
        # A function may import it when it runs. Whether that was in this process must not count.
        found = _found(name)
        if found is None or not (found.origin or "").endswith(".py"):
            return None
        loaded = module_from_spec(found)
    if loaded not in _read:
        _read[loaded] = _parsed_module(name, loaded)
    return _read[loaded]


def _found(name: str) -> ModuleSpec | None:
    """Where a module that is not loaded would come from; its package is loaded already."""
    package = name.rpartition(".")[0]
    if package and package not in sys.modules:
        return None
    try:
        return find_spec(name)
    except (ImportError, ValueError):
        return None


def _parsed_module(name: str, loaded: ModuleType) -> _Module | None:
    try:
        source = inspect.getsource(loaded)
        tree = ast.parse(source)
    except (OSError, TypeError, SyntaxError, TokenError):
        return None
    module, lines = _Module(name), source.splitlines()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                # Of `import a.b` the name is `a`; of `import a.b as c` it is the module itself.
                target = alias.name if alias.asname else alias.name.partition(".")[0]
                module.imports[alias.asname or target] = (target, None)
        elif isinstance(node, ast.ImportFrom):
            origin = _origin(node, loaded)
            for alias in node.names:
                if alias.name == "*":
                    module.stars.append(origin)
                else:
                    module.imports[alias.asname or alias.name] = (origin, alias.name)
    for node in tree.body:
        statement: _Statement | None = None
        for name in _bound(node):
            if statement is None:
                statement = _Statement(_text(node, lines), _names(node))
            module.statements.setdefault(name, []).append(statement)
    return module


def _origin(node: ast.ImportFrom, module: ModuleType) -> str:
    """The absolute name of the module that an import is from."""
    if not node.level:
        return node.module or ""
    package = (module.__package__ or "").split(".")
    base = package[: len(package) - node.level + 1]
    return ".".join([*base, *([node.module] if node.module else [])])


def _bound(node: ast.stmt) -> list[str]:
    """The names that a statement at the top of a module gives to something."""
    if isinstance(node, _DEFINED):
        return [node.name]
    if isinstance(node, ast.Import | ast.ImportFrom):
        return []
    names: dict[str, None] = {}
    for inner in ast.walk(node):
        if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
            names[inner.id] = None
        elif isinstance(inner, ast.Attribute | ast.Subscript) and isinstance(inner.ctx, ast.Store):
            names |= _changed(inner)  # of a class or a table that is there already
        elif isinstance(inner, ast.Expr) and isinstance(inner.value, ast.Call):
            names |= _changed(inner.value.func)
        elif isinstance(inner, _DEFINED):
            names[inner.name] = None
    return list(names)


def _changed(place: ast.expr) -> dict[str, None]:
    """The name of what is given an attribute or an item, or has one of its methods called."""
    if not isinstance(place, ast.Attribute | ast.Subscript):
        return {}
    while isinstance(place, ast.Attribute | ast.Subscript):
        place = place.value
    return {place.id: None} if isinstance(place, ast.Name) else {}


def _names(tree: ast.AST) -> list[Chain]:
    """The names that a piece of code uses, also in annotations that are texts."""
    found: dict[Chain, None] = {}
    waiting: list[tuple[ast.AST, bool]] = [(tree, False)]
    while waiting:
        node, is_type = waiting.pop()
        if isinstance(node, ast.Subscript) and _name_of(node.value) in {"Ref", "Literal"}:
            continue
        if isinstance(node, ast.Constant):
            if is_type and isinstance(node.value, str):
                waiting.append((_parsed(node.value), True))
            continue
        chain = _chain(node)
        if chain:
            found[chain] = None
            continue
        types = {getattr(node, "annotation", None), getattr(node, "returns", None)}
        for child in ast.iter_child_nodes(node):
            waiting.append((child, is_type or child in types))
    return list(found)


def _chain(node: ast.AST) -> Chain | None:
    """The names in `a.b.c`; None of anything else."""
    attributes: list[str] = []
    while isinstance(node, ast.Attribute):
        attributes.append(node.attr)
        node = node.value
    return (node.id, *reversed(attributes)) if isinstance(node, ast.Name) else None


def _name_of(node: ast.expr) -> str:
    chain = _chain(node)
    return chain[-1] if chain else ""


def _text(node: ast.stmt, lines: list[str]) -> str:
    first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", ()))])
    return "\n".join(lines[first - 1 : node.end_lineno])


def _parsed(source: str) -> ast.AST:
    try:
        return ast.parse(textwrap.dedent(source))
    except SyntaxError:
        return ast.Module([], [])


def _source(cls: type[Any]) -> str:
    try:
        return inspect.getsource(cls)
    except (OSError, TypeError, SyntaxError, TokenError):
        # Not from a file, or from one that is not Python: Python 3.13 looks for its end by tokens.
        return ""


def _is_app(name: str, packages: set[str]) -> bool:
    """Whether a module is of the app: one of `packages`, or not installed as libraries are."""
    package = name.partition(".")[0]
    if package in packages:
        return True
    if package in _NO_APP or package in sys.stdlib_module_names:
        return False
    file = getattr(sys.modules.get(name), "__file__", None)
    return isinstance(file, str) and not any(part in file for part in _INSTALLED)
