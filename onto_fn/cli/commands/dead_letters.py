"""`onto dead-letters`: list, show, replay and discard the dead letters of failed events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from onto_fn.cli.connecting import Opened, open_app
from onto_fn.cli.errors import FOUND, CommandError, Found, one_line
from onto_fn.cli.options import DEFAULT_APP, AppFile, DatabaseOptions, Yes
from onto_fn.cli.output import Output, as_text, number_of

if TYPE_CHECKING:
    from onto_fn.events.outcome import Outcome
    from onto_fn.firestore import Database, Document

LIST_EXAMPLE = "onto dead-letters list --view UserView"
SHOW_EXAMPLE = "onto dead-letters show UserView~users%2Fada"
REPLAY_EXAMPLE = "onto dead-letters replay --cause InvalidDocument:orders/bad"
DISCARD_EXAMPLE = "onto dead-letters discard UserView~users%2Fada"

Letter = Annotated[str, typer.Argument(metavar="LETTER", help="Id of the letter, from the list.")]
Letters = Annotated[
    list[str] | None, typer.Argument(metavar="[LETTER]…", help="Ids of letters, from the list.")
]
Every = Annotated[bool, typer.Option("--all", help="All letters.")]
Cause = Annotated[
    str | None,
    typer.Option(metavar="CAUSE", help="All letters with this cause, as shown in the list."),
]


def list_letters(
    view: Annotated[str | None, typer.Option(help="Only letters of this view or mediator.")] = None,
    cause: Cause = None,
    limit: Annotated[int, typer.Option(min=1, help="Maximum number of letters per cause.")] = 100,
    *,
    app: AppFile = DEFAULT_APP,
    where: DatabaseOptions,
    output: Output,
) -> None:
    """List the dead letters, grouped by cause.

    The cause is the faulty document, if the error names one. Otherwise it is the view, mediator or
    aggregate that failed.
    """
    groups: dict[str, _Group] = {}
    with open_app(app, where=where, output=output) as opened:
        for letter in _letters(opened, view, cause):
            row = _row(letter)
            groups.setdefault(str(row["cause"]), _Group()).add(row, limit)
    for number, (name, group) in enumerate(
        sorted(groups.items(), key=lambda item: (-item[1].count, item[0]))
    ):
        if output.as_json:
            for row in group.rows:
                output.line(row)
        else:
            if number:
                typer.echo("")
            _tell(name, group)
    if not groups:
        output.remark("there are no dead letters")
    else:
        output.remark("\nFixed the code? Run `onto dead-letters replay --cause CAUSE`")


def show(
    letter: Letter,
    *,
    app: AppFile = DEFAULT_APP,
    where: DatabaseOptions,
    output: Output,
) -> None:
    """Show all fields of one letter. The exit code is 1 if there is no such letter."""
    with open_app(app, where=where, output=output) as opened:
        document = _one(opened.database, letter)
    if document.fields is None:
        raise Found(f"there is no dead letter {letter}")
    output.record({"letter": letter, **_flat(document.fields)})


def replay(
    letters: Letters = None,
    every: Every = False,
    cause: Cause = None,
    *,
    app: AppFile = DEFAULT_APP,
    where: DatabaseOptions,
    output: Output,
) -> None:
    """Retry the events and roots of letters, and delete the letters of those that succeed.

    The exit code is 1 if one fails again.
    """
    rows: list[dict[str, object]] = []
    with open_app(app, where=where, output=output, writes=True) as opened:
        from onto_fn.errors import OntoError

        for letter in _named(opened, letters, every, cause):
            try:
                outcome = opened.app.replay(letter, opened.database)
                rows.append(_replayed(letter, outcome))
            except OntoError as error:
                rows.append({"letter": letter, "result": "error", "error": one_line(error)})
    output.table(rows, ["letter", "result", "error"])
    if any(row["error"] for row in rows):
        raise typer.Exit(FOUND)


def discard(
    letters: Letters = None,
    every: Every = False,
    cause: Cause = None,
    *,
    app: AppFile = DEFAULT_APP,
    where: DatabaseOptions,
    yes: Yes = False,
    output: Output,
) -> None:
    """Delete letters without a retry. Their events are lost.

    The view stays as it was last built. The ledger still knows that its last build failed, so the
    next change of a source builds it again.
    """
    with open_app(app, where=where, output=output, writes=True) as opened:
        from onto_fn.attempts import Subject
        from onto_fn.engine.records.ledger import DEAD_LETTER_COLLECTION
        from onto_fn.firestore import Write

        names = _named(opened, letters, every, cause)
        if not names:
            output.remark("there are no dead letters")
            return
        output.confirm(f"Discard {len(names)} dead letters in {opened.place}?", yes=yes)
        for start in range(0, len(names), 400):
            part = names[start : start + 400]
            writes = [Write(f"{DEAD_LETTER_COLLECTION}/{name}", None) for name in part]
            for attempt in opened.app.engine.retry.attempts_of(Subject(step="replay")):
                with attempt:
                    opened.database.commit(writes)
    output.record({"discarded": len(names)})


@dataclass
class _Group:
    """The letters of one cause."""

    rows: list[dict[str, object]] = field(default_factory=list[dict[str, object]])
    count: int = 0
    views: set[str] = field(default_factory=set[str])
    since: str = ""

    def add(self, row: dict[str, object], limit: int) -> None:
        """Count a letter, and keep its row unless there are already `limit` rows."""
        self.count += 1
        self.views |= {str(row["view"])} if row["view"] else set()
        since = as_text(row["since"])
        self.since = min(self.since or since, since) if since else self.since
        if len(self.rows) < limit:
            self.rows.append(row)


def _tell(cause: str, group: _Group) -> None:
    """Print a group. Each id is on its own line, so that people can copy it."""
    views = f" of {', '.join(sorted(group.views))}" if group.views else ""
    since = f", since {group.since}" if group.since else ""
    typer.echo(cause)
    typer.echo(f"  {number_of(group.count, 'letter')}{views}{since}")
    typer.echo(f"  {group.rows[0]['error']}")
    for row in group.rows:
        typer.echo(f"    {row['letter']}")
    if group.count > len(group.rows):
        typer.echo(f"    and {group.count - len(group.rows)} more; raise --limit to see them")


def _letters(
    opened: Opened, view: str | None = None, cause: str | None = None
) -> Iterator[Document]:
    from onto_fn.engine.records.cause import cause_of

    for letter in opened.app.engine.letters(opened.database, view):
        if cause is None or cause_of(letter.fields or {}) == cause:
            yield letter


def _named(opened: Opened, letters: list[str] | None, every: bool, cause: str | None) -> list[str]:
    if every + bool(letters) + (cause is not None) > 1:
        raise CommandError("--all, --cause and names cannot be combined", "use one of them")
    if every:
        return [_id(letter) for letter in opened.app.engine.letters(opened.database)]
    if cause is not None:
        found = [_id(letter) for letter in _letters(opened, cause=cause)]
        if not found:
            raise Found(f"there is no dead letter with the cause {cause}")
        return found
    if not letters:
        raise CommandError("no letter is named", "name letters, or pass --cause or --all")
    for letter in letters:
        if _one(opened.database, letter).fields is None:
            raise Found(f"there is no dead letter {letter}")
    return letters


def _one(database: Database, letter: str) -> Document:
    from onto_fn.engine.records.ledger import DEAD_LETTER_COLLECTION
    from onto_fn.errors import InvalidPath
    from onto_fn.firestore.paths import check_segment

    try:
        check_segment(letter, what="the letter's id")
    except InvalidPath as error:
        raise CommandError(one_line(error), "see `onto dead-letters list`") from error
    path = f"{DEAD_LETTER_COLLECTION}/{letter}"
    return database.get([path])[0][path]


def _id(letter: Document) -> str:
    return letter.path.rpartition("/")[2]


def _row(letter: Document) -> dict[str, object]:
    """One row for a letter. It accepts any fields, because other programs can write letters too."""
    from onto_fn.engine.records.cause import cause_of

    fields = letter.fields or {}
    error, event = fields.get("error"), fields.get("event")
    message: object = error
    document: object = None
    if isinstance(error, Mapping):
        message = cast("Mapping[str, object]", error).get("message")
    if isinstance(event, Mapping):
        document = cast("Mapping[str, object]", event).get("document")
    return {
        "letter": _id(letter),
        "cause": cause_of(fields),
        "view": fields.get("definition"),
        "root": fields.get("root") or document,
        "since": fields.get("failedSince") or fields.get("failedAt"),
        "count": fields.get("count"),
        "error": one_line(str(message)),
    }


def _replayed(letter: str, outcome: Outcome | None) -> dict[str, object]:
    if outcome is None:
        return {"letter": letter, "result": "resolved", "error": ""}
    return {"letter": letter, "result": outcome.result.value, "error": _error_of(outcome)}


def _error_of(outcome: Outcome) -> str:
    """The error of an outcome on one line, "" if it has none."""
    return one_line(outcome.error) if outcome.error else ""


def _flat(fields: Mapping[str, Any], prefix: str = "") -> dict[str, object]:
    """The fields of nested maps, by their dotted names."""
    flat: dict[str, object] = {}
    for name, value in fields.items():
        if isinstance(value, Mapping):
            flat |= _flat(cast("Mapping[str, Any]", value), f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = value
    return flat
