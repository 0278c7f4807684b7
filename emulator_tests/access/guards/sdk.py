"""A process with the Firebase JS SDK, and the users who are signed in with it."""

from __future__ import annotations

import itertools
import json
import queue
import subprocess
import threading
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from onto_fn.testing import EmulatorSuite
from onto_fn.testing.emulators.toolchain import find_node

ROOT = Path(__file__).resolve().parents[3]
CLIENT = Path(__file__).parent / "client.mjs"
DEADLINE = 60.0
PASSWORD = "correct horse"


@dataclass(frozen=True)
class Answer:
    """What became of an operation: "allowed", "denied" by the server, "refused" by the SDK."""

    outcome: str
    code: str = ""
    message: str = ""
    value: Any = None

    @classmethod
    def of(cls, message: dict[str, Any]) -> Self:
        return cls(
            message.get("outcome", "allowed"),
            message.get("code", ""),
            message.get("message", ""),
            message.get("value"),
        )


class Sdk:
    """The process; operations of all its users run at the same time."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [find_node(ROOT), CLIENT, ROOT / "web" / "package.json"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._ids = itertools.count()
        self._answers: dict[int, queue.Queue[dict[str, Any]]] = {}
        self._watches: dict[int, queue.Queue[dict[str, Any]]] = {}
        threading.Thread(target=self._read, daemon=True).start()

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(10)
        finally:
            self._process.kill()
            self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def call(self, **operation: Any) -> Answer:
        return self.call_all([operation])[0]

    def call_all(self, operations: Sequence[dict[str, Any]]) -> list[Answer]:
        """Run operations at the same time; their answers in the same order."""
        waiting = [self._send(operation) for operation in operations]
        return [Answer.of(answers.get(timeout=DEADLINE)) for answers in waiting]

    def watch(self, session: str, **target: Any) -> Watch:
        number = next(self._ids)
        self._watches[number] = queue.Queue()
        assert self.call(op="watch", session=session, watch=number, **target).outcome == "allowed"
        return Watch(self, number, self._watches[number])

    def _send(self, operation: dict[str, Any]) -> queue.Queue[dict[str, Any]]:
        number = next(self._ids)
        answers: queue.Queue[dict[str, Any]] = queue.Queue()
        self._answers[number] = answers  # which `_read` takes out, maybe at once
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"id": number, **operation}) + "\n")
        self._process.stdin.flush()
        return answers

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            message = json.loads(line)
            if "watch" in message:
                self._watches[message["watch"]].put(message)
            else:
                self._answers.pop(message["id"]).put(message)


class Watch:
    """A live `onSnapshot`."""

    def __init__(self, sdk: Sdk, number: int, messages: queue.Queue[dict[str, Any]]) -> None:
        self._sdk = sdk
        self._number = number
        self._messages = messages

    def next(self) -> Answer:
        return Answer.of(self._messages.get(timeout=DEADLINE))

    def until(self, holds: Callable[[Any], bool]) -> Answer:
        """The first answer for whose value this holds."""
        seen: list[Answer] = []
        while True:
            try:
                seen.append(self.next())
            except queue.Empty:
                raise AssertionError(f"what was waited for never came; there came {seen}") from None
            assert seen[-1].outcome == "allowed", seen
            if holds(seen[-1].value):
                return seen[-1]

    def stop(self) -> None:
        self._sdk.call(op="unwatch", watch=self._number)


class Users:
    """Who is signed in, by session name, on one project."""

    def __init__(self, sdk: Sdk, suite: EmulatorSuite, project: str, prefix: str = "") -> None:
        self.sdk = sdk
        self._prefix = prefix or project
        self._place = {"project": project, "firestore": suite.firestore_host}
        self._suite = suite

    def session(self, name: str) -> str:
        return f"{self._prefix}:{name}"

    def nobody(self, name: str) -> None:
        self._open(name)

    def pretend(self, name: str, claims: dict[str, Any] | None) -> None:
        """A user (None: nobody) with an unsigned token, who sends one HTTP request an operation."""
        token = {} if claims is None else {"claims": {"sub": name, **claims}}
        self._open(name, light=True, **token)

    def sign_in(self, name: str, **claims: Any) -> str:
        """A user of the Auth emulator; returns the ID token."""
        email = f"{name}@example.com"
        # Other tests of the session may have had a user of this name.
        self._admin("accounts:batchDelete", localIds=[name], force=True)
        self._admin("accounts", localId=name, email=email, password=PASSWORD)
        if claims:
            self._admin("accounts:update", localId=name, customAttributes=json.dumps(claims))
        opened = self._open(
            name, email=email, password=PASSWORD, authentication=self._suite.auth_host
        )
        assert opened.value["uid"] == name
        return opened.value["token"]

    def call(self, name: str, op: str, **given: Any) -> Answer:
        return self.sdk.call(op=op, session=self.session(name), **given)

    def watch(self, name: str, **target: Any) -> Watch:
        return self.sdk.watch(self.session(name), **target)

    def _open(self, name: str, **given: Any) -> Answer:
        answer = self.sdk.call(op="open", session=self.session(name), **self._place, **given)
        assert answer.outcome == "allowed", answer
        return answer

    def _admin(self, method: str, **body: Any) -> None:
        """What the Admin SDK does, on the Auth emulator."""
        url = f"http://{self._suite.auth_host}/identitytoolkit.googleapis.com/v1"
        request = urllib.request.Request(
            f"{url}/projects/{self._suite.project_id}/{method}",
            data=json.dumps(body).encode(),
            headers={"Content-Type": "application/json", "Authorization": "Bearer owner"},
        )
        urllib.request.urlopen(request, timeout=30).close()
