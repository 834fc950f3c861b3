"""Hypothesis strategies from the kinds' schemas: specs that fit, and specs that nearly do."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tejer.istiod.checks.structure import spec_schema
from tejer.kube.kinds.base import Kind

TEXTS = st.sampled_from((
    "", "a", "web", "web.shop.svc.cluster.local", "*.example.com", "*", "10.0.0.1", "10.0.0.0/8", "5s", "0s", "1us",
    "HTTP", "mesh", "shop/gw", "./*", "unix:///run/x", "/path", "~", "80", "%REQ(a)%", "a b", "[", "true", "é" * 70,
))  # fmt: skip
NUMBERS = st.sampled_from((-1, 0, 1, 50, 80, 100, 101, 503, 65535, 65536, 2**31 - 1, 2**63))
ODD = st.sampled_from((None, 7, "x", [], {}, [None], [1], {"a": None}, True, 1.5))


def specs(kind: type[Kind], depth: int = 3) -> st.SearchStrategy[Any]:
    """Specs of the right form; what they mean is left to chance."""
    return _value(spec_schema(kind), depth, None)


def near_specs(kind: type[Kind]) -> st.SearchStrategy[Any]:
    """Specs of which now and then a value has a wrong form, or a name is unknown."""
    return _value(spec_schema(kind), 3, ODD)


def _value(schema: dict[str, Any], depth: int, odd: st.SearchStrategy[Any] | None) -> st.SearchStrategy[Any]:
    right = _right(schema, depth, odd)
    return right if odd is None else st.integers(0, 15).flatmap(lambda dice: odd if dice == 0 else right)


def _right(schema: dict[str, Any], depth: int, odd: st.SearchStrategy[Any] | None) -> st.SearchStrategy[Any]:
    if schema.get("x-kubernetes-int-or-string"):
        return NUMBERS | TEXTS
    match schema.get("type", "object"):
        case "string":
            return st.sampled_from(schema["enum"]) if "enum" in schema else TEXTS
        case "integer":
            return NUMBERS
        case "number":
            return NUMBERS | st.sampled_from((0.5, 99.9))
        case "boolean":
            return st.booleans()
        case "array":
            size = 2 if depth > 0 else 0
            return st.deferred(lambda: st.lists(_value(schema["items"], depth - 1, odd), max_size=size))
    if "additionalProperties" in schema:
        members = st.deferred(lambda: _value(schema["additionalProperties"], depth - 1, odd))
        return st.dictionaries(TEXTS, members, max_size=2 if depth > 0 else 0)
    return st.deferred(lambda: _object(schema.get("properties") or {}, depth, odd))


def _object(properties: dict[str, Any], depth: int, odd: st.SearchStrategy[Any] | None) -> st.SearchStrategy[Any]:
    names = sorted(properties)
    if not names or depth <= 0:
        return st.just({})
    chosen = st.lists(st.sampled_from(names), max_size=5, unique=True)
    return chosen.flatmap(
        lambda some: st.fixed_dictionaries({name: _value(properties[name], depth - 1, odd) for name in some})
    )
