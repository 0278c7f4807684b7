"""A pattern means in the rules what pydantic makes of it, or is left to the function."""

from __future__ import annotations

import pytest
from pydantic_core import SchemaValidator, ValidationError, core_schema

from emulator_tests.access.guards.door import Door
from onto_fn.generate.expressions import literal
from onto_fn.generate.patterns import rules_pattern
from onto_fn.testing import EmulatorSuite

PATTERNS = [
    r"^a",
    "a$",
    "^a|b$",
    r"^\d+$",
    r"\d{2}-\d{2}",
    r"^[\d.]+$",
    r"^[^\d]+$",
    r"^\S+$",
    r"^\D*$",
    r"^[a-z0-9_.+-]+@[a-z]+\.[a-z]{2,}$",
    r"^[\w-]+$",
    r"\bfoo\b",
    r"^(?i)abc$",
    r"(?i:abc)d",
    r"^\p{Lu}\p{Ll}+$",
    r"^\p{Greek}$",
    r"^[[:alpha:]]$",
    r"^[a&&b]$",
    r"^\u00e9$",
    r"^\u{1F600}$",
    r"^\x41$",
    r"^a{1001}$",
    r"^(a{100}){11}$",
    r"^[\]a]$",
    r"^[]a]$",
    r"^a\$",
    r"^a\\$",
    r"^.$",
    r"^(?s).$",
    r"(?m)^b$",
    r"^(?P<x>a)$",
    r"^(?<x>a)$",
    r"^a++$",
    r"\Aab\z",
    r"^\s+$",
    r"^[\s]$",
    r"^[a-]$",
    r"^[^a]$",
    r"^a/b$",
    r"^'\"$",
    r"^é$",
    r"^(a|b)$",
    "a\nb",
    "a\tb",
    r"^[(?]$",
    r"^[{2}]$",
    r"^\{$",
    r"^a{2,}$",
    r"^-?\d+(\.\d+)?$",
    r"^[+]$",
    r"^a*?$",
    r"^a{2}{3}$",
    r"^#[0-9a-f]{6}$",
    r"^[\\]$",
    r"^[\-\]]$",
    r"^(?x) a b$",
    r"^(?-i)a$",
    r"^[a-z&]$",
    r"^$",
    r"^\w+$",
    r"^[^\w]+$",
    r"^\W$",
    r"^[\D]$",
]
TEXTS = [
    "",
    "a",
    "b",
    "ab",
    "ba",
    "A",
    "é",
    "É",
    "😀",
    "1",
    "12",
    "12-34",
    "٣",
    "٣٣-١٢",
    "a\n",
    "\na",
    "\n",
    "x\nb\nc",
    "abc",
    "ABC",
    "ABCd",
    "foo",
    "a foo b",
    "Ab",
    "Éa",
    "\u03b1",
    "a@b.co",
    "a/b",
    "'\"",
    "a$",
    "a\\",
    "\\",
    "]",
    "-",
    "&",
    "\u00a0",
    " ",
    "\u2003",
    "a" * 1001,
    "a" * 1100,
    "(",
    "{",
    "?",
    "2",
    "aa",
    "aaaaaa",
    "-1.5",
    "1.",
    "#00ff00",
    "a b",
    "+",
    "a_b",
    "a-b",
    "\u0300",
    "\u24b6",
    "\u200d",
    "‿",
    "²",
    "©",
    "\U0001f130",
    "Ⅷ",
    "a\nb",
    "a\tb",
]

# What RE2 lacks, or takes otherwise.
LEFT = [
    "\\bfoo\\b",
    "^\\p{Greek}$",
    "^[a&&b]$",
    "^a{1001}$",
    "^(a{100}){11}$",
    "^[]a]$",
    "^a++$",
    "^a{2}{3}$",
    "^(?x) a b$",
]


@pytest.fixture(scope="module")
def door(firestore_emulator: EmulatorSuite) -> Door:
    return Door(firestore_emulator)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_rules_find_a_pattern_where_pydantic_does(door: Door, pattern: str) -> None:
    translated = rules_pattern(pattern)
    if translated is None:
        assert pattern in LEFT
        return
    validator = SchemaValidator(core_schema.str_schema(pattern=pattern))
    assert door.asks(f"request.resource.data.value.matches({literal(translated)})") == ""

    for text in TEXTS:
        try:
            validator.validate_python(text)
        except ValidationError:
            assert door.create("c", {"value": text}) != "", text
        else:
            assert door.create("c", {"value": text}) == "", text
