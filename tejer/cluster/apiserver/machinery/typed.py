"""Comparing, merging and pruning JSON values by their schema: the core of server-side apply.

Source: sigs.k8s.io/structured-merge-diff `typed/{compare,merge,remove}.go`.
"""

from __future__ import annotations

import copy
from typing import Any, NamedTuple

from tejer.cluster.apiserver.machinery.fieldset import Path, PathSet, Tree, item_element, tree_of
from tejer.cluster.apiserver.machinery.schema import Schema, child, is_atomic_list, is_atomic_map, resolve

ABSENT: Any = object()


class Comparison(NamedTuple):
    """The leaves (and list items) that differ between two values."""

    added: PathSet
    modified: PathSet
    removed: PathSet

    @property
    def changed(self) -> PathSet:
        return self.added | self.modified

    @property
    def touched(self) -> PathSet:
        return self.added | self.modified | self.removed


def _atomic(schema: Schema, value: Any) -> bool:
    return is_atomic_map(schema) if isinstance(value, dict) else is_atomic_list(schema)


def _empty(value: Any) -> bool:
    return value is ABSENT or value is None or len(value) == 0


def compare(left: Any, right: Any, schema: Schema | None) -> Comparison:
    """What turns `left` into `right`. Built-in kinds are compared as Go would write them: an absent value struct is
    empty, an absent list without omitempty is null."""
    result = Comparison(set(), set(), set())
    _compare(left, right, schema, (), result)
    return result


def _compare(left: Any, right: Any, schema: Schema | None, path: Path, out: Comparison) -> None:
    if left is right or (left == right and isinstance(left, (dict, list))):
        return
    schema = resolve(schema)
    if left is None and isinstance(right, (dict, list)):
        left = type(right)()
    if right is None and isinstance(left, (dict, list)):
        right = type(left)()
    shape = right if right is not ABSENT and right is not None else left
    mixed = left is not ABSENT and right is not ABSENT and _shape(left) != _shape(right)
    if mixed or not isinstance(shape, (dict, list)) or _atomic(schema, shape) or (_empty(left) and _empty(right)):
        _compare_leaf(left, right, path, out)
        return
    if isinstance(shape, dict):
        _compare_maps(left, right, schema, path, out)
    else:
        ours, theirs = (
            {item_element(schema, item): item for item in (() if side is ABSENT else side)} for side in (left, right)
        )
        for element in ours.keys() | theirs.keys():
            below = (*path, element)
            _compare(ours.get(element, ABSENT), theirs.get(element, ABSENT), schema.get("items"), below, out)
    if left is ABSENT:
        out.added.add(path)
    elif right is ABSENT:
        out.removed.add(path)


def _compare_maps(left: Any, right: Any, schema: Schema, path: Path, out: Comparison) -> None:
    absent = schema.get("x-go-absent", {})
    ours, theirs = ({} if side is ABSENT else side for side in (left, right))
    # what is absent in both is the same in both, unless one of them is not there at all
    one_sided = left is ABSENT or right is ABSENT
    for key in ours.keys() | theirs.keys() | (absent.keys() if one_sided else set()):
        mine = ours.get(key, ABSENT if left is ABSENT else absent.get(key, ABSENT))
        other = theirs.get(key, ABSENT if right is ABSENT else absent.get(key, ABSENT))
        _compare(mine, other, child(schema, key), (*path, "f:" + key), out)


def _shape(value: Any) -> str:
    return "map" if isinstance(value, dict) else "list" if isinstance(value, list) else "scalar"


def _compare_leaf(left: Any, right: Any, path: Path, out: Comparison) -> None:
    if left is ABSENT:
        out.added.add(path)
    elif right is ABSENT:
        out.removed.add(path)
    elif left != right or isinstance(left, bool) != isinstance(right, bool):
        out.modified.add(path)


def merge(live: Any, applied: Any, schema: Schema | None) -> Any:
    """`applied` laid over `live`: maps and keyed lists merge, everything else is replaced."""
    schema = resolve(schema)
    if isinstance(live, dict) and isinstance(applied, dict) and not _atomic(schema, applied):
        out = dict(live)
        for key, value in applied.items():
            present = key in live
            out[key] = merge(live[key], value, child(schema, key)) if present else copy.deepcopy(value)
        return out
    if isinstance(live, list) and isinstance(applied, list) and not _atomic(schema, applied):
        return _merge_lists(live, applied, schema)
    return copy.deepcopy(applied)


def _merge_lists(live: list[Any], applied: list[Any], schema: Schema) -> list[Any]:
    """Applied items keep their order; live-only items stay where they were relative to the shared ones."""
    ours = {item_element(schema, item): item for item in live}
    theirs = {item_element(schema, item): item for item in applied}
    left, right = list(ours), list(theirs)
    shared = [element for element in right if element in ours]

    def merged(element: str) -> Any:
        if element in ours and element in theirs:
            return merge(ours[element], theirs[element], schema.get("items"))
        return copy.deepcopy(theirs[element] if element in theirs else ours[element])

    out: list[Any] = []
    done: set[str] = set()
    i = j = next_shared = 0
    while i < len(left) or j < len(right):
        expected = shared[next_shared] if next_shared < len(shared) else None
        if i < len(left) and j < len(right):
            if left[i] == right[j]:
                out.append(merged(left[i]))
                done.add(left[i])
                i, j, next_shared = i + 1, j + 1, next_shared + 1
                continue
            if left[i] in theirs and expected is not None and expected != left[i]:
                i += 1  # moved: it comes where the applied list has it
                continue
        if i < len(left):
            if left[i] not in theirs:
                out.append(merged(left[i]))
                i += 1
                continue
            if left[i] in done:
                i += 1
        if j < len(right):
            out.append(merged(right[j]))
            done.add(right[j])
            next_shared += right[j] == expected
            j += 1
    return out


def remove(value: Any, paths: PathSet, schema: Schema) -> Any:
    """`value` without the fields and items at `paths`; {} when nothing is left."""
    left = _remove(value, tree_of(paths), schema)
    return {} if left is ABSENT else left


def _remove(value: Any, tree: Tree, schema: Schema | None) -> Any:
    schema = resolve(schema)
    if isinstance(value, dict):
        if not value or _atomic(schema, value):
            return ABSENT
        kept: dict[str, Any] = {}
        for key, inner in value.items():
            below = tree.get("f:" + key)
            if below is not None:
                inner = ABSENT if "" in below else _remove(inner, below, child(schema, key))
            if inner is not ABSENT:
                kept[key] = inner
        return kept or ABSENT
    if isinstance(value, list):
        if not value or _atomic(schema, value):
            return ABSENT
        items = []
        for item in value:
            below = tree.get(item_element(schema, item))
            if below is not None:
                item = ABSENT if "" in below else _remove(item, below, schema.get("items"))
            if item is not ABSENT:
                items.append(item)
        return items or ABSENT
    return value
