"""`Definition`: one served version of one kind, with everything the pure write path needs to know about it.

Built-in kinds come from the vendored OpenAPI (`builtin_definitions`), custom ones from a CustomResourceDefinition
(`crd_definitions`). All versions of a kind share `rtype`, hence the storage key; `version` says which one this is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeAlias

from tejer.kube.resource import Body
from tejer.kube.types import ResourceType

Schema: TypeAlias = dict[str, Any]
"""An OpenAPI v3 schema object. `$ref` names a built-in definition; see `schema.resolve`."""


@dataclass(frozen=True, slots=True)
class Column:
    """A printer column. `priority` > 0 shows only in `-o wide`; `path` is the JSONPath of a custom column."""

    name: str
    type: str = "string"
    format: str = ""
    description: str = ""
    priority: int = 0
    path: str = ""


@dataclass(frozen=True, slots=True)
class ScalePaths:
    """Where the `scale` subresource reads and writes: JSON paths such as `.spec.replicas`."""

    spec_replicas: str = ".spec.replicas"
    status_replicas: str = ".status.replicas"
    selector: str = ".status.selector"


@dataclass(frozen=True, slots=True)
class Definition:
    """One version of one kind as it is served. Conversion between versions is `None`: only apiVersion changes."""

    rtype: ResourceType
    version: str
    schema: Schema = field(repr=False)
    singular: str = ""
    list_kind: str = ""
    go_type: str = ""
    is_crd: bool = False
    storage: bool = True
    has_status: bool = False
    scale: ScalePaths | None = None
    columns: tuple[Column, ...] = ()
    selectable_fields: tuple[str, ...] = ()
    deprecation_warning: str = ""

    @property
    def group(self) -> str:
        return self.rtype.group

    @property
    def kind(self) -> str:
        return self.rtype.kind

    @property
    def api_version(self) -> str:
        return f"{self.rtype.group}/{self.version}" if self.rtype.group else self.version

    @property
    def group_resource(self) -> str:
        """`deployments.apps`, as error messages and CRD names spell it."""
        return f"{self.rtype.plural}.{self.rtype.group}" if self.rtype.group else self.rtype.plural

    def convert(self, body: Body) -> Body:
        """`body` as this version shows it (a shallow copy, or the same object when it already fits)."""
        if body.get("apiVersion") == self.api_version and body.get("kind") == self.kind:
            return body
        return {**body, "apiVersion": self.api_version, "kind": self.kind}


def builtin_definitions() -> tuple[Definition, ...]:
    """Every kind of `BUILTIN_TYPES`. Cheap: schemas are decoded when first used."""
    raise NotImplementedError


def crd_definitions(crd: Body) -> tuple[Definition, ...]:
    """The served versions of a valid CustomResourceDefinition, storage version first."""
    raise NotImplementedError
