"""OpenAPI v3 documents per group-version: what `kubectl explain` and client-side apply read.

kubectl finds a kind through `paths` (the GET of a list path carries x-kubernetes-group-version-kind) and learns from
the PATCH's query parameters that the server validates fields.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from tejer.cluster.apiserver.machinery import data
from tejer.cluster.apiserver.machinery.definition import Definition
from tejer.cluster.apiserver.machinery.schema import OBJECT_META, Schema
from tejer.kube.resource import Body

_PREFIX = "#/components/schemas/"
_META = "io.k8s.apimachinery.pkg.apis.meta.v1."
_TITLES = {"title": "Kubernetes", "version": "v1.33.0"}
_WRITE_PARAMETERS = ("dryRun", "fieldManager", "fieldValidation")
_LIST_PARAMETERS = ("continue", "fieldSelector", "labelSelector", "limit", "resourceVersion", "watch")


def group_version_path(group: str, version: str) -> str:
    return f"apis/{group}/{version}" if group else f"api/{version}"


def openapi_index(definitions: Iterable[Definition]) -> Body:
    """The answer of `/openapi/v3`: `{"paths": {"apis/apps/v1": {"serverRelativeURL": "...?hash=..."}}}`."""
    groups: dict[str, list[Definition]] = {}
    for defn in definitions:
        groups.setdefault(group_version_path(defn.group, defn.version), []).append(defn)
    paths = {}
    for path, members in groups.items():
        # Built-in documents never change; a custom one does with its schemas.
        parts = [f"{d.kind}{d.rtype.plural}".encode() + (_encoded(d.schema) if d.is_crd else b"") for d in members]
        digest = hashlib.sha256(b"".join(parts)).hexdigest()[:32].upper()
        paths[path] = {"serverRelativeURL": f"/openapi/v3/{path}?hash={digest}"}
    return {"paths": paths}


def _encoded(value: Any) -> bytes:
    return msgspec.json.encode(value, order="deterministic")


def openapi_document(
    group: str, version: str, definitions: Iterable[Definition], *, custom: Iterable[Body] = ()
) -> bytes:
    """The JSON document of one group-version: schemas and the paths of its resources. Not cached: it is large.

    `custom` are the CRDs of this group, for the descriptions that `definitions` no longer hold.
    """
    members = [d for d in definitions if (d.group, d.version) == (group, version)]
    described = _described_schemas(custom, version)
    schemas: dict[str, Schema] = {}
    todo = [_META + name for name in ("Status", "DeleteOptions", "ListMeta")]
    paths: Body = {}
    for defn in members:
        if defn.is_crd:
            name = custom_schema_name(defn)
            schema = described.get(defn.rtype.plural, defn.schema)
            schemas[name] = _custom_schema(defn, schema)
            todo.append(str(OBJECT_META["$ref"]))
        else:
            name = defn.schema["$ref"]
            todo.append(name)
        paths |= _paths(defn, name)
        list_name = name + "List"
        schemas[list_name] = _list_schema(defn, name)
    schemas |= _builtin_schemas(todo)
    document = {"openapi": "3.0.0", "info": _TITLES, "paths": paths, "components": {"schemas": schemas}}
    return msgspec.json.encode(document)


def custom_schema_name(defn: Definition) -> str:
    """`io.istio.networking.v1.VirtualService`."""
    return ".".join([*reversed(defn.group.split(".")), defn.version, defn.kind])


def _described_schemas(custom: Iterable[Body], version: str) -> dict[str, Schema]:
    found = {}
    for crd in custom:
        spec = crd.get("spec") or {}
        for entry in spec.get("versions") or ():
            schema = (entry.get("schema") or {}).get("openAPIV3Schema")
            if entry.get("name") == version and schema:
                found[(spec.get("names") or {}).get("plural", "")] = schema
    return found


def _gvk(defn: Definition) -> Body:
    return {"group": defn.group, "version": defn.version, "kind": defn.kind}


def _custom_schema(defn: Definition, schema: Schema) -> Schema:
    meta: Schema = {"allOf": [{"$ref": _PREFIX + str(OBJECT_META["$ref"])}], "default": {}}
    meta["description"] = "Standard object's metadata."
    properties = {
        **(schema.get("properties") or {}),
        "apiVersion": {"type": "string", "description": "APIVersion of this representation of the object."},
        "kind": {"type": "string", "description": "Kind of this object, in CamelCase."},
        "metadata": meta,
    }
    return {
        **{key: value for key, value in schema.items() if key != "x-kubernetes-validations"},
        "type": "object",
        "properties": properties,
        "x-kubernetes-group-version-kind": [_gvk(defn)],
    }


def _list_schema(defn: Definition, name: str) -> Schema:
    return {
        "type": "object",
        "description": f"{defn.list_kind} is a list of {defn.kind}",
        "required": ["items"],
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"allOf": [{"$ref": f"{_PREFIX}{_META}ListMeta"}], "default": {}},
            "items": {"type": "array", "items": {"allOf": [{"$ref": _PREFIX + name}], "default": {}}},
        },
        "x-kubernetes-group-version-kind": [{**_gvk(defn), "kind": defn.list_kind}],
    }


def _builtin_schemas(names: list[str]) -> dict[str, Schema]:
    """The named definitions and all they refer to, with descriptions."""
    openapi, descriptions = data.openapi(), data.descriptions()
    found: dict[str, Schema] = {}
    todo = list(names)
    while todo:
        name = todo.pop()
        if name in found or name not in openapi:
            continue
        schema: Schema = data.decode(openapi[name])
        todo += _references(schema)
        texts = data.decode(descriptions[name]) if name in descriptions else {}
        if "" in texts:
            schema["description"] = texts[""]
        for prop, child in (schema.get("properties") or {}).items():
            if prop in texts:
                child["description"] = texts[prop]
        found[name] = _with_prefixes(schema)
    return found


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref" and isinstance(value, str):
                yield value
            else:
                yield from _references(value)
    elif isinstance(node, list):
        for value in node:
            yield from _references(value)


def _with_prefixes(node: Any) -> Any:
    """References spelled as OpenAPI v3 does, with their siblings outside (`allOf`)."""
    if isinstance(node, list):
        return [_with_prefixes(value) for value in node]
    if not isinstance(node, dict):
        return node
    reference = node.get("$ref")
    if not isinstance(reference, str):
        return {key: _with_prefixes(value) for key, value in node.items()}
    target = {"$ref": _PREFIX + reference}
    siblings = {key: value for key, value in node.items() if key != "$ref"}
    return {"allOf": [target], **siblings} if siblings else target


def _parameters(names: Iterable[str]) -> list[Body]:
    return [{"name": name, "in": "query", "schema": {"type": "string", "uniqueItems": True}} for name in names]


def _paths(defn: Definition, name: str) -> Body:
    rtype, gvk = defn.rtype, _gvk(defn)
    collection = rtype.path("{namespace}", version=defn.version)
    item = rtype.path("{namespace}", "{name}", version=defn.version)
    body = {"content": {"*/*": {"schema": {"$ref": _PREFIX + name}}}}
    media = {
        "application/json": {"schema": {"$ref": _PREFIX + name}},
        "application/yaml": {"schema": {"$ref": _PREFIX + name}},
    }
    listed = {"application/json": {"schema": {"$ref": _PREFIX + name + "List"}}}

    def operation(action: str, queries: Iterable[str], answer: Body, *, sends: bool = False) -> Body:
        made: Body = {
            "x-kubernetes-action": action,
            "x-kubernetes-group-version-kind": gvk,
            "parameters": _parameters(queries),
            "responses": {"200": {"description": "OK", "content": answer}},
        }
        return made | ({"requestBody": body} if sends else {})

    on_collection: Body = {}
    on_item: Body = {}
    verbs = set(rtype.verbs)
    if "list" in verbs:
        on_collection["get"] = operation("list", _LIST_PARAMETERS, listed)
    if "create" in verbs:
        on_collection["post"] = operation("post", _WRITE_PARAMETERS, media, sends=True)
    if "get" in verbs:
        on_item["get"] = operation("get", (), media)
    if "update" in verbs:
        on_item["put"] = operation("put", _WRITE_PARAMETERS, media, sends=True)
    if "patch" in verbs:
        on_item["patch"] = operation("patch", (*_WRITE_PARAMETERS, "force"), media, sends=True)
    if "delete" in verbs:
        on_item["delete"] = operation("delete", ("dryRun", "gracePeriodSeconds", "propagationPolicy"), media)
    return {collection: on_collection} | ({item: on_item} if on_item else {})


def openapi_v2_protobuf() -> bytes:
    """A minimal swagger document, as protobuf: enough for kubectl's error messages.

    gnostic openapi.v2.Document: 1 swagger = "2.0", 2 info (1 title, 2 version).
    """
    info = b"\x0a\x0aKubernetes\x12\x07v1.33.0"
    return b"\x0a\x032.0\x12" + bytes([len(info)]) + info
