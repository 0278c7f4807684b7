"""The one address of JSON-RPC: a message in a POST, and its answer."""

from __future__ import annotations

import json

from starlette.requests import Request
from starlette.responses import Response

from onto_fn.api.rest.asked import NotJson, check_accepts, parsed, query_of, sent
from onto_fn.api.rpc.methods import Methods
from onto_fn.api.rpc.protocol import PARSE_ERROR, Handler, RpcError, answer_to, failure
from onto_fn.api.waiting import Who

_JSON = "application/json"


async def answer_rpc(request: Request, methods: Methods, who: Who, max_body: int) -> Response:
    """Answer a message; with 204 if it has notifications only, once they are carried out.

    Args:
        request: carries the message.
        methods: carries the calls out.
        who: verifies who sends it, once for all calls.
        max_body: bytes of a message.

    Raises:
        HttpProblem: the message cannot be read, for a reason of HTTP's own.
        Refusal: a token is not valid.
    """
    query_of(request, ())
    check_accepts(request, _JSON)
    data = await sent(request, max_body)
    caller = await methods.work.run(who)
    found = await answered(data, methods.handler(caller))
    headers = {"Cache-Control": "no-store"}
    if found is None:
        return Response(status_code=204, headers=headers)
    return Response(found, 200, headers, _JSON)


async def answered(data: bytes, handle: Handler) -> bytes | None:
    """The answer to a message, both as they are sent; None if there is none.

    Args:
        data: the message.
        handle: carries out a method.
    """
    try:
        message = parsed(data)
    except NotJson as error:
        # What is wrong with a text that other parsers take; of all others nothing can be said.
        more = {} if error.__cause__ is not None else {"detail": str(error)}
        answer = failure(RpcError(PARSE_ERROR, data=more))
    else:
        answer = await answer_to(message, handle)
    if answer is None:
        return None
    text = json.dumps(answer, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    # Half of a surrogate pair, in an id say, goes back as it came: escaped.
    return text.encode("utf-8", "backslashreplace")
