"""`x-kubernetes-validations`: CEL rules of a custom resource's schema, run on every value they stand beside.

Source: kubernetes.io/docs, "CustomResourceDefinitions: Validation rules"; apiextensions `schema/cel/validation.go`.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from tejer.cluster.apiserver.machinery import cel
from tejer.cluster.apiserver.machinery.causes import Cause, show
from tejer.cluster.apiserver.machinery.schema import Schema
from tejer.cluster.apiserver.machinery.structural import ABSENT, correlated, item_key
from tejer.kube.resource import Body

_OLD_SELF = re.compile(r"\boldSelf\b")
_REASONS = {
    "FieldValueRequired": "Required value",
    "FieldValueForbidden": "Forbidden",
    "FieldValueDuplicate": "Duplicate value",
}


def check_rules(schema: Schema, value: Any, old: Any = ABSENT, path: str = "") -> list[Cause]:
    """The rules that `value` breaks; transition rules only where `old` is there. Unchanged values are not blamed."""
    found: list[Cause] = []
    _walk(schema, value, old, path, found)
    return found


def _walk(schema: Schema, value: Any, old: Any, path: str, found: list[Cause]) -> None:
    if value is None or (old is not ABSENT and old == value):
        return
    for rule in schema.get("x-kubernetes-validations") or ():
        cause = _check_rule(rule, schema, value, old, path)
        if cause is not None:
            found.append(cause)
    if isinstance(value, dict):
        before = old if isinstance(old, dict) else {}
        properties, additional = schema.get("properties") or {}, schema.get("additionalProperties")
        for key, inner in value.items():
            below = properties.get(key, additional)
            if isinstance(below, dict):
                _walk(below, inner, before.get(key, ABSENT), f"{path}.{key}" if path else key, found)
    elif isinstance(value, list) and isinstance(schema.get("items"), dict):
        items = correlated(schema, old)
        for index, item in enumerate(value):
            _walk(schema["items"], item, items.get(item_key(schema, item), ABSENT), f"{path}[{index}]", found)


@lru_cache(maxsize=1024)
def uses_old_self(rule: str) -> bool:
    return bool(_OLD_SELF.search(rule))


def _check_rule(rule: Body, schema: Schema, value: Any, old: Any, path: str) -> Cause | None:
    expression = rule["rule"]
    variables = {"self": value}
    if uses_old_self(expression):
        if old is ABSENT or old is None:
            return None
        variables["oldSelf"] = old
    try:
        if cel.evaluate(expression, variables) is True:
            return None
        text = _message(rule, variables)
    except ValueError as error:
        text = f"{error} evaluating rule: {rule.get('message') or expression}"
    field = (path or "<nil>") + (rule.get("fieldPath") or "")
    reason = rule.get("reason") or "FieldValueInvalid"
    head = _REASONS.get(reason)
    if head is None:
        return Cause("FieldValueInvalid", field, f"Invalid value: {show(schema.get('type', ''))}: {text}")
    return Cause(reason, field, f"{head}: {text}")


def _message(rule: Body, variables: dict[str, Any]) -> str:
    if rule.get("messageExpression"):
        try:
            text = cel.evaluate(rule["messageExpression"], variables)
            if isinstance(text, str) and text.strip():
                return text
        except ValueError:
            pass  # Kubernetes falls back to the plain message too
    message = rule.get("message") or ""
    return message.strip() or "failed rule: " + " ".join(rule["rule"].split())
