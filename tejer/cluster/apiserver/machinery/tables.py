"""`to_table`: objects as `meta.k8s.io/v1 Table`, with the columns `kubectl get` prints."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from tejer.cluster.apiserver.machinery.age import age
from tejer.cluster.apiserver.machinery.causes import show
from tejer.cluster.apiserver.machinery.definition import Column, Definition
from tejer.cluster.apiserver.machinery.jsonpath import find
from tejer.cluster.apiserver.machinery.printers import PRINTERS, Cells, any_object, created, name_of
from tejer.kube.resource import Body

TABLE_VERSION = "meta.k8s.io/v1"


def to_table(
    defn: Definition, items: Sequence[Body], *, include_object: str = "Metadata", now: datetime,
    list_metadata: Body | None = None, columns: bool = True,
) -> Body:  # fmt: skip
    """A Table of `items`. `include_object` is None, Metadata or Object, as in the query; `columns=False` leaves the
    column definitions out (all watch events but the first)."""
    rows = [_row(defn, item, include_object, now) for item in items]
    shown = columns_of(defn) if columns else ()
    return {
        "kind": "Table",
        "apiVersion": TABLE_VERSION,
        "metadata": list_metadata or {},
        "columnDefinitions": [_column(column) for column in shown],
        "rows": rows,
    }


def columns_of(defn: Definition) -> tuple[Column, ...]:
    if not defn.is_crd:
        return _BUILTIN_COLUMNS.get(defn.kind, (_NAME, _AGE))
    return (_NAME, *(defn.columns or (_AGE,)))


def _column(column: Column) -> Body:
    return {
        "name": column.name, "type": column.type, "format": column.format,
        "description": column.description or column.name, "priority": column.priority,
    }  # fmt: skip


def _row(defn: Definition, item: Body, include_object: str, now: datetime) -> Body:
    row: Body = {"cells": _cells(defn, item, now)}
    if include_object == "Object":
        row["object"] = item
    elif include_object != "None":
        row["object"] = {
            "kind": "PartialObjectMetadata", "apiVersion": TABLE_VERSION, "metadata": item.get("metadata") or {}
        }  # fmt: skip
    return row


def _cells(defn: Definition, item: Body, now: datetime) -> Cells:
    if not defn.is_crd:
        return PRINTERS.get(defn.kind, any_object)(item, now)
    if not defn.columns:
        return [name_of(item), created(item, now)]
    return [name_of(item), *(_custom_cell(column, item, now) for column in defn.columns)]


def _custom_cell(column: Column, item: Body, now: datetime) -> Any:
    """A cell by JSONPath, None where there is nothing or the value does not fit the column's type."""
    found = find(item, column.path)
    if not found:
        return None
    if column.type == "date":
        return age(found[0], now) if isinstance(found[0], str) else None
    if column.type == "integer":
        return found[0] if isinstance(found[0], int) else None
    if column.type == "number":
        return found[0] if isinstance(found[0], (int, float)) else None
    if column.type == "boolean":
        return found[0] if isinstance(found[0], bool) else None
    return " ".join(value if isinstance(value, str) else show(value) for value in found)


_NAME = Column("Name", format="name", description="Name must be unique within a namespace.")
_AGE = Column("Age", description="How long ago the object was created.")


def _wide(*names: str) -> tuple[Column, ...]:
    return tuple(Column(name, priority=1) for name in names)


def _plain(*names: str) -> tuple[Column, ...]:
    """Columns by name; a trailing `#` makes it an integer."""
    return tuple(Column(name.rstrip("#"), "integer" if name.endswith("#") else "string") for name in names)


_WORKLOAD = _wide("Containers", "Images", "Selector")
_WEBHOOKS = (_NAME, *_plain("Webhooks#"), _AGE)
_CREATED_AT = (_NAME, *_plain("Created At"))
_BINDING = (_NAME, *_plain("Role"), _AGE, *_wide("Users", "Groups", "ServiceAccounts"))
_BUILTIN_COLUMNS: dict[str, tuple[Column, ...]] = {
    "Pod": (
        _NAME, *_plain("Ready", "Status", "Restarts"), _AGE, *_wide("IP", "Node", "Nominated Node", "Readiness Gates"),
    ),
    "Deployment": (_NAME, *_plain("Ready", "Up-to-date#", "Available#"), _AGE, *_WORKLOAD),
    "ReplicaSet": (_NAME, *_plain("Desired#", "Current#", "Ready#"), _AGE, *_WORKLOAD),
    "StatefulSet": (_NAME, *_plain("Ready"), _AGE, *_wide("Containers", "Images")),
    "DaemonSet": (
        _NAME, *_plain("Desired#", "Current#", "Ready#", "Up-to-date#", "Available#", "Node Selector"), _AGE,
        *_WORKLOAD,
    ),
    "Job": (_NAME, *_plain("Status", "Completions", "Duration"), _AGE, *_WORKLOAD),
    "Service": (_NAME, *_plain("Type", "Cluster-IP", "External-IP", "Port(s)"), _AGE, *_wide("Selector")),
    "Endpoints": (_NAME, *_plain("Endpoints"), _AGE),
    "EndpointSlice": (_NAME, *_plain("AddressType", "Ports", "Endpoints"), _AGE),
    "Event": (
        *_plain("Last Seen", "Type", "Reason", "Object"), *_wide("Subobject", "Source"), *_plain("Message"),
        *_wide("First Seen"), Column("Count", "integer", priority=1), Column("Name", format="name", priority=1),
    ),
    "Node": (
        _NAME, *_plain("Status", "Roles"), _AGE, *_plain("Version"),
        *_wide("Internal-IP", "External-IP", "OS-Image", "Kernel-Version", "Container-Runtime"),
    ),
    "Namespace": (_NAME, *_plain("Status"), _AGE),
    "ConfigMap": (_NAME, *_plain("Data#"), _AGE),
    "Secret": (_NAME, *_plain("Type", "Data#"), _AGE),
    "ServiceAccount": (_NAME, *_plain("Secrets#"), _AGE),
    "PersistentVolumeClaim": (
        _NAME, *_plain("Status", "Volume", "Capacity", "Access Modes", "StorageClass", "VolumeAttributesClass"), _AGE,
        *_wide("VolumeMode"),
    ),
    "PersistentVolume": (
        _NAME,
        *_plain(
            "Capacity", "Access Modes", "Reclaim Policy", "Status", "Claim", "StorageClass", "VolumeAttributesClass",
            "Reason",
        ),
        _AGE, *_wide("VolumeMode"),
    ),
    "StorageClass": (
        _NAME, *_plain("Provisioner", "ReclaimPolicy", "VolumeBindingMode"), Column("AllowVolumeExpansion", "boolean"),
        _AGE,
    ),
    "Role": _CREATED_AT,
    "ClusterRole": _CREATED_AT,
    "RoleBinding": _BINDING,
    "ClusterRoleBinding": _BINDING,
    "CustomResourceDefinition": _CREATED_AT,
    "Lease": (_NAME, *_plain("Holder"), _AGE),
    "MutatingWebhookConfiguration": _WEBHOOKS,
    "ValidatingWebhookConfiguration": _WEBHOOKS,
}  # fmt: skip
