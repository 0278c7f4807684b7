"""The commit of a build: which documents are written, which deleted, and on what conditions."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onto_fn import DomainModel, Store, root
from onto_fn.engine.materialise.plan import Build, Plan, check_targets, plan
from onto_fn.engine.records.ledger import LedgerRecord, dead_letter_path, ledger_path
from onto_fn.errors import BuildError, InvalidPath, InvalidValue
from onto_fn.firestore import Document, PathTemplate, Write
from onto_fn.observability import Change
from onto_fn.store import ReadSet
from onto_fn.views import Definition

START = datetime(2026, 1, 1, tzinfo=UTC)


class Origin(DomainModel, collection="origins"):
    name: str


class OriginStore(Store):
    origin = root(Origin)


DEFINITION = Definition("V", OriginStore, lambda s, t: {}, (PathTemplate("views/{id}"),), "code 1")
ROOT = "origins/o"
LEDGER = ledger_path("V", ROOT)
LETTER = dead_letter_path("V", ROOT)
EVENT = Change(ROOT, Document(ROOT, {}, START), Document(ROOT, {}, START), "event 7")


def build(
    documents: Mapping[str, Mapping[str, Any]] | None = None,
    *,
    error: Exception | None = None,
    root_exists: bool = True,
    tick: int = 1,
) -> Build:
    """A build from version `tick` of the root."""
    version = START + timedelta(seconds=tick)
    read_set = ReadSet()
    read_set.add_documents([Document(ROOT, {}, version) if root_exists else read_missing()])
    return Build(read_set, version, documents, root_exists, error)  # pyright: ignore


def read_missing() -> Document:
    return Document(ROOT, None, None)


@dataclass
class World:
    """A database in memory: it checks preconditions and applies a plan's writes."""

    documents: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    updated: dict[str, datetime] = field(default_factory=dict)
    now: datetime = START

    def record(self) -> LedgerRecord | None:
        return LedgerRecord.from_document(
            Document(LEDGER, self.documents.get(LEDGER), self.updated.get(LEDGER))
        )

    def views(self) -> dict[str, Mapping[str, Any]]:
        return {p: f for p, f in self.documents.items() if p.startswith("views/")}

    def plan(self, made: Build, definition: Definition = DEFINITION) -> Plan | None:
        return plan(definition, self.record(), made, ROOT, EVENT)

    def commit(self, made: Build) -> Plan | None:
        planned = self.plan(made)
        if planned is not None:
            self.apply(planned.writes)
        return planned

    def apply(self, writes: tuple[Write, ...]) -> None:
        self.now += timedelta(seconds=1)
        assert len({write.path for write in writes}) == len(writes)
        for write in writes:
            if write.precondition == "absent":
                assert write.path not in self.documents
            elif write.precondition is not None:
                assert self.updated[write.path] == write.precondition
        for write in writes:
            if write.fields is None:
                self.documents.pop(write.path, None)
                self.updated.pop(write.path, None)
            else:
                self.documents[write.path] = write.fields
                self.updated[write.path] = self.now


contents = st.dictionaries(
    st.sampled_from(["views/a", "views/b", "views/c"]),
    st.fixed_dictionaries({"n": st.sampled_from([1, 1.0, True, "1", None])}),
)
ticks = st.integers(1, 5)
good_builds = st.builds(lambda documents, tick: build(documents, tick=tick), contents, ticks)
failed_builds = st.builds(
    lambda why, tick: build(error=BuildError(why), tick=tick), st.sampled_from("xy"), ticks
)
idle_builds = st.builds(lambda tick: build(None, tick=tick), ticks)
rootless_builds = st.just(build({}, root_exists=False))
builds = good_builds | failed_builds | idle_builds | rootless_builds
pasts = st.lists(builds, max_size=5)


def world_of(past: list[Build]) -> World:
    world = World()
    for made in past:
        world.commit(made)
    return world


def exactly(documents: Mapping[str, Any]) -> dict[str, Any]:
    """The documents in a form that tells 1, 1.0 and True from each other."""
    return {path: repr(dict(fields)) for path, fields in documents.items()}


@given(pasts, good_builds | rootless_builds)
def test_after_the_commit_there_is_exactly_what_was_built(past: list[Build], made: Build) -> None:
    world = world_of(past)

    world.commit(made)

    assert exactly(world.views()) == exactly(made.documents or {})


@given(pasts, good_builds | rootless_builds)
def test_only_what_changed_is_written_and_only_what_is_there_deleted(
    past: list[Build], made: Build
) -> None:
    world = world_of(past)
    before = exactly(world.views())

    planned = world.commit(made)

    after = exactly(world.views())
    written = set(planned.written) if planned else set()
    deleted = set(planned.deleted) if planned else set()
    assert written == {path for path in after if after[path] != before.get(path)}
    assert deleted == set(before) - set(after)


@given(pasts, builds)
def test_the_same_build_twice_commits_once(past: list[Build], made: Build) -> None:
    world = world_of(past)

    world.commit(made)

    assert world.plan(made) is None


@given(pasts, failed_builds)
def test_a_failed_build_keeps_the_documents_and_leaves_a_dead_letter(
    past: list[Build], made: Build
) -> None:
    world = world_of(past)
    before = exactly(world.views())

    world.commit(made)

    assert exactly(world.views()) == before
    assert world.documents[LETTER]["error"] == {"kind": "BuildError", "message": str(made.error)}


@given(pasts, good_builds | rootless_builds | idle_builds)
def test_a_dead_letter_goes_with_the_next_success(past: list[Build], made: Build) -> None:
    world = world_of(past)

    world.commit(made)

    assert LETTER not in world.documents


@given(pasts)
def test_a_root_that_is_gone_leaves_nothing_behind(past: list[Build]) -> None:
    world = world_of(past)

    world.commit(build({}, root_exists=False))

    assert world.documents == {}


@given(pasts, builds)
def test_the_ledger_says_what_was_read_and_made(past: list[Build], made: Build) -> None:
    world = world_of(past)

    world.commit(made)

    record = world.record()
    if record is not None:
        assert dict(record.sources) == made.read_set.sources
        assert record.watches == made.read_set.watches()
        assert set(record.documents) == set(world.views())


def test_the_first_commit_requires_that_there_is_no_ledger_record() -> None:
    planned = World().plan(build({"views/a": {}}))

    assert planned is not None
    assert [w.precondition for w in planned.writes if w.path == LEDGER] == ["absent"]


def test_each_next_commit_requires_the_ledger_record_that_was_read() -> None:
    world = world_of([build({"views/a": {}})])

    planned = world.plan(build({"views/b": {}}))

    assert planned is not None
    assert [w.precondition for w in planned.writes if w.path == LEDGER] == [world.updated[LEDGER]]


def test_a_ledger_record_is_deleted_on_the_same_condition() -> None:
    world = world_of([build({"views/a": {}})])

    planned = world.plan(build({}, root_exists=False))

    assert planned is not None
    assert planned.record is None
    assert Write(LEDGER, None, world.updated[LEDGER]) in planned.writes


def test_a_root_that_never_existed_needs_no_commit() -> None:
    assert World().plan(build({}, root_exists=False)) is None


def test_a_new_version_that_changes_no_document_writes_only_the_ledger() -> None:
    world = world_of([build({"views/a": {"n": 1}}, tick=1)])

    planned = world.plan(build({"views/a": {"n": 1}}, tick=2))

    assert planned is not None
    assert [write.path for write in planned.writes] == [LEDGER]


def test_new_code_that_makes_the_same_is_noted_in_the_ledger() -> None:
    world = world_of([build({"views/a": {"n": 1}})])
    new_code = Definition("V", OriginStore, lambda s, t: {}, DEFINITION.targets, "code 2")

    planned = world.plan(build({"views/a": {"n": 1}}), new_code)

    assert planned is not None
    assert planned.record is not None
    assert planned.record.fingerprint == "code 2"
    assert planned.written == ()


def test_a_dead_letter_counts_failures_from_the_first_on() -> None:
    failures = [build(error=BuildError(f"failure {n}"), tick=n) for n in (1, 2, 3)]
    world = world_of(failures)

    letter = world.documents[LETTER]

    assert letter["count"] == 3
    assert letter["failedSince"] == failures[0].read_time
    assert letter["failedAt"] == failures[2].read_time


def test_a_dead_letter_tells_what_failed_and_the_event_that_brought_it_up() -> None:
    world = world_of([build(error=InvalidValue("no such value"))])

    letter = world.documents[LETTER]

    assert (letter["definition"], letter["root"]) == ("V", ROOT)
    assert letter["fingerprint"] == "code 1"
    assert letter["event"]["id"] == "event 7"
    assert letter["event"]["document"] == ROOT


@pytest.mark.parametrize(
    ("past", "built"),
    [
        ([build({})], True),
        ([build(error=BuildError("x"))], False),
        ([build({}), build(error=BuildError("x"), tick=2)], True),
        ([build(error=BuildError("x")), build({}, tick=2)], True),
        ([build({}), build({"views/last": {}}, root_exists=False)], False),
    ],
    ids=["built", "never built", "failed later", "mended", "root gone"],
)
def test_the_ledger_knows_whether_the_root_was_ever_built(past: list[Build], built: bool) -> None:
    record = world_of(past).record()

    assert record is not None
    assert record.built is built


def test_a_failed_removal_can_be_tried_again_as_one() -> None:
    world = world_of([build({"views/a": {}})])

    world.commit(build(error=BuildError("on_delete raised"), root_exists=False))

    record = world.record()
    assert record is not None
    assert record.built
    assert set(world.views()) == {"views/a"}


def test_documents_outside_of_the_declared_paths_are_refused() -> None:
    check_targets(DEFINITION, {"views/a": {}})
    with pytest.raises(InvalidPath, match=r"V may write views/\{id\}, .* produced 'users/a'"):
        check_targets(DEFINITION, {"views/a": {}, "users/a": {}})
