"""A graph is laid out from left to right, and nothing overlaps."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workflows.engine import registry
from workflows.engine.graph import Edge, Graph, Node
from workflows.web.run_page.graph_layout import Layout, layout


def split(pair: str) -> tuple[str, str]:
    source, target = pair.split("-")
    return source, target


def graph(*pairs: str) -> Graph:
    """Return a graph of steps from pairs such as "a-b"."""
    edges = tuple(Edge(source, target, "Event") for source, target in map(split, pairs))
    names = dict.fromkeys(name for edge in edges for name in (edge.source, edge.target))
    kinds = {"start": "start", "stop": "stop"}
    nodes = tuple(Node(name, kinds.get(name, "step"), name) for name in names)  # type: ignore[arg-type]
    return Graph(nodes, edges)


def places(drawing: Layout) -> dict[str, tuple[float, float]]:
    return {box.node.id: (box.x, box.y) for box in drawing.boxes}


def assert_apart(drawing: Layout) -> None:
    for one, other in combinations(drawing.boxes, 2):
        beside = one.x + one.width <= other.x or other.x + other.width <= one.x
        above = one.y + one.height <= other.y or other.y + other.height <= one.y
        assert beside or above, (one, other)
    for box in drawing.boxes:
        assert box.x >= 0
        assert box.y >= 0
        assert box.x + box.width <= drawing.width
        assert box.y + box.height <= drawing.height


def test_a_chain_is_laid_out_in_one_row() -> None:
    drawing = layout(graph("start-a", "a-b", "b-stop"))
    found = places(drawing)
    assert [found[name][0] for name in ("start", "a", "b", "stop")] == sorted(
        x for x, _ in found.values()
    )
    assert len({y for _, y in found.values()}) == 1


def test_branches_are_above_each_other() -> None:
    found = places(layout(graph("start-a", "a-b", "a-c", "b-d", "c-d")))
    assert found["b"][0] == found["c"][0]
    assert found["b"][1] != found["c"][1]


def test_a_long_edge_passes_beside_the_boxes_between() -> None:
    drawing = layout(graph("start-a", "a-b", "b-c", "a-c"))
    assert_apart(drawing)
    [long] = [edge for edge in drawing.edges if (edge.edge.source, edge.edge.target) == ("a", "c")]
    [between] = [box for box in drawing.boxes if box.node.id == "b"]
    passage = float(long.path.split("C")[1].split("H")[0].split()[-1])
    assert passage > between.y + between.height


def test_a_cycle_is_drawn_and_its_closing_edge_goes_below() -> None:
    drawing = layout(graph("start-ask", "ask-check", "check-ask", "check-stop"))
    back = [edge for edge in drawing.edges if edge.points_up]
    assert [(edge.edge.source, edge.edge.target) for edge in back] == [("check", "ask")]
    assert_apart(drawing)


def test_a_step_that_leads_to_itself_is_drawn() -> None:
    drawing = layout(graph("start-again", "again-again", "again-stop"))
    assert [edge.points_up for edge in drawing.edges].count(True) == 1


def test_the_stop_is_the_last_node() -> None:
    found = places(layout(graph("start-a", "a-stop", "a-b", "b-c", "c-d")))
    assert found["stop"][0] == max(x for x, _ in found.values())


def test_the_same_graph_gives_the_same_drawing() -> None:
    made = graph("start-a", "a-b", "a-c", "b-d", "c-d", "d-stop")
    assert layout(made) == layout(made)


def test_an_empty_graph_is_an_empty_drawing() -> None:
    assert layout(Graph((), ())).boxes == []


@pytest.mark.parametrize("name", ["assistant", "expenses"])
def test_the_graphs_of_the_examples_are_complete(name: str) -> None:
    made = registry.get(name).graph()
    drawing = layout(made)
    assert_apart(drawing)
    assert {box.node.id for box in drawing.boxes} == {node.id for node in made.nodes}


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=25))
def test_no_graph_makes_boxes_overlap(pairs: list[tuple[int, int]]) -> None:
    drawing = layout(graph(*(f"s{a}-s{b}" for a, b in pairs)))
    assert_apart(drawing)
    assert len(drawing.edges) == len(set(pairs))
