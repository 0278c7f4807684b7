"""Sinks that send: what a declaration may say."""

from typing import Any

import pytest

from onto_fn import (
    App,
    DeclarationError,
    DocumentSink,
    DomainModel,
    FanOut,
    Mediator,
    Store,
    ViewMediator,
    ViewModel,
    root,
)
from onto_fn.mediators import Documents
from onto_fn.messaging import EndpointSink, Message, TopicSink


class Meeting(DomainModel, collection="meetings"):
    title: str = ""


class MeetingStore(Store):
    meeting = root(Meeting)


class Session(ViewModel[MeetingStore], path="sessions/{id}"):
    @property
    def title(self) -> str:
        return self.store.meeting.title


class Minutes(ViewModel[MeetingStore], path="minutes/{id}"):
    @property
    def title(self) -> str:
        return self.store.meeting.title


TOPIC = TopicSink("meeting-sessions")
ENDPOINT = EndpointSink("https://example.com/hook")


class Own:
    name = "own"

    def send(self, message: Message, project: str) -> None: ...


def test_a_definition_has_the_names_of_its_sinks() -> None:
    definition = ViewMediator(Session, sends=[TOPIC, ENDPOINT, Own()]).definition()

    assert definition.sends == ("meeting-sessions", "https://example.com/hook", "own")


def test_a_mediator_class_declares_its_sinks() -> None:
    class Receipts(Mediator):
        source = Meeting
        sink = DocumentSink("receipts/{id}")
        sends = (TOPIC,)

        def on_write(self, source: Meeting) -> Documents:
            return None

    assert Receipts().definition().sends == ("meeting-sessions",)


def test_what_sends_nothing_has_no_function_for_the_outbox() -> None:
    assert set(App([ViewMediator(Session)]).functions()) == {"on_meetings_written"}


def test_what_sends_has_a_function_for_new_messages_that_asks_for_redelivery() -> None:
    app = App([ViewMediator(Session, sends=[TOPIC])], region="europe-west1")

    functions = app.functions()
    endpoint = functions["on_onto_outbox_written"].__dict__["__firebase_endpoint__"]

    assert set(functions) == {"on_meetings_written", "on_onto_outbox_written"}
    assert endpoint.region == ["europe-west1"]
    assert endpoint.eventTrigger == {
        "eventType": "google.cloud.firestore.document.v1.created",
        "retry": True,
        "eventFilters": {"database": "(default)", "namespace": "(default)"},
        "eventFilterPathPatterns": {"document": "onto_outbox/{doc_id}"},
    }


@pytest.mark.parametrize("mode", ["direct", "task"])
def test_modes_without_a_ledger_cannot_send(mode: str) -> None:
    with pytest.raises(DeclarationError, match=f"in mode '{mode}', which has no ledger"):
        type(
            "Receipts",
            (Mediator,),
            {
                "source": Meeting,
                "sink": DocumentSink("receipts/{id}"),
                "on_create": lambda self, source: None,
                "mode": mode,
                "sends": (TOPIC,),
            },
        )


def test_a_view_in_direct_mode_cannot_send() -> None:
    with pytest.raises(DeclarationError, match="Session is in mode 'direct'"):
        ViewMediator(Session, mode="direct", sends=[TOPIC])


def test_two_mediators_may_share_a_sink() -> None:
    App(
        [
            ViewMediator(Session, sends=[TopicSink("all")]),
            ViewMediator(Minutes, sends=[TopicSink("all")]),
        ]
    )


def test_two_sinks_of_one_name_that_differ_are_refused() -> None:
    with pytest.raises(DeclarationError, match="two different sinks are named 'all'"):
        App(
            [
                ViewMediator(Session, sends=[TopicSink("all")]),
                ViewMediator(Minutes, sends=[TopicSink("all", timeout=5)]),
            ]
        )


def test_one_mediator_with_two_sinks_of_one_name_is_refused() -> None:
    with pytest.raises(DeclarationError, match="each sink needs its own name"):
        ViewMediator(Session, sends=[TOPIC, EndpointSink("https://a.b/c", name=TOPIC.name)])


def test_what_cannot_send_is_refused() -> None:
    wrong: Any = ["meeting-sessions"]
    with pytest.raises(DeclarationError, match=r"`sends` of Session has 'meeting-sessions'"):
        ViewMediator(Session, sends=wrong)


@pytest.mark.parametrize("topic", ["", "ab", "a/b", "projects/p/topics/", "p/p/t/topic"])
def test_what_names_no_topic_is_refused(topic: str) -> None:
    with pytest.raises(DeclarationError, match="needs the id of a topic"):
        TopicSink(topic)


@pytest.mark.parametrize("url", ["", "example.com", "ftp://example.com", "https://"])
def test_what_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(DeclarationError, match="needs a URL"):
        EndpointSink(url)


def test_the_name_of_an_endpoint_keeps_its_secrets() -> None:
    sink = EndpointSink("https://user:password@example.com:8443/hook?key=secret")

    assert sink.name == "https://example.com:8443/hook"
    assert "secret" not in repr(sink)
    assert "password" not in repr(sink)


# What would fail at every event is refused at import


@pytest.mark.parametrize(
    "topic",
    [
        "ab",
        "1abc",
        "googletopic",
        "a b c",
        "a" * 256,
        "東京の",
        "projects//topics/abc",
        "projects/p/topics/1abc",
        None,
        7,
    ],
)
def test_a_topic_that_cannot_exist_is_refused(topic: Any) -> None:
    with pytest.raises(DeclarationError, match="TopicSink"):
        TopicSink(topic)


@pytest.mark.parametrize("topic", ["1ab", "goog-fan-out", "a/b", "a b c", "é" * 3])
def test_a_topic_of_batches_that_cannot_exist_is_refused(topic: str) -> None:
    with pytest.raises(DeclarationError, match="not the id of a Pub/Sub topic"):
        FanOut(topic=topic)


@pytest.mark.parametrize(
    "options",
    [
        {"url": "https://example.com:99999/x"},
        {"url": "https://[::1/x"},
        {"url": "https://exa\nmple.com"},
        {"url": "https://exa mple.com"},
        {"url": None},
        {"url": 7},
        {"url": "https://example.com", "timeout": 0},
        {"url": "https://example.com", "timeout": -1.0},
        {"url": "https://example.com", "timeout": float("nan")},
        {"url": "https://example.com", "timeout": "10"},
        {"url": "https://example.com", "authenticate": {"Authorization": "Bearer x"}},
    ],
)
def test_an_endpoint_that_cannot_be_asked_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(DeclarationError, match="EndpointSink"):
        EndpointSink(**options)


@pytest.mark.parametrize("name", ["x" * 1025, "\ud800", 7, None])
def test_a_sink_whose_name_cannot_be_stored_is_refused(name: Any) -> None:
    sink = Own()
    sink.name = name

    with pytest.raises(DeclarationError, match="has a sink named"):
        ViewMediator(Session, sends=[sink])


def test_mode_query_goes_on_as_another_name_for_direct() -> None:
    class Receipts(Mediator):
        source = Meeting
        sink = DocumentSink("receipts/{id}")
        mode = "query"

        def on_write(self, source: Meeting) -> None:
            return None

    class Title(ViewModel[MeetingStore], path="titles/{meeting_id}"):
        @property
        def title(self) -> str:
            return "t"

    assert Receipts().definition().mode == "direct"
    assert ViewMediator(Title, mode="query").definition().mode == "direct"
