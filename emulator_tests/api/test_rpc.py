"""Views and requests by JSON-RPC: the same decisions as over REST, on the Firestore emulator."""

from __future__ import annotations

import asyncio
import itertools
import json
import threading
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Literal

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator
from pydantic import Field

from emulator_tests.kit.http import Http
from emulator_tests.kit.writing import Writer
from onto_fn import (
    App,
    DomainModel,
    Form,
    FormMediator,
    Patch,
    Ref,
    Refused,
    Request,
    Store,
    ViewModel,
    mirror,
    root,
)
from onto_fn.access import members, owner, public, role
from onto_fn.api import Api, Live, Rest, Rpc, application, by
from onto_fn.api.rpc import methods
from onto_fn.api.rpc.openrpc import openrpc
from onto_fn.gate.refusal import Refusal

_ids = itertools.count()


class Chore(DomainModel, collection="rpcChores"):
    title: str
    state: Literal["open", "done"] = "open"
    member_ids: list[str] = Field(default_factory=list)
    rank: int = 0


class ChoreStore(Store):
    chore = root(Chore)


class ChorePage(ViewModel[ChoreStore], path="rpcPages/{chore_id}", read=members("member_ids")):
    title: str = mirror("chore.title")
    member_ids: list[str] = mirror("chore.member_ids")


class Row(ViewModel[ChoreStore], path="rpcUsers/{user_id}/rows/{chore_id}", read=public()):
    title: str = mirror("chore.title", setter=True)
    state: Literal["open", "done"] = mirror("chore.state")
    rank: int = mirror("chore.rank")

    def targets(self) -> Iterable[dict[str, str]]:
        chore = self.store.chore
        return [{"user_id": user, "chore_id": chore.doc_id} for user in chore.member_ids]


class Own(ViewModel[ChoreStore], path="rpcUsers/{user_id}/own/{chore_id}", read=owner("user_id")):
    title: str = mirror("chore.title")

    def targets(self) -> Iterable[dict[str, str]]:
        chore = self.store.chore
        return [{"user_id": user, "chore_id": chore.doc_id} for user in chore.member_ids]


class RowPatch(
    Patch[Row], path="rpcUsers/{user_id}/patches/{id}", target="chore", create=owner("user_id")
):
    title: str


class ChoreForm(Form, path="rpcUsers/{user_id}/forms/{id}", create=owner("user_id")):
    title: str
    tags: list[str] = Field(default_factory=list)

    def submit(self, request: Request) -> list[Chore]:
        if self.title == "no":
            raise Refused("not this one")
        if self.title == "broken":
            raise RuntimeError("a fault of the app")
        return [Chore(doc_id=request.doc_id, title=self.title, member_ids=[request.uid or ""])]


class AdminForm(Form, path="rpcAdminForms/{id}", create=role("admin")):
    title: str

    def submit(self, request: Request) -> list[Chore]:
        return [Chore(doc_id=request.doc_id, title=self.title)]


class CheckedForm(Form, path="rpcCheckedForms/{id}", create=public()):
    title: str

    def submit(self, request: Request) -> list[Chore]:
        return [Chore(doc_id=request.doc_id, title=self.title)]


class Todo(DomainModel, collection="Todo"):
    title: str
    done: bool = False


class AfterSave(Form, name="after_save", path="saved/{id}", create=public()):
    """What a hook of another system tells: a document, and its content."""

    ref: Ref[Todo]
    snapshot: dict[str, Any]

    def submit(self, request: Request) -> list[Todo]:
        return [Todo(doc_id=self.ref.id, **self.snapshot)]


class BeforeSave(Form, name="before_save", path="toBeSaved/{id}", create=public()):
    ref: Ref[Todo]

    def submit(self, request: Request) -> list[Todo]:
        raise Refused("before_save does not save")


FORMS = [RowPatch, ChoreForm, AdminForm, AfterSave, BeforeSave]
APP = App(
    [ChorePage, Row, *FORMS, FormMediator(CheckedForm, callable=True, app_check=True)],
    api=Api(
        views=[ChorePage, Row, Live(Own)],
        requests=[*FORMS, CheckedForm],
        rest=Rest("/v1", lists={Row: [by("-rank"), by(where=["state"])]}, max_wait_sec=0.3),
        rpc=Rpc("/rpc"),
        origins=["https://app.example"],
    ),
)

assert APP.api is not None
assert APP.offers is not None
DOCUMENT = openrpc(APP.api, APP.offers)


class Client:
    """Calls methods."""

    def __init__(self, http: Http) -> None:
        self.http = http

    def post(self, body: object, *, user: str | None = None, **headers: str) -> httpx.Response:
        signed_in = {} if user is None else {"Authorization": f"Bearer {user}"}
        data = json.dumps(body).encode()
        return asyncio.run(_posted(self.http.app, data, {**signed_in, **headers}))

    def call(self, method: str, params: object = None, *, user: str | None = None) -> Any:
        """The answer to a call, without what all answers have."""
        identifier = next(_ids)
        given = {} if params is None else {"params": params}
        sent = {"jsonrpc": "2.0", "method": method, "id": identifier, **given}
        answer = self.post(sent, user=user)
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == "application/json"
        found = answer.json()
        assert (found.pop("jsonrpc"), found.pop("id")) == ("2.0", identifier)
        return found

    def result(self, method: str, params: object = None, *, user: str | None = None) -> Any:
        found = self.call(method, params, user=user)
        assert found.keys() == {"result"}, found
        described = next((one for one in DOCUMENT["methods"] if one["name"] == method), None)
        if described is not None:
            schema = {**described["result"]["schema"], "components": DOCUMENT["components"]}
            Draft7Validator(schema).validate(found["result"])
        return found["result"]

    def error(self, method: str, params: object = None, *, user: str | None = None) -> Any:
        found = self.call(method, params, user=user)
        assert found.keys() == {"error"}, found
        return found["error"]


@pytest.fixture
def client(connect: Any, monkeypatch: pytest.MonkeyPatch) -> Client:
    return Client(Http.of(APP, connect(), monkeypatch))


@pytest.fixture
def chores(writer: Writer) -> Writer:
    """Two chores and their views: ada has both, bob the second."""
    put(writer, "a", title="A", memberIds=["ada"], rank=1)
    put(writer, "b", title="B", memberIds=["ada", "bob"], rank=2, state="done")
    return writer


def put(writer: Writer, name: str, *, deliver: bool = True, **fields: Any) -> Any:
    content = {"state": "open", "rank": 0, **fields}
    change = writer.write(f"rpcChores/{name}", content)
    if deliver:
        APP.engine.handle(writer.database, change)
    return change


def test_a_hook_of_another_system_saves_its_document_and_each_method_is_itself(
    client: Client, writer: Writer
) -> None:
    fields: Any = {"ref": "Todo/1", "snapshot": {"title": "milk", "done": True}}
    saved = client.result("after_save", {"id": "1", "fields": fields})
    assert (saved["id"], saved["path"], saved["state"]) == ("1", "saved/1", "done")
    assert (writer.content("Todo/1") or {}).items() >= fields["snapshot"].items()

    other = client.error("before_save", {"id": "1", "fields": {"ref": "Todo/1"}})
    assert (other["code"], other["message"]) == (-32004, "before_save does not save")


def test_the_methods_are_told_to_whoever_asks(client: Client) -> None:
    assert client.result("rpc.discover") == json.loads(json.dumps(DOCUMENT))
    assert client.result("rpc.discover", []) == client.result("rpc.discover", {})
    assert client.error("rpc.discover", [1])["code"] == -32602


def test_a_view_is_got_by_names_and_by_places(client: Client, chores: Writer) -> None:
    rest = client.http.get("/v1/rpcUsers/bob/rows/b")
    expected = {"version": rest.headers["etag"].strip('"'), "fields": rest.json()}
    assert client.result("Row.get", {"user_id": "bob", "chore_id": "b"}) == expected
    assert client.result("Row.get", ["bob", "b"]) == expected
    assert client.result("ChorePage.get", ["b"], user="bob")["fields"]["title"] == "B"
    assert client.result("Own.get", ["ada", "a"], user="ada")["fields"] == {"title": "A"}


def test_a_list_goes_on_by_its_cursor_and_is_sorted_and_narrowed_as_declared(
    client: Client, chores: Writer
) -> None:
    def ids(params: object, user: str | None = None, method: str = "Row.list") -> list[str]:
        return [item["id"] for item in client.result(method, params, user=user)["items"]]

    first = client.result("Row.list", {"user_id": "ada", "limit": 1})
    assert [item["id"] for item in first["items"]] == ["a"]
    assert first["items"][0] == {"id": "a", **client.result("Row.get", ["ada", "a"])}
    second = client.result("Row.list", ["ada", 1, first["next"]])
    assert ([item["id"] for item in second["items"]], second["next"]) == (["b"], None)

    assert ids({"user_id": "ada", "order": "-rank"}) == ["b", "a"]
    assert ids({"user_id": "ada", "where": {"state": "open"}}) == ["a"]
    assert ids({}, "bob", "ChorePage.list") == ["b"], "those that list bob"
    assert ids(None, "eve", "ChorePage.list") == []
    assert "error" in client.call("Own.list", ["ada"], user="ada"), "what is computed has no list"


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ({"limit": 0}, {"pointer": "/limit", "detail": "Input should be a number from 1 to 100"}),
        ({"limit": 101}, "/limit"),
        ({"limit": True}, "/limit"),
        ({"limit": "2"}, "/limit"),
        ({"cursor": 3}, "/cursor"),
        ({"cursor": "x"}, "/cursor"),
        ({"order": "rank"}, "no such order"),
        ({"order": None}, "/order"),
        ({"where": {"rank": 1}}, "no such order"),
        ({"where": {"state": "lost"}}, "/where/state"),
        ({"where": {"state": 1}}, "/where/state"),
        ({"where": []}, "/where"),
        ({"offset": 3}, "there is no parameter 'offset'"),
        ({"user_id": 3}, "/user_id"),
        ({"user_id": "a/b"}, "slash"),
        ({"user_id": "__x__"}, "reserves"),
        ({"user_id": "\ud800"}, "Unicode"),
    ],
)
def test_arguments_that_do_not_fit_are_named(client: Client, more: Any, problem: Any) -> None:
    error = client.error("Row.list", {"user_id": "ada", **more})
    assert (error["code"], error["data"]["code"]) == (-32602, "invalid-argument")
    if isinstance(problem, dict):
        assert error["data"]["problems"] == [problem]
    else:
        assert problem in json.dumps(error["data"]["problems"])


def test_missing_and_superfluous_arguments_are_refused(client: Client) -> None:
    missing = client.error("Row.get", ["ada"])
    assert missing["data"]["problems"] == [{"pointer": "/chore_id", "detail": "Field required"}]
    assert client.error("Row.get", ["ada", "a", "1", "2"])["code"] == -32602
    assert client.error("ChoreForm", {"id": "x"}, user="ada")["code"] == -32602
    unknown = client.error("Row.put", ["ada"])
    assert unknown["code"] == -32601
    assert "rpc.discover" in unknown["data"]["detail"]


def test_a_request_is_carried_out_once_for_its_id(client: Client, writer: Writer) -> None:
    params = {"id": "t", "fields": {"title": "new"}, "params": {"user_id": "ada"}}
    first = client.result("ChoreForm", params, user="ada")
    assert first == {
        "id": "t",
        "path": "rpcUsers/ada/forms/t",
        "state": "done",
        "after": first["after"],
    }
    time = writer.database.get(["rpcChores/t"])[0]["rpcChores/t"].update_time
    assert client.result("ChoreForm", ["t", {"title": "new"}], user="ada") == first
    put_again = client.http.put("/v1/rpcUsers/ada/forms/t", {"title": "new"}, user="ada")
    assert (put_again.status_code, put_again.json()) == (200, first), "whatever the protocol"
    other = client.error("ChoreForm", ["t", {"title": "other"}], user="ada")
    assert (other["code"], other["data"]["code"]) == (-32005, "already-exists")
    assert writer.database.get(["rpcChores/t"])[0]["rpcChores/t"].update_time == time

    refused = client.error("ChoreForm", ["u", {"title": "no"}], user="ada")
    assert (refused["code"], refused["message"]) == (-32004, "not this one")
    broken = client.error("ChoreForm", ["v", {"title": "broken"}], user="ada")
    assert (broken["code"], broken["message"]) == (-32603, "internal error")
    unfit = client.error("ChoreForm", ["w", {"title": 1, "tags": ["a", 2], "x": 3}], user="ada")
    pointers = [problem["pointer"] for problem in unfit["data"]["problems"]]
    assert pointers == ["/fields/title", "/fields/tags/1", "/fields/x"]
    wrong_path = client.error("ChoreForm", ["w", {}, {"team": "x"}], user="ada")
    assert [problem["pointer"] for problem in wrong_path["data"]["problems"]] == ["/params/team"]


def test_whoever_the_rules_deny_is_denied_and_learns_nothing(
    client: Client, chores: Writer
) -> None:
    denied, unauthenticated = -32002, -32001
    page = {"chore_id": "a"}
    assert client.error("ChorePage.get", page, user="bob")["code"] == denied
    assert client.error("ChorePage.get", page)["code"] == unauthenticated
    missing = client.error("ChorePage.get", {"chore_id": "nothing"}, user="bob")
    assert missing == client.error("ChorePage.get", page, user="bob"), "there or not"
    assert client.error("ChorePage.get", {**page, "after": "1"}, user="bob")["code"] == denied
    assert client.error("ChorePage.list")["code"] == unauthenticated
    assert client.error("Own.get", ["ada", "a"], user="bob")["code"] == denied
    assert client.error("Own.get", ["ada", "none"], user="ada")["code"] == -32003
    form = {"id": "f", "fields": {"title": 3}, "params": {"user_id": "ada"}}
    assert client.error("ChoreForm", form, user="bob")["code"] == denied, "before what it sends"
    assert client.error("ChoreForm", form)["code"] == unauthenticated
    for user in ("ada", 'x {"admin": "true"}', 'x {"admin": false}'):
        answer = client.error("AdminForm", ["f", {"title": "x"}], user=user)
        assert answer["code"] == denied
    assert client.result("AdminForm", ["f", {"title": "x"}], user='x {"admin": true}')
    assert chores.content("rpcUsers/ada/forms/f") is None


def test_app_check_is_asked_for_where_a_request_is_declared_so(
    client: Client, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("onto_fn.gate.caller.is_emulated", lambda: False)
    error = client.error("CheckedForm", ["c", {"title": "x"}])
    assert error["code"] == -32001
    assert "App Check" in error["message"]
    assert writer.content("rpcChores/c") is None


def test_a_token_that_is_not_valid_stops_a_whole_batch(
    client: Client, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def invalid(*_: object) -> None:
        raise Refusal("unauthenticated", "the ID token is not valid")

    monkeypatch.setattr(application, "caller_of", invalid)
    call = {"jsonrpc": "2.0", "method": "CheckedForm", "params": ["x", {"title": "x"}]}
    answer = client.post([call, {**call, "id": 1}], user="ada")
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert answer.headers["content-type"] == "application/problem+json"
    assert writer.content("rpcChores/x") is None


def test_an_api_with_app_check_refuses_calls_without_a_token_before_any_is_carried_out(
    connect: Any, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert APP.api is not None
    app = App(APP.mediators, api=replace(APP.api, app_check=True))
    client = Client(Http.of(app, connect(), monkeypatch))
    monkeypatch.setattr("onto_fn.gate.caller.is_emulated", lambda: False)
    call = {"jsonrpc": "2.0", "method": "after_save", "id": 1}
    call |= {"params": ["1", {"ref": "Todo/1", "snapshot": {"title": "milk"}}]}
    assert client.post(call).status_code == 401
    assert writer.content("Todo/1") is None


def test_notifications_are_carried_out_and_not_answered(client: Client, writer: Writer) -> None:
    call = {"jsonrpc": "2.0", "method": "ChoreForm"}
    done = client.post({**call, "params": ["n", {"title": "n"}]}, user="ada")
    assert (done.status_code, done.content) == (204, b"")
    assert (writer.content("rpcChores/n") or {})["title"] == "n"
    for wrong in (["n", {"title": "other"}], ["o", {"title": "no"}], [], {"a": 1}):
        assert client.post({**call, "params": wrong}, user="ada").status_code == 204
    assert client.post({**call, "params": ["p", {"title": "p"}]}).status_code == 204
    assert writer.content("rpcChores/p") is None, "nobody is signed in"


def test_a_batch_is_carried_out_in_its_order_and_a_failure_undoes_nothing(
    client: Client, writer: Writer
) -> None:
    def call(identifier: object, method: str, *params: Any) -> Any:
        return {"jsonrpc": "2.0", "method": method, "params": list(params), "id": identifier}

    batch = [
        call(1, "ChoreForm", "x", {"title": "first"}),
        call(2, "ChoreForm", "y", {"title": "no"}),
        call("c", "ChoreForm", "x", {"title": "second"}),
        {"jsonrpc": "2.0", "method": "ChoreForm", "params": ["z", {"title": "unanswered"}]},
        7,
        call(4, "Own.get", "ada", "z"),
    ]
    answer = client.post(batch, user="ada")
    assert answer.status_code == 200
    found = answer.json()
    assert [one["id"] for one in found] == [1, 2, "c", None, 4]
    codes = [one.get("error", {}).get("code") for one in found]
    assert codes == [None, -32004, -32005, -32600, None]
    assert found[-1]["result"]["fields"] == {"title": "unanswered"}
    assert (writer.content("rpcChores/x") or {})["title"] == "first"


def test_a_caller_reads_its_own_write_and_is_told_if_it_cannot_yet(
    client: Client, chores: Writer
) -> None:
    change = put(chores, "a", title="later", memberIds=["ada"], deliver=False)
    after = client.result("ChoreForm", ["q", {"title": "q"}], user="ada")["after"]
    early = client.error("Row.get", ["ada", "a", after])
    assert (early["code"], early["data"]["code"]) == (-32006, "deadline-exceeded")
    assert early["data"]["view"]["fields"]["title"] == "A"

    timer = threading.Timer(0.1, lambda: APP.engine.handle(chores.database, change))
    timer.start()
    seen = client.result("Row.get", {"user_id": "ada", "chore_id": "a", "after": after})
    timer.join()
    assert seen["fields"]["title"] == "later"
    assert client.error("Row.get", ["ada", "a", "yesterday"])["code"] == -32602
    assert client.error("Row.get", ["ada", "a", 3])["code"] == -32602


def test_calls_that_take_too_long_together_are_to_be_sent_again(
    client: Client, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = itertools.count(0, 100)
    monkeypatch.setattr(methods, "monotonic", lambda: next(times))
    late = client.error("ChoreForm", ["l", {"title": "l"}], user="ada")
    assert (late["code"], late["data"]["code"]) == (-32006, "unavailable")
    assert writer.content("rpcChores/l") is None


def test_what_is_no_message_is_answered_as_http_answers_it(client: Client) -> None:
    def status(method: str = "POST", address: str = "/rpc", **headers: str) -> tuple[int, str]:
        sent = {"Content-Type": "application/json", **headers}
        answer = client.http.send(method, address, headers=sent)
        return answer.status_code, answer.headers.get("content-type", "")

    problem = "application/problem+json"
    assert status(**{"Content-Type": "text/plain"}) == (415, problem)
    assert status(Accept="text/html") == (406, problem)
    assert status(address="/rpc?a=1") == (400, problem)
    assert status("GET") == (405, problem)
    assert status("PUT") == (405, problem)
    assert client.http.send("OPTIONS", "/rpc").headers["allow"] == "POST, OPTIONS"
    assert status(address="/v1/rpc") == (404, problem)
    assert client.post("x" * 1_100_000).status_code == 413

    assert status() == (200, "application/json"), "a body that is empty cannot be parsed"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)
NAMES = st.sampled_from(["ada", "a", "b", "", "..", "x/y", "__x__", "\ud800"]) | st.text(max_size=5)
ARGUMENTS = st.one_of(
    JSON,
    st.lists(NAMES | JSON, max_size=4),
    st.fixed_dictionaries(
        {},
        optional={
            "user_id": NAMES | JSON,
            "chore_id": NAMES | JSON,
            "after": st.just("1") | JSON,
            "limit": st.integers(-1, 101) | JSON,
            "cursor": st.text() | JSON,
            "order": st.sampled_from(["", "-rank", "rank"]) | JSON,
            "where": st.fixed_dictionaries({}, optional={"state": st.just("done") | JSON}) | JSON,
            "id": NAMES | JSON,
            "fields": st.fixed_dictionaries({"title": NAMES | JSON}) | JSON,
            "params": st.fixed_dictionaries({"user_id": NAMES | JSON}) | JSON,
        },
    ),
)
METHODS = ["Row.get", "Row.list", "ChorePage.get", "ChorePage.list", "Own.get", "ChoreForm"]
METHODS += ["RowPatch", "AdminForm", "after_save", "nothing", "rpc.nothing"]
CALLS = st.fixed_dictionaries(
    {"jsonrpc": st.just("2.0"), "method": st.sampled_from(METHODS)},
    optional={"params": ARGUMENTS, "id": st.integers() | st.text() | JSON},
)


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(message=CALLS | st.lists(CALLS | JSON, max_size=3) | JSON)
def test_whatever_is_sent_is_answered_by_the_protocol(
    client: Client, chores: Writer, message: Any
) -> None:
    answer = client.post(message, user="ada")
    assert answer.status_code in {200, 204}, answer.text
    for one in _answers(answer):
        assert one.keys() in ({"jsonrpc", "result", "id"}, {"jsonrpc", "error", "id"})
        assert one["jsonrpc"] == "2.0"
        assert "error" not in one or one["error"]["code"] != -32603, one


def _answers(answer: httpx.Response) -> list[Any]:
    if answer.status_code == 204:
        assert answer.content == b""
        return []
    found = answer.json()
    return found if isinstance(found, list) else [found]


async def _posted(app: Any, data: bytes, headers: dict[str, str]) -> httpx.Response:
    transport = httpx.ASGITransport(app=app)
    headers = {"Content-Type": "application/json", **headers}
    async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
        return await client.post("/rpc", content=data, headers=headers)
