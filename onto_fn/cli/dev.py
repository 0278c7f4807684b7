"""`onto dev`: the emulators with the app, and what becomes of each event."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from onto_fn.cli.errors import CommandError, one_line
from onto_fn.cli.options import Json
from onto_fn.cli.output import Output
from onto_fn.cli.stopping import until_stopped

if TYPE_CHECKING:
    from onto_fn.cli.following import Outcome, Reload
    from onto_fn.testing.suite import EmulatorSuite

EXAMPLE = "onto dev --seed seed.json"


def dev(
    folder: Annotated[
        Path, typer.Argument(help="The project's folder, which holds firebase.json.")
    ] = Path(),
    seed: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|MODULE:NAME",
            help="Write these documents first: a JSON file, or a function of the functions folder.",
        ),
    ] = None,
    only: Annotated[
        str,
        typer.Option(
            metavar="NAMES",
            help="Emulators, separated by commas; else those with a port in firebase.json.",
        ),
    ] = "",
    project: Annotated[
        str | None,
        typer.Option(metavar="ID", help="Project id, which begins with demo-; else .firebaserc's."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Run the app on the emulators, and show what becomes of each event, until Ctrl-C.

    An edit of the functions is loaded by itself.
    """
    from onto_fn.functions.logs import VARIABLE
    from onto_fn.testing.foreground import addresses, configured_suite
    from onto_fn.testing.process import EmulatorError
    from onto_fn.testing.toolchain import ToolchainError

    output = Output(as_json=as_json)
    _check(folder, seed)
    os.environ[VARIABLE] = "json"  # for the functions
    suite = configured_suite(
        folder,
        only=[name for name in only.split(",") if name],
        project_id=_project(folder, project),
    )
    _check_ports(suite)
    with until_stopped() as stopping:
        output.remark(f"starting the emulators of {folder.resolve()}")
        try:
            with suite:
                started = suite.log_path.stat().st_size
                output.line(
                    {"running": {name: suite.host(name) for name in suite.only}},
                    "\n".join(addresses(suite)),
                )
                if seed is not None:
                    _seed(suite, seed, output)
                _follow(suite, started, stopping, output)
        except ToolchainError as error:
            raise CommandError(one_line(error)) from error
        except EmulatorError as error:
            raise _failed(suite, error) from error
    output.remark("stopped")


def _check(folder: Path, source: str | None) -> None:
    from onto_fn.cli.seeding import check

    if not (folder / "firebase.json").is_file():
        raise CommandError(
            f"there is no firebase.json in {folder.resolve()}",
            "run onto in the project's folder, or begin one with `onto init`",
        )
    if source is not None:
        check(source)


def _check_ports(suite: EmulatorSuite) -> None:
    from onto_fn.testing.config import is_free

    for name, port in suite.ports.items():
        if name in suite.only and not is_free(port):
            raise CommandError(
                f"port {port} of the {name} emulator is in use",
                "end what has it, or choose another port in firebase.json",
            )


def _project(folder: Path, project: str | None) -> str:
    from onto_fn.cli.connecting import project_of
    from onto_fn.testing.foreground import DEFAULT_PROJECT

    chosen = project or project_of(folder / ".firebaserc") or DEFAULT_PROJECT
    if chosen.startswith("demo-"):
        return chosen
    if project is not None:
        raise CommandError(
            f"the emulators would run as the real project {project}",
            "say an id that begins with demo-, which is sure never to reach Google",
        )
    return f"demo-{chosen}"


def _seed(suite: EmulatorSuite, source: str, output: Output) -> None:
    from onto_fn.cli.seeding import seed
    from onto_fn.testing.config import read_config

    functions: Any = read_config(suite.project_dir).get("functions")
    codebases = cast("list[object]", functions if isinstance(functions, list) else [functions])
    found = next(iter(codebases), None)
    first = cast("dict[str, str]", found) if isinstance(found, dict) else {}
    client = suite.client()
    try:
        count = seed(client, source, suite.project_dir / first.get("source", "functions"))
    finally:
        client.close()
    output.line({"seeded": count}, f"{count} documents written from {source}")


def _follow(suite: EmulatorSuite, start: int, stopping: Event, output: Output) -> None:
    from onto_fn.cli.following import Reload, lines_of, told

    def goes_on() -> bool:
        return suite.running and not stopping.is_set()

    for found in told(lines_of(suite.log_path, goes_on, start=start)):
        if isinstance(found, Reload):
            output.line({"reload": asdict(found)}, _told_reload(found))
        else:
            output.line({"event": asdict(found)}, _told_outcome(found))
    if not stopping.is_set():
        raise CommandError("the emulators have ended", f"see {suite.log_path}")


def _told_outcome(found: Outcome) -> str:
    time = found.at[11:23]
    latency = "" if found.latency_ms is None else f"{found.latency_ms:.0f} ms"
    line = f"{time}  {found.document} -> {found.view or 'all'}  {found.outcome}  {latency}".rstrip()
    if found.severity in {"ERROR", "WARNING"}:
        line = f"{line}\n    {found.message}"
    return line


def _told_reload(found: Reload) -> str:
    if found.error:
        return f"the functions cannot be loaded: {found.error}"
    return f"functions: {found.functions}"


def _failed(suite: EmulatorSuite, error: Exception) -> CommandError:
    from onto_fn.cli.following import last_error

    problem = one_line(str(error).partition(";")[0])
    reason = last_error(suite.log_path.read_text(errors="replace"))
    return CommandError(f"{problem} ({reason})" if reason else problem, f"see {suite.log_path}")
