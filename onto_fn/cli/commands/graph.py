"""`onto graph`: draw the parts of an app."""

from __future__ import annotations

import shutil
import subprocess
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from onto_fn.cli.apps import load_app
from onto_fn.cli.errors import CommandError, one_line
from onto_fn.cli.options import DEFAULT_APP, AppFile
from onto_fn.cli.output import Output

if TYPE_CHECKING:
    from onto_fn.generate.graph import Graph

EXAMPLE = "onto graph --output graph.svg"


class Form(StrEnum):
    """The formats of a graph."""

    mermaid = "mermaid"
    dot = "dot"
    svg = "svg"
    png = "png"


_FORMS = {
    ".mmd": Form.mermaid,
    ".md": Form.mermaid,
    ".dot": Form.dot,
    ".gv": Form.dot,
    ".svg": Form.svg,
    ".png": Form.png,
}


def graph(
    app: AppFile = DEFAULT_APP,
    form: Annotated[
        Form | None,
        typer.Option(
            "--format",
            help="Default: the extension of --output, else mermaid. svg and png need graphviz.",
        ),
    ] = None,
    to: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Default: standard output."),
    ] = None,
    *,
    output: Output,
) -> None:
    """Draw which functions each collection triggers, and which views they write.

    GitHub and many editors show Mermaid as a picture.
    """
    from onto_fn.generate.graph import graph_of

    chosen = form or (_FORMS.get(to.suffix.lower()) if to else Form.mermaid)
    if chosen is None:
        raise CommandError(f"the extension of {to} is not a known format", "pass --format")
    if chosen in {Form.svg, Form.png} and to is None and not output.as_json:
        raise CommandError(f"{chosen.value} cannot be shown in a terminal", "pass --output FILE")
    found = graph_of(load_app(app))
    if output.as_json:
        output.line(found.to_json())
        return
    content = _drawn(found, chosen)
    if to is None:
        typer.echo(content.decode())
        return
    try:
        to.write_bytes(content)
    except OSError as error:
        raise CommandError(f"{to} cannot be written: {error.strerror}") from error
    output.remark(f"{to} written")


def _drawn(found: Graph, form: Form) -> bytes:
    if form is Form.mermaid:
        return found.mermaid().encode()
    if form is Form.dot:
        return found.dot().encode()
    program = shutil.which("dot")
    if program is None:
        raise CommandError(
            f"{form.value} needs graphviz, but its program `dot` is not installed",
            "install graphviz, or pass --format mermaid",
        )
    done = subprocess.run(
        [program, f"-T{form.value}"], input=found.dot().encode(), capture_output=True, check=False
    )
    if done.returncode:
        raise CommandError(f"graphviz failed: {one_line(done.stderr.decode(errors='replace'))}")
    return done.stdout
