"""Compare the index file with what is deployed, and print what is not."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, cast

from onto_fn.cli.errors import CommandError, one_line
from onto_fn.cli.output import Output, number_of

if TYPE_CHECKING:
    from onto_fn.indexing import Comparison

Json = dict[str, Any]  # JSON has no narrower type

STANDARD_INPUT = "-"
_DEPLOY = "firebase deploy --only firestore:indexes"


def reminder(project: str, database: str) -> str:
    """How to check the deployed indexes of a database, in one line."""
    where = f"--project {project}"
    where += "" if database == "(default)" else f" --database {database}"
    return (
        f"to check the deployed indexes: `firebase firestore:indexes {where} | "
        f"onto status --indexes {STANDARD_INPUT}`"
    )


@dataclass(frozen=True)
class Deployed:
    """The index file of a database beside what is deployed.

    Attributes:
        file: path of the index file.
        comparison: what of it is not deployed.
    """

    file: Path
    comparison: Comparison

    @classmethod
    def read(cls, folder: Path, database: str, deployed: str) -> Self:
        """Compare the index file that `firebase.json` names with what is deployed.

        Args:
            folder: that of `firebase.json`.
            database: id of the database.
            deployed: path of what `firebase firestore:indexes` has printed; `-` is standard input.

        Raises:
            CommandError: one of them cannot be read, or has another form.
            DeclarationError: `firebase.json` does not name the database.
        """
        from onto_fn.firebase_json import firestore_files
        from onto_fn.indexing import IndexFileError, compare

        file = firestore_files(folder, database).indexes
        remedy = "run `firebase firestore:indexes` and look at what it prints"
        if deployed == STANDARD_INPUT:
            what, text = "standard input", sys.stdin.read()
        else:
            what, text = deployed, _text(Path(deployed), remedy)
        declared = _parsed(_text(file, "run `onto generate indexes`"), str(file), "correct it")
        printed = _parsed(text, what, remedy)
        try:
            return cls(file, compare(declared, printed))
        except IndexFileError as error:
            raise CommandError(f"{file} and {what} cannot be compared: {error}", remedy) from error

    def show(self, output: Output) -> None:
        """Print what of the file is not deployed, and what to do about it."""
        from onto_fn.indexing.deployed import described

        rows = self.rows()
        if output.as_json:
            for row in rows:
                output.line(row)
            return
        if rows:
            entries = ("declared", "deployed")
            texts = [
                row | {key: described(row[key]) for key in entries if row[key]} for row in rows
            ]
            output.table(texts, ["indexes", *entries], title=self.file.name)
        for remark in self._remarks():
            output.remark(remark)

    def rows(self) -> list[Json]:
        """One row for each entry that is not the same on both sides."""
        found = self.comparison
        return [
            *({"indexes": "missing", "declared": e, "deployed": None} for e in found.missing),
            *(
                {"indexes": "different", "declared": one.declared, "deployed": one.deployed}
                for one in found.different
            ),
            *({"indexes": "extra", "declared": None, "deployed": e} for e in found.extra),
        ]

    def _remarks(self) -> Iterator[str]:
        from onto_fn.indexing.deployed import described

        name, found = self.file.name, self.comparison
        if found.is_deployed:
            yield f"all indexes of {name} are deployed"
        else:
            count = number_of(len(found.missing) + len(found.different), "entry", "entries")
            yield f"not deployed as in {name}: {count}; run `{_DEPLOY}`"
        for one in found.different:
            if one.is_overlooked:
                yield (
                    f"{described(one.declared)}: `firebase deploy` takes what is deployed for the "
                    "same; delete the field's exemption in the console first"
                )
        if found.extra:
            count = number_of(len(found.extra), "entry", "entries")
            yield (
                f"deployed, but not in {name}: {count}; add what you need to "
                f"{self.file.stem}.keep.json, or delete the rest by `{_DEPLOY} --force`"
            )


def _text(path: Path, remedy: str) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"cannot read {path} ({one_line(error)})", remedy) from error


def _parsed(text: str, what: str, remedy: str) -> Json:
    try:
        content: object = json.loads(text)
    except ValueError as error:
        raise CommandError(f"{what} is not JSON ({one_line(error)})", remedy) from error
    if not isinstance(content, dict):
        raise CommandError(f"{what} is not a JSON object", remedy)
    return cast(Json, content)
