"""`onto explain`: show the sources of a document, and the views that depend on it."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from onto_fn.cli.connecting import open_app
from onto_fn.cli.errors import CommandError, Found, one_line
from onto_fn.cli.options import DEFAULT_APP, AppFile, DatabaseOptions
from onto_fn.cli.output import Output, as_text, number_of

if TYPE_CHECKING:
    from onto_fn.engine.operate.explain import Dependent, Origin, Source

EXAMPLE = "onto explain users/ada/UserView/view"

_SHOWN = 3  # paths of a dependent's documents in a table


def explain(
    path: Annotated[str, typer.Argument(metavar="PATH", help="A document.")],
    limit: Annotated[
        int, typer.Option(min=1, help="Maximum number of dependent views to list.")
    ] = 100,
    *,
    app: AppFile = DEFAULT_APP,
    where: DatabaseOptions,
    output: Output,
) -> None:
    """Show the sources of a view document, and the views that depend on a document.

    The exit code is 1 if no view reads or writes the document.
    """
    with open_app(app, where=where, output=output) as opened:
        from onto_fn.engine.operate.explain import dependents, exists, origins
        from onto_fn.errors import InvalidPath
        from onto_fn.firestore.paths import check_document_path

        try:
            check_document_path(path)
        except InvalidPath as error:
            raise CommandError(one_line(error), "name a document, as in users/ada") from error
        engine = opened.app.engine
        made_by = origins(engine, opened.database, path)
        used_by, is_more = dependents(engine, opened.database, path, limit)
        if not made_by and not used_by:
            there = exists(opened.database, path)
            what = "exists, but no view reads or writes it" if there else "does not exist"
            raise Found(f"{path} {what}, in {opened.place}")
    if output.as_json:
        output.line(
            {
                "path": path,
                "origins": [_as_json(origin) for origin in made_by],
                "dependents": [asdict(dependent) for dependent in used_by],
                "more": is_more,
            }
        )
        return
    for origin in made_by:
        _tell_origin(origin, output)
    if used_by:
        _tell_dependents(used_by, path, output)
    if is_more:
        output.remark(f"and more; raise --limit to see more than {limit}")


def _as_json(origin: Origin) -> dict[str, object]:
    sources = [{**asdict(s), "current": s.is_current} for s in origin.sources]
    return {**asdict(origin), "sources": sources}


def _tell_origin(origin: Origin, output: Output) -> None:
    state = "stale: the definition has changed since" if origin.is_stale else "current"
    output.record(
        {
            "view": origin.definition,
            "root": origin.root,
            "definition": f"{origin.fingerprint} ({state})",
            "last event": origin.event_id or "none (rebuilt)",
            "committed": origin.committed,
            "read at": origin.read_time,
            **({"left out": number_of(origin.skipped, "document")} if origin.skipped else {}),
            **({"failure": one_line(origin.failure)} if origin.failure else {}),
        }
    )
    output.table(
        (
            {
                "source": source.path,
                "version": as_text(source.version) or "did not exist",
                "reads": "unknown" if source.reads is None else ", ".join(source.reads),
                "since": _since(source),
                "left out": one_line(source.problem) if source.problem else "",
            }
            for source in origin.sources
        ),
        ("source", "version", "reads", "since", *(["left out"] if origin.skipped else [])),
    )


def _since(source: Source) -> str:
    """What has become of a source since it was read."""
    if source.is_current:
        return ""
    changed = f"changed: {as_text(source.now) or 'deleted'}"
    return f"{changed}, nothing that the view reads" if source.is_unread else changed


def _tell_dependents(dependents: list[Dependent], path: str, output: Output) -> None:
    output.table(
        (
            {
                "depends on it": dependent.definition,
                "root": dependent.root,
                "documents": _some(dependent.documents),
                "state": dependent.state,
            }
            for dependent in dependents
        ),
        ("depends on it", "root", "documents", "state"),
        title=path,
    )


def _some(paths: tuple[str, ...]) -> str:
    shown = ", ".join(paths[:_SHOWN])
    more = len(paths) - _SHOWN
    return f"{shown} and {more} more" if more > 0 else shown
