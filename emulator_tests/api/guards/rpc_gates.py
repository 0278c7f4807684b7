"""The decisions of JSON-RPC that deny, besides those of the gate."""

from __future__ import annotations

from emulator_tests.api.guards.loosening import Guard

RPC = [
    Guard("gate.submitting:path_of", "check_app(caller)", "pass", "call without App Check"),
    Guard(
        "api.rpc.methods:Methods._list",
        "<= MAX_PAGE:",
        "<= MAX_PAGE + 1:",
        "call for a long page",
    ),
    Guard(
        "api.rpc.methods:Methods._list",
        "if size > sent.documents:",
        "if False:",
        "call for many long pages",
    ),
    Guard("api.rpc.methods:arguments", "if problems:", "if False:", "call with more arguments"),
    Guard(
        "api.rpc.methods:arguments",
        "if len(params) > len(names):",
        "if False:",
        "call with more places",
    ),
    Guard("api.rpc.methods:_text", "if not isinstance(value, str):", "if False:", "call by a list"),
    Guard("api.rpc.methods:Methods.handler", "if left <= 0:", "if False:", "call after the end"),
    Guard(
        "gate.offers:ByField.accepted",
        " or type(value) not in _IN_JSON[self.stored]",
        "",
        "call with a condition of another type",
    ),
    Guard("api.rpc.protocol:answer_to", "if len(calls) > MAX_BATCH:", "if False:", "a long batch"),
    Guard("api.rpc.protocol:_is_id", " and not isinstance(value, bool)", "", "a call with no id"),
    Guard(
        "api.rpc.protocol:_checked",
        'if call.get("jsonrpc") != "2.0":',
        "if False:",
        "a call of another version",
    ),
    Guard(
        "api.rpc.protocol:_checked",
        "if not isinstance(params, list | dict):",
        "if params is None:",
        "a call whose arguments are a text",
    ),
    Guard("api.rpc.endpoint:answer_rpc", "query_of(request, ())", "pass", "a call with a query"),
    Guard(
        "api.rpc.endpoint:answer_rpc",
        "check_accepts(request, _JSON)",
        "pass",
        "a call for another form",
    ),
]
