"""Structure: unknown fields, wrong types, values outside an enum, null members. What comes before any rule of meaning.

The same schema the CRDs carry decides (`tejer.kube.schema`), so files can be checked without an API server.
"""

from __future__ import annotations

import difflib
from functools import cache
from typing import Any

from tejer.istiod.checks.fitting import compiled, has_type
from tejer.istiod.checks.report import Report, Steps
from tejer.kube.kinds.base import Kind
from tejer.kube.resource import Body
from tejer.kube.schema import schema_of

_NAMES = {"string": "a string", "integer": "an integer", "number": "a number", "boolean": "true or false",
          "object": "an object", "array": "a list"}  # fmt: skip

TOP = ("apiVersion", "kind", "metadata", "spec", "status")


@cache
def spec_schema(kind: type[Kind]) -> dict[str, Any]:
    """The schema of the `spec` of an Istio object's kind."""
    spec: dict[str, Any] = schema_of(kind, "spec")["properties"]["spec"]
    return spec


@cache
def _fits(kind: type[Kind]) -> Any:
    return compiled(spec_schema(kind))


def check_spec(spec: Any, kind: type[Kind], report: Report) -> list[Steps]:
    """Report every place where a spec does not have its kind's form; returns the places."""
    if _fits(kind)(spec):
        return []
    checker = _Checker()
    checker.value(spec, spec_schema(kind), report)
    return checker.places


def check_top(body: Body, report: Report) -> None:
    """Fields beside the spec: a misspelt `spec` would otherwise be an empty one."""
    for name in body:
        if name not in TOP:
            close = difflib.get_close_matches(name, TOP, 1, 0.5)
            report.error("unknown field", name, hint=f"did you mean {close[0]}?" if close else "")


class _Checker:
    """Walks a value beside its schema; `places` are the paths of what is wrong."""

    def __init__(self) -> None:
        self.places: list[Steps] = []

    def wrong(self, report: Report, message: str, *steps: str | int, hint: str = "") -> None:
        self.places.append(report.steps + steps)
        report.error(message, *steps, hint=hint)

    def value(self, value: Any, schema: dict[str, Any], report: Report) -> None:
        if schema.get("x-kubernetes-int-or-string"):
            if not isinstance(value, int | str) or isinstance(value, bool):
                self.wrong(report, f"expected a string or an integer, got {_show(value)}")
            return
        kind = schema.get("type", "object")
        if not has_type(value, kind):
            self.wrong(report, f"expected {_NAMES[kind]}, got {_show(value)}", hint=_quote_hint(value, kind))
        elif kind == "object":
            self.object(value, schema, report)
        elif kind == "array":
            for index, item in enumerate(value):
                if item is None:
                    self.wrong(report, "an item may not be null", index)
                else:
                    self.value(item, schema["items"], report.at(index))
        elif "enum" in schema and value not in schema["enum"]:
            close = difflib.get_close_matches(str(value).upper(), schema["enum"], 1, 0.5)
            hint = f"did you mean {close[0]}?" if close else ""
            self.wrong(report, f"{_show(value)} is not one of {', '.join(schema['enum'])}", hint=hint)

    def unknown(self, name: str, properties: dict[str, Any], report: Report) -> None:
        close = difflib.get_close_matches(name, properties, 1, 0.6)
        hint = f"did you mean {close[0]}?" if close else f"known fields: {', '.join(sorted(properties))}"
        self.wrong(report, "unknown field", name, hint=hint)
        # That the field which was meant is missing is not a second mistake.
        self.places += [(*report.steps, meant) for meant in close]

    def object(self, value: dict[str, Any], schema: dict[str, Any], report: Report) -> None:
        properties, extra = schema.get("properties"), schema.get("additionalProperties")
        for name, item in value.items():
            if properties is not None and name in properties:
                if item is not None:
                    self.value(item, properties[name], report.at(name))
            elif properties is not None:
                if not schema.get("x-kubernetes-preserve-unknown-fields"):
                    self.unknown(name, properties, report)
            elif extra is not None and item is None:
                self.wrong(report, "may not be null", name)
            elif extra is not None:
                self.value(item, extra, report.at(name))


def _show(value: Any) -> str:
    text = repr(value) if not isinstance(value, dict | list) else "an object" if isinstance(value, dict) else "a list"
    return text if len(text) <= 60 else text[:57] + "..."


def _quote_hint(value: Any, kind: str) -> str:
    if kind == "string" and isinstance(value, int | float | bool):
        return f'write it in quotes: "{str(value).lower() if isinstance(value, bool) else value}"'
    return ""


def without(value: Any, places: list[Steps], base: int) -> Any:
    """`value` without the fields at `places`, whose first `base` steps lead to it.

    Of a list with a wrong item nothing is left, so that the others keep their numbers.
    """
    for steps in places:
        inner = steps[base:]
        end = next((i for i in range(len(inner), 0, -1) if isinstance(inner[i - 1], str)), 0)
        value = _removed(value, inner[:end])
    return value


def _removed(value: Any, steps: Steps) -> Any:
    if not steps:
        return {}
    first, rest = steps[0], steps[1:]
    if isinstance(value, list) and isinstance(first, int) and first < len(value):
        return [_removed(item, rest) if index == first else item for index, item in enumerate(value)]
    if not isinstance(value, dict) or first not in value:
        return value
    if not rest:
        return {name: item for name, item in value.items() if name != first}
    return {**value, first: _removed(value[first], rest)}
