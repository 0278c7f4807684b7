"""Find and load the app of a command."""

from __future__ import annotations

import importlib.util
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from onto_fn.cli.errors import CommandError, one_line

if TYPE_CHECKING:
    from types import ModuleType

    from onto_fn.functions import App


def load_app(spec: str) -> App:
    """The app that a file declares.

    The file is imported as the functions' runtime does it: with its folder on the path, under the
    name of the file.

    Args:
        spec: `FILE`, or `FILE:NAME` where the file has several apps; such as `functions/main.py`.
            A module of the working folder (`main:app`) is taken too.

    Raises:
        CommandError: there is no such file, it cannot be imported, or has not exactly one app.
    """
    from onto_fn.functions import App

    file, name = app_file(spec)
    module = _imported(file)
    if name:
        app = getattr(module, name, None)
        if isinstance(app, App):
            return app
        raise CommandError(f"{file} has no App named {name!r}", "name it in --app FILE:NAME")
    apps = _apps_of(module)
    if len(apps) == 1:
        return apps[0]
    remedy = "declare one with `app = App([…])`" if not apps else "name one in --app FILE:NAME"
    raise CommandError(f"{file} declares {len(apps)} Apps", remedy)


def app_file(spec: str) -> tuple[Path, str]:
    """The file that `spec` names, and the name of the app in it, "" if it gives none.

    Raises:
        CommandError: there is no such file.
    """
    file, _, name = spec.partition(":")
    if not file.endswith(".py"):
        file = f"{file.replace('.', '/')}.py"
    path = Path(file)
    if not path.is_file():
        raise CommandError(
            f"there is no {path}", "run onto in the project's folder, or pass --app FILE"
        )
    return path, name


def _imported(file: Path) -> ModuleType:
    folder = str(file.resolve().parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    spec = importlib.util.spec_from_file_location(file.stem, file.resolve())
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[file.stem] = module
    try:
        spec.loader.exec_module(module)
    except ModuleNotFoundError as error:
        raise CommandError(
            f"{file} cannot be imported: {_where(error, folder)}{error}",
            "run onto in the virtual environment of the functions, or install their requirements",
        ) from error
    except (Exception, SystemExit) as error:
        raise CommandError(
            f"{file} cannot be imported: {_where(error, folder)}"
            f"{type(error).__name__}: {one_line(error)}"
        ) from error
    return module


def _where(error: BaseException, folder: str) -> str:
    """The line of the application's code that an error comes from."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{Path(error.filename).name}, line {error.lineno}: "
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename.startswith(folder) and "site-packages" not in frame.filename
    ]
    return f"{Path(frames[-1].filename).name}, line {frames[-1].lineno}: " if frames else ""


def _apps_of(module: ModuleType) -> list[App]:
    """The apps that a module names, and those whose functions it exports."""
    from onto_fn.functions import App, app_of

    found: list[App] = []
    for value in vars(module).values():
        app = value if isinstance(value, App) else app_of(value)
        if app is not None and app not in found:
            found.append(app)
    return found
