"""onto_fn's own queries are served by the index file that it generates for the app."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from emulator_tests.engine.operate.test_own_indexes import mediators, work
from emulator_tests.kit.writing import Writer
from emulator_tests.testing.strict_indexes.conftest import Strict
from onto_fn import App
from onto_fn.editing import Database
from onto_fn.firestore import Filter, Query
from onto_fn.generate import index_file

pytestmark = pytest.mark.any_index("the proxy in front of the emulator is what refuses here")


@pytest.fixture
def database(strict: Strict, monkeypatch: pytest.MonkeyPatch) -> Generator[Database]:
    strict.suite.clear()
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", strict.suite.firestore_host)
    database = Database(strict.suite.project_id)
    yield database
    database.close()


def refusals(strict: Strict) -> list[str]:
    lines = strict.suite.log_path.read_text().splitlines()
    return [line for line in lines if line.startswith("strict indexes: ")]


def test_engine_operate_and_outbox_are_never_refused(strict: Strict, database: Database) -> None:
    app = App(mediators())
    strict.declare(index_file(app, {}))
    before = refusals(strict)

    work(app, database, Writer(database))

    assert refusals(strict) == before


def test_a_refusal_would_be_seen(strict: Strict, database: Database) -> None:
    strict.declare(index_file(App(mediators()), {}))
    before = refusals(strict)
    both = (Filter("definition", "==", "x"), Filter("fingerprint", ">", ""))

    with pytest.raises(Exception, match="requires an index"):
        list(database.pages(Query("onto_ledger", both)))

    assert len(refusals(strict)) > len(before)
