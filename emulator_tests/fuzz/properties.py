"""What has to hold for each declaration, on a real Firestore."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from types import ModuleType
from typing import Any

from emulator_tests.fuzz.composed import ModelField, to_camel
from emulator_tests.fuzz.declarations import Declaration
from emulator_tests.fuzz.documents import Google, Message, same, wire
from onto_fn import App, DeclarationError, DomainModel, FormMediator, PatchMediator, ViewMediator
from onto_fn.editing import Database, edit, load_view
from onto_fn.engine import Engine
from onto_fn.firestore import Document, Write
from onto_fn.firestore.canonical import canonical, digest
from onto_fn.firestore.values import decode_fields, encode_fields
from onto_fn.models.domain import stored_content
from onto_fn.observability import Change, Result

OWNER = "owner"


class Broken(AssertionError):
    """A property does not hold."""


@dataclass
class Case:
    """A declaration that was imported, and what was found out about it."""

    declaration: Declaration
    module: ModuleType
    broken: dict[str, str] = field(default_factory=dict[str, str])

    def get(self, name: str) -> Any:
        """A class of the module, by its name without the number."""
        return getattr(self.module, f"{name}{self.declaration.number}", None)

    @cached_property
    def engine(self) -> Engine:
        return Engine([mediator.definition() for mediator in self.mediators])

    @cached_property
    def app(self) -> App:
        return App(self.mediators)

    @cached_property
    def mediators(self) -> list[Any]:
        found: list[Any] = [ViewMediator(self.get("Page")), ViewMediator(self.get("LatePage"))]
        if self.get("Form") is not None:
            found += [PatchMediator(self.get("Patch")), FormMediator(self.get("Form"))]
        return found

    @property
    def paths(self) -> list[str]:
        """Of the domain documents."""
        collection = self.declaration.collection
        return [f"{collection}/d{place}" for place in range(len(self.declaration.documents))]


@dataclass
class World:
    """The database, by two clients."""

    database: Database
    google: Google

    @property
    def documents(self) -> str:
        return f"{self.google.client._database_string}/documents"

    def content(self, path: str) -> dict[str, Any] | None:
        found, _ = self.database.get([path])
        fields = found[path].fields
        return None if fields is None else dict(fields)


def imported(declaration: Declaration) -> tuple[Case | None, str, str]:
    """The case; or None, which property does not hold (none if it is rightly refused), and why."""
    try:
        case = Case(declaration, declaration.execute())
        case.engine.definitions.keys()
    except DeclarationError as error:
        is_expected = declaration.refused or declaration.may_refuse
        return None, "" if is_expected else "import", f"refused: {error}"
    except Exception as error:
        return None, "import", f"{type(error).__name__}: {error}"
    if declaration.refused:
        return None, "import", f"not refused: {declaration.refused}"
    return case, "", ""


def _require(holds: bool, text: str) -> None:
    if not holds:
        raise Broken(text)


def _compare(what: str, found: Any, expected: Any) -> None:
    _require(same(found, expected), f"{what} is {found!r}, not {expected!r}")


# Properties


def read(case: Case, world: World) -> None:
    """A document that Google's client has written is read, and saved again as it is."""
    found, _ = world.database.get(case.paths)
    model = case.get("Thing")
    for path, written in zip(case.paths, case.declaration.documents, strict=True):
        thing = model.from_document(found[path])
        content = stored_content(thing)
        for one in case.declaration.fields:
            _compare(f"{path}: {one.name}", content.get(one.stored), written.kept.get(one.name))
        encoded = encode_fields(
            DomainModel.doc_fields(thing), documents=world.documents, where=path
        )
        again = model.from_document(Document(path, decode_fields(encoded, world.documents), None))
        _require(
            digest(content) == digest(stored_content(again)),
            f"{path}: saved and read again it is {again!r}, not {thing!r}",
        )


def view(case: Case, world: World) -> None:
    """A view is built of each document, and holds what the model keeps."""
    for place, path in enumerate(case.paths):
        _build(case, world, "Page", path, Result.COMMITTED)
        found = world.content(f"pages{case.declaration.number}/d{place}")
        _compare(f"the view of {path}", _untyped(found), _expected_view(case, place, []))


def eventual(case: Case, world: World) -> None:
    """In eventual mode the same document is built; also of what the ledger remembers."""
    n = case.declaration.number
    for place, path in enumerate(case.paths):
        _build(case, world, "LatePage", path, Result.COMMITTED)
        found = world.content(f"late{n}/d{place}")
        _compare(f"the eventual view of {path}", _untyped(found), _expected_view(case, place, []))
    if not case.declaration.is_joined:
        return
    change = _written(world, f"places{n}/d0", {"label": "a label"})
    for outcome in case.engine.handle(world.database, change):
        _require(
            outcome.result is Result.COMMITTED,
            f"{outcome.definition} after a joined document changed: {outcome.result}, "
            f"{outcome.error}",
        )
    for collection in ("pages", "late"):
        found = world.content(f"{collection}{n}/d0")
        expected = _expected_view(case, 0, ["a label"])
        _compare(f"{collection}{n}/d0 after a join", _untyped(found), expected)


def stable(case: Case, world: World) -> None:
    """The digest of what is built is that of what is stored: nothing is written again."""
    for name in ("Page", "LatePage"):
        _build(case, world, name, case.paths[0], Result.UNCHANGED)


def unchanged(case: Case, world: World) -> None:
    """A setter that sets what there is writes nothing."""
    for path in case.paths[:1]:
        loaded = load_view(world.database, case.get("Page"), path.rpartition("/")[2])
        for one in case.declaration.fields:
            setattr(loaded, one.name, getattr(loaded, one.name))
        written = loaded.save()
        _require(written == (), f"setting each field to what it is has written {written}")


def setter(case: Case, world: World) -> None:
    """A setter of one field changes that field alone, compared as protobuf."""
    target, declaration = case.declaration.target, case.declaration
    if target is None:
        return
    path = case.paths[0]
    before = world.google.read([path])[path]
    kept = declaration.other.kept.get(target.name)
    other = case.get("Thing").from_document(
        Document(f"{declaration.collection}/other", declaration.other.fields, None)
    )
    given = declaration.other.fields.get(target.stored)
    if declaration.by_patch and given is not None:
        fields: dict[str, Any] = {"page_of_patch": "d0", to_camel(target.name): given}
        request = f"u/{OWNER}/patches{declaration.number}/p"
        outcome = case.engine.submit(world.database, f"Patch{declaration.number}", request, fields)
        _require(outcome.result is Result.COMMITTED, f"{outcome.result}: {outcome.error}")
        mark = (world.content(request) or {}).get("processed", {})
        _require(mark.get("state") == "done", f"the patch of {fields} is marked {mark}")
    else:
        value = getattr(other, target.name)
        edit(
            world.database,
            case.get("Page"),
            "d0",
            lambda page: setattr(page, target.name, value),
        )
    after = world.google.read([path])[path]
    _only(case, before, after, target)
    thing = case.get("Thing").from_document(world.database.get([path])[0][path])
    found = stored_content(thing).get(target.stored)
    # By Firestore's `==`, in which -0.0 is 0.0: a setter to an equal number writes nothing.
    _require(
        canonical(found) == canonical(kept),
        f"{path}: {target.name} after it was set is {found!r}, not {kept!r}",
    )
    _undeclared_stays(target, before, after)


def _only(case: Case, before: Message, after: Message, target: ModelField) -> None:
    may_change = {target.stored}
    computed = case.declaration.computed
    if computed is not None and computed[0].name == target.name:
        may_change.add(computed[1])
    was, now = wire(before.fields), wire(after.fields)
    changed = {name for name in was.keys() | now.keys() if was.get(name) != now.get(name)}
    _require(
        changed <= may_change,
        f"setting {target.name} has changed {sorted(changed - may_change)} as well: "
        f"{[(before.fields[n], after.fields[n]) for n in sorted(changed - may_change)]}",
    )


def _undeclared_stays(target: ModelField, before: Message, after: Message) -> None:
    """In a map that stays one of the same class, what the class does not declare stays."""
    if not target.type.declares or target.type.kind == "TypedDict":
        return
    was, now = (wire(doc.fields[target.stored].map_value.fields) for doc in (before, after))
    if "extra=allow" in target.type.features or not was or not now:
        return
    lost = [name for name in was if name not in target.type.declares and now.get(name) != was[name]]
    _require(not lost, f"setting {target.name} has lost {lost} in it, which are not declared")


def form(case: Case, world: World) -> None:
    """A form makes the document that its client has asked for."""
    declaration = case.declaration
    if case.get("Form") is None:
        return
    n = declaration.number
    request = f"u/{OWNER}/forms{n}/made"
    outcome = case.engine.submit(world.database, f"Form{n}", request, declaration.request.fields)
    mark = (world.content(request) or {}).get("processed", {})
    _require(
        outcome.result is Result.COMMITTED and mark.get("state") == "done",
        f"{outcome.result}, {outcome.error}, marked {mark} for {declaration.request.fields!r}",
    )
    made = world.content(f"{declaration.collection}/made") or {}
    for one in declaration.fields:
        expected = declaration.request.kept.get(one.name)
        _compare(f"what the form makes: {one.name}", made.get(one.stored), expected)


ON_FIRESTORE: dict[str, Callable[[Case, World], None]] = {
    "read": read,
    "view": view,
    "eventual": eventual,
    "stable": stable,
    "unchanged": unchanged,
    "setter": setter,
    "form": form,
}


_OF_FIELDS = {"unchanged", "setter", "form"}


def applicable(case: Case) -> list[str]:
    """The properties that say something of a case: a view without fields has no setter."""
    return [name for name in ON_FIRESTORE if case.declaration.fields or name not in _OF_FIELDS]


def checked(case: Case, world: World) -> Iterator[tuple[str, str]]:
    """The properties that a case does not have, each with what happened."""
    for name in applicable(case):
        try:
            ON_FIRESTORE[name](case, world)
        except Broken as error:
            yield name, str(error)
        except Exception as error:
            yield name, f"{type(error).__name__}: {error}"


# Parts


def _build(case: Case, world: World, name: str, path: str, expected: Result) -> None:
    definition = f"{name}{case.declaration.number}"
    outcome = case.engine.rebuild(world.database, definition, path)
    if expected is Result.UNCHANGED and outcome.result is Result.COVERED:
        return
    _require(
        outcome.result is expected,
        f"{definition} of {path}: {outcome.result}, not {expected}; {outcome.error}",
    )


def _expected_view(case: Case, place: int, labels: list[str]) -> dict[str, Any]:
    kept = case.declaration.documents[place].kept
    values = {to_camel(name): value for name, value in kept.items() if value is not None}
    return {**values, "placeLabels": labels}


def _untyped(content: dict[str, Any] | None) -> dict[str, Any]:
    own = {"obj_type", "doc_ref"}
    return {name: value for name, value in (content or {}).items() if name not in own}


def _written(world: World, path: str, fields: dict[str, Any]) -> Change:
    before, _ = world.database.get([path])
    world.database.commit([Write(path, fields)])
    after, _ = world.database.get([path])
    return Change(path, before[path], after[path], f"event of {path}")
