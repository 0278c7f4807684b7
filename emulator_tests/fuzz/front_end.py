"""What is generated for clients: TypeScript that compiles, rules that let what is valid pass."""

from __future__ import annotations

import base64
import json
import subprocess
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import grpc
from google.cloud.firestore_v1.types import CommitRequest, CommitResponse

from emulator_tests.fuzz.documents import Google
from emulator_tests.fuzz.properties import OWNER, Case
from onto_fn import App, DeclarationError, FormMediator
from onto_fn.firestore.values import fill_fields
from onto_fn.generate import rules_text, typescript
from onto_fn.testing.emulators.toolchain import find_node

ROOT = Path(__file__).resolve().parents[2]
WEB = ROOT / "web"
OPTIONS = {
    "strict": True,
    "noEmit": True,
    "noUnusedLocals": True,
    "noUncheckedIndexedAccess": True,
    "module": "esnext",
    "moduleResolution": "bundler",
    "target": "es2022",
    "lib": ["es2022", "dom"],
    "skipLibCheck": True,
    "types": [],
}
RULES_TOGETHER = 25
"""Forms whose rules are in one file; it may have 256 KiB."""
MAX_RULES = 256 * 1024


def module_of(case: Case) -> tuple[str | None, str]:
    """The TypeScript of a case; or None, and why there is none if that is wrong."""
    try:
        return typescript(case.app), ""
    except DeclarationError:
        return None, ""
    except Exception as error:
        return None, f"{type(error).__name__}: {error}"


def compiled(modules: dict[int, str]) -> dict[int, str]:
    """What the strict compiler has against modules, by their numbers."""
    if not modules:
        return {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "node_modules").symlink_to(WEB / "node_modules")
        (folder / "tsconfig.json").write_text(json.dumps({"compilerOptions": OPTIONS}))
        for number, text in modules.items():
            (folder / f"case{number}.ts").write_text(text)
        tsc = WEB / "node_modules" / ".bin" / "tsc"
        done = subprocess.run(
            [find_node(ROOT), tsc, "-p", "."],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        texts = {number: (folder / f"case{number}.ts").read_text() for number in modules}
    found: dict[int, str] = {}
    for line in done.stdout.splitlines():
        file, _, rest = line.partition("(")
        if file.startswith("case"):
            number = int(file.removeprefix("case").removesuffix(".ts"))
            place = int(rest.partition(",")[0])
            source = texts[number].splitlines()[place - 1]
            found.setdefault(number, f"{rest}: {source.strip()}")
    if done.returncode and not found:
        raise RuntimeError(f"tsc has failed: {done.stdout}{done.stderr}")
    return found


class Clients:
    """A user without an account's token signed by anybody, who writes by single commits."""

    def __init__(self, host: str, google: Google) -> None:
        self._host = host
        self._project = google.client.project
        self._database = google.client._database_string
        channel = grpc.insecure_channel(host)
        self._commit = channel.unary_unary(
            "/google.firestore.v1.Firestore/Commit",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=CommitResponse.pb().FromString,
        )
        self._channel = channel

    def close(self) -> None:
        self._channel.close()

    def load(self, rules: str) -> str:
        """Put rules in the place of those that there are; what is wrong with them, if anything."""
        content = {"rules": {"files": [{"name": "firestore.rules", "content": rules}]}}
        request = urllib.request.Request(
            f"http://{self._host}/emulator/v1/projects/{self._project}:securityRules",
            data=json.dumps(content).encode(),
            headers={"Content-Type": "application/json"},
            method="PUT",
        )
        try:
            urllib.request.urlopen(request, timeout=60).close()
        except urllib.error.HTTPError as error:
            return error.read().decode()
        return ""

    def start(self, path: str, fields: dict[str, Any]) -> Any:
        """Begin to create a document as the owner; see `outcome`."""
        message = CommitRequest.pb()(database=self._database)
        write = message.writes.add()
        documents = f"{self._database}/documents"
        write.update.name = f"{documents}/{path}"
        fill_fields(write.update.fields, fields, documents=documents, where=path)
        write.current_document.exists = False
        return self._commit.future(
            message,
            timeout=60,
            metadata=[
                ("authorization", f"Bearer {self._token()}"),
                ("google-cloud-resource-prefix", self._database),
            ],
        )

    @staticmethod
    def outcome(call: Any) -> str:
        """What became of a write: `OK`, `PERMISSION_DENIED`, or another code and why."""
        try:
            call.result()
        except grpc.RpcError as error:
            code = error.code().name  # pyright: ignore[reportAttributeAccessIssue]
            return code if code == "PERMISSION_DENIED" and not _why(error) else f"{code}: {error}"
        return "OK"

    def _token(self) -> str:
        claims = {
            "iss": f"https://securetoken.google.com/{self._project}",
            "aud": self._project,
            "iat": 0,
            "exp": 2**31,
            "auth_time": 0,
            "sub": OWNER,
            "user_id": OWNER,
            "firebase": {"sign_in_provider": "custom", "identities": {}},
        }
        return f"{_part({'alg': 'none', 'type': 'JWT'})}.{_part(claims)}."


def _part(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def _why(error: Any) -> str:
    """What the emulator adds to a denial if the rules could not be evaluated."""
    details = error.details() or ""
    return details if "maximum of 1000" in details or "too complex" in details else ""


def rules_of(case: Case) -> tuple[str | None, str]:
    """The rules of a case's form; or None, and why there are none if that is wrong."""
    try:
        return rules_text(App([FormMediator(case.get("Form"))])), ""
    except DeclarationError:
        return None, ""
    except Exception as error:
        return None, f"{type(error).__name__}: {error}"


Answer = tuple[Case, str, str]


def guarded(host: str, google: Google, cases: Sequence[Case]) -> tuple[list[Case], list[Answer]]:
    """The cases that have rules, and those of which they do what they should not."""
    known: list[Case] = []
    found: list[Answer] = []
    for case in cases:
        if case.get("Form") is None:
            continue
        text, why = rules_of(case)
        if why:
            found.append((case, "rules are generated", why))
        if text is not None or why:
            known.append(case)
    good = [case for case in known if case not in [broken for broken, _, _ in found]]
    clients = Clients(host, google)
    for start in range(0, len(good), RULES_TOGETHER):
        found += _together(clients, good[start : start + RULES_TOGETHER])
    clients.close()
    return known, found


def _together(clients: Clients, cases: Sequence[Case]) -> Iterator[Answer]:
    text = rules_text(App([FormMediator(case.get("Form")) for case in cases]))
    problem = f"{len(text)} bytes" if len(text) > MAX_RULES else ""
    problem = problem or clients.load(text)
    if problem and len(cases) > 1:
        middle = len(cases) // 2
        for part in (cases[:middle], cases[middle:]):
            yield from _together(clients, part)
    elif problem:
        yield cases[0], "rules compile", problem
    else:
        yield from _asked(clients, cases)


def _asked(clients: Clients, cases: Iterable[Case]) -> Iterator[Answer]:
    asked: list[tuple[Case, str, dict[str, Any], Any]] = []
    for case in cases:
        declaration = case.declaration
        at = f"u/{OWNER}/forms{declaration.number}"
        fields = declaration.request.fields
        tried = {"a valid request passes": fields}
        tried["an extra field does not pass"] = {**fields, "no such field": 1}
        if declaration.wrong is not None:
            name, value = declaration.wrong
            tried["a wrong type does not pass"] = {**fields, name: value}
        for place, (name, content) in enumerate(tried.items()):
            call = clients.start(f"{at}/r{place}", content)
            asked.append((case, name, content, call))
    for case, name, content, call in asked:
        outcome = clients.outcome(call)
        expected = "OK" if name == "a valid request passes" else "PERMISSION_DENIED"
        if outcome != expected:
            yield case, name, f"{outcome} for {content!r}"
