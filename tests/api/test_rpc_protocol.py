"""JSON-RPC 2.0 by its specification, with methods of the test's own."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onto_fn.api.rpc.endpoint import answered
from onto_fn.api.rpc.protocol import MAX_BATCH, METHOD_NOT_FOUND, Params, RpcError

PARSE_ERROR = {
    "jsonrpc": "2.0",
    "error": {"code": -32700, "message": "Parse error"},
    "id": None,
}
INVALID = {"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": None}


class Table:
    """The methods of the specification's examples."""

    def __init__(self) -> None:
        self.called: list[str] = []

    async def __call__(self, method: str, params: Params) -> Any:
        self.called.append(method)
        positional, named = (params, {}) if isinstance(params, list) else ([], params)
        match method:
            case "subtract":
                return subtract(*positional, **named)
            case "sum":
                return sum(positional)
            case "get_data":
                return ["hello", 5]
            case "update" | "notify_hello" | "notify_sum":
                return None
            case "broken":
                raise RuntimeError("a fault of the app")
            case _:
                raise RpcError(METHOD_NOT_FOUND)


def subtract(minuend: int, subtrahend: int) -> int:
    return minuend - subtrahend


def answer(text: str | bytes, table: Table | None = None) -> str:
    """What is sent back for a text; "" for nothing."""
    data = text.encode() if isinstance(text, str) else text
    return (asyncio.run(answered(data, table or Table())) or b"").decode()


def call(method: str, *rest: Any) -> dict[str, Any]:
    """A call with perhaps arguments and perhaps an id."""
    return {"jsonrpc": "2.0", "method": method} | dict(zip(("params", "id"), rest, strict=False))


EXAMPLES: dict[str, tuple[str, str]] = {
    "positional parameters": (
        '{"jsonrpc": "2.0", "method": "subtract", "params": [42, 23], "id": 1}',
        '{"jsonrpc": "2.0", "result": 19, "id": 1}',
    ),
    "positional parameters, the other way round": (
        '{"jsonrpc": "2.0", "method": "subtract", "params": [23, 42], "id": 2}',
        '{"jsonrpc": "2.0", "result": -19, "id": 2}',
    ),
    "named parameters": (
        '{"jsonrpc": "2.0", "method": "subtract", '
        '"params": {"subtrahend": 23, "minuend": 42}, "id": 3}',
        '{"jsonrpc": "2.0", "result": 19, "id": 3}',
    ),
    "named parameters, the other way round": (
        '{"jsonrpc": "2.0", "method": "subtract", '
        '"params": {"minuend": 42, "subtrahend": 23}, "id": 4}',
        '{"jsonrpc": "2.0", "result": 19, "id": 4}',
    ),
    "a notification": ('{"jsonrpc": "2.0", "method": "update", "params": [1,2,3,4,5]}', ""),
    "a notification of a method that does not exist": (
        '{"jsonrpc": "2.0", "method": "foobar"}',
        "",
    ),
    "a method that does not exist": (
        '{"jsonrpc": "2.0", "method": "foobar", "id": "1"}',
        '{"jsonrpc": "2.0", "error": {"code": -32601, "message": "Method not found"}, "id": "1"}',
    ),
    "invalid JSON": (
        '{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]',
        json.dumps(PARSE_ERROR),
    ),
    "an invalid call": (
        '{"jsonrpc": "2.0", "method": 1, "params": "bar"}',
        json.dumps(INVALID),
    ),
    "a batch of invalid JSON": (
        '[{"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},'
        '{"jsonrpc": "2.0", "method"]',
        json.dumps(PARSE_ERROR),
    ),
    "an empty batch": ("[]", json.dumps(INVALID)),
    "an invalid batch that is not empty": ("[1]", json.dumps([INVALID])),
    "an invalid batch": ("[1,2,3]", json.dumps([INVALID] * 3)),
    "a batch": (
        json.dumps(
            [
                call("sum", [1, 2, 4], "1"),
                call("notify_hello", [7]),
                call("subtract", [42, 23], "2"),
                {"foo": "boo"},
                call("foo.get", {"name": "myself"}, "5"),
                {"jsonrpc": "2.0", "method": "get_data", "id": "9"},
            ]
        ),
        json.dumps(
            [
                {"jsonrpc": "2.0", "result": 7, "id": "1"},
                {"jsonrpc": "2.0", "result": 19, "id": "2"},
                INVALID,
                {
                    "jsonrpc": "2.0",
                    "error": {"code": -32601, "message": "Method not found"},
                    "id": "5",
                },
                {"jsonrpc": "2.0", "result": ["hello", 5], "id": "9"},
            ]
        ),
    ),
    "a batch of notifications": (
        json.dumps([call("notify_sum", [1, 2, 4]), call("notify_hello", [7])]),
        "",
    ),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_examples_of_the_specification_are_answered_to_the_letter(name: str) -> None:
    sent, expected = EXAMPLES[name]
    compact = json.dumps(json.loads(expected), separators=(",", ":")) if expected else ""
    assert answer(sent) == compact


def test_there_are_fifteen_examples() -> None:
    assert len(EXAMPLES) == 15


def test_the_calls_of_a_batch_are_carried_out_one_after_another_also_after_a_failure(
    caplog: pytest.LogCaptureFixture,
) -> None:
    table = Table()
    calls = [call("sum", [1], 1), call("broken", [], 2), call("broken", []), call("update", [], 3)]
    with caplog.at_level(logging.ERROR):
        found = json.loads(answer(json.dumps(calls), table))
    assert table.called == ["sum", "broken", "broken", "update"]
    assert [one["id"] for one in found] == [1, 2, 3]
    assert found[1]["error"] == {"code": -32603, "message": "Internal error"}
    assert len(caplog.records) == 2, "also that of a notification"


def test_a_batch_that_is_too_large_is_refused_and_none_of_it_carried_out() -> None:
    table = Table()
    most = [call("update", [])] * MAX_BATCH
    assert answer(json.dumps(most), table) == ""
    table.called.clear()
    refused = json.loads(answer(json.dumps([*most, call("update", [])]), table))
    assert refused["error"]["data"] == {"detail": "a batch has at most 50 calls"}
    assert (refused["error"]["code"], table.called) == (-32600, [])


@pytest.mark.parametrize("identifier", ["", "a", 0, -1, 2**70, 1.5, None, "\ud800", "ü"])
def test_an_id_comes_back_as_it_was_sent(identifier: object) -> None:
    sent = json.dumps(call("sum", [1], identifier))
    assert json.loads(answer(sent)) == {"jsonrpc": "2.0", "result": 1, "id": identifier}


@pytest.mark.parametrize("identifier", [True, False, [], {}, [1]])
def test_an_id_of_another_type_is_refused(identifier: object) -> None:
    table = Table()
    found = json.loads(answer(json.dumps(call("sum", [1], identifier)), table))
    assert (found["error"]["code"], found["id"], table.called) == (-32600, None, [])


@pytest.mark.parametrize(
    ("wrong", "detail"),
    [
        ({"method": "sum", "id": 1}, "jsonrpc: Input should be '2.0'"),
        ({"jsonrpc": 2.0, "method": "sum", "id": 1}, "jsonrpc: Input should be '2.0'"),
        (call("sum", None, 1), "params: Input should be an object or an array, or left out"),
        (call("sum", 3, 1), "params: Input should be an object or an array, or left out"),
    ],
)
def test_what_is_nearly_a_call_is_told_what_is_wrong_with_it(wrong: Any, detail: str) -> None:
    found = json.loads(answer(json.dumps(wrong)))
    assert found["error"] == {
        "code": -32600,
        "message": "Invalid Request",
        "data": {"detail": detail},
    }
    assert found["id"] == 1


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        ('{"a": NaN}', "NaN"),
        ('{"a": -Infinity}', "-Infinity"),
        ('{"jsonrpc": "2.0", "method": "sum", "method": "update"}', "twice"),
    ],
)
def test_more_than_json_has_is_a_parse_error_that_says_why(text: str, detail: str) -> None:
    error = json.loads(answer(text))["error"]
    assert error["code"] == -32700
    assert detail in error["data"]["detail"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
METHODS = st.sampled_from(["sum", "get_data", "broken", "nothing", "rpc.x", "subtract"])
CALLS = st.fixed_dictionaries(
    {},
    optional={
        "jsonrpc": st.just("2.0") | JSON,
        "method": METHODS | JSON,
        "params": JSON,
        "id": JSON,
        "more": JSON,
    },
)


@settings(deadline=None)
@given(st.binary(max_size=60) | (JSON | CALLS | st.lists(CALLS | JSON)).map(json.dumps))
def test_whatever_is_sent_the_answer_is_one_of_the_protocol(sent: str | bytes) -> None:
    text = answer(sent)
    if text:
        check_answer(json.loads(text))


def check_answer(found: Any) -> None:
    """A response object, or an array of some."""
    if isinstance(found, list):
        assert found
        for one in found:
            assert not isinstance(one, list)
            check_answer(one)
        return
    assert found.keys() in ({"jsonrpc", "result", "id"}, {"jsonrpc", "error", "id"})
    assert found["jsonrpc"] == "2.0"
    assert found["id"] is None or type(found["id"]) in {str, int, float}
    if "error" in found:
        assert {"code", "message"} <= found["error"].keys() <= {"code", "message", "data"}
        assert type(found["error"]["code"]) is int
        assert isinstance(found["error"]["message"], str)
