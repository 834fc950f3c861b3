"""Server-side apply and the bookkeeping of metadata.managedFields.

Source: sigs.k8s.io/structured-merge-diff `merge/update.go`; apimachinery `util/managedfields/`, release 1.33.
"""

from __future__ import annotations

import json
from datetime import datetime

from tejer.cluster.apiserver.machinery.decoding import decode
from tejer.cluster.apiserver.machinery.definition import Definition
from tejer.cluster.apiserver.machinery.fieldset import PathSet, holds, paths_of, show_path, with_named_parents
from tejer.cluster.apiserver.machinery.managedfields import (
    BEFORE_FIRST_APPLY,
    Entry,
    new_header,
    read_entries,
    tracked,
    with_entries,
    without_managed_fields,
)
from tejer.cluster.apiserver.machinery.prepare import check_kind
from tejer.cluster.apiserver.machinery.typed import Comparison, compare, merge, remove
from tejer.kube.api import ApiError
from tejer.kube.resource import Body, metadata

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_EMPTY: Body = {"metadata": {}}


def server_side_apply(
    defn: Definition, current: Body | None, applied: Body, *, manager: str, force: bool = False, subresource: str = "",
    now: datetime,
) -> Body:  # fmt: skip
    """Merge the applied configuration into `current` (None: the object does not exist yet).

    Returns the whole object with its managedFields. Raises ApiError 409 naming each conflict and its manager unless
    `force`; 400 when the configuration holds managedFields or another kind.
    """
    check_kind(defn, applied)
    if metadata(applied).get("managedFields"):
        raise ApiError(400, "BadRequest", "metadata.managedFields must be nil")
    _check_declared(defn, applied)
    config = _applicable(defn, applied, subresource)
    live = defn.convert(current) if current is not None else None
    entries = _entries_before(defn, live, now)
    mine = tracked(defn, paths_of(config, defn.schema), subresource)
    others = [entry for entry in entries if not entry.is_apply_of(manager, subresource)]
    previous = next((entry for entry in entries if entry.is_apply_of(manager, subresource)), None)
    base = without_managed_fields(live) if live is not None else {}
    merged: Body = merge(base, config, defn.schema) if base else config
    if previous is not None and previous.fields:
        merged = _prune(merged, previous.paths, mine, others, defn)
    difference = compare(base or _EMPTY, without_managed_fields(merged), defn.schema)
    conflicts = [(e, path) for e in others for path in sorted(difference.changed) if holds(e.fields, path)]
    if conflicts and not force and not _allowed_by_last_applied(defn, live, conflicts, manager):
        raise _conflict(defn, merged, conflicts)
    kept = [entry.without(difference.touched) for entry in others]
    unchanged = previous is not None and previous.paths == mine and merged == base
    if previous is not None and unchanged and previous.header.get("apiVersion") == defn.api_version:
        kept.append(previous)
    else:
        kept.append(Entry.of(new_header(defn, manager, "Apply", subresource, now), mine))
    if manager == "kubectl" and live is not None and LAST_APPLIED in (metadata(live).get("annotations") or {}):
        merged = _with_last_applied(merged, config)
    return with_entries(merged, kept)


def track_update(
    defn: Definition, old: Body | None, new: Body, *, manager: str, subresource: str = "", now: datetime
) -> Body:
    """`new` with managedFields that record what `manager` changed by a create, update or patch."""
    if old is not None and not metadata(old).get("managedFields"):
        return without_managed_fields(new)  # never tracked: nothing to say who set what until the first apply
    sent = metadata(new).get("managedFields")
    if old is not None and sent is not None and (sent == [] or sent == [{}]):
        return without_managed_fields(new)  # the documented way to reset it
    live = defn.convert(old) if old is not None else None
    entries = read_entries(new if live is not None and sent else live) if live is not None else []
    before = without_managed_fields(live) if live is not None else _EMPTY
    difference = compare(before, without_managed_fields(new), defn.schema)
    changed = tracked(defn, difference.changed, subresource)
    return with_entries(new, _after_update(defn, entries, changed, difference, manager, subresource, now))


def _after_update(
    defn: Definition, entries: list[Entry], changed: PathSet, difference: Comparison, manager: str, subresource: str,
    now: datetime,
) -> list[Entry]:  # fmt: skip
    out: list[Entry] = []
    header = new_header(defn, manager, "Update", subresource, now)
    seen = False
    for entry in entries:
        if not entry.is_update_of(manager, subresource, defn.api_version):
            out.append(entry.without(difference.touched))
            continue
        seen = True
        owned = entry.paths
        paths = (owned - difference.removed) | changed
        out.append(Entry.of({**entry.header, "time": header["time"]}, paths) if paths != owned else entry)
    if not seen and changed:
        out.append(Entry.of(header, changed))
    return out


def _check_declared(defn: Definition, applied: Body) -> None:
    """An applied configuration may hold only fields of the schema, whatever fieldValidation says."""
    _, unknown = decode(defn, applied)
    if not unknown:
        return
    meta = metadata(applied)
    where = f"{meta.get('namespace', '')}/{meta.get('name', '')}; {defn.api_version}, Kind={defn.kind}"
    problems = [f".{path}: field not declared in schema" for path in unknown]
    text = problems[0] if len(problems) == 1 else "errors:\n  " + "\n  ".join(problems)
    raise ApiError(400, "BadRequest", f"failed to create typed patch object ({where}): {text}")


def _applicable(defn: Definition, applied: Body, subresource: str) -> Body:
    """The part of the configuration that this (sub)resource takes."""
    config = without_managed_fields(applied)
    if subresource == "status":
        return {key: value for key, value in config.items() if key in ("apiVersion", "kind", "metadata", "status")}
    if defn.has_status:
        config.pop("status", None)
    return config


def _entries_before(defn: Definition, live: Body | None, now: datetime) -> list[Entry]:
    """The owners so far; an untracked object belongs to `before-first-apply`."""
    if live is None:
        return []
    entries = read_entries(live)
    if entries:
        return entries
    owned = tracked(defn, paths_of(without_managed_fields(live), defn.schema), "")
    return [Entry.of(new_header(defn, BEFORE_FIRST_APPLY, "Update", "", now), owned)]


def _prune(merged: Body, last: PathSet, mine: PathSet, others: list[Entry], defn: Definition) -> Body:
    """Drop what this manager applied before and does not any more, unless someone else owns it."""
    schema = defn.schema
    last_named = with_named_parents(last, schema)
    all_named = with_named_parents(paths_of(merged, schema), schema)
    pruned = remove(merged, last_named, schema)
    owned: PathSet = mine.union(*(entry.paths for entry in others))
    keep = with_named_parents(paths_of(pruned, schema), schema) | with_named_parents(owned, schema)
    pruned = remove(merged, all_named - keep, schema)
    # items that hang below a removed one without being owned by anybody come back
    dangling = (all_named - with_named_parents(paths_of(pruned, schema), schema)) & last_named
    result: Body = remove(merged, dangling, schema)
    return result


def _allowed_by_last_applied(
    defn: Definition, live: Body | None, conflicts: list[tuple[Entry, tuple[str, ...]]], manager: str
) -> bool:
    """kubectl moving from client-side to server-side apply: fields as its annotation last applied them are its own."""
    text = (metadata(live or {}).get("annotations") or {}).get(LAST_APPLIED)
    if manager != "kubectl" or not text or live is None:
        return False
    try:
        last = json.loads(text)
    except ValueError:
        return False
    difference = compare(last, without_managed_fields(live), defn.schema)
    allowed = paths_of(last, defn.schema) - difference.changed - difference.removed
    return all(path in allowed for _, path in conflicts)


def _with_last_applied(merged: Body, config: Body) -> Body:
    plain = {**config, "metadata": dict(metadata(config))}
    annotations = {k: v for k, v in (metadata(config).get("annotations") or {}).items() if k != LAST_APPLIED}
    if annotations or "annotations" in plain["metadata"]:
        plain["metadata"]["annotations"] = annotations
    text = json.dumps(plain, separators=(",", ":"), sort_keys=True, ensure_ascii=False) + "\n"
    meta = dict(metadata(merged))
    meta["annotations"] = {**(meta.get("annotations") or {}), LAST_APPLIED: text}
    return {**merged, "metadata": meta}


def _conflict(defn: Definition, merged: Body, conflicts: list[tuple[Entry, tuple[str, ...]]]) -> ApiError:
    by_owner: dict[str, list[str]] = {}
    causes = []
    for entry, path in conflicts:
        owner = f'"{entry.header.get("manager")}"'
        if entry.header.get("subresource"):
            owner += f' with subresource "{entry.header["subresource"]}"'
        if entry.header.get("operation") == "Update":
            owner += f" using {entry.header.get('apiVersion')}"
            if entry.header.get("time"):
                owner += f" at {entry.header['time']}"
        by_owner.setdefault(owner, []).append(show_path(path))
        causes.append({"reason": "FieldManagerConflict", "message": f"conflict with {owner}", "field": show_path(path)})
    count = len(conflicts)
    head = f"Apply failed with {count} conflict{'s' if count > 1 else ''}: "
    if count == 1:
        owner, paths = next(iter(by_owner.items()))
        text = head + f"conflict with {owner}: {paths[0]}"
    else:
        parts = [
            f"conflicts with {owner}:\n" + "\n".join(f"- {path}" for path in paths) for owner, paths in by_owner.items()
        ]
        text = head + "\n".join(parts)
    details = {
        "name": metadata(merged).get("name", ""),
        "group": defn.group,
        "kind": defn.rtype.plural,
        "causes": causes,
    }
    return ApiError(409, "Conflict", text, {key: value for key, value in details.items() if value})
