"""What a listener makes of the responses of Firestore's Listen stream, whatever ends it."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent import futures
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import grpc
import pytest
from google.cloud.firestore_v1.types import ListenRequest, ListenResponse, TargetChange
from hypothesis import given
from hypothesis import strategies as st

from onto_fn.editing import Database
from onto_fn.firestore import Document, PathTemplate, Query
from onto_fn.firestore.listening import TARGET, Listening, Progress, Snapshot, TargetLost
from onto_fn.functions.listener import Watched, query_of
from onto_fn.functions.work import Work
from onto_fn.observability import Change
from onto_fn.testing.eventually import eventually

START = datetime(2026, 1, 1, tzinfo=UTC)
PREFIX = "projects/demo-x/databases/(default)/documents"
KIND: Any = TargetChange.TargetChangeType
_Response = cast(Any, ListenResponse).pb()


def name_of(identifier: str) -> str:
    return f"{PREFIX}/people/{identifier}"


def changed(identifier: str, second: int = 0) -> Any:
    response = _Response()
    document = response.document_change.document
    document.name = name_of(identifier)
    document.fields["second"].integer_value = second
    document.update_time.FromDatetime(START + timedelta(seconds=second))
    response.document_change.target_ids.append(TARGET)
    return response


def left(identifier: str) -> Any:
    response = _Response()
    response.document_change.document.name = name_of(identifier)
    response.document_change.removed_target_ids.append(TARGET)
    return response


def deleted(identifier: str) -> Any:
    response = _Response()
    response.document_delete.document = name_of(identifier)
    return response


def removed(identifier: str) -> Any:
    response = _Response()
    response.document_remove.document = name_of(identifier)
    return response


def counted(number: int) -> Any:
    response = _Response()
    response.filter.target_id, response.filter.count = TARGET, number
    return response


def turned(kind: Any, token: bytes = b"", *, targets: Sequence[int] = (TARGET,)) -> Any:
    response = _Response()
    response.target_change.target_change_type = kind
    response.target_change.target_ids.extend(targets)
    response.target_change.resume_token = token
    return response


def consistent(token: bytes = b"") -> Any:
    response = turned(KIND.NO_CHANGE, token, targets=())
    response.target_change.read_time.FromDatetime(START)
    return response


def current(token: bytes = b"") -> list[Any]:
    return [turned(KIND.CURRENT, token), consistent()]


def taken(progress: Progress, responses: Sequence[Any]) -> list[tuple[set[str], set[str]]]:
    """The snapshots of responses: ids of what changed and of what is gone."""
    found = [progress.take(response) for response in responses]
    return [
        ({n.rpartition("/")[2] for n in s.changed}, {n.rpartition("/")[2] for n in s.gone})
        for s in found
        if s is not None
    ]


def test_there_is_no_snapshot_before_all_is_listed() -> None:
    progress = Progress()

    assert taken(progress, [turned(KIND.ADD), changed("a"), consistent()]) == []
    assert taken(progress, current()) == [({"a"}, set())]


@pytest.mark.parametrize("gone", [deleted, removed, left])
def test_what_leaves_the_result_is_gone(gone: Callable[[str], Any]) -> None:
    progress = Progress()
    taken(progress, [changed("a"), changed("b"), *current()])

    assert taken(progress, [gone("a"), consistent()]) == [(set(), {"a"})]


def test_of_several_versions_between_two_snapshots_the_last_counts() -> None:
    progress = Progress()
    taken(progress, [changed("a"), *current()])

    assert taken(progress, [deleted("a"), changed("a", 2), consistent()]) == [({"a"}, set())]


def test_what_vanished_while_no_stream_was_open_is_gone_when_all_is_listed_again() -> None:
    progress = Progress()
    taken(progress, [changed("a"), changed("b"), *current(b"1")])
    progress.lose()
    progress.open()

    assert taken(progress, [changed("b"), *current()]) == [({"b"}, {"a"})]


def test_a_stream_that_goes_on_tells_differences_alone() -> None:
    progress = Progress()
    taken(progress, [changed("a"), changed("b"), *current(b"1")])
    progress.open()

    assert taken(progress, [changed("b", 1), *current(b"2")]) == [({"b"}, set())]


def test_a_token_counts_only_once_its_snapshot_was_told() -> None:
    progress = Progress()
    taken(progress, [changed("a"), *current(b"1")])

    taken(progress, [changed("b"), turned(KIND.CURRENT, b"2")])  # and the stream breaks

    assert progress.token == b"1"
    progress.open()
    assert taken(progress, [changed("b"), *current(b"2")]) == [({"b"}, set())]


def test_a_reset_lists_everything_again() -> None:
    progress = Progress()
    taken(progress, [changed("a"), changed("b"), *current(b"1")])

    found = taken(progress, [changed("c"), turned(KIND.RESET), changed("b"), *current(b"2")])

    assert found == [({"b"}, {"a"})]


@pytest.mark.parametrize(("number", "fits"), [(2, True), (1, False), (3, False)])
def test_a_server_that_counts_other_documents_than_were_told_is_listed_again(
    number: int, fits: bool
) -> None:
    progress = Progress()
    taken(progress, [changed("a"), changed("b"), *current()])
    taken(progress, [changed("c"), deleted("a")])

    if fits:
        assert progress.take(counted(number)) is None
    else:
        with pytest.raises(TargetLost, match=f"there are {number}"):
            progress.take(counted(number))


def test_a_target_that_the_server_ends_is_lost() -> None:
    with pytest.raises(TargetLost, match="the server ended the listener"):
        Progress().take(turned(KIND.REMOVE))


STEPS = st.lists(
    st.tuples(st.sampled_from("abcd"), st.sampled_from(["write", "delete"]), st.booleans()),
    max_size=30,
)


@given(STEPS, st.lists(st.sampled_from(["go on", "lose"]), max_size=30))
def test_whatever_breaks_a_stream_the_snapshots_add_up_to_the_collection(
    steps: list[tuple[str, str, bool]], breaks: list[str]
) -> None:
    """A server that keeps its history, and a client whose stream breaks at any place."""
    progress, known = Progress(), set[str]()
    history: list[tuple[str, str]] = []

    def heard(responses: Sequence[Any]) -> None:
        for here, gone in taken(progress, responses):
            known.difference_update(gone)
            known.update(here)

    def told(since: int) -> list[Any]:
        return [changed(n) if kind == "write" else deleted(n) for n, kind in history[since:]]

    sent = 0
    heard([*current(b"0")])
    for (name, kind, whole), ending in zip(steps, breaks + ["go on"] * 30, strict=False):
        history.append((name, kind))
        if whole:
            heard([*told(sent), consistent(str(len(history)).encode())])
            sent = len(history)
            continue
        heard(told(sent))  # and the stream breaks before the snapshot
        if ending == "lose":
            progress.lose()
        progress.open()
        if progress.token:
            sent = int(progress.token)
            heard([*told(sent), *current(str(len(history)).encode())])
        else:
            heard([*map(changed, sorted(alive(history))), *current(str(len(history)).encode())])
        sent = len(history)
    heard([*told(sent), consistent()])

    assert known == alive(history)


def alive(history: list[tuple[str, str]]) -> set[str]:
    names = set[str]()
    for name, kind in history:
        (names.add if kind == "write" else names.discard)(name)
    return names


def decoded(message: Any) -> Document:
    fields = {name: message.fields[name].integer_value for name in message.fields}
    if fields["second"] > 90:
        raise ValueError("it has no form")
    return Document(
        message.name.removeprefix(f"{PREFIX}/"), fields, START + timedelta(seconds=fields["second"])
    )


class Listener:
    """What is told of people."""

    def __init__(self) -> None:
        self.changes: list[Change] = []
        self.watched = Watched(PathTemplate("people"), decoded, self.changes.append)

    def hear(self, *responses: Any, gone: Sequence[str] = ()) -> list[Change]:
        documents = [response.document_change.document for response in responses]
        self.changes.clear()
        self.watched.take(
            Snapshot({d.name: d for d in documents}, frozenset(name_of(n) for n in gone))
        )
        return list(self.changes)


def test_a_version_is_told_with_the_one_before() -> None:
    listener = Listener()

    (first,) = listener.hear(changed("a", 1))
    (second,) = listener.hear(changed("a", 2))

    assert (first.before_time, first.after_time) == (None, START + timedelta(seconds=1))
    assert (second.before_time, second.after_time) == (first.after_time, second.after_time)
    assert first.is_known
    assert second.is_known


def test_a_deletion_does_not_tell_which_version_it_ended_as_the_last_may_have_been_skipped() -> (
    None
):
    listener = Listener()
    listener.hear(changed("a", 1))

    (change,) = listener.hear(gone=["a"])

    assert change.before is None
    assert change.after is not None
    assert not change.after.exists
    assert not change.is_known


def test_a_document_that_cannot_be_read_is_told_without_its_content_and_the_others_with() -> None:
    listener = Listener()

    bad, good = listener.hear(changed("a", 99), changed("b", 1))
    (fixed,) = listener.hear(changed("a", 2))

    assert (bad.path, bad.before, bad.after) == ("people/a", None, None)
    assert good.is_known
    assert fixed.before is None  # what it was before is unknown
    assert fixed.after_time == START + timedelta(seconds=2)


def test_of_a_collection_group_only_the_declared_collection_is_told() -> None:
    changes: list[Change] = []
    watched = Watched(PathTemplate("towns/{town}/people"), decoded, changes.append)

    watched.take(Snapshot({name_of("a"): changed("a", 1)}, frozenset({name_of("b")})))

    assert query_of(PathTemplate("towns/{town}/people")) == Query("people", collection_group=True)
    assert changes == []


def test_what_fails_for_ever_keeps_no_thread_from_the_others() -> None:
    work, done = Work(2), threading.Event()

    def fail() -> None:
        raise ValueError("poison")

    for _ in range(50):
        work.submit(fail)
    work.submit(done.set)

    assert done.wait(20)
    work.stop()


def test_what_fails_is_tried_until_it_succeeds() -> None:
    work, done, attempts = Work(1), threading.Event(), iter(range(3))

    def fail_twice() -> None:
        if next(attempts) < 2:
            raise ValueError("not yet")
        done.set()

    work.submit(fail_twice)

    assert done.wait(20)
    work.stop()


Script = list[Any]
HANG, END = "hang", "end"


@dataclass
class Server:
    """A server whose streams each follow a script: responses, then it hangs, ends or fails."""

    scripts: list[Script]
    tokens: list[bytes] = field(default_factory=list[bytes])
    stopping: threading.Event = field(default_factory=threading.Event)

    def listen(self, requests: Iterator[Any], context: Any) -> Iterator[Any]:
        self.tokens.append(next(requests).add_target.resume_token)
        for step in self.scripts[min(len(self.tokens), len(self.scripts)) - 1]:
            if step == HANG:
                ended = threading.Event()
                context.add_callback(ended.set)
                while not ended.wait(0.05) and not self.stopping.is_set():
                    pass
            elif step == END:
                return
            elif isinstance(step, grpc.StatusCode):
                context.abort(step, "as the script says")
            else:
                yield step


@dataclass
class Heard:
    """A listener on a scripted server."""

    server: Server
    listening: Listening
    snapshots: list[tuple[list[str], list[str]]]


Follow = Callable[..., Heard]


@pytest.fixture
def follow(monkeypatch: pytest.MonkeyPatch) -> Generator[Follow]:
    ends: list[Callable[[], object]] = []

    def start(*scripts: Script, silence: float = 300.0, failing: tuple[int, ...] = ()) -> Heard:
        state = Server(list(scripts))

        class Handler(grpc.GenericRpcHandler):
            def service(self, details: Any) -> Any:
                return grpc.stream_stream_rpc_method_handler(
                    state.listen,
                    request_deserializer=cast(Any, ListenRequest).pb().FromString,
                    response_serializer=_Response.SerializeToString,
                )

        server: Any = grpc.server(futures.ThreadPoolExecutor(4), handlers=[Handler()])
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", f"127.0.0.1:{port}")
        database, found, numbers = Database("demo-x"), list[Any](), itertools.count(1)

        def deliver(snapshot: Snapshot) -> None:
            if next(numbers) in failing:
                raise RuntimeError("the receiver")
            ids = [
                sorted(n.rpartition("/")[2] for n in s) for s in (snapshot.changed, snapshot.gone)
            ]
            found.append(tuple(ids))

        listening = Listening(
            database, Query("people"), deliver, silence=silence, longest_wait=0.01
        )
        listening.start()
        ends.extend([listening.stop, state.stopping.set, lambda: server.stop(None), database.close])
        return Heard(state, listening, found)

    yield start
    for end in ends:
        end()


until = eventually
FIRST = [changed("a"), changed("b"), *current(b"1")]


@pytest.mark.parametrize(
    "fault", [END, grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.UNAUTHENTICATED]
)
def test_a_stream_that_breaks_is_opened_again_where_it_was(follow: Follow, fault: Any) -> None:
    heard = follow([*FIRST, fault], [changed("c"), *current(b"2"), HANG])

    until(lambda: heard.snapshots == [(["a", "b"], []), (["c"], [])])
    assert heard.server.tokens == [b"", b"1"]


@pytest.mark.parametrize(
    "fault",
    [
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.FAILED_PRECONDITION,
        turned(KIND.REMOVE),
        counted(7),
    ],
    ids=str,
)
def test_a_stream_that_cannot_go_on_lists_everything_again(follow: Follow, fault: Any) -> None:
    heard = follow([*FIRST, fault], [changed("b"), *current(b"2"), HANG])

    until(lambda: heard.snapshots == [(["a", "b"], []), (["b"], ["a"])])
    assert heard.server.tokens == [b"", b""]


def test_a_stream_that_is_silent_for_too_long_is_opened_again(follow: Follow) -> None:
    heard = follow([*FIRST, HANG], [changed("c"), *current(), HANG], silence=0.2)

    def told() -> bool:
        heard.listening.check()
        return len(heard.snapshots) >= 2

    until(told)
    assert heard.snapshots[1] == (["c"], [])
    assert heard.server.tokens[:2] == [b"", b"1"]


def test_what_the_receiver_fails_at_is_told_again(follow: Follow) -> None:
    heard = follow([*FIRST, HANG], failing=(1, 2))

    until(lambda: heard.snapshots == [(["a", "b"], [])])
    assert len(heard.server.tokens) == 3


def test_a_deletion_that_the_receiver_fails_at_is_told_again(follow: Follow) -> None:
    first = [*FIRST, deleted("a"), consistent(), HANG]
    heard = follow(first, [changed("b"), *current(), HANG], failing=(2,))

    until(lambda: heard.snapshots == [(["a", "b"], []), (["b"], ["a"])])


def test_a_listener_that_hears_nothing_stops_at_once(follow: Follow) -> None:
    heard = follow([HANG])
    until(lambda: heard.server.tokens)

    started = time.monotonic()
    heard.listening.stop()

    assert time.monotonic() - started < 5
