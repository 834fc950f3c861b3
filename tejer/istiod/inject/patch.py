"""The JSON Patch (RFC 6902) from one JSON document to another."""

from __future__ import annotations

from typing import Any

from tejer.istiod.inject.config import JsonPatchOp


def diff(old: Any, new: Any, path: str = "") -> list[JsonPatchOp]:
    """Operations that turn `old` into `new`. Objects are compared field by field; a list that differs is replaced,
    unless `new` only appends to it.
    """
    if old == new and type(old) is type(new):
        return []
    if isinstance(old, dict) and isinstance(new, dict):
        operations: list[JsonPatchOp] = []
        for name, value in old.items():
            if name not in new:
                operations.append({"op": "remove", "path": f"{path}/{escape(name)}"})
            else:
                operations += diff(value, new[name], f"{path}/{escape(name)}")
        added = [name for name in new if name not in old]
        operations += [{"op": "add", "path": f"{path}/{escape(name)}", "value": new[name]} for name in added]
        return operations
    if isinstance(old, list) and isinstance(new, list) and old and new[: len(old)] == old:
        return [{"op": "add", "path": f"{path}/-", "value": item} for item in new[len(old) :]]
    return [{"op": "replace", "path": path, "value": new}]


def escape(name: str) -> str:
    """A JSON Pointer's segment (RFC 6901)."""
    return name.replace("~", "~0").replace("/", "~1")
