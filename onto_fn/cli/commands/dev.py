"""`onto dev`: run the app on the emulators, and show the outcome of each event."""

from __future__ import annotations

import os
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Annotated, Any

import typer

from onto_fn.cli.errors import CommandError, one_line
from onto_fn.cli.output import Output, number_of
from onto_fn.cli.signals import until_stopped

if TYPE_CHECKING:
    from onto_fn.cli.refreshing import Refreshing
    from onto_fn.cli.showing import Shown
    from onto_fn.testing.emulators.suite import EmulatorSuite

EXAMPLE = "onto dev --seed seed.json"
_EXPORT_METADATA = "firebase-export-metadata.json"


def dev(
    folder: Annotated[
        Path, typer.Argument(help="The project's folder, which contains firebase.json.")
    ] = Path(),
    seed: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|MODULE:NAME",
            help=(
                "Write these documents first. FILE.json has the form {path: fields}; "
                "docs/command-line.md describes its values. MODULE:NAME is a function in the "
                "functions folder that takes the Firestore client and returns {path: fields}."
            ),
        ),
    ] = None,
    only: Annotated[
        str,
        typer.Option(
            metavar="NAMES",
            help="Emulators, separated by commas. Default: those of firestore, functions, pubsub, "
            "auth and storage that have a port in firebase.json.",
        ),
    ] = "",
    project: Annotated[
        str | None,
        typer.Option(
            metavar="ID", help="Project id; must begin with demo-. Default: from .firebaserc."
        ),
    ] = None,
    import_from: Annotated[
        Path | None,
        typer.Option(
            "--import", metavar="DIR", help="Start with data written by --export-on-exit."
        ),
    ] = None,
    export_to: Annotated[
        Path | None,
        typer.Option("--export-on-exit", metavar="DIR", help="Write the data there on exit."),
    ] = None,
    ui: Annotated[
        bool | None,
        typer.Option(
            "--ui/--no-ui",
            help="Start the Emulator UI, which firebase-tools downloads once. Default: as in "
            "firebase.json.",
            show_default=False,
        ),
    ] = None,
    strict: Annotated[
        bool,
        typer.Option(
            "--strict",
            help="Refuse the queries that production would refuse, because no index of "
            "firestore.indexes.json serves them, and name the index to add.",
        ),
    ] = False,
    *,
    output: Output,
) -> None:
    """Run the app on the emulators, and show the outcome of each event, until Ctrl-C.

    An edit of the functions is loaded automatically. After that, the rules and indexes that
    firebase.json names are written if they are out of date, missing topics are created, and the
    documents of edited views are rebuilt. If the functions could not be loaded for some time,
    missed changes are repaired as well.
    """
    from onto_fn.cli.running import Running, announced
    from onto_fn.observability.cloud_logging import VARIABLE
    from onto_fn.testing.emulators.foreground import addresses, configured_suite
    from onto_fn.testing.emulators.process import EmulatorError
    from onto_fn.testing.emulators.toolchain import ToolchainError

    _check(folder, seed)
    imported = _importable(import_from, export_to, output)
    _check_export(export_to)
    _remark_unknown(folder, output)
    os.environ[VARIABLE] = "json"  # for the functions
    suite = configured_suite(
        folder,
        only=[name for name in only.split(",") if name],
        project_id=_project(folder, project),
        ui=ui,
        import_from=imported,
        exports=export_to is not None,
        tell=output.remark,
        strict_indexes=strict,
    )
    _check_ports(suite)
    with until_stopped() as stopping:
        output.remark(f"starting the emulators of {folder.resolve()}")
        try:
            with suite:
                started = suite.log_path.stat().st_size
                for remark in suite.remarks:
                    output.remark(remark)
                names = [*suite.only, *(["ui"] if suite.ui else [])]
                running = {name: suite.host(name) for name in names}
                record = {"running": running, "environ": suite.environ()}
                output.line(record | {"remarks": suite.remarks}, "\n".join(addresses(suite)))
                with announced(Running(str(suite.project_dir), suite.project_id, running)):
                    try:
                        if seed is not None:
                            _seed(suite, seed, output)
                        _follow(suite, started, stopping, output)
                    finally:
                        if export_to is not None and suite.running:
                            suite.export_to(export_to)
                            output.remark(f"the data was exported to {export_to}")
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
            "run onto in the project's folder, or create one with `onto init`",
        )
    if source is not None:
        check(source)


def _check_ports(suite: EmulatorSuite) -> None:
    from onto_fn.testing.emulators.config import is_free

    names = {name: f"the {name} emulator" for name in suite.only}
    if suite.ui:
        names["ui"] = "the Emulator UI"
    for name, port in suite.ports.items():
        if name in names and not is_free(port):
            raise CommandError(
                f"port {port} of {names[name]} is in use",
                "stop the program that uses it, or choose another port in firebase.json",
            )


def _importable(folder: Path | None, export_to: Path | None, output: Output) -> Path | None:
    """The export to import; None if it does not exist yet and this run will write it."""
    if folder is None or (folder / _EXPORT_METADATA).is_file():
        return folder
    if folder == export_to and not folder.exists():
        output.remark(f"there is no {folder} yet, so the emulators start empty")
        return None
    raise CommandError(
        f"{folder} is not an emulator export: it has no {_EXPORT_METADATA}",
        "name a folder written by --export-on-exit or `firebase emulators:export`",
    )


def _check_export(folder: Path | None) -> None:
    """Refuse a folder with other files, because an export replaces all its content."""
    if folder is None or not folder.exists() or (folder / _EXPORT_METADATA).is_file():
        return
    if not folder.is_dir() or any(folder.iterdir()):
        raise CommandError(
            f"{folder} contains files that are not an export and would be lost",
            "name another folder in --export-on-exit",
        )


def _remark_unknown(folder: Path, output: Output) -> None:
    """Name the keys of `firebase.json` that have no effect, nor in the Firebase command line."""
    from onto_fn.testing.emulators.config import read_config

    emulators: object = read_config(folder).get("emulators")
    for name in ("import", "export-on-exit", "exportOnExit"):
        if isinstance(emulators, dict) and name in emulators:
            option = "--import" if name == "import" else "--export-on-exit"
            output.remark(f"firebase.json: emulators.{name} has no effect; pass {option} DIR")


def _project(folder: Path, project: str | None) -> str:
    from onto_fn.cli.choosing import emulated_project

    if project is None:
        return emulated_project(folder)
    if project.startswith("demo-"):
        return project
    raise CommandError(
        f"the emulators would run as the real project {project}",
        "pass an id that begins with demo-; such a project never reaches Google",
    )


def _functions(suite: EmulatorSuite) -> Path:
    """The first folder of functions that `firebase.json` names."""
    from onto_fn.testing.emulators.config import function_folders, read_config

    folders = function_folders(read_config(suite.project_dir))
    return suite.project_dir / (folders[0] if folders else "functions")


def _seed(suite: EmulatorSuite, source: str, output: Output) -> None:
    from onto_fn.cli.seeding import seed

    client = suite.client()
    try:
        count = seed(client, source, _functions(suite))
    finally:
        client.close()
    output.line({"seeded": count}, f"{number_of(count, 'document')} written from {source}")


def _follow(suite: EmulatorSuite, start: int, stopping: Event, output: Output) -> None:
    from onto_fn.cli.emulator_log import Lost, Reload, lines_of, told
    from onto_fn.cli.showing import Shown

    shown = Shown(output, str(suite.log_path))
    refreshing = _refreshing(suite, shown)

    def goes_on() -> bool:
        shown.idle()
        return suite.running and not stopping.is_set()

    try:
        if refreshing is not None:
            refreshing.start(build=suite.import_from is not None)
        lines = lines_of(suite.log_path, goes_on, start=start)
        is_loaded = True
        for found in told(lines, suite.project_dir):
            if not isinstance(found, Lost):
                shown.show(found)
            if refreshing is None or not isinstance(found, Reload | Lost):
                continue
            if isinstance(found, Reload):
                is_loaded = not found.error
            if isinstance(found, Lost) or found.error:
                refreshing.failed()
            if is_loaded:  # on a busy machine, an event may be lost although the code is fine
                refreshing.start(build=isinstance(found, Reload))
    finally:
        if refreshing is not None:
            refreshing.stop()
        shown.flush()
    if not stopping.is_set():
        raise CommandError("the emulators have ended", f"see {suite.log_path}")


def _refreshing(suite: EmulatorSuite, shown: Shown) -> Refreshing | None:
    """The refresh after an edit of the functions, None if the project has no functions."""
    from onto_fn.cli.refreshing import Refreshing

    file = _functions(suite) / "main.py"
    if "functions" not in suite.only or not file.is_file():
        return None

    def tell(record: dict[str, Any]) -> None:
        asks = "api" in record and suite.running
        shown.refreshed(record, suite.function_urls() if asks else None)

    return Refreshing(file, suite.project_dir, suite.environ(), tell)


def _failed(suite: EmulatorSuite, error: Exception) -> CommandError:
    from onto_fn.cli.emulator_log import last_error

    problem = one_line(str(error).partition(";")[0])
    reason = last_error(suite.log_path.read_text(errors="replace"), suite.project_dir)
    return CommandError(f"{problem} ({reason})" if reason else problem, f"see {suite.log_path}")
