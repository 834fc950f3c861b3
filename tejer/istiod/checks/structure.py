"""Structure: unknown fields, wrong types, values outside an enum, null members. What comes before any rule of meaning.

The same schema the CRDs carry decides (`tejer.kube.schema`), so files can be checked without an API server.
"""

from __future__ import annotations

import difflib
from functools import cache
from typing import Any

from tejer.istiod.checks.report import Report
from tejer.kube.kinds.base import Kind
from tejer.kube.schema import schema_of

_NAMES = {"string": "a string", "integer": "an integer", "number": "a number", "boolean": "true or false",
          "object": "an object", "array": "a list"}  # fmt: skip


@cache
def spec_schema(kind: type[Kind]) -> dict[str, Any]:
    """The schema of the `spec` of an Istio object's kind."""
    spec: dict[str, Any] = schema_of(kind, "spec")["properties"]["spec"]
    return spec


def check_structure(value: Any, schema: dict[str, Any], report: Report) -> None:
    """Report every place where `value` does not have the form of `schema`."""
    if schema.get("x-kubernetes-int-or-string"):
        if not isinstance(value, int | str) or isinstance(value, bool):
            report.error(f"expected a string or an integer, got {_show(value)}")
        return
    kind = schema.get("type", "object")
    if not _has_type(value, kind):
        report.error(f"expected {_NAMES[kind]}, got {_show(value)}", hint=_quote_hint(value, kind))
    elif kind == "object":
        _check_object(value, schema, report)
    elif kind == "array":
        for index, item in enumerate(value):
            if item is None:
                report.error("an item may not be null", index)
            else:
                check_structure(item, schema["items"], report.at(index))
    elif "enum" in schema and value not in schema["enum"]:
        close = difflib.get_close_matches(str(value).upper(), schema["enum"], 1, 0.5)
        hint = f"did you mean {close[0]}?" if close else ""
        report.error(f"{_show(value)} is not one of {', '.join(schema['enum'])}", hint=hint)


def _check_object(value: dict[str, Any], schema: dict[str, Any], report: Report) -> None:
    properties, extra = schema.get("properties"), schema.get("additionalProperties")
    for name, item in value.items():
        if properties is not None:
            if name in properties:
                if item is not None:
                    check_structure(item, properties[name], report.at(name))
            elif not schema.get("x-kubernetes-preserve-unknown-fields"):
                close = difflib.get_close_matches(name, properties, 1, 0.6)
                hint = f"did you mean {close[0]}?" if close else f"known fields: {', '.join(sorted(properties))}"
                report.error("unknown field", name, hint=hint)
        elif extra is not None:
            if item is None:
                report.error("may not be null", name)
            else:
                check_structure(item, extra, report.at(name))


def _has_type(value: Any, kind: str) -> bool:
    match kind:
        case "string":
            return isinstance(value, str)
        case "boolean":
            return isinstance(value, bool)
        case "integer":
            return isinstance(value, int) and not isinstance(value, bool)
        case "number":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "array":
            return isinstance(value, list)
    return isinstance(value, dict)


def _show(value: Any) -> str:
    text = repr(value) if not isinstance(value, dict | list) else "an object" if isinstance(value, dict) else "a list"
    return text if len(text) <= 60 else text[:57] + "..."


def _quote_hint(value: Any, kind: str) -> str:
    if kind == "string" and isinstance(value, int | float | bool):
        return f'write it in quotes: "{str(value).lower() if isinstance(value, bool) else value}"'
    return ""
