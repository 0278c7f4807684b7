"""Carrying operations out: parse, check, execute, and tell what went wrong."""

from __future__ import annotations

import inspect
import logging
from collections import OrderedDict
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, cast

from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    GraphQLSchema,
    NoSchemaIntrospectionCustomRule,
    OperationDefinitionNode,
    parse,
    specified_rules,
    validate,
)
from graphql import execute as _execute  # pyright: ignore[reportUnknownVariableType]
from graphql import subscribe as _subscribe  # pyright: ignore[reportUnknownVariableType]
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from onto_fn.api.graphql.declared import GraphQL
from onto_fn.api.graphql.limits import problems_of
from onto_fn.api.graphql.operation import Gate, Operation
from onto_fn.api.graphql.schema import schema_of
from onto_fn.api.rest.problem import part_of
from onto_fn.attempts import current_trace
from onto_fn.emulators import is_emulated
from onto_fn.gate.caller import Caller
from onto_fn.gate.offers import Offers
from onto_fn.gate.refusal import Refusal, invalid
from onto_fn.models.model_type import problems_of as problems_of_model

execute, subscribe = cast(Any, _execute), cast(Any, _subscribe)

_log = logging.getLogger("onto_fn")

_REMEMBERED = 200
"""Documents whose checks are remembered: clients send the same ones again and again."""
_MAX_REMEMBERED = 10_000
"""Characters of a document that is remembered."""
_MAX_ERRORS = 10

Kind = Literal["query", "mutation", "subscription"]


class Asked(BaseModel):
    """What a client sends: a GraphQL document, and the values of its variables."""

    model_config = ConfigDict(strict=True, extra="ignore")

    query: str
    operation_name: str | None = Field(None, alias="operationName")
    variables: dict[str, Any] | None = None
    extensions: dict[str, Any] | None = None


def asked_of(content: object) -> Asked:
    """What a client has sent.

    Raises:
        Refusal: it has no document, or a part of another type.
    """
    try:
        return Asked.model_validate(content)
    except ValidationError as error:
        raise invalid(problems_of_model(error)) from error


@dataclass(frozen=True)
class Prepared:
    """An operation that may be carried out.

    Attributes:
        kind: of the operation.
    """

    kind: Kind
    document: DocumentNode
    asked: Asked


class NotPrepared(Exception):
    """An operation that is not carried out.

    Args:
        errors: why, as a client is told.
    """

    def __init__(self, errors: Sequence[GraphQLError]) -> None:
        super().__init__(errors[0].message)
        self.errors = [told(error) for error in errors[:_MAX_ERRORS]]


class Running:
    """Carries out the operations of an API.

    Args:
        declared: the protocol's limits.
        offers: what is offered.
        gate: what operations are carried out with.
        has_streams: whether the API has streams, by whichever function.
    """

    def __init__(self, declared: GraphQL, offers: Offers, gate: Gate, *, has_streams: bool) -> None:
        self._declared = declared
        self._offers = offers
        self._gate = gate
        self._has_streams = has_streams
        self._checked: OrderedDict[str, DocumentNode | list[GraphQLError]] = OrderedDict()

    @cached_property
    def schema(self) -> GraphQLSchema:
        """The schema, made with the first operation."""
        return schema_of(self._offers, streams=self._has_streams)

    @property
    def serves_streams(self) -> bool:
        """Whether subscriptions are carried out here, and not by another function."""
        return self._gate.watching is not None

    @cached_property
    def _shows_schema(self) -> bool:
        shows = self._declared.introspection
        return is_emulated() if shows == "emulator" else bool(shows)

    def prepare(self, asked: Asked) -> Prepared:
        """An operation that is valid and within the limits.

        Raises:
            NotPrepared: it is not.
        """
        document = self._document(asked.query)
        operation = _operation(document, asked.operation_name)
        problems = problems_of(document, operation, self._declared)
        if problems:
            raise NotPrepared(problems)
        return Prepared(operation.operation.value, document, asked)

    async def result(self, prepared: Prepared, caller: Caller) -> dict[str, Any]:
        """What a query or mutation results in."""
        made = execute(self.schema, prepared.document, **self._arguments(prepared, caller))
        result = await made if inspect.isawaitable(made) else made
        return self._told(cast(ExecutionResult, result))

    async def events(self, prepared: Prepared, caller: Caller) -> AsyncGenerator[dict[str, Any]]:
        """What an operation results in: each event of a subscription, or one result.

        Raises:
            NotPrepared: its variables do not fit, or it is a subscription and is not served here.
            StreamEnds: the stream ends before the subscription does.
        """
        if prepared.kind != "subscription":
            result = await self.result(prepared, caller)
            if "data" not in result:
                raise _not_prepared(result)
            yield result
            return
        if not self.serves_streams:
            raise NotPrepared([GraphQLError("subscriptions are served by onto_stream")])
        made = subscribe(self.schema, prepared.document, **self._arguments(prepared, caller))
        stream = await made if inspect.isawaitable(made) else made
        if isinstance(stream, ExecutionResult):
            raise NotPrepared(stream.errors or [GraphQLError("there is no such stream")])
        async with aclosing(cast("AsyncGenerator[ExecutionResult]", stream)) as results:
            async for result in results:
                yield self._told(result)

    def _arguments(self, prepared: Prepared, caller: Caller) -> dict[str, Any]:
        return {
            "context_value": Operation(self._gate, caller),
            "variable_values": prepared.asked.variables,
            "operation_name": prepared.asked.operation_name,
            "hide_suggestions": not self._shows_schema,
        }

    def _document(self, text: str) -> DocumentNode:
        found = self._checked.pop(text, None)
        if found is None:
            found = self._check(text)
        if len(text) <= _MAX_REMEMBERED:
            self._checked[text] = found
            if len(self._checked) > _REMEMBERED:
                self._checked.popitem(last=False)
        if isinstance(found, list):
            raise NotPrepared(found)
        return found

    def _check(self, text: str) -> DocumentNode | list[GraphQLError]:
        try:
            document = parse(text, max_tokens=self._declared.max_tokens)
        except GraphQLError as error:
            return [error]
        rules = list(specified_rules)
        if not self._shows_schema:
            rules.append(NoSchemaIntrospectionCustomRule)
        problems = validate(
            self.schema, document, rules, _MAX_ERRORS, hide_suggestions=not self._shows_schema
        )
        return problems or document

    @staticmethod
    def _told(result: ExecutionResult) -> dict[str, Any]:
        errors = [told(error) for error in result.errors or ()]
        # A result without data is one that was not begun, as its variables do not fit.
        was_begun = result.data is not None or any("path" in error for error in errors)
        return {
            **({"errors": errors} if errors else {}),
            **({"data": result.data} if was_begun else {}),
        }


def _operation(document: DocumentNode, name: str | None) -> OperationDefinitionNode:
    found = [
        node
        for node in document.definitions
        if isinstance(node, OperationDefinitionNode)
        and (name is None or (node.name is not None and node.name.value == name))
    ]
    if len(found) == 1:
        return found[0]
    what = "operationName says which one" if name is None and found else "there is no such one"
    raise NotPrepared([GraphQLError(f"one operation of the document is carried out: {what}")])


def _not_prepared(result: Mapping[str, Any]) -> NotPrepared:
    made = NotPrepared([GraphQLError("the operation cannot be carried out")])
    made.errors = list(result["errors"])
    return made


def told(error: GraphQLError) -> dict[str, Any]:
    """An error as a client is told: with a code of the gate's, and what does not fit."""
    cause = error.original_error
    while isinstance(cause, GraphQLError) and cause.original_error is not None:
        cause = cause.original_error
    shown: dict[str, Any] = dict(error.formatted)
    if isinstance(cause, Refusal):
        extensions: dict[str, Any] = {"code": cause.code}
        if cause.problems:
            extensions["problems"] = [part_of(text) for text in cause.problems]
    elif error.path is None:  # before anything was carried out
        extensions = {"code": "invalid-argument"}
    else:
        _log.error("%s cannot be answered", error.path, exc_info=cause or error)
        extensions = {"code": "internal"}
        if cause is not None and not isinstance(cause, GraphQLError):
            shown["message"] = "internal error; the log says why"
    trace = current_trace.get()
    if trace is not None:
        extensions["trace"] = f"{trace.trace_id:032x}"
    return {**shown, "extensions": extensions}


def told_refusal(refusal: Refusal) -> dict[str, Any]:
    """A refusal of a whole request as a client is told."""
    return told(GraphQLError(str(refusal), original_error=refusal))
