"""The words every room uses for a Kubernetes object: `Body`, `Key`, `Change`.

A `Body` is the object's JSON exactly as the API server holds it, so fields we do not know survive a round trip.
Typed views of it are the Structs of `tejer.kube.kinds`, decoded once at the door with `decode`.
"""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias, TypeVar

import msgspec

Body: TypeAlias = dict[str, Any]
"""A Kubernetes object as decoded JSON. Never mutate one that came from a store: copy what you change."""

T = TypeVar("T")


class Key(NamedTuple):
    """Names one object: `Key("networking.istio.io", "virtualservices", "finance-app", "finance-api")`.

    `group` is "" for the core group and `namespace` is "" for cluster-scoped objects. `resource` is the plural.
    """

    group: str
    resource: str
    namespace: str
    name: str

    def __str__(self) -> str:
        where = f"{self.namespace}/{self.name}" if self.namespace else self.name
        return f"{self.resource}.{self.group}/{where}" if self.group else f"{self.resource}/{where}"


class Change(NamedTuple):
    """One object's move from `old` to `new`; `old is None` means created, `new is None` means deleted."""

    key: Key
    old: Body | None
    new: Body | None


def metadata(body: Body) -> Body:
    """The object's `metadata`, or an empty mapping."""
    meta = body.get("metadata")
    return meta if isinstance(meta, dict) else {}


def name_of(body: Body) -> str:
    return str(metadata(body).get("name", ""))


def namespace_of(body: Body) -> str:
    return str(metadata(body).get("namespace", ""))


def decode(body: Body, kind: type[T]) -> T:
    """View `body` as `kind`, a Struct of `tejer.kube.kinds`.

    Raises msgspec.ValidationError naming the field's path when a field has the wrong type; unknown fields are left
    out of the view (the API server has already refused or pruned them). A null is an absent field, as in Go.
    """
    try:
        return msgspec.convert(body, kind, strict=True)
    except msgspec.ValidationError as error:
        if "got `null`" not in str(error):
            raise
        return msgspec.convert(without_nulls(body), kind, strict=True)


def without_nulls(value: Any) -> Any:
    """`value` with every null member of its mappings left out, at any depth."""
    if isinstance(value, dict):
        return {name: without_nulls(item) for name, item in value.items() if item is not None}
    if isinstance(value, list):
        return [without_nulls(item) for item in value]
    return value
