"""Write the files of a new project where files may be already: nothing is replaced unasked."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import typer

from onto_fn.cli.errors import CommandError
from onto_fn.cli.merging import merged
from onto_fn.cli.output import Output

Content = str | bytes


@dataclass(frozen=True)
class Difference:
    """A file that exists, and is not as in a new project.

    Attributes:
        name: its path in the project.
        found: what it holds.
        wanted: what it holds in a new project.
        merge: the files to write for one that says what both say; None if there is no such.
    """

    name: str
    found: Content
    wanted: Content
    merge: Mapping[str, str] | None

    def diff(self) -> str:
        """What a merge, or else replacing it, would change."""
        if isinstance(self.found, bytes) or isinstance(self.wanted, bytes):
            return f"{self.name} is not text\n"
        after = self.merge[self.name] if self.merge else self.wanted
        lines = difflib.unified_diff(
            self.found.splitlines(),
            after.splitlines(),
            f"{self.name} (as it is)",
            f"{self.name} ({'merged' if self.merge else 'of a new project'})",
            lineterm="",
        )
        return "\n".join(lines) + "\n"


@dataclass
class Plan:
    """What becomes of each file.

    Attributes:
        new: files that do not exist yet.
        different: files that exist and differ.
    """

    new: dict[str, Content] = field(default_factory=dict[str, Content])
    different: list[Difference] = field(default_factory=list[Difference])


@dataclass
class Chosen:
    """What is to be done.

    Attributes:
        write: the files to write.
        skipped: those that differ and stay as they are, as there was nobody to ask.
    """

    write: dict[str, Content]
    skipped: list[str] = field(default_factory=list[str])


def plan_of(folder: Path, wanted: Mapping[str, Content]) -> Plan:
    """Compare the files of a new project with what a folder has.

    Raises:
        CommandError: a folder is where a file belongs, or a file where a folder does.
    """
    plan = Plan()
    for name, content in wanted.items():
        file = folder / name
        _check_place(folder, file)
        if not file.exists():
            plan.new[name] = content
            continue
        found = _read(file)
        merge = None
        if isinstance(found, str) and isinstance(content, str) and found != content:
            merge = merged(name, found, content)
            if merge and any((folder / other).exists() for other in merge if other != name):
                merge = None  # it would replace a file that nobody is asked about
        if found != content and merge != {name: found}:
            plan.different.append(Difference(name, found, content, merge))
    return plan


def choose(plan: Plan, *, yes: bool) -> Chosen:
    """Ask about each file that differs, after its diff.

    Args:
        plan: the files.
        yes: ask nothing: merge what can be merged, and replace the rest. Without it, and without a
            terminal to ask on, all that differs stays as it is.
    """
    chosen = Chosen(dict(plan.new))
    if not yes and not sys.stdin.isatty():
        chosen.skipped = [difference.name for difference in plan.different]
        return chosen
    for difference in plan.different:
        answer = ("merge" if difference.merge else "replace") if yes else _asked(difference)
        if answer == "merge" and difference.merge:
            chosen.write |= difference.merge
        elif answer == "replace":
            chosen.write[difference.name] = difference.wanted
    return chosen


def _asked(difference: Difference) -> str:
    answers = ["keep", "replace", *(["merge"] if difference.merge else [])]
    typer.echo(difference.diff(), err=True)
    while True:
        question = f"{difference.name}: {', '.join(answers[:-1])} or {answers[-1]}?"
        given = str(typer.prompt(question, default="keep", err=True)).strip().lower()
        found = [answer for answer in answers if given and answer.startswith(given)]
        if len(found) == 1:
            return found[0]


def write(folder: Path, contents: Mapping[str, Content]) -> None:
    """Write files, with their folders.

    Raises:
        CommandError: one cannot be written.
    """
    for name, content in contents.items():
        file = folder / name
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, bytes):
                file.write_bytes(content)
            else:
                file.write_text(content, encoding="utf-8")
        except OSError as error:
            raise CommandError(f"{file} cannot be written: {error.strerror}") from error


def show(plan: Plan, output: Output, names: Iterable[str]) -> None:
    """Show what would become of each file; write nothing.

    Args:
        plan: the files.
        output: where to.
        names: all files of a new project.
    """
    differences = {difference.name: difference for difference in plan.different}
    for name in names:
        found = differences.get(name)
        state = "new" if name in plan.new else "differs" if found else "stays"
        diff = found.diff() if found else ""
        shown = f"{name}: {state}\n{diff}".rstrip("\n")
        output.line({"file": name, "state": state, "diff": diff}, shown)


def _check_place(folder: Path, file: Path) -> None:
    if file.is_dir():
        raise CommandError(f"{file} is a folder, and a file belongs there", "name another folder")
    for parent in file.relative_to(folder).parents:
        if (folder / parent).exists() and not (folder / parent).is_dir():
            raise CommandError(
                f"{folder / parent} is a file, and a folder belongs there", "name another folder"
            )


def _read(file: Path) -> Content:
    content = file.read_bytes()
    try:
        return content.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError:
        return content
