"""The commands of operation, where all is well: with a terminal and without."""

from __future__ import annotations

from terminal import TERMINAL
from towns import Towns

LETTER = "TownView~towns%2Foslo"


@TERMINAL
def test_views_are_built_verified_and_counted(towns: Towns, in_terminal: bool) -> None:
    towns.write("towns/bergen", name="Bergen")

    built = towns.run("backfill", "TownView", "--yes", in_terminal=in_terminal)
    verified = towns.run("verify", "--settle", "0", in_terminal=in_terminal)
    status = towns.run("status", in_terminal=in_terminal)

    assert [ended.code for ended in (built, verified, status)] == [0, 0, 0]
    assert towns.database.get(["townViews/bergen"])[0]["townViews/bergen"].exists
    assert "TownView" in status.out


@TERMINAL
def test_dead_letters_are_listed_shown_replayed_and_discarded(
    towns: Towns, in_terminal: bool
) -> None:
    towns.write("towns/oslo", name=17)
    towns.materialise("towns/oslo")

    listed, shown, replayed, discarded = (
        towns.run("dead-letters", *words, in_terminal=in_terminal)
        for words in (["list"], ["show", LETTER], ["replay", LETTER], ["discard", LETTER, "--yes"])
    )

    # Replayed, it is a dead letter again, as nothing was mended.
    assert [ended.code for ended in (listed, shown, replayed, discarded)] == [0, 0, 1, 0]
    assert LETTER in listed.out
    assert "name" in shown.out
    path = f"onto_dead_letters/{LETTER}"
    assert not towns.database.get([path])[0][path].exists
