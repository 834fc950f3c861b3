"""Sets of field paths, as metadata.managedFields records them.

A `Path` is a tuple of elements spelled as in FieldsV1: `f:<name>` a member, `k:<json>` a list item by its keys,
`v:<json>` an item of a set. Source: sigs.k8s.io/structured-merge-diff `fieldpath` and `typed/tofieldset.go`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, TypeAlias

import msgspec

from tejer.cluster.apiserver.machinery.schema import (
    Schema,
    child,
    is_atomic_list,
    is_atomic_map,
    key_default,
    list_keys,
    resolve,
)

Path: TypeAlias = tuple[str, ...]
PathSet: TypeAlias = set[Path]
Tree: TypeAlias = dict[str, Any]
"""Paths as nested dicts; the key "" marks a member of the set."""

_MEMBER = ""


_ENCODER = msgspec.json.Encoder(order="sorted")


def _compact(value: Any) -> str:
    return _ENCODER.encode(value).decode()


def item_element(schema: Schema, item: Any) -> str:
    """The element that names `item` in a list of the resolved list schema `schema`."""
    if schema.get("x-kubernetes-list-type") == "set":
        return "v:" + _compact(item)
    keys = {}
    for key in list_keys(schema):
        value = item.get(key) if isinstance(item, dict) else None
        if value is None:
            value = key_default(schema.get("items") or {}, key)
        if value is not None:
            keys[key] = value
    return "k:" + _compact(keys)


def paths_of(value: Any, schema: Schema | None) -> PathSet:
    """The paths that `value` sets: what its applier would own."""
    found: PathSet = set()
    _collect(value, schema, (), found)
    return found


def _collect(value: Any, schema: Schema | None, path: Path, found: PathSet) -> None:
    schema = resolve(schema)
    if isinstance(value, dict) and not is_atomic_map(schema):
        named = schema.get("properties") or {}
        for key, inner in value.items():
            below = (*path, "f:" + key)
            _collect(inner, child(schema, key), below, found)
            if inner is None or inner == {} or key not in named:
                found.add(below)
    elif isinstance(value, list) and not is_atomic_list(schema):
        for item in value:
            below = (*path, item_element(schema, item))
            _collect(item, schema.get("items"), below, found)
            found.add(below)
    elif value is not None:
        found.add(path)


def with_named_parents(paths: PathSet, schema: Schema) -> PathSet:
    """`paths` plus every field the schema names on the way to one."""
    out = set(paths)
    for path in paths:
        current = resolve(schema)
        for depth, element in enumerate(path[:-1]):
            if element.startswith("f:"):
                name = element[2:]
                if name in (current.get("properties") or {}):
                    out.add(path[: depth + 1])
                current = resolve(child(current, name))
            else:
                current = resolve(current.get("items"))
    return out


def tree_of(paths: Iterable[Path]) -> Tree:
    root: Tree = {}
    for path in paths:
        node = root
        for element in path:
            node = node.setdefault(element, {})
        node[_MEMBER] = True
    return root


def to_fields(paths: Iterable[Path]) -> dict[str, Any]:
    """The FieldsV1 object of these paths."""

    def written(node: Tree) -> dict[str, Any]:
        below = {key: written(node[key]) for key in sorted(node) if key != _MEMBER}
        return {".": {}, **below} if below and _MEMBER in node else below

    return written(tree_of(paths))


def from_fields(fields: dict[str, Any]) -> PathSet:
    """The paths of a FieldsV1 object."""
    found: PathSet = set()

    def read(node: dict[str, Any], path: Path) -> None:
        if not node and path:
            found.add(path)
        for key, below in node.items():
            if key == ".":
                found.add(path)
            elif isinstance(below, dict):
                read(below, (*path, key))

    read(fields, ())
    return found


def holds(fields: dict[str, Any], path: Path) -> bool:
    """Whether a FieldsV1 object has `path`, without reading all of it."""
    node = fields
    for element in path:
        below = node.get(element)
        if below is None:
            return False
        node = below
    return not node or "." in node


def show_path(path: Path) -> str:
    """`.spec.template.spec.containers[name="web"].image`, as conflicts name a field."""
    out = ""
    for element in path:
        kind, text = element[:2], element[2:]
        if kind == "f:":
            out += "." + text
        elif kind == "k:":
            pairs = json.loads(text)
            out += "[" + ",".join(f"{key}={_compact(value)}" for key, value in sorted(pairs.items())) + "]"
        else:
            out += f"[={text}]"
    return out
