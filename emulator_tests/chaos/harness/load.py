"""A seeded writer: several threads that create, change, move, break, delete and recreate."""

import random
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from google.api_core.exceptions import Aborted, DeadlineExceeded, ServiceUnavailable
from google.cloud.firestore import Client
from tenacity import Retrying, retry_if_exception_type, wait_random_exponential

from onto_fn.testing.chaos.events import microseconds

THREADS = 6
HOT_USER, HOT_POLL, HOT_TEAM = "users/hot", "polls/hot", "teams/hot"

USERS = [HOT_USER, "users/zoë ü", "users/名前", *(f"users/u{n:02}" for n in range(17))]
TICKETS = [f"tickets/t{n:02}" for n in range(24)]
LOCATIONS = [f"locations/l{n}" for n in range(4)]
MEETINGS = ["meetings/größe", *(f"meetings/m{n}" for n in range(9))]
POLLS = [HOT_POLL, "polls/p%2F 1", "polls/p2"]
VOTES = [f"{poll}/votes/v{n:02}" for poll in POLLS for n in range(40 if poll == HOT_POLL else 12)]
COMPANIES = ["companies/c0", "companies/c1"]
DIVISIONS = [f"divisions/d{n}" for n in range(4)]
TEAMS = [HOT_TEAM, *(f"teams/t{n}" for n in range(7))]
MEMBERS = [f"members/e{n:02}" for n in range(40)]

# How often documents of each kind are written.
WEIGHTS = [
    (USERS, 14),
    (TICKETS, 10),
    (LOCATIONS, 4),
    (MEETINGS, 10),
    (POLLS, 2),
    (VOTES, 30),
    (COMPANIES, 1),
    (DIVISIONS, 2),
    (TEAMS, 5),
    (MEMBERS, 22),
]

# Broken from the beginning to the end: a refused root, a refused source, a reference to nothing.
BROKEN: dict[str, Callable[[Client], dict[str, Any]]] = {
    "users/refused": lambda client: {"firstName": "Only"},
    "polls/spoiled": lambda client: {"title": "spoiled"},
    "polls/spoiled/votes/v1": lambda client: {"option": 7},
    "meetings/dangling": lambda client: {
        "users": [client.document(HOT_USER)],
        "tickets": {},
        "location": client.document("locations/nowhere"),
        "status": "closed",
    },
}

RETRYING = Retrying(
    retry=retry_if_exception_type((Aborted, DeadlineExceeded, ServiceUnavailable)),
    wait=wait_random_exponential(multiplier=0.05, max=1),
)


def kind_of(path: str) -> str:
    return path.split("/")[-2]


def content(client: Client, path: str, random_: random.Random) -> dict[str, Any]:
    """Valid content for a document; its references may point to what is missing just now."""
    ref, pick = client.document, random_.choice

    def some(paths: list[str], most: int) -> list[str]:
        return random_.sample(paths, random_.randint(1, most))

    match kind_of(path):
        case "users":
            fields: dict[str, Any] = {
                "firstName": pick(["Ada", "Bo", "Cy", "Dée", "江"]),
                "lastName": f"L{random_.randint(0, 99)}",
                "hearingAidRequested": random_.random() < 0.5,
            }
            if random_.random() < 0.7:
                fields["organization"] = pick(["UCSD", "SDSU"])
            if random_.random() < 0.2:
                fields["unused"] = random_.random()
            return fields
        case "tickets":
            return {
                "role": pick(["Organizer", "Participant"]),
                "user": ref(pick(USERS)),
                "attendance": random_.random() < 0.7,
            }
        case "locations":
            return {
                "latitude": random_.uniform(-90, 90),
                "longitude": random_.uniform(-180, 180),
                "address": f"Street {random_.randint(0, 99)}",
            }
        case "meetings":
            guests = {HOT_USER, *some(USERS, 3)}
            return {
                "users": [ref(user) for user in sorted(guests)],
                "tickets": {t.split("/")[1]: ref(t) for t in some(TICKETS, 3)},
                "location": ref(pick(LOCATIONS)),
                "status": pick(["not-started", "in-session", "closed"]),
            }
        case "polls":
            return {"title": f"Poll {random_.randint(0, 99)}"}
        case "votes":
            return {"option": pick(["yes", "no", "perhaps"])}
        case "companies":
            return {"name": "C", "divisions": [ref(d) for d in some(DIVISIONS, 3)]}
        case "divisions":
            return {"name": f"D{random_.randint(0, 9)}"}
        case "teams":
            return {"name": f"T{random_.randint(0, 9)}", "division": ref(pick(DIVISIONS))}
        case "members":
            team = HOT_TEAM if random_.random() < 0.4 else pick(TEAMS)
            return {"name": "M", "salary": random_.randint(1, 9), "team": ref(team)}
        case other:
            raise AssertionError(other)


def poison(client: Client, path: str, random_: random.Random) -> dict[str, Any]:
    """Content that the document's model refuses."""
    wrong: dict[str, dict[str, Any]] = {
        "users": {"lastName": None},
        "tickets": {"role": "Guest"},
        "locations": {"latitude": "north"},
        "meetings": {"status": "lost"},
        "polls": {"title": ["no"]},
        "votes": {"option": 7},
        "companies": {"divisions": "d0"},
        "divisions": {"name": 7},
        "teams": {"division": "nowhere"},
        "members": {"salary": "unknown"},
    }
    return content(client, path, random_) | wrong[kind_of(path)]


@dataclass
class Load:
    """The writer.

    Args:
        client: connected to the emulator directly.
        seed: the same seed gives each thread the same operations.
        writes: how many documents are written, about.
        seconds: in which time.
    Attributes:
        written: documents written so far.
        deletions: when, in microseconds, each document was deleted.
    """

    client: Client
    seed: int
    writes: int
    seconds: float
    written: int = 0
    deletions: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    failure: BaseException | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self) -> None:
        """Write everything; returns when all threads have ended."""
        threads = [
            threading.Thread(target=self._thread, args=(number,), name=f"writer-{number}")
            for number in range(THREADS)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if self.failure is not None:
            raise self.failure

    def _thread(self, number: int) -> None:
        try:
            _Writer(self, number).run()
        except BaseException as error:
            self.failure = error
            raise

    def commit(self, writes: dict[str, dict[str, Any] | None]) -> None:
        """Write documents in one commit; None deletes."""

        def attempt() -> int:
            batch = self.client.batch()
            for path, fields in writes.items():
                if fields is None:
                    batch.delete(self.client.document(path))
                else:
                    batch.set(self.client.document(path), fields)
            batch.commit(retry=None, timeout=30)
            return microseconds(batch.commit_time.timestamp_pb())

        time_ = RETRYING.copy()(attempt)
        with self._lock:
            self.written += len(writes)
            for path, fields in writes.items():
                if fields is None:
                    self.deletions[path].append(time_)


class _Writer:
    """One thread: it alone writes the documents it owns, and all write the hot ones."""

    def __init__(self, load: Load, number: int) -> None:
        self.load = load
        self.number = number
        self.random = random.Random(f"{load.seed}/writer/{number}")
        paths = [path for group, _ in WEIGHTS for path in group]
        self.owned = [path for index, path in enumerate(paths) if index % THREADS == number]
        weights = {path: weight / len(group) for group, weight in WEIGHTS for path in group}
        self.weights = [weights[path] for path in self.owned]
        self.missing = set(self.owned)
        self.poisoned: set[str] = set()

    def run(self) -> None:
        share = self.load.writes // THREADS
        done = 0
        started = time.monotonic()
        if self.number == 0:
            for path, make in BROKEN.items():
                self.load.commit({path: make(self.load.client)})
                done += 1
        first = self.random.sample(self.owned, len(self.owned))
        while done < share:
            writes = self._first(first) if first else self._next()
            self.load.commit(writes)
            done += len(writes)
            pace = started + self.load.seconds * done / share - time.monotonic()
            time.sleep(max(0.0, pace) * self.random.uniform(0, 2))
        self._mend()

    def _first(self, left: list[str]) -> dict[str, dict[str, Any] | None]:
        writes = {left.pop(): None for _ in range(min(len(left), self.random.randint(1, 4)))}
        return {path: self._set(path) for path in writes}

    def _next(self) -> dict[str, dict[str, Any] | None]:
        count = self.random.randint(2, 4) if self.random.random() < 0.2 else 1
        return dict(self._one() for _ in range(count))

    def _one(self) -> tuple[str, dict[str, Any] | None]:
        if self.random.random() < 0.08:
            path = self.random.choice([HOT_USER, HOT_POLL, HOT_TEAM])
            return path, content(self.load.client, path, self.random)
        wrong = sorted(self.missing | self.poisoned)
        if wrong and self.random.random() < 0.3:
            path = self.random.choice(wrong)
            return path, self._set(path)
        path = self.random.choices(self.owned, self.weights)[0]
        chance = self.random.random()
        if chance < 0.06:
            self.missing.add(path)
            self.poisoned.discard(path)
            return path, None
        if chance < 0.09:
            self.poisoned.add(path)
            self.missing.discard(path)
            return path, poison(self.load.client, path, self.random)
        return path, self._set(path)

    def _set(self, path: str) -> dict[str, Any]:
        self.missing.discard(path)
        self.poisoned.discard(path)
        return content(self.load.client, path, self.random)

    def _mend(self) -> None:
        """Correct most of what is wrong; the rest stays so to the end."""
        wrong = sorted(self.missing | self.poisoned)
        for path in wrong:
            if self.random.random() < 0.8:
                self.load.commit({path: self._set(path)})
