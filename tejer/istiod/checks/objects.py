"""`Item`: an object as analyzers see it, its body beside its typed view."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from tejer.kube.crds import KINDS
from tejer.kube.kinds import apps, core
from tejer.kube.resource import Body, Key, decode, metadata, name_of, namespace_of
from tejer.kube.types import BUILTIN_TYPES, DEPLOYMENTS, ISTIO_TYPES, NAMESPACES, PODS, SECRETS, SERVICES, ResourceType

TYPES: Mapping[tuple[str, str], ResourceType] = {(t.group, t.kind): t for t in (*BUILTIN_TYPES, *ISTIO_TYPES)}
TYPED: Mapping[ResourceType, type[Any]] = {
    NAMESPACES: core.Namespace, PODS: core.Pod, SERVICES: core.Service, SECRETS: core.Secret,
    DEPLOYMENTS: apps.Deployment, **dict(KINDS),
}  # fmt: skip
"""The kinds that analyzers read by their fields; of the rest they see the body."""


class Item:
    """Equal where the bodies are. `value` is the typed view, None where the kind has none or the body can't be read."""

    __slots__ = ("body", "key", "rtype", "value")

    def __init__(self, body: Body) -> None:
        self.body = body
        self.rtype = type_of(body)
        self.key = key_of(body)
        self.value: Any = None
        if (struct := TYPED.get(self.rtype) if self.rtype is not None else None) is not None:
            try:
                self.value = decode(body, struct)
            except msgspec.ValidationError:
                self.value = None  # the schema's analyzer says what is wrong with it

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Item) and (self.body is other.body or self.body == other.body)

    def __hash__(self) -> int:
        return hash(self.key)

    @property
    def kind(self) -> str:
        return str(self.body.get("kind", ""))

    @property
    def namespace(self) -> str:
        return self.key.namespace

    @property
    def name(self) -> str:
        return self.key.name

    @property
    def place(self) -> str:
        """`namespace/name`."""
        return f"{self.key.namespace}/{self.key.name}"

    @property
    def labels(self) -> dict[str, str]:
        return _strings(metadata(self.body).get("labels"))

    @property
    def annotations(self) -> dict[str, str]:
        return _strings(metadata(self.body).get("annotations"))


def _strings(value: Any) -> dict[str, str]:
    return value if isinstance(value, dict) else {}


def type_of(body: Body) -> ResourceType | None:
    group = str(body.get("apiVersion", "")).rpartition("/")[0]
    return TYPES.get((group, str(body.get("kind", ""))))


def key_of(body: Body) -> Key:
    """The object's key; kinds we don't know get a plural by guess."""
    if (rtype := type_of(body)) is not None:
        return rtype.key_of(body)
    group = str(body.get("apiVersion", "")).rpartition("/")[0]
    return Key(group, str(body.get("kind", "")).lower().removesuffix("s") + "s", namespace_of(body), name_of(body))
