"""Each query of the library in a test's process is refused if production would refuse it.

The indexes are those that are generated for the apps and engines which the process has made: so one
that is missing from the generated file makes a test fail. The check sees the queries where the
library makes their messages, so the queries of Google's own client, by which tests look at what
there is, are not checked. What the functions of an emulator ask is in another process; see
`EmulatorSuite(strict_indexes=True)`.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
from google.api_core.exceptions import FailedPrecondition
from google.cloud.firestore_v1.types import StructuredQuery

from onto_fn import App
from onto_fn.engine import Engine
from onto_fn.firestore import database, rpc
from onto_fn.firestore.hub import hub
from onto_fn.generate import index_file
from onto_fn.generate.indexes import engine_indexes
from onto_fn.generate.own_indexes import own_overrides
from onto_fn.indexing import Indexes, MissingIndex, Query, plan
from onto_fn.indexing.structured import read_query


class Made:
    """The apps and engines that this process has made, and whether their indexes serve a query."""

    def __init__(self) -> None:
        self._apps: list[App] = []
        self._engines: list[Engine] = []
        self._indexes: tuple[int, Indexes] = (-1, Indexes())
        self._own = Indexes.of({"fieldOverrides": own_overrides(Engine([]))})
        self._missing = cache(self._missing_now)

    def record(self, made: App | Engine) -> None:
        """Generate the indexes of an app or engine too."""
        (self._apps if isinstance(made, App) else self._engines).append(made)  # type: ignore[arg-type]

    def check(self, query: Any) -> None:
        """Refuse a query as production does.

        Raises:
            FailedPrecondition: no index serves it.
        """
        message = StructuredQuery.pb(StructuredQuery(query))
        asked = read_query(message)
        if asked is None or not isinstance(self._missing(asked), MissingIndex):
            return
        found = plan(asked, self._all())
        if isinstance(found, MissingIndex):
            raise FailedPrecondition(found.message("demo-test"))

    def _missing_now(self, query: Query) -> object:
        """What is missing with onto_fn's own indexes only, which serve nearly every query."""
        return plan(query, self._own)

    def _all(self) -> Indexes:
        count = len(self._apps) + len(self._engines)
        if self._indexes[0] != count:
            files = [index_file(app, {}) for app in self._apps]
            indexes = [index for file in files for index in file["indexes"]]
            indexes += [index for engine in self._engines for index in engine_indexes(engine)]
            overrides = [entry for file in files for entry in file["fieldOverrides"]]
            content = {
                "indexes": indexes,
                "fieldOverrides": [*own_overrides(Engine([])), *overrides],
            }
            self._indexes = count, Indexes.of(content)
        return self._indexes[1]


MADE = Made()


def record_all() -> None:
    """Record each app and engine from now on."""
    for kind in (App, Engine):
        made = kind.__init__

        def recorded(self: Any, *arguments: Any, _made: Any = made, **options: Any) -> None:
            _made(self, *arguments, **options)
            MADE.record(self)

        kind.__init__ = recorded  # type: ignore[method-assign]


@pytest.fixture(autouse=True)
def refuse_without_index(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse what production refuses, except in tests marked `any_index` with the reason."""
    if request.node.get_closest_marker("any_index"):
        return
    structured = rpc.structured

    def checked(query: Any, documents: str) -> Any:
        made = structured(query, documents)
        MADE.check(made)
        return made

    for module in (rpc, database, hub):
        monkeypatch.setattr(module, "structured", checked)
