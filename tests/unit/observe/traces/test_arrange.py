"""Traces in order: orphans, repeats, wrong clocks."""

from __future__ import annotations

from tejer.observe.traces.arrange import arrange
from tejer.observe.traces.spans import CLIENT, SERVER, Detail, Resource, Span

MS = 1_000_000
WEB = Resource("web")


def make(number: int, parent: int = 0, *, start: int = 0, ms: int = 10, kind: int = SERVER) -> Span:
    identity, above = number.to_bytes(8, "big"), parent.to_bytes(8, "big") if parent else b""
    return Span(b"t" * 16, identity, above, WEB, f"op{number}", kind, start * MS, ms * MS, False, Detail())


def test_children_know_their_parents_and_orphans_are_counted() -> None:
    trace = arrange([make(2, 1, start=1), make(1), make(3, 99, start=2)])
    assert [one.span.name for one in trace.placed] == ["op1", "op2", "op3"]
    assert [one.parent.name if one.parent else "" for one in trace.placed] == ["", "op1", ""]
    assert [one.orphan for one in trace.placed] == [False, False, True]
    assert trace.root.name == "op1"
    assert trace.warnings[0].startswith("1 spans name a parent that did not come")


def test_without_a_root_the_earliest_span_stands_for_it() -> None:
    assert arrange([make(2, 1, start=5), make(3, 1, start=4)]).root.name == "op3"


def test_a_span_that_came_twice_is_shown_once() -> None:
    assert len(arrange([make(1), make(1), make(2, 1)]).placed) == 2


def test_wrong_clocks_are_said_and_nothing_is_moved() -> None:
    trace = arrange([make(1, start=10, kind=CLIENT), make(2, 1, start=7), make(3, 1, start=30)])
    early, _, late = trace.placed
    assert early.warnings[0].startswith("clock skew: it starts 3.000 ms before its parent")
    assert late.warnings[0].startswith("clock skew: it starts 10.000 ms after its client ended")
    assert early.span.start_ns == 7 * MS


def test_a_span_that_is_its_own_parent_is_a_root_of_its_own() -> None:
    (only,) = arrange([make(1, 1)]).placed
    assert only.parent is None


def test_shared_ids_of_zipkin_become_a_chain() -> None:
    client, hidden = make(1, kind=CLIENT), make(1, start=1)
    inner_client, inner_server = make(2, 1, start=2, kind=CLIENT), make(2, 1, start=3)
    trace = arrange([client, hidden, inner_client, inner_server])
    above = [one.parent.kind if one.parent else 0 for one in trace.placed]
    assert len({one.span.span_id for one in trace.placed}) == 4
    assert above == [0, CLIENT, SERVER, CLIENT]
