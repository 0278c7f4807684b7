"""Dead letters on the command line: grouped by what has to be corrected, with ids to copy."""

from __future__ import annotations

from dataclasses import replace

import pytest

from emulator_tests.cli.terminal import TERMINAL
from emulator_tests.cli.towns import Towns
from onto_fn.editing import Write

BAD = "InvalidDocument:towns/oslo"
IDS = [f"View{number}~towns%2F{'a-long-name-of-a-place' * 4}" for number in range(6)]
LETTER = "TownView~towns%2Foslo"


@pytest.fixture
def spoilt(towns: Towns) -> Towns:
    """Oslo is refused by its own view and six others; the code of a seventh has a fault."""
    towns.write("towns/oslo", name=17)
    towns.materialise("towns/oslo")
    path = f"onto_dead_letters/{LETTER}"
    letter = towns.database.get([path])[0][path].fields
    assert letter is not None
    writes = [
        Write(f"onto_dead_letters/{name}", {**letter, "definition": name.partition("~")[0]})
        for name in IDS
    ]
    fault = {"definition": "Map", "root": "towns/x", "error": {"kind": "BuildError"}}
    towns.database.commit([*writes, Write("onto_dead_letters/Map~towns%2Fx", fault)])
    return towns


@TERMINAL
def test_one_bad_document_is_one_group_and_each_id_a_line_of_its_own(
    spoilt: Towns, in_terminal: bool
) -> None:
    narrow = replace(spoilt, environ=spoilt.environ | {"COLUMNS": "50"})

    listed = narrow.run("dead-letters", "list", in_terminal=in_terminal)

    lines = [line.strip() for line in listed.out.replace("\r", "").splitlines()]
    assert listed.code == 0
    assert lines[0] == BAD
    assert lines[1].startswith("7 letters of TownView, View0, View1, View2, View3, View4, View5")
    assert {LETTER, *IDS} <= set(lines)
    assert lines.index("BuildError:Map") > lines.index(LETTER)
    assert "\x1b" not in listed.out


def test_a_long_group_is_cut_and_says_so(spoilt: Towns) -> None:
    listed = spoilt.run("dead-letters", "list", "--cause", BAD, "--limit", "2")

    assert "7 letters" in listed.out
    assert "and 5 more" in listed.out
    assert "BuildError" not in listed.out


def test_programs_get_a_line_for_each_letter_with_its_cause(spoilt: Towns) -> None:
    listed = spoilt.run("dead-letters", "list", "--json")

    assert [(record["letter"], record["cause"]) for record in listed.records] == [
        *((name, BAD) for name in sorted([LETTER, *IDS])),
        ("Map~towns%2Fx", "BuildError:Map"),
    ]


def test_the_letters_of_a_cause_are_replayed_and_no_others(towns: Towns) -> None:
    for town in ("oslo", "bergen"):
        towns.write(f"towns/{town}", name=17)
        towns.materialise(f"towns/{town}")
        towns.write(f"towns/{town}", name=town.title())

    replayed = towns.run("dead-letters", "replay", "--cause", BAD, "--json")
    listed = towns.run("dead-letters", "list", "--json")
    again = towns.run("dead-letters", "replay", "--cause", BAD)

    assert [record["letter"] for record in replayed.records] == [LETTER]
    assert [record["cause"] for record in listed.records] == ["InvalidDocument:towns/bergen"]
    assert again.code == 1
    assert "there is no dead letter with the cause" in again.err


def test_the_letters_of_a_cause_are_discarded(spoilt: Towns) -> None:
    ended = spoilt.run("dead-letters", "discard", "--cause", BAD, "--yes", "--json")

    assert ended.records == [{"discarded": 7}]
    assert [r["cause"] for r in spoilt.run("dead-letters", "list", "--json").records] == [
        "BuildError:Map"
    ]


@pytest.mark.parametrize("columns", [50, 60, 140, 160])
@TERMINAL
def test_no_id_in_a_table_is_wrapped(spoilt: Towns, in_terminal: bool, columns: int) -> None:
    narrow = replace(spoilt, environ=spoilt.environ | {"COLUMNS": str(columns)})

    replayed = narrow.run("dead-letters", "replay", *IDS, in_terminal=in_terminal)

    assert replayed.code == 1
    assert all(name in replayed.out for name in IDS)
    listed = narrow.run("dead-letters", "list", in_terminal=in_terminal)
    assert all(name in listed.out for name in IDS)
