"""An index file beside what is deployed, in the forms of both."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onto_fn.indexing import IndexFileError, compare
from onto_fn.indexing.deployed import described

Json = dict[str, Any]

COLLECTIONS = st.sampled_from(["a", "b", "onto_ledger"])
PATHS = st.sampled_from(["x", "y", "z.w", "`q-r`"])
SCOPES = st.sampled_from(["COLLECTION", "COLLECTION_GROUP"])
MODES: st.SearchStrategy[Json] = st.sampled_from(
    [{"order": "ASCENDING"}, {"order": "DESCENDING"}, {"arrayConfig": "CONTAINS"}]
)
SINGLES = st.lists(
    st.builds(lambda mode, scope: mode | {"queryScope": scope}, MODES, SCOPES),
    unique_by=str,
    max_size=4,
)


@st.composite
def composites(draw: st.DrawFn) -> Json:
    paths = draw(st.lists(PATHS, unique=True, min_size=1, max_size=3))
    fields: list[Json] = [{"fieldPath": path} | draw(MODES) for path in paths]
    if draw(st.booleans()):
        vector: Json = {"dimension": draw(st.integers(1, 3)), "flat": {}}
        fields.append({"fieldPath": "v", "vectorConfig": vector})
    elif draw(st.booleans()):  # a name in the direction that Firestore would not choose
        opposite = "ASCENDING" if _direction(fields) == "DESCENDING" else "DESCENDING"
        fields.append({"fieldPath": "__name__", "order": opposite})
    return {
        "collectionGroup": draw(COLLECTIONS),
        "queryScope": draw(SCOPES),
        "fields": fields,
    }


@st.composite
def overrides(draw: st.DrawFn) -> Json:
    entry: Json = {
        "collectionGroup": draw(COLLECTIONS),
        "fieldPath": draw(st.one_of(PATHS, st.just("*"))),
        "indexes": draw(SINGLES),
    }
    return entry | draw(st.sampled_from([{}, {"ttl": True}, {"ttl": False}]))


FILES = st.builds(
    lambda indexes, fields: {"//": "made", "indexes": indexes, "fieldOverrides": fields},
    st.lists(composites(), unique_by=str, max_size=4),
    st.lists(overrides(), unique_by=lambda e: (e["collectionGroup"], e["fieldPath"]), max_size=4),
)


def _direction(fields: list[Json]) -> str:
    orders = [field["order"] for field in fields if "order" in field]
    return orders[-1] if orders else "ASCENDING"


@st.composite
def printed(draw: st.DrawFn, content: Json) -> Json:
    """A file as the Firebase command line prints it, once it is deployed."""
    content = copy.deepcopy(content)
    for index in content["indexes"]:
        fields = index["fields"]
        if "__name__" not in {field["fieldPath"] for field in fields}:
            end = len(fields) - 1 if "vectorConfig" in fields[-1] else len(fields)
            fields.insert(end, {"fieldPath": "__name__", "order": _direction(fields)})
        index |= {"density": "SPARSE_ALL"}
    for field in content["fieldOverrides"]:
        field["ttl"] = field.get("ttl", False)
        field["indexes"] = draw(st.permutations(field["indexes"]))
        for index in field["indexes"]:
            index |= draw(st.sampled_from([{}, {"density": "SPARSE_ALL"}]))
    return {
        "indexes": draw(st.permutations(content["indexes"])),
        "fieldOverrides": draw(st.permutations(content["fieldOverrides"])),
    }


@settings(deadline=None)
@given(st.data())
def test_a_file_is_deployed_in_either_form(data: st.DataObject) -> None:
    file = data.draw(FILES)
    other = data.draw(printed(file))

    for one, two in ((file, file), (file, other), (other, file), (other, other)):
        found = compare(one, two)
        assert (found.missing, found.different, found.extra) == ([], [], [])
        assert found.is_deployed


@settings(deadline=None)
@given(st.data())
def test_any_entry_that_is_not_deployed_is_missing_and_the_other_way_round_extra(
    data: st.DataObject,
) -> None:
    file = data.draw(FILES.filter(lambda f: f["indexes"] or f["fieldOverrides"]))
    key = data.draw(st.sampled_from([k for k in ("indexes", "fieldOverrides") if file[k]]))
    place = data.draw(st.integers(0, len(file[key]) - 1))
    rest = file | {key: [e for i, e in enumerate(file[key]) if i != place]}

    missing = compare(file, data.draw(printed(rest)))
    extra = compare(rest, data.draw(printed(file)))

    assert (missing.missing, missing.different, missing.extra) == ([file[key][place]], [], [])
    assert not missing.is_deployed
    assert (extra.missing, extra.different, len(extra.extra)) == ([], [], 1)
    assert extra.is_deployed


@settings(deadline=None)
@given(st.data())
def test_any_single_field_index_that_is_added_or_lost_is_a_difference(data: st.DataObject) -> None:
    file = data.draw(FILES.filter(lambda f: any(o["indexes"] for o in f["fieldOverrides"])))
    there = data.draw(printed(file))
    field = data.draw(st.sampled_from([o for o in there["fieldOverrides"] if o["indexes"]]))
    field["indexes"].pop(data.draw(st.integers(0, len(field["indexes"]) - 1)))

    for found in (compare(file, there), compare(there, file)):
        (different,) = found.different
        assert (found.missing, found.extra) == ([], [])
        assert field in (different.declared, different.deployed)


# One by one


ASCENDING: Json = {"order": "ASCENDING", "queryScope": "COLLECTION"}
GROUP: Json = {"order": "ASCENDING", "queryScope": "COLLECTION_GROUP"}


def fields(*entries: Json) -> Json:
    return {"indexes": [], "fieldOverrides": [{"collectionGroup": "c"} | e for e in entries]}


def composite(**settings: Any) -> Json:
    entries = [{"fieldPath": "a", "order": "ASCENDING"}, {"fieldPath": "b", "order": "DESCENDING"}]
    index: Json = {"collectionGroup": "c", "queryScope": "COLLECTION", "fields": entries}
    return {"indexes": [index | settings]}


def test_a_policy_of_expiry_that_is_not_deployed_is_a_difference() -> None:
    wanted = fields({"fieldPath": "expiresAt", "indexes": [], "ttl": True})
    there = fields({"fieldPath": "expiresAt", "indexes": [], "ttl": False})

    assert len(compare(wanted, there).different) == 1


def test_a_file_that_does_not_mention_a_policy_of_expiry_leaves_it() -> None:
    there = fields({"fieldPath": "expiresAt", "indexes": [], "ttl": True})

    assert compare(fields({"fieldPath": "expiresAt", "indexes": []}), there).is_deployed


def test_a_policy_of_expiry_alone_leaves_the_indexes() -> None:
    there = fields({"fieldPath": "expiresAt", "indexes": [ASCENDING], "ttl": True})

    assert compare(fields({"fieldPath": "expiresAt", "ttl": True}), there).is_deployed
    assert compare(fields({"fieldPath": "gone", "ttl": False}), there).is_deployed
    assert compare(fields({"fieldPath": "gone", "ttl": True}), there).missing


def test_another_scope_of_a_single_field_index_is_a_difference_that_a_deploy_overlooks() -> None:
    wanted = fields({"fieldPath": "a", "indexes": [GROUP]})

    (found,) = compare(wanted, fields({"fieldPath": "a", "indexes": [ASCENDING]})).different
    (seen,) = compare(wanted, fields({"fieldPath": "a", "indexes": [ASCENDING, GROUP]})).different

    assert (found.is_overlooked, seen.is_overlooked) == (True, False)


@pytest.mark.parametrize(
    "setting",
    [{"density": "SPARSE_ANY"}, {"multikey": True}, {"apiScope": "DATASTORE_MODE_API"}],
    ids=str,
)
def test_another_setting_of_an_index_is_a_difference(setting: Json) -> None:
    found = compare(composite(), composite(**setting))

    assert (found.missing, len(found.different), found.extra) == ([], 1, [])


def test_an_index_of_the_collection_is_not_that_of_its_group() -> None:
    found = compare(composite(), composite(queryScope="COLLECTION_GROUP"))

    assert (len(found.missing), found.different, len(found.extra)) == (1, [], 1)


@pytest.mark.parametrize("density", ["SPARSE_ALL", "DENSE", "DENSITY_UNSPECIFIED"])
def test_a_density_that_the_file_leaves_to_the_edition_is_that_of_the_edition(density: str) -> None:
    assert compare(composite(), composite(density=density)).is_deployed


def test_two_densities_that_are_said_are_a_difference() -> None:
    found = compare(composite(density="DENSE"), composite(density="SPARSE_ALL"))

    assert len(found.different) == 1


def test_an_index_is_found_beside_one_of_the_same_fields() -> None:
    wanted = composite(density="SPARSE_ANY")
    wanted["indexes"] += composite(density="DENSE")["indexes"]
    there = {"indexes": wanted["indexes"][::-1]}

    assert compare(wanted, there).is_deployed
    assert len(compare(wanted, {"indexes": wanted["indexes"][:1]}).missing) == 1


def test_a_file_of_an_old_command_line_is_compared() -> None:
    old: Json = {
        "collectionId": "c",
        "fields": [
            {"fieldPath": "a", "mode": "ASCENDING"},
            {"fieldPath": "b", "mode": "DESCENDING"},
        ],
    }

    assert compare({"indexes": [old]}, composite()).is_deployed


def test_what_the_firebase_command_line_prints_as_json_is_read() -> None:
    assert compare(composite(), {"status": "success", "result": composite()}).is_deployed


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"status": "error", "error": "no permission"},
        {"indexes": {}},
        {"indexes": ["a"]},
        {"indexes": [{"collectionGroup": "c"}]},
        {"indexes": [{"collectionGroup": "c", "fields": [1]}]},
        {"indexes": [{"collectionGroup": "c", "fields": [{"order": "ASCENDING"}]}]},
        {"fieldOverrides": [{"collectionGroup": "c"}]},
        {"fieldOverrides": [{"fieldPath": "a", "indexes": []}]},
        {"fieldOverrides": [{"collectionGroup": "c", "fieldPath": "a", "indexes": None}]},
    ],
    ids=str,
)
def test_what_is_no_list_of_indexes_is_refused(content: Json) -> None:
    with pytest.raises(IndexFileError, match="what is deployed"):
        compare(composite(), content)
    with pytest.raises(IndexFileError, match="the index file"):
        compare(content, composite())


def test_entries_are_described_for_people() -> None:
    (index,) = composite(queryScope="COLLECTION_GROUP", density="SPARSE_ALL")["indexes"]
    field: Json = {"collectionGroup": "c", "fieldPath": "*"}

    assert described(index) == "c (group) (a ASCENDING, b DESCENDING) SPARSE_ALL"
    assert described(field | {"indexes": []}) == "c.*: no index"
    assert described(field | {"indexes": [ASCENDING, GROUP], "ttl": True}) == (
        "c.*: ASCENDING, ASCENDING (group), TTL"
    )
