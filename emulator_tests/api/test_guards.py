"""Each decision of the API that denies: loosened, an attack gets through."""

from __future__ import annotations

import pytest

from emulator_tests.api.attacks.place import Place
from emulator_tests.api.guards.gates import GUARDS
from emulator_tests.api.guards.loosening import loosened
from emulator_tests.api.guards.rpc_tries import ATTACKS
from emulator_tests.api.guards.tries import Field


@pytest.fixture(scope="module")
def field(place: Place) -> Field:
    found = Field(place)
    found.seed()
    return found


@pytest.mark.filterwarnings("ignore")
def test_an_attack_gets_through_if_any_guard_of_the_gate_is_loosened(
    field: Field, capsys: pytest.CaptureFixture[str]
) -> None:
    assert {guard.attack for guard in GUARDS} == set(ATTACKS)
    through = [name for name, attack in ATTACKS.items() if attack(field)]
    assert through == [], f"{through} with every guard in its place"

    survivors: list[str] = []
    for guard in GUARDS:
        with loosened(guard):
            if not ATTACKS[guard.attack](field):
                survivors.append(guard.name)

    with capsys.disabled():
        print(f"\nguards of the API: {len(GUARDS) - len(survivors)} of {len(GUARDS)}")
    assert survivors == [], "\n".join(survivors)
    assert [name for name, attack in ATTACKS.items() if attack(field)] == [], "all are back"
