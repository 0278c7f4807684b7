"""A run: blocks of declarations, each in a process of its own."""

from __future__ import annotations

import logging
import os
import secrets
import time
import warnings
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from google.auth.credentials import AnonymousCredentials
from google.cloud.firestore import Client

from emulator_tests.fuzz import front_end
from emulator_tests.fuzz.declarations import Declaration, generated
from emulator_tests.fuzz.documents import Google
from emulator_tests.fuzz.properties import Case, World, applicable, checked, imported
from onto_fn.editing import Database


@dataclass(frozen=True)
class Fault:
    """A property that does not hold for a declaration."""

    number: int
    broken: str
    text: str
    kinds: frozenset[str]
    features: frozenset[str]


@dataclass
class Tally:
    """What a run has covered, and the faults that it has found."""

    cases: int = 0
    refused: Counter[str] = field(default_factory=Counter[str])
    properties: Counter[str] = field(default_factory=Counter[str])
    kinds: Counter[str] = field(default_factory=Counter[str])
    features: Counter[str] = field(default_factory=Counter[str])
    milliseconds: Counter[str] = field(default_factory=Counter[str])
    faults: list[Fault] = field(default_factory=list[Fault])

    def add(self, other: Tally) -> None:
        self.cases += other.cases
        for name in ("refused", "properties", "kinds", "features", "milliseconds"):
            getattr(self, name).update(getattr(other, name))
        self.faults += other.faults

    def cover(self, declaration: Declaration) -> None:
        self.cases += 1
        self.kinds.update(declaration.kinds())
        self.features.update(declaration.features())

    def fault(self, declaration: Declaration, broken: str, text: str) -> None:
        kinds, features = declaration.kinds(), declaration.features()
        self.faults.append(
            Fault(declaration.number, broken, text, frozenset(kinds), frozenset(features))
        )


ALL = frozenset({"firestore", "typescript", "rules"})
"""The parts of a run."""


def connected(host: str) -> World:
    """A new, empty database on the emulator."""
    os.environ["FIRESTORE_EMULATOR_HOST"] = host
    project = f"demo-{secrets.token_hex(6)}"
    client = Client(project=project, credentials=AnonymousCredentials())
    return World(Database(project), Google(client))


def block(host: str, of_seed: int, numbers: Iterable[int], parts: frozenset[str] = ALL) -> Tally:
    """Check the declarations of these numbers."""
    return check(host, (generated(number, of_seed) for number in numbers), parts)


def check(host: str, declarations: Iterable[Declaration], parts: frozenset[str] = ALL) -> Tally:
    """Check declarations, on a database of their own."""
    warnings.simplefilter("ignore")  # pydantic's, of fields named like its own methods
    logging.disable(logging.CRITICAL)  # of dead letters, which are told as faults
    tally, world = Tally(), connected(host)
    watch = _Watch(tally)
    cases: list[Case] = []
    for declaration in declarations:
        watch("generate")
        case = _import(declaration, tally)
        watch("import")
        if case is not None:
            cases.append(case)
    if "firestore" in parts:
        _on_firestore(world, cases, tally)
        watch("Firestore")
    if "typescript" in parts:
        _in_typescript(cases, tally)
        watch("TypeScript")
    if "rules" in parts:
        _under_rules(host, world, cases, tally)
        watch("rules")
    world.database.close()
    return tally


def _import(declaration: Declaration, tally: Tally) -> Case | None:
    tally.cover(declaration)
    tally.properties["import"] += 1
    case, broken, text = imported(declaration)
    if broken:
        tally.fault(declaration, broken, text)
    elif case is None:
        tally.refused[declaration.refused or declaration.may_refuse] += 1
    return case


def _on_firestore(world: World, cases: list[Case], tally: Tally) -> None:
    world.google.write(
        {
            path: stored.fields
            for case in cases
            for path, stored in zip(case.paths, case.declaration.documents, strict=True)
        }
    )
    for case in cases:
        tally.properties.update(applicable(case))
        for name, text in checked(case, world):
            tally.fault(case.declaration, name, text)


def _in_typescript(cases: list[Case], tally: Tally) -> None:
    modules: dict[int, str] = {}
    by_number = {case.declaration.number: case.declaration for case in cases}
    for case in cases:
        text, why = front_end.module_of(case)
        if text is not None:
            modules[case.declaration.number] = text
            tally.properties["TypeScript"] += 1
        elif why:
            tally.fault(case.declaration, "TypeScript", why)
        else:
            tally.refused["by TypeScript"] += 1
    for number, text in front_end.compiled(modules).items():
        tally.fault(by_number[number], "TypeScript", text)


def _under_rules(host: str, world: World, cases: list[Case], tally: Tally) -> None:
    known, found = front_end.guarded(host, world.google, cases)
    tally.properties["rules"] += len(known)
    tally.refused["by rules"] += len([c for c in cases if c.get("Form")]) - len(known)
    for case, name, text in found:
        tally.fault(case.declaration, name, text)


class _Watch:
    """Counts the seconds of each part of a block."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._last = time.perf_counter()

    def __call__(self, part: str) -> None:
        now = time.perf_counter()
        self._tally.milliseconds[part] += round((now - self._last) * 1000)
        self._last = now
