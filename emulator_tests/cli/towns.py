"""An app of towns on the emulator."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from emulator_tests.cli.terminal import Ended, Many
from onto_fn.editing import Database, Write
from onto_fn.engine import Engine
from onto_fn.observability import Change


@dataclass
class Towns:
    """An app of towns on the emulator, of which Oslo has a view."""

    many: Many
    folder: Path
    environ: dict[str, str]
    database: Database
    engine: Engine

    def run(self, *words: str, in_terminal: bool = False) -> Ended:
        return self.many.run(*words, cwd=self.folder, environ=self.environ, in_terminal=in_terminal)

    def write(self, path: str, **fields: object) -> None:
        self.database.commit([Write(path, fields)])

    def materialise(self, path: str) -> None:
        self.engine.handle(self.database, Change(path, None, None, "event-1"))
