"""A workflow's graph as positions: layers from left to right, edges that avoid the boxes.

Steps may form cycles (a step asks again until it is content). The edges that close them are
drawn below the rest, from right to left.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from workflows.engine.graph import Edge, Graph, Node

BOX_HEIGHT = 48
MIN_WIDTHS = {"start": 72, "step": 96, "person": 152, "stop": 72}
MAX_WIDTH = 208
CHARACTER_WIDTH = 7.4  # pixels of one in a label
GAP_X, GAP_Y = 44, 20
MARGIN = 12
PASSAGE_HEIGHT = 16  # the height that an edge takes where it passes a layer
ARROW_LENGTH = 6
PAGE_WIDTH = 880  # pixels that a page has for it, at the least


@dataclass(frozen=True, slots=True)
class Box:
    """A node with its position, in pixels."""

    node: Node
    x: float
    y: float
    width: float
    height: float = BOX_HEIGHT

    @property
    def middle(self) -> float:
        """The height of its middle."""
        return self.y + self.height / 2

    @property
    def centre(self) -> float:
        """The middle from left to right."""
        return self.x + self.width / 2


@dataclass(frozen=True, slots=True)
class GraphEdge:
    """An edge with the `d` of its path; it ends where its arrow's tip is, at `tip`."""

    edge: Edge
    path: str
    tip: tuple[float, float]
    points_up: bool = False  # an arrow from below, of an edge that goes back


@dataclass(frozen=True, slots=True)
class Layout:
    """The drawing and its size in pixels. `boxes` are in reading order."""

    boxes: list[Box]
    edges: list[GraphEdge]
    width: float
    height: float

    @property
    def shrinks(self) -> bool:
        """Whether it may be drawn a little smaller to fit a page, rather than scrolled."""
        return PAGE_WIDTH < self.width <= PAGE_WIDTH * 1.3


def layout(graph: Graph) -> Layout:
    """Return where everything goes. The same graph gives the same drawing."""
    return _LayoutBuilder(graph).layout()


class _LayoutBuilder:
    def __init__(self, graph: Graph) -> None:
        self.nodes = {node.id: node for node in graph.nodes}
        known = [edge for edge in graph.edges if {edge.source, edge.target} <= set(self.nodes)]
        self.edges: list[Edge] = list({(edge.source, edge.target): edge for edge in known}.values())
        self.back = self._cycle_closers()
        self.forward = [edge for edge in self.edges if edge not in self.back]
        self.layer_of = self._layers()
        self.layers = self._ordered_layers()

    def layout(self) -> Layout:
        boxes, passages = self._coordinates()
        bottom = max((box.y + box.height for box in boxes.values()), default=0.0)
        bottom = max([bottom, *(y + PASSAGE_HEIGHT / 2 for _, _, y in passages.values())])
        edges = [self._forward_edge(edge, boxes, passages) for edge in self.forward]
        edges += [self._back_edge(n, edge, boxes, bottom) for n, edge in enumerate(self.back)]
        right = max((box.x + box.width for box in boxes.values()), default=0.0)
        below = 22 + 12 * len(self.back) if self.back else 0
        in_reading_order = sorted(boxes.values(), key=lambda box: (box.x, box.y))
        return Layout(in_reading_order, edges, right + MARGIN, bottom + below + MARGIN)

    # Which edges close a cycle, and which layer a node is in

    def _cycle_closers(self) -> list[Edge]:
        """Return the edges that lead back to a node which is still being walked from."""
        leaving: dict[str, list[Edge]] = defaultdict(list)
        for edge in self.edges:
            leaving[edge.source].append(edge)
        closers: list[Edge] = []
        state: dict[str, str] = {}
        for root in self.nodes:
            if root in state:
                continue
            state[root] = "open"
            path = [(root, iter(leaving[root]))]
            while path:
                node, rest = path[-1]
                way = next(rest, None)
                if way is None:
                    state[node] = "left"
                    path.pop()
                elif state.get(way.target) == "open":
                    closers.append(way)
                elif way.target not in state:
                    state[way.target] = "open"
                    path.append((way.target, iter(leaving[way.target])))
        return closers

    def _layers(self) -> dict[str, int]:
        """Return the longest way to each node; the stop stands in the last layer."""
        layer_of = dict.fromkeys(self.nodes, 0)
        for _ in self.nodes:
            for edge in self.forward:
                layer_of[edge.target] = max(layer_of[edge.target], layer_of[edge.source] + 1)
        last = max(layer_of.values(), default=0)
        for node in self.nodes.values():
            if node.kind == "stop":
                layer_of[node.id] = max(last, 1)
        return layer_of

    # The order within a layer: nodes, and the places where a long edge passes

    def _ordered_layers(self) -> list[list[str | tuple[int, int]]]:
        last = max(self.layer_of.values(), default=0)
        layers: list[list[str | tuple[int, int]]] = [[] for _ in range(last + 1)]
        for node in self.nodes:
            layers[self.layer_of[node]].append(node)
        before: dict[str | tuple[int, int], list[str | tuple[int, int]]] = defaultdict(list)
        for number, edge in enumerate(self.forward):
            previous: str | tuple[int, int] = edge.source
            for layer in range(self.layer_of[edge.source] + 1, self.layer_of[edge.target]):
                layers[layer].append((number, layer))
                before[number, layer].append(previous)
                previous = (number, layer)
            before[edge.target].append(previous)
        for layer in range(1, len(layers)):
            last_layer = layers[layer - 1]
            place = {item: n - len(last_layer) / 2 for n, item in enumerate(last_layer)}
            means = {
                item: sum(place.get(one, 0) for one in before[item]) / (len(before[item]) or 1)
                for item in layers[layer]
            }
            # Boxes go before the edges that pass beside them.
            layers[layer].sort(key=lambda item: (isinstance(item, tuple), means[item]))
        return layers

    # Pixels

    def _coordinates(
        self,
    ) -> tuple[dict[str, Box], dict[tuple[int, int], tuple[float, float, float]]]:
        tall = max((self._height(layer) for layer in self.layers), default=0.0)
        boxes: dict[str, Box] = {}
        passages: dict[tuple[int, int], tuple[float, float, float]] = {}
        x = float(MARGIN)
        for layer in self.layers:
            names = [self.nodes[item] for item in layer if isinstance(item, str)]
            width = max((box_width(node) for node in names), default=0.0)
            only_boxes = [item for item in layer if isinstance(item, str)]
            y = MARGIN + (tall - self._height(only_boxes or layer)) / 2
            y = max(min(y, MARGIN + tall - self._height(layer)), float(MARGIN))
            for item in layer:
                if isinstance(item, str):
                    boxes[item] = Box(self.nodes[item], x, y, width)
                    y += BOX_HEIGHT + GAP_Y
                else:
                    passages[item] = (x, x + width, y + PASSAGE_HEIGHT / 2)
                    y += PASSAGE_HEIGHT + GAP_Y
            x += width + GAP_X
        return boxes, passages

    def _height(self, layer: list[str] | list[str | tuple[int, int]]) -> float:
        sizes = [BOX_HEIGHT if isinstance(item, str) else PASSAGE_HEIGHT for item in layer]
        return float(sum(sizes) + GAP_Y * max(len(sizes) - 1, 0))

    def _forward_edge(
        self,
        edge: Edge,
        boxes: dict[str, Box],
        passages: dict[tuple[int, int], tuple[float, float, float]],
    ) -> GraphEdge:
        source, target = boxes[edge.source], boxes[edge.target]
        number = self.forward.index(edge)
        x, y = source.x + source.width, source.middle
        path = f"M{x:g} {y:g}"
        for layer in range(self.layer_of[edge.source] + 1, self.layer_of[edge.target]):
            left, right, height = passages[number, layer]
            path += f"{_curve(x, y, left, height)}H{right:g}"
            x, y = right, height
        tip = (target.x, target.middle)
        path += _curve(x, y, tip[0] - ARROW_LENGTH, tip[1])
        return GraphEdge(edge, path, tip)

    def _back_edge(
        self, number: int, edge: Edge, boxes: dict[str, Box], bottom: float
    ) -> GraphEdge:
        """Return an edge that goes back: down, below everything, and up into its target."""
        source, target = boxes[edge.source], boxes[edge.target]
        deep = bottom + 18 + 12 * number
        shift = 10.0 if source is target else 0.0
        x, y = source.centre + shift, source.y + source.height
        tip = (target.centre - shift, target.y + target.height)
        turn = min(8.0, abs(x - tip[0]) / 2)
        path = (
            f"M{x:g} {y:g}V{deep - turn:g}Q{x:g} {deep:g} {x - turn:g} {deep:g}"
            f"H{tip[0] + turn:g}Q{tip[0]:g} {deep:g} {tip[0]:g} {deep - turn:g}"
            f"V{tip[1] + ARROW_LENGTH:g}"
        )
        return GraphEdge(edge, path, tip, points_up=True)


def _curve(x: float, y: float, to_x: float, to_y: float) -> str:
    if y == to_y:
        return f"H{to_x:g}"
    half = (x + to_x) / 2
    return f"C{half:g} {y:g} {half:g} {to_y:g} {to_x:g} {to_y:g}"


def box_width(node: Node) -> float:
    """Return how wide its box is; a longer label is cut by the drawing."""
    return float(
        min(max(round(len(node.label) * CHARACTER_WIDTH) + 36, MIN_WIDTHS[node.kind]), MAX_WIDTH)
    )
