"""Strategic merge patch: lists of built-in kinds merge by their key instead of being replaced.

Directives: `$patch: replace|delete|merge`, `$retainKeys`, `$setElementOrder/<list>`, `$deleteFromPrimitiveList/<list>`.
Source: apimachinery `util/strategicpatch/patch.go`.
"""

from __future__ import annotations

from typing import Any

from tejer.cluster.apiserver.machinery.schema import Schema, child, resolve
from tejer.kube.api import ApiError
from tejer.kube.resource import Body

_ORDER = "$setElementOrder/"
_DELETE_PRIMITIVES = "$deleteFromPrimitiveList/"
_DIRECTIVES = ("$patch", "$retainKeys")


def strategic_merge(document: Body, patch: Body, schema: Schema) -> Body:
    """`document` with `patch` merged in. Raises ApiError 400 for a bad directive, 422 for a missing merge key."""
    schema = resolve(schema)
    match patch.get("$patch"):
        case None | "merge":
            pass
        case "replace":
            replaced: Body = _plain(patch)
            return replaced
        case "delete":
            return {}
        case other:
            raise ApiError(400, "BadRequest", f"Unknown patch type: {other}")
    out = dict(document)
    if "$retainKeys" in patch:
        retain = _list("$retainKeys", patch["$retainKeys"])
        out = {key: value for key, value in out.items() if key in retain}
    orders: dict[str, list[Any]] = {}
    for key, value in patch.items():
        if key in _DIRECTIVES:
            continue
        if key.startswith(_ORDER):
            orders[key.removeprefix(_ORDER)] = _list(key, value)
        elif key.startswith(_DELETE_PRIMITIVES):
            name = key.removeprefix(_DELETE_PRIMITIVES)
            unwanted = _list(key, value)
            if isinstance(out.get(name), list):
                out[name] = [item for item in out[name] if item not in unwanted]
        else:
            _merge_member(out, key, value, child(schema, key))
    for key, order in orders.items():
        if isinstance(out.get(key), list):
            merge_key = resolve(child(schema, key)).get("x-kubernetes-patch-merge-key")
            out[key] = _ordered(out[key], order, document.get(key) or [], merge_key)
    return out


def _list(directive: str, value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise ApiError(400, "BadRequest", f"{directive} of a strategic merge patch must be a list")
    return value


def _merge_member(out: Body, key: str, value: Any, schema: Schema | None) -> None:
    strategies = resolve(schema).get("x-kubernetes-patch-strategy", "").split(",")
    if value is None:
        out.pop(key, None)
    elif isinstance(value, dict):
        if value.get("$patch") == "delete":
            out.pop(key, None)
        elif "replace" in strategies:
            out[key] = _plain(value)
        else:
            present = out.get(key)
            out[key] = strategic_merge(present if isinstance(present, dict) else {}, value, schema or {})
    elif isinstance(value, list) and "merge" in strategies:
        present = out.get(key)
        out[key] = _merge_list(present if isinstance(present, list) else [], value, resolve(schema))
    else:
        out[key] = _plain(value)


def _plain(value: Any) -> Any:
    """A subtree that is added as it is: without directives, nulls and deleted elements."""
    if isinstance(value, dict):
        return {
            key: _plain(inner)
            for key, inner in value.items()
            if inner is not None and key not in _DIRECTIVES and not key.startswith((_ORDER, _DELETE_PRIMITIVES))
        }
    if isinstance(value, list):
        return [_plain(item) for item in value if not _directive(item, "delete")]
    return value


def _directive(item: Any, name: str) -> bool:
    return isinstance(item, dict) and item.get("$patch") == name


def _merge_list(present: list[Any], patch: list[Any], schema: Schema) -> list[Any]:
    key = schema.get("x-kubernetes-patch-merge-key")
    if not key:
        return _ordered(present + [item for item in patch if item not in present], patch, present, None)
    if any(_directive(item, "replace") for item in patch):
        return [_plain(item) for item in patch if not _directive(item, "replace")]
    out = list(present)
    for item in patch:
        if not isinstance(item, dict) or key not in item:
            text = f"map: {item} does not contain declared merge key: {key}"
            raise ApiError(422, "Invalid", text)
        if _directive(item, "delete"):
            out = [other for other in out if other.get(key) != item[key]]
            continue
        at = next((i for i, other in enumerate(out) if other.get(key) == item[key]), None)
        if at is None:
            out.append(_plain(item))
        else:
            out[at] = strategic_merge(out[at], item, schema.get("items") or {})
    return _ordered(out, [item for item in patch if not _directive(item, "delete")], present, key)


def _identity(item: Any, key: str | None) -> Any:
    return item.get(key) if key and isinstance(item, dict) else item


def _ordered(merged: list[Any], patch: list[Any], live: list[Any], key: str | None) -> list[Any]:
    """The patch's items in the patch's order, the live-only items slotted in where the live order has them."""
    wanted = [_identity(item, key) for item in patch]
    before = [_identity(item, key) for item in live]
    right = sorted(
        (item for item in merged if _identity(item, key) in wanted), key=lambda item: wanted.index(_identity(item, key))
    )
    left = [item for item in merged if _identity(item, key) not in wanted]
    left.sort(key=lambda item: before.index(_identity(item, key)) if _identity(item, key) in before else -1)
    out: list[Any] = []
    i = j = 0
    while i < len(left) and j < len(right):
        mine, theirs = _identity(left[i], key), _identity(right[j], key)
        if mine in before and theirs in before and before.index(mine) < before.index(theirs):
            out.append(left[i])
            i += 1
        else:
            out.append(right[j])
            j += 1
    return out + left[i:] + right[j:]
