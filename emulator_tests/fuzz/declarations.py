"""Declarations: a domain model, a store, a view in both modes, a patch and a form, as source."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from emulator_tests.fuzz import drawing
from emulator_tests.fuzz.composed import (
    ModelField,
    Scope,
    drawn_fields,
    refused_type,
    sample_of,
    to_camel,
    undeclared,
)
from emulator_tests.fuzz.drawing import Draw, chance, one_of
from emulator_tests.fuzz.kinds import Type

HEAD = """\
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple
from uuid import UUID

from google.cloud.firestore_v1 import GeoPoint
from google.cloud.firestore_v1.vector import Vector
from pydantic import (
    AnyUrl, BaseModel, ConfigDict, Field, HttpUrl, IPvAnyAddress, SecretStr, computed_field,
)
from typing_extensions import TypedDict

from onto_fn import DomainModel, EmbeddedModel, Form, Patch, Ref, Store, ViewModel, many, root
from onto_fn.access import owner, signed_in

"""


@dataclass(frozen=True)
class Stored:
    """A document, and what a model keeps of it by the names of its fields in Python."""

    fields: dict[str, Any]
    kept: dict[str, Any]


@dataclass(frozen=True)
class Declaration:
    """One case.

    Attributes:
        number: of the case, in all its names.
        fields: of the domain model, and of the view, the patch and the form.
        extra: what the domain model does with undeclared fields.
        child: fields of a subclass of the domain model; None if there is none.
        computed: the field that a computed one returns, and the name that it is stored by.
        is_joined: whether the view reads other documents as well.
        is_typed: whether the view's documents say of which type they are.
        variable: a variable of the paths.
        documents: of the domain model.
        other: a further document, from which a setter takes its value.
        target: the field that is set.
        by_patch: whether by a patch, in the place of `edit`.
        wrong: a form's field, and a value of a type that it is not.
        refused: why import refuses it; empty if it does not.
        may_refuse: why import may refuse it.
    """

    number: int
    fields: tuple[ModelField, ...]
    extra: str
    child: tuple[ModelField, ...] | None
    computed: tuple[ModelField, str] | None
    is_joined: bool
    is_typed: bool
    variable: str
    documents: tuple[Stored, ...]
    other: Stored
    request: Stored
    target: ModelField | None
    by_patch: bool
    wrong: tuple[str, Any] | None
    refused: str = ""
    may_refuse: str = ""

    @property
    def model(self) -> str:
        return f"Thing{self.number}"

    @property
    def collection(self) -> str:
        return f"things{self.number}"

    def types(self) -> Iterator[Type]:
        """All types that are declared, those within others included."""
        for one in (*self.fields, *(self.child or ())):
            yield from one.type.walk()

    def kinds(self) -> set[str]:
        """Rows of the table of types that this covers."""
        return {found.kind for found in self.types()}

    def features(self) -> set[str]:
        """Rows of the table of features that this covers."""
        found = {feature for one in self.types() for feature in one.features}
        found |= {feature for one in self.fields for feature in one.features()}
        found.add(f"extra={self.extra}" if self.extra else "extra by default")
        flags = {
            "domain subclass": self.child is not None,
            "computed fields": self.computed is not None,
            "a join": self.is_joined,
            "a typed view": self.is_typed,
            "a patch": self.by_patch and self.target is not None,
            "an edit": not self.by_patch and self.target is not None,
            "clashing names": bool({f.name for f in self.fields} & set(drawing.CLASHING_NAMES)),
            "undeclared keys": self.extra != "forbid",
        }
        return found | {name for name, holds in flags.items() if holds}

    def source(self) -> str:
        """The declaration as Python."""
        return "\n\n\n".join([*self._classes(), *self._models(), *self._views()]) + "\n"

    def _classes(self) -> list[str]:
        place = f'class Place{self.number}(DomainModel, collection="places{self.number}"):'
        types = [one.type for one in (*self.fields, *(self.child or ()))]
        sources = dict.fromkeys(source for kind in types for source in kind.classes)
        return [f"{place}\n    label: str | None = None", *sources]

    def _models(self) -> list[str]:
        extra = f', extra="{self.extra}"' if self.extra else ""
        lines = [one.declaration() for one in self.fields]
        if self.computed is not None:
            origin, stored = self.computed
            lines += [
                f"@computed_field(alias={stored!r})",
                "@property",
                f"def computed_part(self) -> {origin.type.source}:",
                f"    return self.{origin.name}",
            ]
        head = f'class {self.model}(DomainModel, collection="{self.collection}"{extra}):'
        sources = [_class(head, lines)]
        if self.child is not None:
            lines = [one.declaration() for one in self.child]
            sources.append(_class(f"class Child{self.model}({self.model}):", lines))
        return sources

    def _views(self) -> list[str]:
        n, store = self.number, f"Store{self.number}"
        reads = [f"thing = root({self.model})"]
        if self.is_joined:
            reads.append(
                f"places = many(Place{n}, lambda store: [Place{n}.ref(store.thing.doc_id)], "
                'missing="skip")'
            )
        lines: list[str] = []
        for one in self.fields:
            lines += _property(one.name, one.type.source, f"self.store.thing.{one.name}")
            lines += _setter(one.name, one.type.source, f"self.store.thing.{one.name} = value")
        if self.computed is not None:
            source = self.computed[0].type.source
            lines += _property("computed_part", source, "self.store.thing.computed_part")
        label = "[place.label for place in self.store.places]" if self.is_joined else "[]"
        lines += _property("place_labels", "list[str | None]", label)
        typed = ", typed=True" if self.is_typed else ""
        page = f"Page{n}"
        path = f'path="pages{n}/{{{self.variable}}}"'
        late = f'path="late{n}/{{{self.variable}}}", consistency="eventual"'
        sources = [
            _class(f"class {store}(Store):", reads),
            _class(f"class {page}(ViewModel[{store}], {path}{typed}):", lines),
            _class(f"class Late{page}({page}, {late}{typed}):", []),
        ]
        if self.fields:
            owned = f'path="u/{{user_id}}/patches{n}/{{id}}", create=signed_in()'
            names = [f"{one.name}: {one.type.source}" for one in self.fields]
            patch = f'class Patch{n}(Patch[{page}], {owned}, target="page_of_patch"):'
            given = ", ".join(f"{one.name}=self.{one.name}" for one in self.fields)
            submit = [
                "def submit(self, request):",
                f'    return [{self.model}(doc_id=request.params["id"], {given})]',
            ]
            owned = f'path="u/{{user_id}}/forms{n}/{{id}}", create=owner("user_id")'
            form = [*(one.declaration() for one in self.fields), *submit]
            sources += [_class(patch, names), _class(f"class Form{n}(Form, {owned}):", form)]
        return sources

    def execute(self) -> ModuleType:
        """The module that the source makes.

        Raises:
            DeclarationError: it is refused.
        """
        name = f"generated_{self.number}"
        module = ModuleType(name)
        sys.modules[name] = module
        exec(compile(HEAD + self.source(), f"<{name}>", "exec"), vars(module))
        return module


def _class(head: str, lines: list[str]) -> str:
    return head + "".join(f"\n    {line}" for line in lines or ["pass"])


def _property(name: str, source: str, value: str) -> list[str]:
    return ["@property", f"def {name}(self) -> {source}:", f"    return {value}"]


def _setter(name: str, source: str, statement: str) -> list[str]:
    return [f"@{name}.setter", f"def {name}(self, value: {source}) -> None:", f"    {statement}"]


VARIABLES = ("page_id", "match", "service", "function", "database", "data", "request", "path")


@st.composite
def declarations(draw: Draw, number: int = 0) -> Declaration:
    """A declaration with its documents."""
    extra = one_of(draw, ["", "", "allow", "ignore", "forbid"])
    scope = Scope(number, f"things{number}", extra or "allow")
    names = drawing.NAMES
    is_clashing = chance(draw, 8)
    if is_clashing:
        names = (*names, *drawing.CLASHING_NAMES)
    fields = drawn_fields(draw, scope, 0, 5, style="DomainModel", names=names)
    refused, may_refuse = "", ""
    if chance(draw, 4):
        bad = refused_type(draw, scope)
        fields.append(ModelField("bad_field", "badField", bad))
        refused = bad.refused
    elif fields and chance(draw, 2):
        alias = one_of(draw, drawing.REFUSED_ALIASES)
        fields[-1] = replace(fields[-1], stored=alias, alias="refused")
        refused = "alias"
    elif fields and chance(draw, 2):
        fields.append(replace(fields[0], name="second", alias="twice", stored=fields[0].stored))
        refused = "two fields of one stored name"
    if {one.name for one in fields} & set(drawing.CLASHING_NAMES):
        may_refuse = "a name of the library's"
    camel = [to_camel(one.name) for one in fields]
    if len(set(camel)) < len(camel):
        refused = refused or "two view fields of one stored name"
    child = None
    if chance(draw, 15):
        child = tuple(drawn_fields(draw, scope, 1, 2, style="DomainModel", taken=fields))
    computed = None
    if fields and not refused and chance(draw, 20):
        stored = one_of(draw, ["computedPart", "computed.part", "1-computed"])
        computed = (one_of(draw, fields), stored)
    drawn = Declaration(
        number,
        tuple(fields),
        extra,
        child,
        computed,
        chance(draw, 40),
        chance(draw, 15),
        one_of(draw, VARIABLES),
        (),
        Stored({}, {}),
        Stored({}, {}),
        one_of(draw, fields) if fields else None,
        chance(draw, 50),
        None,
        refused,
        may_refuse,
    )
    if refused:
        return drawn
    documents = tuple(_document(draw, drawn) for _ in range(one_of(draw, [1, 1, 2, 3])))
    return replace(
        drawn,
        documents=documents,
        other=_document(draw, drawn, plain=True),
        request=_document(draw, drawn, plain=True),
        wrong=_wrong(draw, fields),
    )


def _document(draw: Draw, case: Declaration, *, plain: bool = False) -> Stored:
    """A document; a plain one has declared fields alone, as a client writes them."""
    fields = [*case.fields]
    is_child = case.child is not None and not plain and chance(draw, 50)
    if is_child:
        fields += case.child or ()
    drawn = sample_of(drawing.Plain(draw) if plain else draw, fields)
    by_stored = {one.stored: one.name for one in case.fields}
    kept = {by_stored[n]: value for n, value in drawn.kept.items() if n in by_stored}
    stored = {**drawn.stored}
    if plain:
        return Stored(stored, kept)
    if case.computed is not None:
        origin, name = case.computed
        if kept.get(origin.name) is not None:
            kept["computed_part"] = kept[origin.name]
        if name in {one.stored for one in fields}:
            stored = dict(stored)
        elif chance(draw, 60):
            stored[name] = draw(drawing.raw)
    if case.extra != "forbid":
        known = [*fields, *(case.child or ())]
        stored |= {
            name: value
            for name, value in undeclared(draw, known, most=4).items()
            if case.computed is None or name != case.computed[1]
        }
    if is_child:
        stored["obj_type"] = f"Child{case.model}"
    elif chance(draw, 50):
        stored["obj_type"] = case.model
    return Stored(stored, kept)


WRONG: dict[str, Any] = {
    "boolean": True,
    "integer": 7,
    "double": 1.5,
    "string": "a text that is no value of this",
    "bytes": b"\x00",
    "timestamp": drawing.as_instant("2026-01-02T03:04:05+00:00"),
    "geopoint": drawing.GeoPoint(1.0, 2.0),
    "array": [None, {"of": "nothing"}],
    "map": {"no such": [True]},
    "null": None,
}


def _wrong(draw: Draw, fields: list[ModelField]) -> tuple[str, Any] | None:
    """A field that is not optional, and a value that is of none of its types."""
    known = [one for one in fields if one.type.stored]
    if not known:
        return None
    field = one_of(draw, known)
    others = [name for name in WRONG if name not in field.type.stored]
    return field.stored, WRONG[one_of(draw, others)]


def generated(number: int, of_seed: int) -> Declaration:
    """A declaration; the same for the same seed and number, in whatever run.

    Each has a run of its own: within one, Hypothesis makes many examples of another's parts.
    """
    found: list[Declaration] = []

    @seed(random.Random(f"{of_seed}:{number}").randrange(2**64))
    @settings(
        max_examples=2,  # the first is the smallest that there is
        phases=(Phase.generate,),
        database=None,
        deadline=None,
        derandomize=False,
        suppress_health_check=list(HealthCheck),
    )
    @given(declarations(number))
    def collect(declaration: Declaration) -> None:
        found.append(declaration)

    collect()
    return found[-1]
