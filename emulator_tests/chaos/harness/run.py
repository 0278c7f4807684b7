"""One run: emulator, workers, faults, load, deliveries, quiet, evidence, verdict."""

import base64
import json
import random
import re
import secrets
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from google.cloud.firestore import Client

from emulator_tests.chaos.app.broken import VARIABLE
from emulator_tests.chaos.harness.checker import (
    Acknowledgement,
    Evidence,
    Sent,
    Verdict,
    check,
)
from emulator_tests.chaos.harness.expected import VIEW_PATTERNS, record_id
from emulator_tests.chaos.harness.history import Fields, History, plain
from emulator_tests.chaos.harness.load import Load
from emulator_tests.chaos.harness.records import DEAD_LETTERS, LEDGER, OUTBOX
from onto_fn.testing.chaos import (
    Deliverer,
    DeliveryPlan,
    FaultPlan,
    FaultRates,
    MessageRecorder,
    RecordedEvent,
    Recorder,
    Workers,
    declared_concurrency,
    declared_functions,
    declared_topics,
)
from onto_fn.testing.chaos.events import microseconds
from onto_fn.testing.eventually import eventually

ROOT = Path(__file__).resolve().parents[3]
APP = ROOT / "emulator_tests" / "chaos" / "app" / "main.py"
BUSY = ("on_polls_votes_written", "on_members_written", "on_users_written", "on_meetings_written")
PUBLISHED = "team-summaries"
"""The topic to which the app publishes; nobody in it receives from there."""
LATE = 300
QUIET_SECONDS = 2.0

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Settings:
    """What is run.

    Attributes:
        seed: of all choices.
        writes: source documents written, about.
        seconds: in which time they are written.
        pairs: whether busy functions have two workers.
        settle: seconds that the deliveries may take after the last write.
        log_dir: where the logs go; a new temporary folder unless told.
        rates: of the faults.
        breaks: a fault of the library that is to be found; see `app/broken.py`.
    """

    seed: int
    writes: int = 2000
    seconds: float = 60.0
    pairs: bool = True
    settle: float = 120.0
    log_dir: Path | None = None
    rates: FaultRates = field(default_factory=FaultRates)
    breaks: str = ""


@dataclass
class Report:
    """What happened."""

    settings: Settings
    verdict: Verdict
    log_dir: Path
    counts: Counter[str]
    faults: Counter[tuple[str, str]]
    outcomes: Counter[str]
    durations: list[float]
    slowest: float
    seconds: dict[str, float]


def run(settings: Settings, progress: Progress = lambda line: None) -> Report:
    """Run chaos and check the guarantees."""
    seed = settings.seed
    log_dir = settings.log_dir or Path(tempfile.mkdtemp(prefix="onto-fn-chaos-"))
    project = f"demo-{secrets.token_hex(4)}"
    clock = {"begin": time.monotonic()}
    with ExitStack() as stack:
        progress("starting the emulator and the functions")
        recorder = stack.enter_context(Recorder(ROOT, log_dir, project_id=project))
        functions = declared_functions(APP)
        for name, document in functions.items():
            recorder.register(name, document)
        for number, pattern in enumerate(_only_recorded(functions)):
            recorder.register(f"history_{number}", pattern)
        topics = declared_topics(APP)
        messages = stack.enter_context(
            MessageRecorder(
                ROOT, log_dir, project_id=project, topics={**topics, PUBLISHED: PUBLISHED}
            )
        )
        workers = stack.enter_context(
            Workers(
                APP,
                {
                    name: 2 if settings.pairs and name in BUSY else 1
                    for name in (*functions, *topics)
                },
                firestore_host=recorder.firestore_host,
                project_id=project,
                plan=FaultPlan(seed, settings.rates),
                log_dir=log_dir,
                environ={
                    "PUBSUB_EMULATOR_HOST": messages.pubsub_host,
                    VARIABLE: settings.breaks,
                },
            )
        )
        addresses = {name: workers.addresses(name) for name in (*functions, *topics)}
        deliverer = stack.enter_context(
            Deliverer(DeliveryPlan(seed), addresses, concurrency=declared_concurrency(APP))
        )
        recorder.subscribe(deliverer.take)
        messages.subscribe(deliverer.take)
        client = recorder.client()
        stack.callback(client.close)
        load = Load(client, seed, settings.writes, settings.seconds)
        clock["ready"] = time.monotonic()
        _write(load, deliverer, progress, clock)
        clock["written"] = time.monotonic()
        stopped = max(_times(recorder.events, functions), default=0)
        unacknowledged_then = set(deliverer.acknowledged)
        unacknowledged = _settle(settings, recorder, messages, deliverer, progress)
        clock["settled"] = time.monotonic()
        # No event tells the time of a deletion, such as that of a sent message.
        committed = [entry["commit"] for entry in workers.journal() if "commit" in entry]
        quiet_from = max([*_times(recorder.events), *committed], default=0)
        delivered = [event for event in recorder.events if event.trigger in functions]
        acknowledged = dict(deliverer.acknowledged)
        if not unacknowledged:
            late = random.Random(f"{seed}/late")
            deliverer.again(late.sample(delivered, min(LATE, len(delivered))))
            unacknowledged = _settle(settings, recorder, messages, deliverer, progress)
        clock["quiet"] = time.monotonic()
        progress("checking")
        journal = workers.journal()
        batches = [event for event in messages.events if event.trigger in topics]
        evidence = Evidence(
            history=History.of_events(recorder.events, _deletions(load, journal)),
            final=_documents(client),
            acknowledgements=_acknowledgements(
                delivered, acknowledged, _batches(batches, dict(deliverer.acknowledged))
            ),
            unacknowledged=unacknowledged,
            slowest=deliverer.slowest,
            stopped=stopped,
            outstanding=[e.path for e in delivered if _key(e) not in unacknowledged_then],
            outstanding_roots=sum(
                len(_data(batch)["items"])
                for batch in batches
                if _key(batch) not in unacknowledged_then
            ),
            sent=[_sent(event) for event in messages.events if event.trigger == PUBLISHED],
            quiet_from=quiet_from,
        )
        outcomes = _outcomes(workers)
        counts = deliverer.counts + Counter({"source writes": load.written})
    verdict = check(evidence)
    clock["checked"] = time.monotonic()
    counts["late duplicates"] = LATE
    counts["recorded"] = len(recorder.events)
    counts["batches"] = len(batches)
    return Report(
        settings=settings,
        verdict=verdict,
        log_dir=log_dir,
        counts=counts,
        faults=_faults(journal),
        outcomes=outcomes,
        durations=sorted(deliverer.durations),
        slowest=deliverer.slowest,
        seconds={
            later: clock[later] - clock[earlier]
            for earlier, later in zip(list(clock), list(clock)[1:], strict=False)
        },
    )


def _only_recorded(functions: dict[str, str]) -> list[str]:
    """The views that no function has a trigger on, the ledger and the dead letters."""
    delivered = {re.sub(r"\{\w+\}", "{}", document) for document in functions.values()}
    patterns = [*VIEW_PATTERNS, f"{LEDGER}/{{id}}", f"{DEAD_LETTERS}/{{id}}"]
    return [p for p in patterns if re.sub(r"\{\w+\}", "{}", p) not in delivered]


def _write(load: Load, deliverer: Deliverer, progress: Progress, clock: dict[str, float]) -> None:
    writing = threading.Thread(target=load.run, name="load")
    writing.start()
    while writing.is_alive():
        writing.join(1.0)
        seconds = time.monotonic() - clock["ready"]
        progress(
            f"{seconds:3.0f} s: {load.written} source writes, {deliverer.counts['events']} events, "
            f"{deliverer.counts['deliveries']} deliveries, {deliverer.outstanding} outstanding"
        )
    if load.failure is not None:
        raise load.failure


def _settle(
    settings: Settings,
    recorder: Recorder,
    messages: MessageRecorder,
    deliverer: Deliverer,
    progress: Progress,
) -> int:
    """Wait until all is acknowledged and nothing more happens; returns what was not."""
    quiet_since = time.monotonic()
    before = -1

    def quiet() -> bool:
        nonlocal quiet_since, before
        progress(f"settling: {deliverer.outstanding} deliveries outstanding")
        recorded = len(recorder.events) + len(messages.events)
        if deliverer.outstanding or recorded != before:
            before = recorded
            quiet_since = time.monotonic()
        return time.monotonic() - quiet_since >= QUIET_SECONDS

    try:
        eventually(quiet, deadline=settings.settle)
    except AssertionError:
        return max(1, deliverer.outstanding)
    return 0


def _documents(client: Client) -> dict[str, Fields]:
    """All documents, of all collections."""
    found: dict[str, Fields] = {}
    names = {pattern.split("/")[-2] for pattern in VIEW_PATTERNS} | {
        *("users", "tickets", "locations", "meetings", "polls", "votes", "companies"),
        *("divisions", "teams", "members", DEAD_LETTERS, OUTBOX),
    }
    for name in names:
        for snapshot in client.collection_group(name).stream():
            found[snapshot.reference.path] = plain(snapshot.to_dict())
    return found


def _times(events: list[RecordedEvent], sources: Any = None) -> list[int]:
    caused = {
        *("on_teamSummaries_written", "on_divisionSummaries_written"),
        *("on_onto_aggregates_shards_written", "on_onto_outbox_written"),
    }
    return [
        microseconds(event.message().value.update_time)
        for event in list(events)
        if sources is None or (event.trigger in sources and event.trigger not in caused)
    ]


def _key(event: RecordedEvent) -> tuple[str, str]:
    return event.trigger, event.headers["ce-id"]


def _acknowledgements(
    events: list[RecordedEvent],
    acknowledged: dict[tuple[str, str], float],
    batches: dict[tuple[str, str], dict[str, int]],
) -> list[Acknowledgement]:
    found: list[Acknowledgement] = []
    for event in events:
        if _key(event) in acknowledged:
            message = event.message()
            before, after = (
                microseconds(getattr(message, name).update_time) if message.HasField(name) else None
                for name in ("old_value", "value")
            )
            at = int(acknowledged[_key(event)] * 1_000_000)
            own = batches.get((event.path, event.headers["ce-id"]), {})
            found.append(Acknowledgement(event.path, before, after, at, own))
    return found


def _batches(
    events: list[RecordedEvent], acknowledged: dict[tuple[str, str], float]
) -> dict[tuple[str, str], dict[str, int]]:
    """When each root of a fan-out was done first, by document and event id."""
    found: dict[tuple[str, str], dict[str, int]] = defaultdict(dict)
    for event in events:
        batch = _data(event)
        at = int(acknowledged.get(_key(event), 0) * 1_000_000)
        own = found[batch["document"], batch["event"]]
        for root, _ in batch["items"]:
            path = f"{LEDGER}/{record_id(batch['definition'], root)}"
            own[path] = min(own.get(path, at), at)
    return found


def _data(event: RecordedEvent) -> Any:
    """What the data of a message says."""
    return json.loads(base64.b64decode(json.loads(event.payload)["message"]["data"]))


def _sent(event: RecordedEvent) -> Sent:
    attributes = json.loads(event.payload)["message"]["attributes"]
    return Sent(attributes["ce-subject"], int(attributes["ce-sequence"]), _data(event))


def _deletions(load: Load, journal: list[dict[str, Any]]) -> dict[str, list[int]]:
    """When documents were deleted, by the writer and by the workers."""
    found: dict[str, list[int]] = defaultdict(list)
    for path, times in load.deletions.items():
        found[path] += times
    for entry in journal:
        for path, deleted in entry.get("writes", ()):
            if deleted:
                found[path].append(entry["commit"])
    return found


def _faults(journal: list[dict[str, Any]]) -> Counter[tuple[str, str]]:
    return Counter(
        (entry["fault"], entry.get("code", "whole" if entry.get("whole") else ""))
        for entry in journal
        if "fault" in entry
    )


def _outcomes(workers: Workers) -> Counter[str]:
    """What the workers say about each event and view: committed, covered, unchanged, …"""
    line = re.compile(r"^\w+ of \S.*: (committed|covered|unchanged|dead letter|sent) after ", re.M)
    found: Counter[str] = Counter()
    for log in workers.logs().values():
        found.update(line.findall(log))
    return found
