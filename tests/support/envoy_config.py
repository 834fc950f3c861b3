"""Rendered resources as plain values, and whole configurations before the real Envoy (`--mode validate`)."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from google.protobuf import json_format
from google.protobuf.message import Message

from tejer.envoy import paths, proto
from tejer.envoy.bootstrap import sds_files
from tejer.envoy.descriptors import envoy_path
from tejer.istiod.translate.rendered import CLUSTER, ENDPOINT, LISTENER, ROUTE, Rendered

ATTEMPTS, SECONDS = 3, 60
_TYPE = "type.googleapis.com/"
_HCM = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
_HTTP_FILTERS = {
    "envoy.filters.http.set_filter_state": "envoy.extensions.filters.http.set_filter_state.v3.Config",
    "envoy.filters.http.fault": "envoy.extensions.filters.http.fault.v3.HTTPFault",
    "envoy.filters.http.cors": "envoy.extensions.filters.http.cors.v3.Cors",
    "envoy.filters.http.router": "envoy.extensions.filters.http.router.v3.Router",
}


def as_dict(message: Message) -> dict[str, Any]:
    """The message's JSON with proto field names; types inside Anys are registered as they are met."""
    for _ in range(100):
        try:
            found: dict[str, Any] = json_format.MessageToDict(
                message, preserving_proto_field_name=True, descriptor_pool=proto.pool().pool
            )
            return found
        except (TypeError, KeyError) as error:
            missing = re.search(r"(?:type.googleapis.com/)?((?:envoy|xds|google)\.[\w.]+)", str(error))
            if missing is None:
                raise
            proto.message_class(missing[1])
    raise AssertionError("types keep being missing")


def decode(type_url: str, body: bytes) -> dict[str, Any]:
    return as_dict(proto.message_class(type_url.removeprefix(_TYPE)).FromString(body))


def decoded(rendered: Rendered, type_url: str) -> dict[str, dict[str, Any]]:
    return {name: decode(type_url, found.body) for name, found in sorted(rendered.of(type_url).items())}


def validate(cases: Mapping[str, Rendered], folder: Path, *, tolerated: tuple[str, ...] = ()) -> str:
    """Let Envoy load all `cases` as one static configuration; what it says against it, or "".

    Lines of its log with one of `tolerated` in them do not count.
    """
    (folder / "certs").mkdir(parents=True, exist_ok=True)
    certificate, roots = sds_files(str(folder / "certs"))
    (folder / Path(paths.SDS_CERTIFICATE).name).write_text(json.dumps(certificate))
    (folder / Path(paths.SDS_ROOTS).name).write_text(json.dumps(roots))
    config = folder / "envoy.json"
    config.write_text(json.dumps(_bootstrap(cases)).replace(paths.PROXY_DIR, str(folder)))
    done = loaded(config)
    output = done.stdout + done.stderr
    complaints = [
        line for line in output.splitlines() if not _expected(line) and not any(text in line for text in tolerated)
    ]
    return "" if done.returncode == 0 and not complaints else "\n".join(complaints) or output


def loaded(config: Path) -> subprocess.CompletedProcess[str]:
    """`envoy --mode validate` of a file. A run that hangs is repeated: see `pytest_sessionstart` in conftest."""
    command = [str(envoy_path()), "--mode", "validate", "-c", str(config), "-l", "warning"]
    for _ in range(ATTEMPTS - 1):
        try:
            return subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
        except subprocess.TimeoutExpired:
            continue
    return subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)


def _expected(line: str) -> bool:
    return line.endswith(" OK") or "Filesystem config update rejected: Invalid path" in line or not line.strip()


def _bootstrap(cases: Mapping[str, Rendered]) -> dict[str, Any]:
    listeners: list[dict[str, Any]] = []
    clusters: list[dict[str, Any]] = [_ads_cluster()]
    addresses = _addresses()
    for case, rendered in cases.items():
        for name, listener in decoded(rendered, LISTENER).items():
            listeners.append({**listener, "name": f"{case}/{name}", "address": next(addresses)})
        for name, routes in decoded(rendered, ROUTE).items():
            listeners.append(_route_listener(f"{case}/route/{name}", routes, next(addresses)))
        endpoints = decoded(rendered, ENDPOINT)
        for name, cluster in decoded(rendered, CLUSTER).items():
            clusters.append(_static({**cluster, "name": f"{case}/{name}"}, endpoints.get(name)))
    grpc = {"envoy_grpc": {"cluster_name": "xds-grpc"}}
    return {
        "node": {"id": "golden", "cluster": "golden"},
        "dynamic_resources": {
            "ads_config": {"api_type": "DELTA_GRPC", "transport_api_version": "V3", "grpc_services": [grpc]}
        },
        "static_resources": {"listeners": listeners, "clusters": clusters},
    }


def _addresses() -> Iterator[dict[str, Any]]:
    """Every listener gets an address of its own; the configuration is never run."""
    for number in range(250 * 250):
        host = f"127.9.{number // 250}.{number % 250 + 1}"
        yield {"socket_address": {"address": host, "port_value": 1}}


def _static(cluster: dict[str, Any], endpoints: dict[str, Any] | None) -> dict[str, Any]:
    if cluster.get("type") == "EDS":
        cluster = {key: value for key, value in cluster.items() if key != "eds_cluster_config"}
        cluster |= {"type": "STATIC", "load_assignment": {**(endpoints or {}), "cluster_name": cluster["name"]}}
    return cluster


def _route_listener(name: str, routes: dict[str, Any], address: dict[str, Any]) -> dict[str, Any]:
    filters = [
        {"name": filter_name, "typed_config": {"@type": _TYPE + kind}} for filter_name, kind in _HTTP_FILTERS.items()
    ]
    manager = {"@type": _TYPE + _HCM, "stat_prefix": "x", "route_config": routes, "http_filters": filters}
    chain = {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}
    return {"name": name, "address": address, "filter_chains": [chain]}


def _ads_cluster() -> dict[str, Any]:
    options = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
    endpoint = {"endpoint": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": 1}}}}
    return {
        "name": "xds-grpc",
        "type": "STATIC",
        "connect_timeout": "1s",
        "typed_extension_protocol_options": {
            options: {"@type": _TYPE + options, "explicit_http_config": {"http2_protocol_options": {}}}
        },
        "load_assignment": {"cluster_name": "xds-grpc", "endpoints": [{"lb_endpoints": [endpoint]}]},
    }


def without(value: Any, keys: Iterable[str]) -> Any:
    """`value` without some keys at any depth, so that a golden file shows only what its case is about."""
    dropped = set(keys)
    if isinstance(value, dict):
        return {key: without(inner, dropped) for key, inner in value.items() if key not in dropped}
    if isinstance(value, list):
        return [without(inner, dropped) for inner in value]
    return value
