"""A workflow as a graph for display: steps, the people they ask, and the events between."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from workflows.engine.events import InputRequestEvent, StartEvent, StopEvent
from workflows.engine.step import Step


@dataclass(frozen=True, slots=True)
class Node:
    """The start, a step, a person who is asked (`person:<RequestClass>`), or the stop."""

    id: str
    kind: Literal["start", "step", "person", "stop"]
    label: str


@dataclass(frozen=True, slots=True)
class Edge:
    """An event between two nodes; `label` is its class name."""

    source: str
    target: str
    label: str


@dataclass(frozen=True, slots=True)
class Graph:
    """The graph of the annotations. A step without a return annotation has no outgoing edge."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]


def draw(steps: Iterable[Step]) -> Graph:
    """Return the graph of these steps."""
    steps = list(steps)
    nodes = {"start": Node("start", "start", "start")}
    edges: dict[Edge, None] = {}
    for one in steps:
        nodes[one.name] = Node(one.name, "step", one.name)
        for cls in one.accepts:
            if issubclass(cls, StartEvent):
                edges[Edge("start", one.name, cls.__name__)] = None
    for one in steps:
        for cls in one.returns or ():
            source = one.name
            if issubclass(cls, InputRequestEvent):
                person = f"person:{cls.__name__}"
                nodes[person] = Node(person, "person", cls.__name__)
                edges[Edge(source, person, cls.__name__)] = None
                source, cls = person, cls.reply
            if issubclass(cls, StopEvent):
                nodes["stop"] = Node("stop", "stop", "stop")
                edges[Edge(source, "stop", cls.__name__)] = None
            for other in steps:
                if cls in other.accepts:
                    edges[Edge(source, other.name, cls.__name__)] = None
    return Graph(tuple(nodes.values()), tuple(edges))
