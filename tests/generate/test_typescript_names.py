"""Names in the generated TypeScript: whatever the app calls its models, the compiler takes it."""

from __future__ import annotations

import shutil
import subprocess
import types
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from google.cloud.firestore_v1.vector import Vector

from onto_fn import (
    App,
    DeclarationError,
    DomainModel,
    EmbeddedModel,
    Form,
    FormMediator,
    Store,
    ViewMediator,
    ViewModel,
    root,
)
from onto_fn.access import public
from onto_fn.generate import typescript

WEB = Path(__file__).resolve().parents[2] / "web"

SDK_NAMES = """
    Bytes DocumentData DocumentReference Firestore FirestoreDataConverter GeoPoint
    QueryDocumentSnapshot SnapshotOptions Timestamp VectorValue WithFieldValue
    """.split()  # noqa: SIM905
GLOBAL_NAMES = """
    Array Date Error Object Promise Record Uint8Array any string unknown
    """.split()  # noqa: SIM905
RESERVED = """
    class default enum export function interface let new package static void
    """.split()  # noqa: SIM905
OWN_NAMES = ["Café", "RequestMark", "SdkTimestamp", "doc", "get", "module", "pageConverter", "type"]


class Person(DomainModel, collection="people"):
    name: str


class Employee(Person):
    salary: int


class PersonStore(Store):
    person = root(Person)


class Animal(EmbeddedModel, obj_type="Animal"):
    name: str


class Bird(Animal):
    wingspan: int


class Shape(EmbeddedModel):
    area: float


class Square(Shape):
    side: float


def page(
    path: str = "pages/{id}", title: str = "Page", **fields: Any
) -> type[ViewModel[PersonStore]]:
    """A view with a field of each of these types."""

    def body(namespace: dict[str, Any]) -> None:
        namespace["__module__"] = __name__
        for name, kind in fields.items():

            def getter(self: object) -> Any: ...

            getter.__annotations__ = {"return": kind}
            namespace[name] = property(getter)

    return types.new_class(title, (ViewModel[PersonStore],), {"path": path}, body)


class ZooForm(Form, path="zooForms/{id}", create=public()):
    animal: Animal
    at: datetime

    def submit(self, request: object) -> Iterable[DomainModel]:
        return []


def compiled(text: str, use: str, folder: Path) -> str:
    """What the strict compiler says of a module and of what uses it."""
    (folder / "views.ts").write_text(text)
    (folder / "use.ts").write_text(use)
    (folder / "node_modules").symlink_to(WEB / "node_modules")
    options = ["--strict", "--noEmit", "--noUnusedLocals", "--noUncheckedIndexedAccess"]
    options += ["--module", "esnext", "--moduleResolution", "bundler", "--target", "es2022"]
    options += ["--lib", "es2022,dom", "--skipLibCheck", "--types", ""]
    node = shutil.which("node")
    assert node is not None
    tsc = WEB / "node_modules" / ".bin" / "tsc"
    return subprocess.run(
        [node, tsc, *options, "use.ts"], cwd=folder, capture_output=True, text=True, check=False
    ).stdout


def test_a_model_may_be_named_like_whatever_typescript_or_the_sdk_have(tmp_path: Path) -> None:
    models: dict[str, Any] = {
        name: type(
            name,
            (EmbeddedModel,),
            {"__module__": __name__, "__annotations__": {"at": datetime, "many": list[int | str]}},
        )
        for name in [*SDK_NAMES, *GLOBAL_NAMES, *RESERVED, *OWN_NAMES]
    }
    fields = {f"field_{number}": models[name] for number, name in enumerate(models)}
    text = typescript(App([ViewMediator(page(**fields)), FormMediator(ZooForm)]))

    use = """
import { type Timestamp as Sdk } from "firebase/firestore";
import { type Page, type Timestamp, type ZooForm } from "./views";
export const at = (page: Page, own: Timestamp): Sdk[] => [page.field8.at, own.at];
export const done = (form: ZooForm): string | undefined => form.processed?.state;
"""
    assert compiled(text, use, tmp_path) == ""


def test_an_object_of_a_subclass_is_one_of_a_union(tmp_path: Path) -> None:
    view = page(animals=list[Animal], shape=Shape, person=Person | None)
    text = typescript(App([ViewMediator(view), FormMediator(ZooForm)]))

    use = """
import { type Page, type ZooForm } from "./views";
export function widths(page: Page): number[] {
  return page.animals.map((animal) => (animal.obj_type === "Bird" ? animal.wingspan : 0));
}
export const side = (page: Page): number => ("side" in page.shape ? page.shape.side : 0);
export const salary = (page: Page): number =>
  page.person !== undefined && "salary" in page.person ? page.person.salary : 0;
export const form = (at: ZooForm["at"]): ZooForm => ({
  animal: { obj_type: "Bird", name: "Kea", wingspan: 90 },
  at,
});
export function refused(page: Page): void {
  // @ts-expect-error: not all animals have one
  console.log(page.animals[0]?.wingspan);
}
"""
    assert compiled(text, use, tmp_path) == ""


def test_each_type_is_in_typescript_what_is_stored_of_it() -> None:
    view = page(
        day=date, lasts=timedelta, price=Decimal, key=UUID, meaning=Vector, by_day=dict[date, int]
    )
    text = typescript(App([ViewMediator(view)]))

    for line in (
        "day: string;",
        "lasts: number;",
        "price: string;",
        "key: string;",
        "meaning: VectorValue;",
        "byDay: Record<string, number>;",
    ):
        assert f"  {line}\n" in text
    assert "type VectorValue," in text


def test_two_views_whose_functions_would_have_one_name_are_refused() -> None:
    lower = page("others/{id}", "page", name=str)

    with pytest.raises(DeclarationError, match="both declare page or Page"):
        typescript(App([ViewMediator(page(name=str)), ViewMediator(lower)]))
