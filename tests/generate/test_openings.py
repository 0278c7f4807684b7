"""Hand-written rules that open the collections of onto_fn are found, and no others."""

from __future__ import annotations

import pytest

from onto_fn.generate.openings import openings


@pytest.mark.parametrize(
    "rules",
    [
        "match /{document=**} { allow read, write: if request.auth != null; }",
        "match /{x=**} { allow read; }",
        "match /{ rest = ** }\n{\n allow write : if true; }",
        "match /{collection}/{id} { allow read: if true; }",
        "match /{collection} { match /{id} { allow get: if request.auth != null; } }",
        "match /{a}/{rest=**} { allow list: if isAdmin(); }",
        "match /{a}/{b}/shards/{c} { allow read; }",
        "match /onto_ledger/{id} { allow read; }",
        "match /{x=**} { function f() { return true; } allow read: if f(); }",
        "match /{x=**} { // allow nothing }\n allow read: if f() || y == '};'; }",
        "match /{document=**} { allow read: if false || admin(); }",
    ],
)
def test_a_line_that_opens_the_ledger_is_found(rules: str) -> None:
    assert len(openings(rules)) == 1


@pytest.mark.parametrize(
    "rules",
    [
        "match /{document=**} { allow read, write: if false; }",
        "match /{document=**} { allow read, write: if (false); }",
        "match /notes/{document=**} { allow read, write; }",
        "match /notes/{id} { match /{x=**} { allow read; } }",
        "match /{a}/{b}/notes/{c} { allow read; }",
        "match /{collection}/{rest=**} { allow read: if collection in ['a', 'b']; }",
        "// match /{document=**} { allow read; }",
        "/* match /{document=**} { allow read; } */ match /notes/{id} { allow read; }",
        "match /notes/{id} { allow read: if x == 'match /{d=**} { allow read; }'; }",
        "function f() { return true; }\nmatch /notes/{id} { allow read: if f(); }",
    ],
)
def test_a_line_that_does_not_open_it_is_not_found(rules: str) -> None:
    assert openings(rules) == []


def test_an_opening_is_told_with_file_line_and_remedy() -> None:
    notes = "match /notes/{id} { allow read; }"
    rules = f"{notes}\n\nmatch /{{d=**}} {{\n  allow read,\n    write: if ok();\n}}"

    (found,) = openings(rules, first_line=10)

    assert found.told("firestore.rules").startswith(
        "firestore.rules, line 13: WARNING: `allow read, write: if ok()` of `match /{d=**}` opens"
    )
    assert "Name your own collections, one block each" in found.told("firestore.rules")
