"""Istio's cases of AuthorizationPolicy: the filters made for one proxy."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from google.protobuf import json_format
from google.protobuf.message import Message

from tejer.envoy import proto
from tejer.istiod.model.authz import policy_set
from tejer.istiod.model.config import read_config
from tejer.istiod.model.settings import ExtAuthzProvider, MeshSettings
from tejer.istiod.translate.authorization import guards
from tejer.kube.kinds.istio_security import AuthorizationPolicySpec
from tejer.kube.manifest import load_bytes, load_value
from tejer.kube.types import AUTHORIZATIONPOLICIES
from tests.conformance.outcome import Outcome
from tests.support.envoy_config import as_dict

LABELS = {"app": "httpbin", "version": "v1"}
SERVICE = "my-custom-ext-authz.foo.svc.cluster.local"
_HEADERS = ("Set-cookie", "x-prefix-*", "*-suffix")
# The Go tests build these in code; the table only has their names.
PROVIDERS = {
    "meshConfigGRPCNoNamespace": ExtAuthzProvider(
        name="default", grpc=True, service=SERVICE, port=9000, fail_open=True, status_on_error="403"
    ),
    "meshConfigGRPC": ExtAuthzProvider(
        name="default", grpc=True, service=f"foo/{SERVICE}", port=9000, fail_open=True, status_on_error="403",
        timeout=0.002, max_request_bytes=4096, allow_partial_body=True,
    ),
    "meshConfigHTTP": ExtAuthzProvider(
        name="default", grpc=False, service=f"foo/{SERVICE}", port=9000, fail_open=True, status_on_error="403",
        timeout=10, path_prefix="/check", max_request_bytes=2048, allow_partial_body=True, pack_as_bytes=True,
        request_headers=("x-custom-id", "x-prefix-*", "*-suffix"),
        additional_headers={"x-header-1": "value-1", "x-header-2": "value-2"},
        headers_to_upstream=("Authorization", "x-prefix-*", "*-suffix"),
        headers_to_downstream_on_deny=_HEADERS, headers_to_downstream_on_allow=_HEADERS,
    ),
    "meshConfigInvalid": ExtAuthzProvider(name="default", grpc=False, service="", port=0),
}  # fmt: skip


def answer(directory: Path) -> Outcome:
    folder = directory / "authz"
    cases = json.loads((folder / "cases.json").read_text())["cases"]
    answers: list[Any] = []
    misses: list[str] = []
    for case in cases:
        made = _filters(folder, case)
        got = [as_dict(message) for message in made]
        answers.append([json_format.MessageToDict(m, descriptor_pool=proto.pool().pool) for m in made])
        if "want" in case:
            kind = proto.HttpFilter if case["filter"] == "http" else proto.NetworkFilter
            wanted = [as_dict(_read(folder / name, kind)) for name in case["want"]]
            if got != wanted:
                misses.append(f"{case['filter']}/{case['name']}: {len(got)} filters, not as wanted")
    return Outcome(answers, len(cases), misses)


def _filters(folder: Path, case: dict[str, Any]) -> list[Message]:
    policies = [
        read_config(AUTHORIZATIONPOLICIES.key_of(document.body), document.body, AuthorizationPolicySpec)
        for document in load_bytes((folder / case["input"]).read_bytes(), case["input"])
    ]
    bundle = case["trust_domain_bundle_go"] or '"cluster.local"'
    first, *aliases = re.findall(r'"([^"]+)"', bundle)
    provider = PROVIDERS.get(case["mesh_config_go"] or "")
    mesh = MeshSettings(
        trust_domain=first, trust_domain_aliases=tuple(aliases), ext_authz=(provider,) if provider else ()
    )
    made = guards(policy_set(policies, LABELS), mesh)
    return list(made.http if case["filter"] == "http" else made.network)


def _read(path: Path, kind: type[Message]) -> Message:
    body = load_value(path.read_text(), str(path))
    _register(body)
    return json_format.ParseDict(body, kind(), descriptor_pool=proto.pool().pool)  # noqa: TID251 - a table's JSON


def _register(value: Any) -> None:
    """Make the types of Anys known to the pool before they are read."""
    if isinstance(value, dict):
        if "@type" in value:
            proto.message_class(value["@type"].rpartition("/")[2])
        for inner in value.values():
            _register(inner)
    elif isinstance(value, list):
        for inner in value:
            _register(inner)
