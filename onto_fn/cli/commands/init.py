"""`onto init`: create a project that runs immediately, or add its files to an existing project."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from onto_fn.cli.errors import FOUND, CommandError
from onto_fn.cli.output import Output

if TYPE_CHECKING:
    from onto_fn.cli.adopting import Content
    from onto_fn.cli.installation import Requirement

EXAMPLE = "onto init my-app && cd my-app && make test"

FIRESTORE_PORT, FUNCTIONS_PORT = 8080, 5001


def init(
    folder: Annotated[
        Path, typer.Argument(help="The project's folder; created if it does not exist.")
    ] = Path(),
    onto_fn: Annotated[
        str | None,
        typer.Option(
            metavar="SOURCE",
            help="The onto_fn that the project installs: a wheel, a source folder, or a "
            "requirement. Default: the source from which this program was installed.",
        ),
    ] = None,
    firestore_port: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=65535,
            help="Port of the Firestore emulator. Default: from firebase.json, else "
            f"{FIRESTORE_PORT}.",
        ),
    ] = None,
    functions_port: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=65535,
            help="Port of the Functions emulator. Default: from firebase.json, else "
            f"{FUNCTIONS_PORT}.",
        ),
    ] = None,
    yes: Annotated[
        bool,
        typer.Option(
            "--yes",
            "-y",
            help="Do not ask: merge files that can be merged, and overwrite the others, such as "
            "README.md and Makefile.",
        ),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the changes, and write nothing.")
    ] = False,
    *,
    output: Output,
) -> None:
    """Create a project: models, a view, tests, and everything that emulators and deploys need.

    In a folder with files, the missing files are added. For each file that differs, you see the
    diff and choose to keep it, to replace it, or to merge both. `firebase.json`, rules, indexes,
    requirements and similar files can be merged. Without a terminal, existing files stay unchanged,
    and the exit code is 1 if one of them differs.
    """
    from onto_fn.cli import adopting
    from onto_fn.cli.template_files import project_files

    target = folder.resolve()
    _check(target)
    ports = _ports(target, firestore_port, functions_port)
    with tempfile.TemporaryDirectory() as made:
        required, wheels = _installed(onto_fn, Path(made))
        texts = project_files(target.name, required, *ports)
        plan = adopting.plan_of(target, {**texts, **wheels})
    if dry_run:
        adopting.show(plan, output, [*texts, *wheels])
        return
    chosen = adopting.choose(plan, yes=yes)
    adopting.write(target, chosen.write)
    record = {
        "folder": str(target),
        "files": sorted(chosen.write),
        "skipped": chosen.skipped,
        "kept": chosen.kept,
        "warnings": chosen.warnings,
    }
    output.line(record, adopting.told(target, plan, chosen))
    for warning in chosen.warnings:
        output.remark(warning)
    if chosen.kept:
        output.remark(f"unchanged: {', '.join(chosen.kept)}")
    if chosen.skipped:
        output.remark(
            f"unchanged: {', '.join(chosen.skipped)}; `onto init --dry-run` shows how they differ "
            "from those of a new project"
        )
        raise typer.Exit(FOUND)


def _check(target: Path) -> None:
    if target.exists() and not target.is_dir():
        raise CommandError(f"{target} is a file", "name a folder")
    if (target / "functions" / "package.json").exists():
        raise CommandError(
            f"{target / 'functions'} holds functions in JavaScript",
            "name a new folder; its functions are a separate codebase, so that deploying one "
            "leaves the other unchanged",
        )


def _ports(target: Path, firestore: int | None, functions: int | None) -> tuple[int, int]:
    """The ports of both emulators, from the options, `firebase.json`, or the defaults."""
    ports = (
        _port(target, "firestore", firestore, FIRESTORE_PORT),
        _port(target, "functions", functions, FUNCTIONS_PORT),
    )
    if len(set(ports)) == 1:
        raise CommandError(f"both emulators have port {ports[0]}", "give each its own port")
    return ports


def _port(target: Path, emulator: str, given: int | None, usual: int) -> int:
    from onto_fn.firebase_json import read_firebase_json

    found: object = read_firebase_json(target)
    for key in ("emulators", emulator, "port"):
        found = cast("dict[str, object]", found).get(key) if isinstance(found, dict) else None
    if not isinstance(found, int):
        return given or usual
    if given not in (None, found):
        raise CommandError(
            f"firebase.json says that the {emulator} emulator has port {found}, not {given}",
            f"change it there, or leave out --{emulator}-port",
        )
    return found


def _installed(source: str | None, made: Path) -> tuple[Requirement, dict[str, Content]]:
    """The requirement of the project, and its wheel if it has one, by path in the project."""
    from onto_fn.cli.installation import VENDOR, requirement

    required = requirement(source, made)
    wheels = {f"functions/{VENDOR}/{w.name}": w.read_bytes() for w in made.rglob("*.whl")}
    return required, dict(wheels)
