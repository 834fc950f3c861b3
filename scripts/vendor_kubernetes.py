"""Regenerate the Kubernetes data files of `tejer/cluster/apiserver/machinery/data/`.

    python scripts/vendor_kubernetes.py DEFINITIONS GO_SOURCES

DEFINITIONS is the wheel of the PyPI package `kubernetes-validate` (or a `_definitions.json` out of it). GO_SOURCES is
the unpacked `usr/share/gocode/src` of Debian trixie's packages `golang-k8s-api-dev` and
`golang-k8s-apimachinery-dev` 0.32.3 (apt source file for trixie, `apt-get download`, `dpkg -x`). Both are Apache-2.0.
The results are committed, so a machine without these packages never needs this script.

Written: `openapi.json.gz` {definition: schema without descriptions, `$ref` a bare name},
`descriptions.json.gz` {definition: {property or "": text}}, and
`gotypes.json.gz` {protobuf message: [[number, JSON name, type, label, flags], ...]}; `gotypes.py` explains the codes.
"""

from __future__ import annotations

import gzip
import json
import re
import sys
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

VERSION = "v1.33.0"
DATA = Path(__file__).parents[1] / "tejer/cluster/apiserver/machinery/data"

# Kinds outside the groups below that requests or answers are made of.
EXTRA_ROOTS = (
    "io.k8s.api.autoscaling.v1.Scale",
    "io.k8s.api.policy.v1.Eviction",
    "io.k8s.api.core.v1.Binding",
    "io.k8s.api.authentication.v1.TokenRequest",
    "io.k8s.apimachinery.pkg.apis.meta.v1.Status",
    "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions",
    "io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta",
    "io.k8s.apimachinery.pkg.apis.meta.v1.Patch",
)
ROOT_PREFIXES = tuple(
    f"io.k8s.{group}."
    for group in (
        "api.core.v1",
        "api.apps.v1",
        "api.batch.v1",
        "api.autoscaling.v2",
        "api.policy.v1",
        "api.networking.v1",
        "api.discovery.v1",
        "api.coordination.v1",
        "api.events.v1",
        "api.rbac.v1",
        "api.storage.v1",
        "api.scheduling.v1",
        "api.admissionregistration.v1",
        "api.authentication.v1",
        "api.authorization.v1",
        "api.certificates.v1",
        "apiextensions-apiserver.pkg.apis.apiextensions.v1",
    )
)
GO_PACKAGES = re.compile(
    r"k8s\.io\.(api\.(core|apps|batch|autoscaling|policy|networking|discovery|coordination|events|rbac|storage"
    r"|scheduling|admissionregistration|authentication|authorization|certificates)\.v[12]"
    r"|apimachinery\.pkg\.(apis\.meta\.v1|runtime|util\.intstr|api\.resource))\."
)

# Types whose JSON is not what their OpenAPI says, or says nothing of.
OVERRIDES: dict[str, dict[str, Any]] = {
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": {
        "x-kubernetes-int-or-string": True,
        "format": "int-or-string",
        "oneOf": [{"type": "integer"}, {"type": "string"}],
    },
    "io.k8s.apimachinery.pkg.api.resource.Quantity": {
        "x-kubernetes-int-or-string": True,
        "oneOf": [{"type": "string"}, {"type": "number"}],
    },
    "io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
    "io.k8s.apimachinery.pkg.runtime.RawExtension": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
}
# The published defaults got lost on the way; server-side apply needs those of list keys.
KEY_DEFAULTS = {
    ("io.k8s.api.core.v1.ContainerPort", "protocol"): "TCP",
    ("io.k8s.api.core.v1.ServicePort", "protocol"): "TCP",
}
KEEP = ("type", "format", "enum", "required", "default", "oneOf", "additionalProperties", "items", "properties")


def read_definitions(source: Path) -> dict[str, Any]:
    if source.suffix == ".whl":
        with zipfile.ZipFile(source) as wheel:
            text = wheel.read(f"kubernetes_validate/kubernetes-json-schema/{VERSION}-local/_definitions.json")
    else:
        text = source.read_bytes()
    found: dict[str, Any] = json.loads(text)["$defs"]
    return found


def structure(node: dict[str, Any]) -> dict[str, Any]:
    """The schema without descriptions, nullable types or reference prefixes."""
    out: dict[str, Any] = {}
    for key, value in node.items():
        if key == "$ref":
            out[key] = value.rsplit("/", 1)[1]
        elif key == "type":
            out[key] = next(t for t in value if t != "null") if isinstance(value, list) else value
        elif key == "enum":
            out[key] = [v for v in value if v is not None]
        elif key == "properties":
            out[key] = {name: structure(child) for name, child in value.items()}
        elif key in ("items", "additionalProperties") and isinstance(value, dict):
            out[key] = structure(value)
        elif key in KEEP or key.startswith("x-"):
            out[key] = value
    return out


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref" and isinstance(value, str):
                yield value
            else:
                yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def is_root(name: str, schema: dict[str, Any]) -> bool:
    kinds = schema.get("x-kubernetes-group-version-kind") or []
    return name in EXTRA_ROOTS or (
        name.startswith(ROOT_PREFIXES) and bool(kinds) and not kinds[0]["kind"].endswith("List")
    )


def openapi(raw: dict[str, Any]) -> tuple[dict[str, Any], dict[str, dict[str, str]]]:
    """The definitions reachable from the kinds we keep, and their descriptions."""
    schemas = {name: structure(node) for name, node in raw.items()} | OVERRIDES
    for name in schemas:
        if name.rsplit(".", 1)[1].startswith("JSON") and name.rsplit(".", 1)[1] != "JSONSchemaProps":
            schemas[name] = {"x-kubernetes-preserve-unknown-fields": True}
    for (name, prop), default in KEY_DEFAULTS.items():
        schemas[name]["properties"][prop]["default"] = default
    todo = [name for name, schema in schemas.items() if is_root(name, schema)]
    kept: set[str] = set()
    while todo:
        name = todo.pop()
        if name not in kept:
            kept.add(name)
            todo += references(schemas[name])
    descriptions = {}
    for name in sorted(kept):
        texts = {"": raw[name].get("description", "")}
        texts |= {prop: node.get("description", "") for prop, node in raw[name].get("properties", {}).items()}
        descriptions[name] = {prop: text for prop, text in texts.items() if text}
    return {name: schemas[name] for name in sorted(kept)}, descriptions


SCALARS = {
    "string": "s", "bool": "b", "bytes": "y", "int32": "i", "int64": "i", "uint32": "u", "uint64": "u",
    "sint32": "z", "double": "d", "float": "f",
}  # fmt: skip
PROTO_FIELD = re.compile(r"(?:(optional|repeated)\s+([\w.]+)|map<\s*string\s*,\s*([\w.]+)\s*>)\s+(\w+)\s*=\s*(\d+)")
GO_FIELD = re.compile(r"^\s*(?:(\w+)\s+)?([\w.*\[\]]+)\s+`([^`]*)`", re.M)
GoField = list[Any]


def uncommented(path: Path) -> str:
    return re.sub(r"//[^\n]*", "", path.read_text(encoding="utf-8"))


def proto_messages(files: Iterable[Path]) -> dict[str, dict[int, GoField]]:
    """Every message of the .proto files: field number → [JSON name, type, label, flags]."""
    messages: dict[str, dict[int, GoField]] = {}
    for path in files:
        text = uncommented(path)
        package = re.search(r"package ([\w.]+);", text)
        assert package, f"{path}: no package"
        for message in re.finditer(r"message (\w+) \{(.*?)\n\}", text, re.S):
            fields: dict[int, GoField] = {}
            for label, plain, mapped, name, number in PROTO_FIELD.findall(message[2]):
                proto_type = plain or mapped
                if proto_type not in SCALARS:
                    proto_type = proto_type.lstrip(".")
                    proto_type = proto_type if "." in proto_type else f"{package[1]}.{proto_type}"
                code = {"optional": 0, "repeated": 1, "": 2}[label]
                fields[int(number)] = [name, SCALARS.get(proto_type, proto_type), code, 1]
            messages[f"{package[1]}.{message[1]}"] = fields
    return messages


def add_go_tags(messages: dict[str, dict[int, GoField]], root: Path, files: Iterable[Path]) -> None:
    """Correct names and flags by the struct tags: JSON name ("" = inlined), omitempty, pointer."""
    for path in files:
        package = ".".join(path.parent.relative_to(root).parts)
        for struct in re.finditer(r"\ntype (\w+) struct \{(.*?)\n\}", uncommented(path), re.S):
            fields = messages.get(f"{package}.{struct[1]}", {})
            for go_name, go_type, tag in GO_FIELD.findall(struct[2]):
                number = re.search(r'protobuf:"\w+,(\d+)', tag)
                if not number or int(number[1]) not in fields:
                    continue
                entry = fields[int(number[1])]
                json_tag = re.search(r'json:"([^"]*)"', tag)
                parts = (json_tag[1] if json_tag else entry[0]).split(",")
                inlined = "inline" in parts[1:] or (not go_name and not parts[0])
                pointer = go_type.startswith("*")
                entry[0] = "" if inlined else parts[0] or entry[0]
                entry[3] = int(pointer or "omitempty" not in parts[1:])
                if len(entry[1]) > 1 and entry[2] == 0 and not pointer and not inlined:
                    entry[3] |= 2


def go_types(root: Path) -> dict[str, list[GoField]]:
    messages = proto_messages(sorted(root.glob("k8s.io/**/generated.proto")))
    sources = {*root.glob("k8s.io/**/*types*.go"), *root.glob("k8s.io/apimachinery/pkg/apis/meta/v1/*.go")}
    add_go_tags(messages, root, sorted(p for p in sources if "_test" not in p.name and "zz_" not in p.name))
    return {
        name: [[number, *entry] for number, entry in sorted(fields.items())]
        for name, fields in sorted(messages.items())
        if GO_PACKAGES.match(name)
    }


def write(name: str, content: Any) -> None:
    text = json.dumps(content, separators=(",", ":"), sort_keys=False).encode()
    DATA.mkdir(parents=True, exist_ok=True)
    # mtime 0: the same input gives the same file
    (DATA / name).write_bytes(gzip.compress(text, 9, mtime=0))
    print(f"{name}: {len(content)} entries, {len(text)} bytes, {(DATA / name).stat().st_size} compressed")


def main(arguments: list[str]) -> int:
    if len(arguments) != 2:
        print(__doc__)
        return 2
    schemas, descriptions = openapi(read_definitions(Path(arguments[0])))
    write("openapi.json.gz", schemas)
    write("descriptions.json.gz", descriptions)
    write("gotypes.json.gz", go_types(Path(arguments[1])))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
