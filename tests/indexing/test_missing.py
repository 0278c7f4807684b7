"""A refusal is production's, byte for byte. The messages were recorded: see cases/recorded.py."""

from __future__ import annotations

import base64
import re

import pytest
from google.cloud.firestore_admin_v1.types import Index as AdminIndex

from onto_fn.indexing import Indexes, MissingIndex, Query, plan
from tests.indexing.cases.notation import index_file, q
from tests.indexing.cases.recorded import INDEXES, OVERRIDES

DECLARED = Indexes.of(index_file(INDEXES, OVERRIDES))
PROJECT, NORMALISED = "fireemu-oracle-query", "demo-fs-query-index"
CONSOLE = "https://console.firebase.google.com/v1/r/project"
NAME = "wcm9qZWN0cy9kZW1vLWZzLXF1ZXJ5LWluZGV4L2RhdGFiYXNlcy8oZGVmYXVsdCkvY29sbGVjdGlvbkdyb3Vwcy9"
MULTIPLE = (
    " .\nThe query contains range and inequality filters on multiple fields, please refer to the "
    "documentation for index selection best practices: "
    "https://cloud.google.com/firestore/docs/query-data/multiple-range-fields."
)


def composite(index: str, hint: str = "") -> str:
    link = f"{CONSOLE}/{NORMALISED}/firestore/indexes?create_composite=Ck9{NAME}{index}"
    return f"The query requires an index. You can create it here: {link}{hint}"


def single(kind: str, collection: str, field: str, start: str, index: str) -> str:
    link = f"{CONSOLE}/{NORMALISED}/firestore/indexes?create_exemption={start}{NAME}{index}"
    return (
        f"The query requires a {kind} index for collection {collection} and field {field}. You can "
        f"create it here: {link}"
    )


def vector(scope: str, before: str, dimension: int) -> str:
    return (
        "Missing vector index configuration. Please create the required index with the following "
        f"gcloud command: gcloud firestore indexes composite create --project={NORMALISED} "
        f"--collection-group=qvec --query-scope={scope} {before}--field-config=vector-config="
        f'\'{{"dimension":"{dimension}","flat": "{{}}"}}\',field-path=emb'
    )


RECORDED = {
    "equality and a descending order": (
        q("qx", "a ==", order="-b"),
        composite("xeC9pbmRleGVzL18QARoFCgFhEAEaBQoBYhACGgwKCF9fbmFtZV9fEAI"),
    ),
    "array-contains and an order": (
        q("qx", "tags array-contains", order="c"),
        composite("xeC9pbmRleGVzL18QARoICgR0YWdzGAEaBQoBYxABGgwKCF9fbmFtZV9fEAE"),
    ),
    "two equalities and an order": (
        q("qx", "d ==", "a ==", order="c"),
        composite("xeC9pbmRleGVzL18QARoFCgFhEAEaBQoBZBABGgUKAWMQARoMCghfX25hbWVfXxAB"),
    ),
    "a group's composite index": (
        q("qx", "a ==", order="b", group=True),
        composite("xeC9pbmRleGVzL18QAhoFCgFhEAEaBQoBYhABGgwKCF9fbmFtZV9fEAE"),
    ),
    "names in descending order": (
        q("qx", order="-__name__"),
        composite("xeC9pbmRleGVzL18QARoMCghfX25hbWVfXxAC"),
    ),
    "an order with its name against it": (
        q("qx", "c >", order="c -__name__"),
        composite("xeC9pbmRleGVzL18QARoFCgFjEAEaDAoIX19uYW1lX18QAg"),
    ),
    "ranges of two fields": (
        q("qx", "a >", "b >", order="b"),
        composite("xeC9pbmRleGVzL18QARoFCgFiEAEaBQoBYRABGgwKCF9fbmFtZV9fEAE", MULTIPLE),
    ),
    "sums of two fields": (
        q("qa", sums="neg d"),
        composite("xYS9pbmRleGVzL18QARoFCgFkEAEaBwoDbmVnEAEaDAoIX19uYW1lX18QAQ"),
    ),
    "a quoted field": (
        q("qv", order="`a.b` n"),
        composite("xdi9pbmRleGVzL18QARoJCgVgYS5iYBABGgUKAW4QARoMCghfX25hbWVfXxAB"),
    ),
    "an exempt field": (
        q("qx", "nx =="),
        single("COLLECTION_ASC", "qx", "nx", "Ck9", "xeC9maWVsZHMvbngQARoGCgJueBAB"),
    ),
    "an equality in a group": (
        q("qg", "n ==", group=True),
        single("COLLECTION_GROUP_ASC", "qg", "n", "Ck5", "xZy9maWVsZHMvbhACGgUKAW4QAQ"),
    ),
    "a descending order in a group": (
        q("qg", order="-n", group=True),
        single("COLLECTION_GROUP_DESC", "qg", "n", "Ck5", "xZy9maWVsZHMvbhACGgUKAW4QAg"),
    ),
    "an array in a group": (
        q("qg", "tags array-contains", group=True),
        single(
            "COLLECTION_GROUP_CONTAINS", "qg", "tags", "ClF", "xZy9maWVsZHMvdGFncxACGggKBHRhZ3MYAQ"
        ),
    ),
    "a vector of two dimensions": (
        q("qvec", nearest=("emb", 2)),
        vector("COLLECTION", "", 2),
    ),
    "a vector with an equality": (
        q("qvec", "n ==", nearest=("emb", 3)),
        vector("COLLECTION", "--field-config=order=ASCENDING,field-path=n ", 3),
    ),
    "a vector in a group": (
        q("qvec", nearest=("emb", 3), group=True),
        vector("COLLECTION_GROUP", "", 3),
    ),
}
# Links as people have published them: an equality and a descending order each.
PUBLISHED = {
    ("chat-app-a56fe", "messages", "roomId", "createdAt"): (
        "Ck9wcm9qZWN0cy9jaGF0LWFwcC1hNTZmZS9kYXRhYmFzZXMvKGRlZmF1bHQpL2NvbGxlY3Rpb25Hcm91cHMvbWVzc2Fn"
        "ZXMvaW5kZXhlcy9fEAEaCgoGcm9vbUlkEAEaDQoJY3JlYXRlZEF0EAIaDAoIX19uYW1lX18QAg"
    ),
    ("b1t-sched", "activity_logs", "department", "timestamp"): (
        "Ck9wcm9qZWN0cy9iMXQtc2NoZWQvZGF0YWJhc2VzLyhkZWZhdWx0KS9jb2xsZWN0aW9uR3JvdXBzL2FjdGl2aXR5X2xv"
        "Z3MvaW5kZXhlcy9fEAEaDgoKZGVwYXJ0bWVudBABGg0KCXRpbWVzdGFtcBACGgwKCF9fbmFtZV9fEAI"
    ),
    ("eufacovcjoga", "atividades", "tipo", "data"): (
        "Ck9wcm9qZWN0cy9ldWZhY292Y2pvZ2EvZGF0YWJhc2VzLyhkZWZhdWx0KS9jb2xsZWN0aW9uR3JvdXBzL2F0aXZpZGFk"
        "ZXMvaW5kZXhlcy9fEAEaCAoEdGlwbxABGggKBGRhdGEQAhoMCghfX25hbWVfXxAC"
    ),
}


def missing(query: Query, indexes: Indexes = DECLARED) -> MissingIndex:
    found = plan(query, indexes)
    assert isinstance(found, MissingIndex)
    return found


def decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def normalised(said: str) -> str:
    """The text as the recording has it: with another project's id, in the index too."""

    def replaced(found: re.Match[str]) -> str:
        index = decoded(found[2]).replace(PROJECT.encode(), NORMALISED.encode())
        return found[1] + base64.urlsafe_b64encode(index).decode().rstrip("=")

    return re.sub(r"(create_\w+=)([\w-]+)", replaced, said).replace(PROJECT, NORMALISED)


@pytest.mark.parametrize(("query", "message"), RECORDED.values(), ids=RECORDED)
def test_a_refusal_begins_with_what_production_says(query: Query, message: str) -> None:
    said = normalised(missing(query).message(PROJECT))

    assert said.partition("\nOr add to ")[0] == message


@pytest.mark.parametrize(("asked", "index"), PUBLISHED.items(), ids=lambda each: each[0])
def test_a_link_is_the_one_that_production_gives(asked: tuple[str, ...], index: str) -> None:
    project, collection, equal, order = asked

    link = missing(q(collection, f"{equal} ==", order=f"-{order}")).link(project)

    assert link == f"{CONSOLE}/{project}/firestore/indexes?create_composite={index}"


def test_a_refusal_ends_with_the_entry_to_add() -> None:
    said = missing(q("qx", "a ==", order="-b")).message(PROJECT)

    assert said.splitlines()[-1] == (
        "Or add to indexes of firestore.indexes.json: "
        '{"collectionGroup": "qx", "queryScope": "COLLECTION", "fields": '
        '[{"fieldPath": "a", "order": "ASCENDING"}, {"fieldPath": "b", "order": "DESCENDING"}]}'
    )


def test_an_override_to_add_keeps_the_automatic_indexes() -> None:
    found = missing(q("qg", "n ==", group=True))

    assert found.section == "fieldOverrides"
    assert found.entry == {
        "collectionGroup": "qg",
        "fieldPath": "n",
        "indexes": [
            {"order": "ASCENDING", "queryScope": "COLLECTION"},
            {"order": "DESCENDING", "queryScope": "COLLECTION"},
            {"arrayConfig": "CONTAINS", "queryScope": "COLLECTION"},
            {"order": "ASCENDING", "queryScope": "COLLECTION_GROUP"},
        ],
    }


def test_an_entry_names_the_document_only_where_its_direction_is_its_own() -> None:
    usual = missing(q("c", "a ==", order="-b")).entry
    other = missing(q("c", "a ==", order="-b __name__")).entry

    assert [field["fieldPath"] for field in usual["fields"]] == ["a", "b"]
    assert other["fields"][-1] == {"fieldPath": "__name__", "order": "ASCENDING"}


def test_the_link_is_an_index_of_the_admin_api() -> None:
    link = missing(q("tickets", "team ==", order="-price")).link("p", "tenants")

    index = AdminIndex.deserialize(decoded(link.partition("create_composite=")[2]))

    assert "/firestore/databases/tenants/indexes?" in link
    assert index.name == "projects/p/databases/tenants/collectionGroups/tickets/indexes/_"
    assert index.query_scope == AdminIndex.QueryScope.COLLECTION
    assert [(field.field_path, field.order.name) for field in index.fields] == [
        ("team", "ASCENDING"),
        ("price", "DESCENDING"),
        ("__name__", "DESCENDING"),
    ]
