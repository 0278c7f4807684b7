"""The configuration that firebase-tools gets."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from onto_fn.testing import EmulatorSuite
from onto_fn.testing.emulators.config import (
    configured_ports,
    emulator_config,
    free_ports,
    function_folders,
    read_config,
    wants_ui,
)

FIREBASE_JSON = {
    "firestore": {"rules": "firestore.rules"},
    "functions": [{"source": "functions"}],
    "hosting": {"public": "web"},
    "emulators": {
        "firestore": {"port": 8080},
        "auth": {"host": "0.0.0.0"},
        "ui": {"enabled": True, "port": 4000},
        "singleProjectMode": True,
    },
}


def test_configuration_keeps_the_projects_functions_and_rules() -> None:
    config = emulator_config(FIREBASE_JSON, ["firestore", "functions"], {})

    assert config["functions"] == FIREBASE_JSON["functions"]
    assert config["firestore"] == FIREBASE_JSON["firestore"]
    assert "hosting" not in config


def test_every_emulator_gets_a_port_of_its_own() -> None:
    emulators = emulator_config(FIREBASE_JSON, ["firestore", "functions", "pubsub"], {})[
        "emulators"
    ]

    ports = configured_ports({"emulators": emulators})
    everything = [*ports.values(), emulators["firestore"]["websocketPort"]]
    assert set(ports) >= {"firestore", "functions", "pubsub", "hub", "eventarc", "tasks", "logging"}
    assert len(set(everything)) == len(everything)


def test_wanted_ports_are_kept() -> None:
    config = emulator_config(FIREBASE_JSON, ["firestore", "functions"], {"firestore": 8080})

    assert config["emulators"]["firestore"]["port"] == 8080


def test_emulator_ui_stays_off_unless_it_is_asked_for() -> None:
    config = emulator_config(FIREBASE_JSON, ["firestore"], configured_ports(FIREBASE_JSON))

    assert config["emulators"]["ui"] == {"enabled": False}


def test_configured_ports_are_those_of_emulators_that_have_one() -> None:
    assert configured_ports(FIREBASE_JSON) == {"firestore": 8080, "ui": 4000}


def test_the_port_of_a_ui_that_is_not_enabled_is_not_configured() -> None:
    config = {"emulators": {"ui": {"enabled": False, "port": 4000}}}

    assert (configured_ports(config), wants_ui(config)) == ({}, False)


def test_the_ui_starts_where_it_is_asked_for_on_its_port() -> None:
    ports = configured_ports(FIREBASE_JSON)
    emulators = emulator_config(FIREBASE_JSON, ["firestore"], ports, ui=True)["emulators"]

    assert wants_ui(FIREBASE_JSON)
    assert emulators["ui"] == {"enabled": True, "host": "127.0.0.1", "port": 4000}


@pytest.mark.parametrize(
    ("functions", "folders"),
    [
        ({"source": "backend"}, ["backend"]),
        ([{"source": "a"}, {"codebase": "b"}], ["a", "functions"]),
        (None, []),
    ],
)
def test_the_folders_of_functions_are_those_of_the_codebases(
    functions: object, folders: list[str]
) -> None:
    assert function_folders({"functions": functions}) == folders


def test_project_without_configuration_has_an_empty_one(tmp_path: Path) -> None:
    assert read_config(tmp_path) == {}


def test_configuration_is_read_from_the_project(tmp_path: Path) -> None:
    (tmp_path / "firebase.json").write_text(json.dumps(FIREBASE_JSON))

    assert read_config(tmp_path) == FIREBASE_JSON


def test_free_ports_leave_out_those_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        taken = listener.getsockname()[1]
        monkeypatch.setattr("onto_fn.testing.emulators.config._PORTS", [taken, *free_ports(1)])

        assert taken not in free_ports(1)


def test_project_id_that_could_be_a_real_project_is_refused() -> None:
    with pytest.raises(ValueError, match="begins with 'demo-'"):
        EmulatorSuite(project_id="production")
