"""Where fuzzing begins: honest inputs of each door, and the tricks people know."""

from __future__ import annotations

from pathlib import Path

import msgspec

from tejer.cluster.apiserver.machinery.protobuf import MAGIC
from tejer.kube.manifest import load_paths

ROOT = Path(__file__).parents[2]
MANIFESTS = sorted((ROOT / "infrastructure" / "kubernetes").rglob("*.yaml"))
TRICKS = (
    b"a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nd: [*c, *c]\n", b"? {a: b}\n: c\n", b"{" * 400, b"[" * 400,
    b"a: !!binary x\nb: !!int 'y'\n<<: {c: 1}\n", b"---\n...\n---\n- 1\n", b"\xef\xbb\xbfa: 1e400\nb: .inf\nc: 0x_\n",
    b"%YAML 9.9\n---\na: |2\n    x\n", b"a: *b\n", b"a: 'x\n", b"\xff\xfea\x00",
)  # fmt: skip
EVERYTHING = """\
{"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": {"name": "a", "labels": {"x": "y"}},
 "spec": {"hosts": ["a.com"], "gateways": ["mesh", "x/y"], "exportTo": ["."], "http": [{"name": "r", "timeout": "5s",
  "match": [{"uri": {"regex": "^/a(b|c)*$"}, "headers": {"x": {"exact": "y"}}, "port": 80}],
  "route": [{"destination": {"host": "b", "subset": "v1", "port": {"number": 80}}, "weight": 50},
            {"destination": {"host": "c"}, "weight": 50}],
  "retries": {"attempts": 3, "perTryTimeout": "1s", "retryOn": "5xx,503"}, "fault": {"abort": {"httpStatus": 500}},
  "corsPolicy": {"allowOrigins": [{"exact": "*"}], "maxAge": "24h"}, "mirror": {"host": "d"}}],
  "tls": [{"match": [{"sniHosts": ["a.com"]}], "route": [{"destination": {"host": "b"}}]}]}}
"""


def seeds(target: str) -> list[bytes]:
    """Inputs of a target that are right, or nearly."""
    if target == "protobuf":
        plain = [_envelope(kind, version, raw) for kind, version in _KINDS for raw in (b"", _METADATA)]
        return [*plain, _envelope("Pod", "v1", _METADATA + _POD_SPEC)]
    files = [path.read_bytes() for path in MANIFESTS]
    if target == "yaml":
        return [*files, *TRICKS]
    bodies = [msgspec.json.encode(document.body) for document in load_paths([str(path) for path in MANIFESTS])]
    return [EVERYTHING.encode(), *bodies]


_KINDS = (
    ("Pod", "v1"),
    ("Service", "v1"),
    ("Deployment", "apps/v1"),
    ("Secret", "v1"),
    ("Lease", "coordination.k8s.io/v1"),
)


def field(number: int, payload: bytes) -> bytes:
    """A length-delimited field of fewer than 128 bytes."""
    return bytes((number << 3 | 2, len(payload))) + payload


_LABEL = field(11, field(1, b"app") + field(2, b"web"))
_METADATA = field(1, field(1, b"web") + field(3, b"shop") + _LABEL)
_POD_SPEC = field(2, field(2, field(1, b"c") + field(2, b"image") + field(6, b"\x10\x50")))


def _envelope(kind: str, version: str, raw: bytes) -> bytes:
    return MAGIC + field(1, field(1, version.encode()) + field(2, kind.encode())) + field(2, raw)
