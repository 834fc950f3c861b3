"""`Cause`: one reason why an object is invalid, in Kubernetes' words; `invalid` makes the 422 of all of them.

Texts follow apimachinery's `util/validation/field/errors.go`, release 1.33.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from tejer.kube.api import ApiError


class Cause(NamedTuple):
    """`field` is a path such as `spec.ports[0].port`; `message` starts with the kind of mistake."""

    reason: str
    field: str
    message: str

    def __str__(self) -> str:
        return f"{self.field}: {self.message}"


def show(value: Any) -> str:
    """A value as error texts print it: strings quoted, everything else as JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _detailed(text: str, detail: str) -> str:
    return f"{text}: {detail}" if detail else text


def required(field: str, detail: str = "") -> Cause:
    return Cause("FieldValueRequired", field, _detailed("Required value", detail))


def invalid_value(field: str, value: Any, detail: str) -> Cause:
    return Cause("FieldValueInvalid", field, _detailed(f"Invalid value: {show(value)}", detail))


def type_invalid(field: str, value: Any, detail: str) -> Cause:
    return Cause("FieldValueTypeInvalid", field, _detailed(f"Invalid value: {show(value)}", detail))


def not_supported(field: str, value: Any, supported: Iterable[Any]) -> Cause:
    choices = ", ".join(show(choice) for choice in supported)
    return Cause("FieldValueNotSupported", field, f"Unsupported value: {show(value)}: supported values: {choices}")


def forbidden(field: str, detail: str) -> Cause:
    return Cause("FieldValueForbidden", field, _detailed("Forbidden", detail))


def duplicate(field: str, value: Any) -> Cause:
    return Cause("FieldValueDuplicate", field, f"Duplicate value: {show(value)}")


def not_found(field: str, value: Any) -> Cause:
    return Cause("FieldValueNotFound", field, f"Not found: {show(value)}")


def too_long(field: str, limit: int) -> Cause:
    return Cause("FieldValueTooLong", field, f"Too long: may not be more than {limit} bytes")


def too_many(field: str, actual: int, limit: int) -> Cause:
    return Cause("FieldValueTooMany", field, f"Too many: {actual}: must have at most {limit} items")


def immutable(field: str, value: Any) -> Cause:
    return invalid_value(field, value, "field is immutable")


def invalid(group: str, kind: str, name: str, causes: Sequence[Cause]) -> ApiError:
    """`Deployment.apps "web" is invalid: spec.selector: Required value`, with the causes in details."""
    unique = list(dict.fromkeys(causes))
    text = str(unique[0]) if len(unique) == 1 else "[" + ", ".join(map(str, unique)) + "]"
    qualified = f"{kind}.{group}" if group else kind
    details = {
        "name": name,
        "group": group,
        "kind": kind,
        "causes": [{"reason": c.reason, "message": c.message, "field": c.field} for c in unique],
    }
    return ApiError(422, "Invalid", f'{qualified} "{name}" is invalid: {text}', {k: v for k, v in details.items() if v})
