"""`Config`: a configuration object as the model holds it: what it says and when it was made, nothing that churns.

Status, managed fields and resourceVersion are left out, so rewriting them changes nothing downstream.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Generic, TypeVar

import msgspec

from tejer.kube.resource import Body, Key, metadata

S = TypeVar("S")
S2 = TypeVar("S2")

DRY_RUN_ANNOTATION = "istio.io/dry-run"


class Config(msgspec.Struct, Generic[S], frozen=True, kw_only=True):
    """One Istio object. `version` is its apiVersion's version, `dry_run` its `istio.io/dry-run` annotation."""

    key: Key
    kind: str
    version: str = "v1"
    created: str = ""
    dry_run: bool = False
    spec: S

    @property
    def name(self) -> str:
        return self.key.name

    @property
    def namespace(self) -> str:
        return self.key.namespace

    @property
    def age(self) -> tuple[str, str, str]:
        """Sort key: oldest first, then name, then namespace (`istio.md` X18)."""
        return (self.created, self.key.name, self.key.namespace)

    @property
    def path(self) -> str:
        """The `istio.config` metadata that istioctl shows: `/apis/<group>/<version>/namespaces/<ns>/<kind>/<name>`."""
        kebab = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", self.kind).lower()
        return f"/apis/{self.key.group}/{self.version}/namespaces/{self.namespace}/{kebab}/{self.name}"


def read_config(key: Key, body: Body, spec_type: type[S], kind: str = "", version: str = "v1") -> Config[S]:
    """`kind` and `version` where the body does not say (items of a list need not).

    Raises msgspec.ValidationError with the field's path when the spec does not have the kind's shape.
    """
    meta = metadata(body)
    annotations = meta.get("annotations") or {}
    return Config(
        key=key,
        kind=str(body.get("kind") or kind),
        version=str(body.get("apiVersion") or version).rpartition("/")[2],
        created=str(meta.get("creationTimestamp") or ""),
        dry_run=annotations.get(DRY_RUN_ANNOTATION) == "true",
        spec=msgspec.convert(body.get("spec") or {}, spec_type),
    )


def with_spec(config: Config[S], spec: S2) -> Config[S2]:
    return Config(
        key=config.key, kind=config.kind, version=config.version,
        created=config.created, dry_run=config.dry_run, spec=spec,
    )  # fmt: skip


def selects(selector: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    """Whether every pair of `selector` is among `labels`; an empty selector selects everything."""
    return all(labels.get(name) == value for name, value in selector.items())


def oldest(configs: Iterable[Config[S]]) -> Config[S] | None:
    return min(configs, key=lambda config: config.age, default=None)
