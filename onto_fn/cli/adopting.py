"""Write the files of a new project into a folder that may have files; replace none unasked."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import typer

from onto_fn.cli.errors import CommandError
from onto_fn.cli.merging import merged, warnings, why_not
from onto_fn.cli.output import Output

Content = str | bytes

_MAKEFILE = "Makefile"
_NAMED = 5  # files at most in the last sentence
_NEXT = "`make test` runs the tests, `make dev` shows the app at work"
_NEXT_WITHOUT_MAKE = (
    "install functions/requirements-dev.txt into functions/venv, because your own Makefile stays; "
    "then `functions/venv/bin/onto dev --seed seed.json` shows the app at work"
)


@dataclass(frozen=True)
class Difference:
    """A file that exists and differs from the file of a new project.

    Attributes:
        name: its path in the project.
        found: its content.
        wanted: its content in a new project.
        merge: the files to write, by path, to combine both contents; None if they cannot be merged.
        why_not: why they cannot be merged, "" if that needs no explanation.
        warnings: what a person should know before the merge.
    """

    name: str
    found: Content
    wanted: Content
    merge: Mapping[str, str] | None
    why_not: str = ""
    warnings: tuple[str, ...] = ()

    @property
    def added(self) -> dict[str, str]:
        """The additional files that a merge creates."""
        return {name: text for name, text in (self.merge or {}).items() if name != self.name}

    def diff(self) -> str:
        """The changes by a merge, with its additional files; without a merge, by a replacement."""
        return self._own_diff() + "".join(
            "\n".join(_diff("", text, "/dev/null", f"{name} (new)")) + "\n"
            for name, text in self.added.items()
        )

    def _own_diff(self) -> str:
        if isinstance(self.found, bytes) or isinstance(self.wanted, bytes):
            return f"{self.name} is not text\n"
        after = self.merge[self.name] if self.merge else self.wanted
        kind = "merged" if self.merge else "of a new project"
        lines = _diff(self.found, after, f"{self.name} (as it is)", f"{self.name} ({kind})")
        return "\n".join(lines) + "\n"


def _diff(before: str, after: str, name_before: str, name_after: str) -> Iterable[str]:
    return difflib.unified_diff(
        before.splitlines(), after.splitlines(), name_before, name_after, lineterm=""
    )


@dataclass
class Plan:
    """The files of a new project, compared with a folder.

    Attributes:
        new: files that do not exist yet.
        different: files that exist and differ.
    """

    new: dict[str, Content] = field(default_factory=dict[str, Content])
    different: list[Difference] = field(default_factory=list[Difference])


@dataclass
class Chosen:
    """The decisions about the files of a plan.

    Attributes:
        write: the files to write.
        skipped: files that differ and stay, because there was nobody to ask.
        kept: files that differ and stay, because the user chose so.
        warnings: what a person should know about the merged files.
    """

    write: dict[str, Content]
    skipped: list[str] = field(default_factory=list[str])
    kept: list[str] = field(default_factory=list[str])
    warnings: list[str] = field(default_factory=list[str])


def plan_of(folder: Path, wanted: Mapping[str, Content]) -> Plan:
    """Compare the files of a new project with those of a folder.

    Raises:
        CommandError: there is a folder in place of a file, or a file in place of a folder.
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
                merge = None  # it would replace another file without asking
        if found != content and merge != {name: found}:
            why = ""
            if isinstance(found, str) and isinstance(content, str) and merge is None:
                why = why_not(name, found, content)
            told = tuple(warnings(merge)) if merge else ()
            plan.different.append(Difference(name, found, content, merge, why, told))
    return plan


def choose(plan: Plan, *, yes: bool) -> Chosen:
    """Show the diff of each file that differs, and ask what to do with it.

    Args:
        plan: the files.
        yes: do not ask; merge the files that can be merged, and replace the others. Without `yes`
            and without a terminal, all files that differ stay as they are.
    """
    chosen = Chosen(dict(plan.new))
    if not yes and not sys.stdin.isatty():
        chosen.skipped = [difference.name for difference in plan.different]
        return chosen
    for difference in plan.different:
        answer = ("merge" if difference.merge else "replace") if yes else _asked(difference)
        if answer == "merge" and difference.merge:
            chosen.write |= difference.merge
            chosen.warnings += difference.warnings
        elif answer == "replace":
            chosen.write[difference.name] = difference.wanted
        else:
            chosen.kept.append(difference.name)
    return chosen


def told(folder: Path, plan: Plan, chosen: Chosen) -> str:
    """One or two sentences on what was done and what to do next."""
    if not chosen.write:
        has = "keeps its files" if chosen.kept or chosen.skipped else "has all files already"
        return f"{folder} {has}: nothing was written"
    if not plan.different:
        what = "has a new project" if len(plan.new) > 1 and _MAKEFILE in plan.new else "is complete"
        written = "" if what == "has a new project" else f" (written: {', '.join(chosen.write)})"
        return f"{folder} {what}{written}: {_NEXT}"
    stays = {*chosen.kept, *chosen.skipped}
    does = _NEXT if _MAKEFILE not in stays else _NEXT_WITHOUT_MAKE
    names = sorted(chosen.write)
    what = f"{len(names)} files" if len(names) > _NAMED else ", ".join(names)
    return f"{folder}: {what} {'is' if len(names) == 1 else 'are'} written. Next, {does}"


def _asked(difference: Difference) -> str:
    answers = ["keep", "replace", *(["merge"] if difference.merge else [])]
    typer.echo(difference.diff(), err=True)
    for text in filter(None, [*difference.warnings, difference.why_not]):
        typer.secho(f"{text}\n", err=True, fg="red" if text in difference.warnings else None)
    while True:
        question = f"{difference.name}: {', '.join(answers[:-1])} or {answers[-1]}?"
        given = str(typer.prompt(question, default="keep", err=True)).strip().lower()
        found = [answer for answer in answers if given and answer.startswith(given)]
        if len(found) == 1:
            return found[0]
        typer.echo(f"{given!r} is not one of the answers", err=True)


def write(folder: Path, contents: Mapping[str, Content]) -> None:
    """Write files, and create their folders.

    Raises:
        CommandError: a file cannot be written.
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
    """Show what `onto init` would do with each file; write nothing.

    Args:
        plan: the files.
        output: prints the result.
        names: all files of a new project.
    """
    differences = {difference.name: difference for difference in plan.different}
    for name in names:
        found = differences.get(name)
        state = "new" if name in plan.new else "differs" if found else "stays"
        diff = found.diff() if found else ""
        remarks = [*found.warnings, *filter(None, [found.why_not])] if found else []
        shown = "\n".join([f"{name}: {state}", *remarks, diff]).rstrip("\n")
        output.line({"file": name, "state": state, "diff": diff, "remarks": remarks}, shown)
        for added in found.added if found else ():
            record: dict[str, object] = {"file": added, "state": "new"}
            output.line(record, f"{added}: new, if {name} is merged")


def _check_place(folder: Path, file: Path) -> None:
    if file.is_dir():
        raise CommandError(
            f"{file} is a folder, but a file must be written there", "name another folder"
        )
    for parent in file.relative_to(folder).parents:
        if (folder / parent).exists() and not (folder / parent).is_dir():
            raise CommandError(
                f"{folder / parent} is a file, but a folder must be created there",
                "name another folder",
            )


def _read(file: Path) -> Content:
    content = file.read_bytes()
    try:
        return content.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError:
        return content
