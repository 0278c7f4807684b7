"""Describe an app as a graph of collections, functions, views and the documents they write."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from onto_fn.engine.records.ledger import OUTBOX_COLLECTION
from onto_fn.firestore import PathTemplate
from onto_fn.functions.on_request import NAME as REQUEST
from onto_fn.mediators.request import RequestMediator
from onto_fn.messaging.sinks import Sink, TopicSink, sinks_by_name
from onto_fn.requests import Form, Patch, RequestModel
from onto_fn.store import Store
from onto_fn.store.aggregate_reads import AggregateRead
from onto_fn.views import ViewDocument

if TYPE_CHECKING:
    from onto_fn.functions import App
    from onto_fn.views import Definition

Kind = Literal["collection", "function", "definition", "aggregate", "sink"]

_MERMAID: dict[Kind, tuple[str, str]] = {
    "collection": ("[(", ")]"),
    "function": ("([", "])"),
    "definition": ("[", "]"),
    "aggregate": ("{{", "}}"),
    "sink": (">", "]"),
}
_DOT: dict[Kind, str] = {
    "collection": "cylinder",
    "function": "oval",
    "definition": "box",
    "aggregate": "hexagon",
    "sink": "cds",
}


@dataclass(frozen=True, order=True)
class Node:
    """A part of the app, or a collection or sink that it uses.

    Attributes:
        id: an id that is unique in the graph.
        kind: the kind of the node.
        name: its name; for a collection, its path.
        detail: a detail for people, such as a model's name or a mode.
    """

    id: str
    kind: Kind
    name: str
    detail: str = ""


@dataclass(frozen=True, order=True)
class Edge:
    """A connection from a cause to its effect.

    Attributes:
        source: id of a node.
        target: id of a node.
        label: the kind of connection.
    """

    source: str
    target: str
    label: str = ""


@dataclass(frozen=True)
class Graph:
    """Nodes and edges, in a fixed order."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]

    def to_json(self) -> dict[str, Any]:
        """The nodes and edges as JSON objects."""
        return {
            "nodes": [asdict(node) for node in self.nodes],
            "edges": [asdict(edge) for edge in self.edges],
        }

    def mermaid(self) -> str:
        """The graph as a Mermaid flowchart."""
        lines = ["flowchart LR"]
        for node in self.nodes:
            opening, closing = _MERMAID[node.kind]
            label = "<br>".join(map(_for_mermaid, _lines(node)))
            lines.append(f'    {node.id}{opening}"{label}"{closing}')
        for edge in self.edges:
            label = f'|"{_for_mermaid(edge.label)}"|' if edge.label else ""
            lines.append(f"    {edge.source} -->{label} {edge.target}")
        return "\n".join(lines)

    def dot(self) -> str:
        """The graph in graphviz's language."""
        lines = ["digraph onto {", "    rankdir=LR", '    node [fontname="Helvetica"]']
        for node in self.nodes:
            label = json.dumps("\n".join(_lines(node)), ensure_ascii=False)
            lines.append(f"    {node.id} [label={label} shape={_DOT[node.kind]}]")
        for edge in self.edges:
            label = json.dumps(edge.label, ensure_ascii=False)
            lines.append(f"    {edge.source} -> {edge.target} [label={label}]")
        return "\n".join([*lines, "}"])


def graph_of(app: App) -> Graph:
    """Build the graph of an app.

    A collection leads to the function that its changes trigger. The function leads to views,
    mediators and aggregates, and these lead to the collections that they write. A form or patch
    also leads to the domain models that its code may change. A view or mediator that sends messages
    leads to the function of the outbox, which leads to the sinks.
    """
    return _Builder(app).graph()


class _Builder:
    def __init__(self, app: App) -> None:
        self._app = app
        self._nodes: dict[tuple[Kind, str], Node] = {}
        self._edges: set[Edge] = set()
        self._sinks = sinks_by_name([sink for mediator in app.mediators for sink in mediator.sends])
        self._functions = {trigger.collection: trigger.name for trigger in app.triggers()}

    def graph(self) -> Graph:
        for name in self._app.functions():
            self._node("function", name)
        for definition in self._app.engine.definitions.values():
            self._add(definition)
        for mediator in self._app.mediators:
            if isinstance(mediator, RequestMediator):
                self._add_request(mediator)
        for aggregate in self._app.engine.aggregates.values():
            models = {aggregate.shape.collection: {aggregate.model.__name__}}
            node = self._node("aggregate", aggregate.name, ", ".join(aggregate.measures))
            self._sources(models, node)
        return Graph(tuple(self._nodes.values()), tuple(sorted(self._edges)))

    def _add(self, definition: Definition) -> None:
        node = self._node("definition", definition.name, _mode(definition))
        reads = definition.store.reads().values()
        models: dict[PathTemplate, set[str]] = {}
        for read in reads:
            if isinstance(read, AggregateRead):
                numbers = self._node("aggregate", read.spec.name, ", ".join(read.spec.measures))
                self._through(numbers, read.collection, node, "reads")
            else:
                models.setdefault(read.collection, set()).add(read.model.__name__)
        self._sources(models, node, root=definition.root_collection)
        for target in definition.targets:
            self._edge(node, self._collection(target.parent, set()), "writes")
        for name in definition.sends:
            self._add_sink(node, self._sinks[name])

    def _add_request(self, mediator: RequestMediator) -> None:
        """Add the models that a form or patch may change, and the function of its calls."""
        node = self._node("definition", mediator.name)
        store = _changed_by(mediator.model)
        for read in store.reads().values() if store else ():
            if not isinstance(read, AggregateRead) and not issubclass(read.model, ViewDocument):
                changed = self._collection(read.collection, {read.model.__name__})
                self._edge(node, changed, "may change")
        if mediator.callable:
            self._edge(self._node("function", REQUEST), node, "calls")

    def _add_sink(self, node: Node, sink: Sink) -> None:
        """Add the way of a message: the outbox's function sends it to the sink."""
        function = self._node("function", self._functions[PathTemplate(OUTBOX_COLLECTION)])
        detail = f"topic {sink.topic}" if isinstance(sink, TopicSink) else type(sink).__name__
        self._edge(node, function, f"sends to {sink.name}")
        self._edge(function, self._node("sink", sink.name, detail))

    def _sources(
        self, models: dict[PathTemplate, set[str]], node: Node, root: PathTemplate | None = None
    ) -> None:
        for template, names in models.items():
            is_root = root is not None and root.overlaps(template)
            label = "root" if is_root else "reads"
            self._through(self._collection(template, names), template, node, label)

    def _through(self, source: Node, template: PathTemplate, node: Node, label: str) -> None:
        """Connect a source with a node through the function that the source's changes trigger."""
        for collection, name in self._functions.items():
            if collection.overlaps(template):
                function = self._node("function", name)
                self._edge(source, function)
                self._edge(function, node, label)
                return
        self._edge(source, node, label)

    def _collection(self, template: PathTemplate, models: set[str]) -> Node:
        """The node of a collection; templates of the same documents share a node."""
        for (kind, name), node in self._nodes.items():
            if kind == "collection" and PathTemplate(name).overlaps(template):
                detail = ", ".join(sorted({*filter(None, node.detail.split(", ")), *models}))
                self._nodes[kind, name] = found = Node(node.id, kind, name, detail)
                return found
        return self._node("collection", template.text, ", ".join(sorted(models)))

    def _node(self, kind: Kind, name: str, detail: str = "") -> Node:
        known = self._nodes.get((kind, name))
        if known is None or (detail and not known.detail):
            identifier = known.id if known else f"n{len(self._nodes)}"
            self._nodes[kind, name] = known = Node(identifier, kind, name, detail)
        return known

    def _edge(self, source: Node, target: Node, label: str = "") -> None:
        self._edges.add(Edge(source.id, target.id, label))


def _changed_by(model: type[RequestModel]) -> type[Store] | None:
    """The store whose objects a form or patch may change."""
    if issubclass(model, Patch):
        return model.__view__.__store__
    return model.store_type() if issubclass(model, Form) else None


def _mode(definition: Definition) -> str:
    return "" if definition.mode == "materialise" else f"{definition.mode} mode"


def _lines(node: Node) -> list[str]:
    return [node.name, node.detail] if node.detail else [node.name]


def _for_mermaid(text: str) -> str:
    """Escape the characters that have a meaning in Mermaid."""
    return text.replace("&", "#amp;").replace('"', "#quot;").replace("<", "#lt;")
