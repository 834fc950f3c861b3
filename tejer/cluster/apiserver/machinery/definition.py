"""`Definition`: one served version of one kind, with everything the pure write path needs to know about it.

Built-in kinds come from the vendored OpenAPI (`builtin_definitions`), custom ones from a CustomResourceDefinition
(`crd_definitions`). All versions of a kind share `rtype`, hence the storage key; `version` says which one this is.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tejer.cluster.apiserver.machinery import schema
from tejer.cluster.apiserver.machinery.schema import Schema
from tejer.kube.resource import Body
from tejer.kube.types import BUILTIN_TYPES, ResourceType


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
    schema: Schema = field(repr=False, hash=False, compare=False)
    singular: str = ""
    list_kind: str = ""
    is_crd: bool = False
    storage: bool = True
    has_status: bool = False
    scale: ScalePaths | None = None
    columns: tuple[Column, ...] = ()
    selectable_fields: tuple[str, ...] = ()
    deprecation_warning: str = ""
    has_rules: bool = False

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
    return tuple(_builtin(rtype, version) for rtype in BUILTIN_TYPES for version in rtype.versions)


def _builtin(rtype: ResourceType, version: str) -> Definition:
    scaled = "scale" in rtype.subresources
    return Definition(
        rtype=rtype,
        version=version,
        schema={"$ref": schema.definition_of_kind(rtype.group, version, rtype.kind)},
        singular=rtype.singular,
        list_kind=rtype.list_kind,
        storage=version == rtype.version,
        has_status="status" in rtype.subresources,
        # built-in selectors are objects, turned into text by whoever serves the subresource
        scale=ScalePaths(selector=".spec.selector") if scaled else None,
    )


def crd_definitions(crd: Body) -> tuple[Definition, ...]:
    """The served versions of a valid CustomResourceDefinition, storage version first."""
    spec = crd.get("spec") or {}
    versions = [entry for entry in spec.get("versions") or () if entry.get("served")]
    versions.sort(key=lambda entry: not entry.get("storage"))
    rtype = _crd_type(spec, versions)
    # versions mostly have the same schema: one copy serves them all
    shared: list[Schema] = []
    for entry in versions:
        structure = schema.structural((entry.get("schema") or {}).get("openAPIV3Schema") or {})
        shared.append(next((known for known in shared if known == structure), structure))
    return tuple(_custom(rtype, spec, entry, structure) for entry, structure in zip(versions, shared, strict=True))


def _crd_type(spec: Body, versions: list[Body]) -> ResourceType:
    names = spec.get("names") or {}
    stored = next((entry["name"] for entry in spec.get("versions") or () if entry.get("storage")), "")
    subresources: list[str] = []
    for entry in versions:
        subresources += [name for name in entry.get("subresources") or () if name not in subresources]
    return ResourceType(
        group=spec.get("group", ""),
        version=stored,
        plural=names.get("plural", ""),
        kind=names.get("kind", ""),
        namespaced=spec.get("scope") == "Namespaced",
        short_names=tuple(names.get("shortNames") or ()),
        categories=tuple(names.get("categories") or ()),
        subresources=tuple(subresources),
        served=tuple(entry["name"] for entry in versions),
    )


def _custom(rtype: ResourceType, spec: Body, entry: Body, structure: Schema) -> Definition:
    names = spec.get("names") or {}
    subresources = entry.get("subresources") or {}
    scale = subresources.get("scale")
    warning = ""
    if entry.get("deprecated"):
        text = f"{rtype.group}/{entry['name']} {rtype.kind} is deprecated"
        warning = entry.get("deprecationWarning") or text
    return Definition(
        rtype=rtype,
        version=entry["name"],
        schema=structure,
        has_rules=schema.has_rules(structure),
        singular=names.get("singular") or rtype.singular,
        list_kind=names.get("listKind") or rtype.list_kind,
        is_crd=True,
        storage=bool(entry.get("storage")),
        has_status="status" in subresources,
        scale=_scale_paths(scale) if scale else None,
        columns=tuple(_column(column) for column in entry.get("additionalPrinterColumns") or ()),
        selectable_fields=tuple(f["jsonPath"] for f in entry.get("selectableFields") or ()),
        deprecation_warning=warning,
    )


def _scale_paths(scale: Body) -> ScalePaths:
    return ScalePaths(
        spec_replicas=scale.get("specReplicasPath", ""),
        status_replicas=scale.get("statusReplicasPath", ""),
        selector=scale.get("labelSelectorPath", ""),
    )


def _column(column: Body) -> Column:
    return Column(
        name=column.get("name", ""),
        type=column.get("type", "string"),
        format=column.get("format", ""),
        description=column.get("description", ""),
        priority=int(column.get("priority") or 0),
        path=column.get("jsonPath", ""),
    )
