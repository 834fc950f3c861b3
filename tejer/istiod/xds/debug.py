"""What the debug pages say, as JSON-like values. Pure: connections and snapshots in, data out.

`syncz` is what `proxy-status` reads: Istio's fields (`cluster_sent`, `cluster_acked`, ...) and, per type, the state in
Istio's words with the error and the objects behind a rejected resource. Source: pilot/pkg/xds/debug.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from tejer.envoy.proto import message_class, pool
from tejer.istiod.xds.connection import Connection
from tejer.istiod.xds.protocol import CDS, ECDS, EDS, LDS, RDS, SHORT_NAMES, Resource, Snapshot, Watch

Json = dict[str, Any]

_ISTIO_FIELDS = {CDS: "cluster", LDS: "listener", RDS: "route", EDS: "endpoint", ECDS: "extensionconfig"}


def syncz(connections: Iterable[Connection], istiod: str) -> list[Json]:
    """One entry per connected proxy, in order of name."""
    entries = [_sync(connection, istiod) for connection in connections]
    return sorted(entries, key=lambda entry: str(entry["proxy"]))


def _sync(connection: Connection, istiod: str) -> Json:
    node = connection.node
    entry: Json = {
        "cluster_id": node.cluster,
        "proxy": f"{node.name}.{node.namespace}",
        "proxy_type": node.type,
        "istio_version": node.version,
        "istiod": istiod,
        "node": node.id,
        "address": connection.address,
        "connected_at": _time(connection.connected_at),
    }
    for type_url, watch in connection.stream.watches.items():
        if field := _ISTIO_FIELDS.get(type_url):
            entry[f"{field}_sent"], entry[f"{field}_acked"] = watch.sent_nonce, watch.acked_nonce
    entry["types"] = {SHORT_NAMES.get(url, url): _watch(watch) for url, watch in connection.stream.watches.items()}
    return entry


def _watch(watch: Watch) -> Json:
    found: Json = {
        "status": watch.status,
        "sent_at": _time(watch.sent_at),
        "acked_at": _time(watch.acked_at),
        "resources": sum(1 for _ in watch.subscribed(watch.base)),
    }
    if watch.error:
        names = [r.name for r in watch.rejected]
        found |= {"error": watch.error, "rejected": names, "objects": objects(watch.rejected)}
    return found


def objects(resources: Iterable[Resource]) -> list[str]:
    """The objects that resources were made from, `resource.group/namespace/name`."""
    return sorted({str(key) for resource in resources for key in resource.sources})


def adsz(connections: Iterable[Connection]) -> Json:
    """Connections with what each watches and its recent rejections."""
    clients = [
        {
            "connectionId": connection.id,
            "connectedAt": _time(connection.connected_at),
            "address": connection.address,
            "node": connection.node.id,
            "labels": connection.node.labels,
            "watches": {
                SHORT_NAMES.get(url, url): ["*"] if watch.wildcard else sorted(watch.names)
                for url, watch in connection.stream.watches.items()
            },
            "rejections": [
                {"at": _time(at), "type": SHORT_NAMES.get(r.type_url, r.type_url), "message": r.message,
                 "objects": objects(r.resources)}
                for at, r in connection.rejections
            ],
        }
        for connection in connections
    ]  # fmt: skip
    return {"totalClients": len(clients), "clients": clients}


def find(connections: Mapping[str, Connection], proxy: str) -> Connection | None:
    """The connection of a proxy given as `pod.namespace` (istioctl) or `pod`."""
    for connection in connections.values():
        if proxy in (f"{connection.node.name}.{connection.node.namespace}", connection.node.id, connection.node.name):
            return connection
    return None


def config_dump(snapshot: Snapshot, *, only: tuple[str, ...] = ()) -> Json:
    """What istiod wants a proxy to have: Envoy's own JSON of each resource, with its hash and objects. No secrets."""
    configs: Json = {}
    for type_url, resources in snapshot.items():
        short = SHORT_NAMES.get(type_url, type_url)
        if short == "SDS" or (only and short not in only):
            continue
        configs[short] = {
            name: {
                "version": resource.version,
                "objects": objects([resource]),
                "resource": _decoded(type_url, resource),
            }
            for name, resource in resources.items()
        }
    return {"configs": configs}


def _decoded(type_url: str, resource: Resource) -> Any:
    from google.protobuf.json_format import MessageToDict  # only these pages need it
    from google.protobuf.message import DecodeError

    seen: set[str] = set()
    try:
        message = message_class(type_url.rpartition("/")[2]).FromString(resource.body)
        while True:
            try:
                return MessageToDict(message, preserving_proto_field_name=True, descriptor_pool=pool().pool)
            except TypeError as error:
                # Types inside Any enter the pool when they are first asked for: this is the asking.
                _, found, name = str(error).rpartition("/")
                if not found or name in seen:
                    return {"error": str(error)}
                seen.add(name)
                message_class(name)
    except (DecodeError, KeyError) as error:
        return {"error": str(error)}


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds") if seconds else ""
