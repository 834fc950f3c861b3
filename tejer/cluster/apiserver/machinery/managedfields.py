"""The entries of metadata.managedFields: reading, writing, and who owns what after an update.

Source: apimachinery `util/managedfields/internal/`, release 1.33.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from tejer.cluster.apiserver.machinery.definition import Definition
from tejer.cluster.apiserver.machinery.fieldset import PathSet, from_fields, holds, to_fields
from tejer.cluster.apiserver.machinery.objectmeta import timestamp
from tejer.kube.resource import Body, metadata

BEFORE_FIRST_APPLY = "before-first-apply"
_ANCIENT = "ancient-changes"
_MAX_UPDATERS = 10
_SERVER_OWNED = (
    "name", "namespace", "creationTimestamp", "selfLink", "uid", "clusterName", "generation", "managedFields",
    "resourceVersion", "deletionTimestamp", "deletionGracePeriodSeconds",
)  # fmt: skip
_UNTRACKED = {(), ("f:apiVersion",), ("f:kind",), ("f:metadata",)} | {
    ("f:metadata", f"f:{name}") for name in _SERVER_OWNED
}


class Entry(NamedTuple):
    """One manager's `header` (the entry without fieldsV1) and the `fields` it owns, still as FieldsV1."""

    header: Body
    fields: Body

    @classmethod
    def of(cls, header: Body, paths: PathSet) -> Entry:
        return cls(header, to_fields(paths))

    @property
    def paths(self) -> PathSet:
        """The fields as paths, read anew at each call."""
        return from_fields(self.fields)

    def without(self, paths: PathSet) -> Entry:
        """The entry when others have taken `paths`. Mostly it holds none of them, and then it is not even read."""
        if not any(holds(self.fields, path) for path in paths):
            return self
        return Entry.of(self.header, self.paths - paths)

    def is_apply_of(self, manager: str, subresource: str) -> bool:
        header = self.header
        same = header.get("manager") == manager and header.get("operation") == "Apply"
        return same and header.get("subresource", "") == subresource

    def is_update_of(self, manager: str, subresource: str, api_version: str) -> bool:
        header = self.header
        same = header.get("manager") == manager and header.get("operation") == "Update"
        return same and header.get("subresource", "") == subresource and header.get("apiVersion") == api_version


def read_entries(body: Body) -> list[Entry]:
    return [
        Entry({key: value for key, value in entry.items() if key != "fieldsV1"}, entry.get("fieldsV1") or {})
        for entry in metadata(body).get("managedFields") or ()
        if isinstance(entry, dict)
    ]


def with_entries(body: Body, entries: list[Entry]) -> Body:
    """`body` with these managedFields; owners of nothing are left out."""
    kept = [entry for entry in _capped(entries) if entry.fields]
    kept.sort(key=_order)
    meta = {key: value for key, value in metadata(body).items() if key != "managedFields"}
    if kept:
        meta["managedFields"] = [{**entry.header, "fieldsV1": entry.fields} for entry in kept]
    return {**body, "metadata": meta}


def _order(entry: Entry) -> tuple[str, ...]:
    return tuple(
        str(entry.header.get(key, "")) for key in ("operation", "time", "manager", "apiVersion", "subresource")
    )


def _capped(entries: list[Entry]) -> list[Entry]:
    """At most ten updaters: the oldest beyond that merge into one."""
    updaters = sorted((e for e in entries if e.header.get("operation") == "Update" and e.fields), key=_order)
    if len(updaters) <= _MAX_UPDATERS:
        return entries
    old = updaters[: len(updaters) - _MAX_UPDATERS + 1]
    newest = max(str(entry.header.get("time", "")) for entry in old)
    header = {**old[0].header, "manager": _ANCIENT, "time": newest}
    header.pop("subresource", None)
    merged: PathSet = set().union(*(entry.paths for entry in old))
    return [entry for entry in entries if entry not in old] + [Entry.of(header, merged)]


def new_header(defn: Definition, manager: str, operation: str, subresource: str, now: datetime) -> Body:
    header: Body = {
        "manager": manager, "operation": operation, "apiVersion": defn.api_version, "time": timestamp(now),
        "fieldsType": "FieldsV1",
    }  # fmt: skip
    return {**header, "subresource": subresource} if subresource else header


def tracked(defn: Definition, paths: PathSet, subresource: str) -> PathSet:
    """`paths` without what the server owns and what this (sub)resource cannot write."""
    out = {p for p in paths if p not in _UNTRACKED and p[:2] != ("f:metadata", "f:managedFields")}
    if subresource == "status":
        return {p for p in out if p[0] in ("f:status", "f:metadata")}
    if defn.has_status and subresource == "":
        return {p for p in out if p[0] != "f:status"}
    return out


def without_managed_fields(body: Body) -> Body:
    return {**body, "metadata": {k: v for k, v in metadata(body).items() if k != "managedFields"}}
