"""The generated TypeScript: what it says of each type, and that the compiler agrees."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Any, Literal

import pytest
from google.cloud.firestore_v1 import GeoPoint
from pydantic import BaseModel, Field

from onto_fn import (
    App,
    DeclarationError,
    DocumentSink,
    DomainModel,
    EmbeddedModel,
    Form,
    FormMediator,
    Mediator,
    Patch,
    PatchMediator,
    Ref,
    Store,
    ViewMediator,
    ViewModel,
    root,
)
from onto_fn.access import owner
from onto_fn.generate import typescript
from onto_fn.models.domain import stored_content

WEB = Path(__file__).resolve().parents[2] / "web"


class Socket:
    pass


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Person(DomainModel, collection="people"):
    name: str


class Line(EmbeddedModel):
    some_text: str
    remark: str | None = None


class Plain(BaseModel):
    as_it_is: int
    inner: Line


class PersonStore(Store):
    person = root(Person)


class Page(ViewModel[PersonStore], path="users/{user_id}/pages/{page_id}", typed=True):
    def targets(self) -> Iterable[Mapping[str, str]]:
        return []

    @property
    def author(self) -> Ref[Person]: ...

    @property
    def readers(self) -> list[Ref[Person]]: ...

    @property
    def changed_at(self) -> datetime | None: ...

    @property
    def place(self) -> GeoPoint: ...

    @property
    def picture(self) -> bytes: ...

    @property
    def state(self) -> Literal["open", "closed"] | None: ...

    @property
    def lines(self) -> list[Line]: ...

    @property
    def by_key(self) -> dict[str, Plain]: ...

    @property
    def colour(self) -> Colour: ...

    @property
    def numbers(self) -> list[int | None]: ...

    @property
    def pair(self) -> tuple[int, str]: ...

    @property
    def ratio(self) -> float: ...

    @property
    def done(self) -> bool: ...

    @property
    def anything(self) -> Any: ...


class Front(ViewModel[PersonStore], path="users/{user_id}/screens/front"):
    def targets(self) -> Iterable[Mapping[str, str]]:
        return []

    @property
    def page(self) -> Ref[Person] | str: ...

    @property
    def words(self) -> str | None: ...

    @words.setter
    def words(self, value: str | None) -> None: ...


class FrontPatch(Patch[Front], path="users/{user_id}/patches/{id}", create=owner("user_id")):
    words: str


class Setting(EmbeddedModel):
    name: str
    value: Any


class PageForm(Form, path="users/{user_id}/pageForms/{form_id}", create=owner("user_id")):
    title: str = Field(description="What is shown on top. */")
    due: datetime | None = None
    tags: list[str] = Field(default_factory=list)

    def submit(self, request: Any) -> list[DomainModel]:
        return []


class SettingForm(Form, path="users/{user_id}/settingForms/{id}", create=owner("user_id")):
    setting: Setting  # `unknown` beside another field: of `WithFieldValue` alone it is refused

    def submit(self, request: Any) -> list[DomainModel]:
        return []


USE = """\
import { getDoc, setDoc, type Firestore } from "firebase/firestore";
import {
  pageDocument, frontDocument, pageFormDocument, frontPatchDocument, type Page, type Plain,
} from "./views";

export async function use(db: Firestore): Promise<void> {
  const page = (await getDoc(pageDocument(db, { user_id: "ada", page_id: "one" }))).data();
  if (page === undefined) return;
  const paths: string[] = [page.author.path, ...page.readers.map((reader) => reader.path)];
  const at: Date | undefined = page.changedAt?.toDate();
  const bytes: Uint8Array = page.picture.toUint8Array();
  const state: "open" | "closed" | undefined = page.state;
  const colour: "red" | "blue" = page.colour;
  const plain: Plain | undefined = page.byKey["one"];
  const remark: string | undefined = plain?.inner.remark;
  const numbers: (number | null)[] = page.numbers;
  const [first, second]: [number, string] = page.pair;
  const kind: "Page" = page.obj_type;
  console.log(paths, at, bytes, state, colour, remark, numbers, first, second, kind);
  console.log(page.place.latitude, page.lines[0]?.someText, page.ratio, page.done);
  console.log((await getDoc(frontDocument(db, { user_id: "ada" }))).data()?.page);
  await setDoc(pageFormDocument(db, { user_id: "ada", form_id: "f" }), { title: "One", due: null });
  const patch = frontPatchDocument(db, { user_id: "ada", id: "p" });
  await setDoc(patch, { words: "Hello" });
  const mark = (await getDoc(patch)).data()?.processed;
  console.log(mark?.state === "failed" ? mark.reason : mark?.at.toDate());
}

export function refused(page: Page, db: Firestore): void {
  // @ts-expect-error: a reference is no text
  console.log(page.author.length);
  // @ts-expect-error: it may be left out
  page.changedAt.toDate();
  // @ts-expect-error: of a Literal
  console.log(page.state === "ajar");
  // @ts-expect-error: names in Firestore are camelCase
  console.log(page.changed_at);
  // @ts-expect-error: it may be null
  page.numbers.map((number) => number.toFixed());
  // @ts-expect-error: of an embedded model
  console.log(page.byKey["one"]?.inner.someNumber);
  // @ts-expect-error: anything has to be looked at first
  page.anything.length;
  // @ts-expect-error: an id is missing
  pageDocument(db, { user_id: "ada" });
  // @ts-expect-error: the title is missing
  void setDoc(pageFormDocument(db, { user_id: "ada", form_id: "f" }), { tags: [] });
  // @ts-expect-error: a patch of another type
  void setDoc(frontPatchDocument(db, { user_id: "ada", id: "p" }), { words: 1 });
  // @ts-expect-error: no such field
  void setDoc(pageFormDocument(db, { user_id: "a", form_id: "f" }), { title: "a", other: 1 });
}
"""


@pytest.fixture(scope="module")
def generated() -> str:
    return typescript(
        App(
            [
                ViewMediator(Page),
                ViewMediator(Front),
                FormMediator(PageForm),
                FormMediator(SettingForm),
                PatchMediator(FrontPatch),
            ]
        )
    )


def test_the_strict_compiler_accepts_it_and_refuses_its_misuse(
    generated: str, tmp_path: Path
) -> None:
    (tmp_path / "views.ts").write_text(generated)
    (tmp_path / "use.ts").write_text(USE)
    (tmp_path / "node_modules").symlink_to(WEB / "node_modules")
    options = ["--strict", "--noEmit", "--noUnusedLocals", "--noUncheckedIndexedAccess"]
    options += ["--module", "esnext", "--moduleResolution", "bundler", "--target", "es2022"]
    options += ["--lib", "es2022,dom", "--skipLibCheck", "--types", ""]
    node = shutil.which("node")
    assert node is not None
    tsc = WEB / "node_modules" / ".bin" / "tsc"

    done = subprocess.run(
        [node, tsc, *options, "use.ts"], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stdout) == (0, "")


def test_a_view_is_read_and_a_form_is_written(generated: str) -> None:
    assert 'throw new Error("Page is a view, which clients only read")' in generated
    assert "request: WithFieldValue<PageForm> | PartialWithFieldValue<PageForm>," in generated


def test_a_field_that_may_be_none_is_left_out_of_a_view_and_null_in_a_form(generated: str) -> None:
    assert "  changedAt?: Timestamp;\n" in generated
    assert "  due?: Timestamp | null;\n" in generated


def test_a_description_cannot_end_its_comment(generated: str) -> None:
    assert "/** What is shown on top. *\\/ */" in generated


def test_an_app_without_views_has_no_types() -> None:
    class Copy(Mediator):
        source = Person
        sink = DocumentSink("copies/{id}")

        def on_write(self, source: Person) -> None: ...

    assert typescript(App([Copy()])).endswith("export {};\n")


def test_a_type_that_cannot_be_stored_is_refused_when_its_view_is_declared() -> None:
    with pytest.raises(DeclarationError, match=r"Odd\.socket: Socket has no stored form"):

        class Odd(ViewModel[PersonStore], path="odd/{id}"):
            @property
            def socket(self) -> Socket: ...


def test_two_views_of_one_name_are_refused() -> None:
    other = type("Front", (Front,), {}, path="other/front", name="OtherFront")  # pyright: ignore

    with pytest.raises(DeclarationError, match="both declare Front"):
        typescript(App([ViewMediator(Front), ViewMediator(other)]))


class Detail(EmbeddedModel):
    must_be_said: int | None
    may_be_left_out: int | None = None
    has_default: int | None = 5


def test_a_field_is_never_null_if_none_leaves_it_out() -> None:
    class Detailed(ViewModel[PersonStore], path="detailed/{id}"):
        @property
        def detail(self) -> Detail:
            return Detail(must_be_said=None, has_default=None)

    text = typescript(App([ViewMediator(Detailed)]))
    view = Detailed(PersonStore())

    assert "  mustBeSaid: number | null;\n  mayBeLeftOut?: number;\n" in text
    assert "  hasDefault?: number | null;\n" in text
    assert stored_content(Detailed.Document(doc_id="a", detail=view.detail)) == {
        "detail": {"mustBeSaid": None, "hasDefault": None}
    }
