"""What Kubernetes' Go structs say of each field: protobuf number and type, JSON name, omitempty, pointer or value.

Strict decoding, managedFields and protobuf all need it, because Go writes a value struct even when it is empty
(`resources: {}`) and leaves zero values of `omitempty` fields out.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import msgspec

from tejer.cluster.apiserver.machinery import data

SINGLE, REPEATED, MAP = 0, 1, 2

# Group → the Go package below k8s.io/api.
_PACKAGES = {
    "": "core",
    "rbac.authorization.k8s.io": "rbac",
    "authentication.k8s.io": "authentication",
    "authorization.k8s.io": "authorization",
    "admissionregistration.k8s.io": "admissionregistration",
    "coordination.k8s.io": "coordination",
    "discovery.k8s.io": "discovery",
    "networking.k8s.io": "networking",
    "events.k8s.io": "events",
    "storage.k8s.io": "storage",
    "scheduling.k8s.io": "scheduling",
    "certificates.k8s.io": "certificates",
}
META_V1 = "k8s.io.apimachinery.pkg.apis.meta.v1."


class Field(NamedTuple):
    """`type` is a scalar's letter (s b y i u z d) or a message name; `json` is "" for an inlined struct.

    `keep`: written even when zero. `always`: a value struct, present in every JSON Go writes.
    """

    number: int
    json: str
    type: str
    label: int
    keep: bool
    always: bool


@cache
def fields(message: str) -> dict[int, Field]:
    """The message's fields by protobuf number; empty for a message we hold no data of."""
    raw = data.gotypes().get(message)
    if raw is None:
        return {}
    rows = msgspec.json.decode(raw, type=list[tuple[int, str, str, int, int]])
    return {n: Field(n, name, kind, label, bool(flags & 1), bool(flags & 2)) for n, name, kind, label, flags in rows}


def known(message: str) -> bool:
    return message in data.gotypes()


@cache
def by_json_name(message: str) -> dict[str, Field]:
    """The fields by JSON name, those of inlined structs included."""
    found: dict[str, Field] = {}
    for entry in fields(message).values():
        if entry.json:
            found[entry.json] = entry
        elif len(entry.type) > 1:
            found |= by_json_name(entry.type)
    return found


def message_of(group: str, version: str, kind: str) -> str:
    """The message of a kind, or "" when there is none: ("apps", "v1", "Deployment") → k8s.io.api.apps.v1.Deployment."""
    name = f"k8s.io.api.{_PACKAGES.get(group, group)}.{version}.{kind}"
    if known(name):
        return name
    name = META_V1 + kind
    return name if known(name) else ""


def message_of_definition(definition: str) -> str:
    """The message of an OpenAPI definition: io.k8s.api.core.v1.Pod → k8s.io.api.core.v1.Pod."""
    return "k8s.io." + definition.removeprefix("io.k8s.")
