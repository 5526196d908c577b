"""A workflow's graph as positions: layers from left to right, edges that avoid the boxes.

Steps may form cycles (a step asks again until it is content). The edges that close them are
drawn below the rest, from right to left.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from workflows.engine.graph import Edge, Graph, Node

BOX_HEIGHT = 48
NARROWEST = {"start": 72, "step": 96, "person": 152, "stop": 72}
WIDEST = 208
CHARACTER = 7.4  # pixels of one in a label
GAP_X, GAP_Y = 44, 20
MARGIN = 12
PASSAGE = 16  # the height that an edge takes where it passes a layer
ARROW = 6
COLUMN = 880  # pixels that a page has for it, at the least


@dataclass(frozen=True, slots=True)
class Box:
    """A node with its place, in pixels."""

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
class Line:
    """An edge with the `d` of its path; it ends where its arrow's tip is, at `tip`."""

    edge: Edge
    path: str
    tip: tuple[float, float]
    upwards: bool = False  # an arrow from below, of an edge that goes back


@dataclass(frozen=True, slots=True)
class Layout:
    """The drawing and its size in pixels. `boxes` are in reading order."""

    boxes: list[Box]
    lines: list[Line]
    width: float
    height: float

    @property
    def shrinks(self) -> bool:
        """Whether it may be drawn a little smaller to fit a page, rather than scrolled."""
        return COLUMN < self.width <= COLUMN * 1.3


def layout(graph: Graph) -> Layout:
    """Return where everything goes. The same graph gives the same drawing."""
    return _Drawing(graph).layout()


class _Drawing:
    def __init__(self, graph: Graph) -> None:
        self.nodes = {node.id: node for node in graph.nodes}
        known = [edge for edge in graph.edges if {edge.source, edge.target} <= set(self.nodes)]
        self.edges: list[Edge] = list({(edge.source, edge.target): edge for edge in known}.values())
        self.back = self._cycle_closers()
        self.forward = [edge for edge in self.edges if edge not in self.back]
        self.layer = self._layers()
        self.slots = self._slots()

    def layout(self) -> Layout:
        boxes, passages = self._places()
        bottom = max((box.y + box.height for box in boxes.values()), default=0.0)
        bottom = max([bottom, *(y + PASSAGE / 2 for _, _, y in passages.values())])
        lines = [self._line(edge, boxes, passages) for edge in self.forward]
        lines += [self._arc(n, edge, boxes, bottom) for n, edge in enumerate(self.back)]
        right = max((box.x + box.width for box in boxes.values()), default=0.0)
        below = 22 + 12 * len(self.back) if self.back else 0
        order = sorted(boxes.values(), key=lambda box: (box.x, box.y))
        return Layout(order, lines, right + MARGIN, bottom + below + MARGIN)

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
        layer = dict.fromkeys(self.nodes, 0)
        for _ in self.nodes:
            for edge in self.forward:
                layer[edge.target] = max(layer[edge.target], layer[edge.source] + 1)
        last = max(layer.values(), default=0)
        for node in self.nodes.values():
            if node.kind == "stop":
                layer[node.id] = max(last, 1)
        return layer

    # The order within a layer: nodes, and the places where a long edge passes

    def _slots(self) -> list[list[str | tuple[int, int]]]:
        last = max(self.layer.values(), default=0)
        slots: list[list[str | tuple[int, int]]] = [[] for _ in range(last + 1)]
        for node in self.nodes:
            slots[self.layer[node]].append(node)
        before: dict[str | tuple[int, int], list[str | tuple[int, int]]] = defaultdict(list)
        for number, edge in enumerate(self.forward):
            previous: str | tuple[int, int] = edge.source
            for layer in range(self.layer[edge.source] + 1, self.layer[edge.target]):
                slots[layer].append((number, layer))
                before[number, layer].append(previous)
                previous = (number, layer)
            before[edge.target].append(previous)
        for layer in range(1, len(slots)):
            place = {slot: n - len(slots[layer - 1]) / 2 for n, slot in enumerate(slots[layer - 1])}
            means = {
                slot: sum(place.get(one, 0) for one in before[slot]) / (len(before[slot]) or 1)
                for slot in slots[layer]
            }
            # Boxes go before the edges that pass beside them.
            slots[layer].sort(key=lambda slot: (isinstance(slot, tuple), means[slot]))
        return slots

    # Pixels

    def _places(
        self,
    ) -> tuple[dict[str, Box], dict[tuple[int, int], tuple[float, float, float]]]:
        tall = max((self._height(slots) for slots in self.slots), default=0.0)
        boxes: dict[str, Box] = {}
        passages: dict[tuple[int, int], tuple[float, float, float]] = {}
        x = float(MARGIN)
        for slots in self.slots:
            names = [self.nodes[slot] for slot in slots if isinstance(slot, str)]
            width = max((box_width(node) for node in names), default=0.0)
            only_boxes = [slot for slot in slots if isinstance(slot, str)]
            y = MARGIN + (tall - self._height(only_boxes or slots)) / 2
            y = max(min(y, MARGIN + tall - self._height(slots)), float(MARGIN))
            for slot in slots:
                if isinstance(slot, str):
                    boxes[slot] = Box(self.nodes[slot], x, y, width)
                    y += BOX_HEIGHT + GAP_Y
                else:
                    passages[slot] = (x, x + width, y + PASSAGE / 2)
                    y += PASSAGE + GAP_Y
            x += width + GAP_X
        return boxes, passages

    def _height(self, slots: list[str] | list[str | tuple[int, int]]) -> float:
        sizes = [BOX_HEIGHT if isinstance(slot, str) else PASSAGE for slot in slots]
        return float(sum(sizes) + GAP_Y * max(len(sizes) - 1, 0))

    def _line(
        self,
        edge: Edge,
        boxes: dict[str, Box],
        passages: dict[tuple[int, int], tuple[float, float, float]],
    ) -> Line:
        source, target = boxes[edge.source], boxes[edge.target]
        number = self.forward.index(edge)
        x, y = source.x + source.width, source.middle
        path = f"M{x:g} {y:g}"
        for layer in range(self.layer[edge.source] + 1, self.layer[edge.target]):
            left, right, height = passages[number, layer]
            path += f"{_curve(x, y, left, height)}H{right:g}"
            x, y = right, height
        tip = (target.x, target.middle)
        path += _curve(x, y, tip[0] - ARROW, tip[1])
        return Line(edge, path, tip)

    def _arc(self, number: int, edge: Edge, boxes: dict[str, Box], bottom: float) -> Line:
        """Return an edge that goes back: down, below everything, and up into its target."""
        source, target = boxes[edge.source], boxes[edge.target]
        deep = bottom + 18 + 12 * number
        shift = 10.0 if source is target else 0.0
        x, y = source.centre + shift, source.y + source.height
        tip = (target.centre - shift, target.y + target.height)
        turn = min(8.0, abs(x - tip[0]) / 2)
        path = (
            f"M{x:g} {y:g}V{deep - turn:g}Q{x:g} {deep:g} {x - turn:g} {deep:g}"
            f"H{tip[0] + turn:g}Q{tip[0]:g} {deep:g} {tip[0]:g} {deep - turn:g}V{tip[1] + ARROW:g}"
        )
        return Line(edge, path, tip, upwards=True)


def _curve(x: float, y: float, to_x: float, to_y: float) -> str:
    if y == to_y:
        return f"H{to_x:g}"
    half = (x + to_x) / 2
    return f"C{half:g} {y:g} {half:g} {to_y:g} {to_x:g} {to_y:g}"


def box_width(node: Node) -> float:
    """Return how wide its box is; a longer label is cut by the drawing."""
    return float(min(max(round(len(node.label) * CHARACTER) + 36, NARROWEST[node.kind]), WIDEST))
