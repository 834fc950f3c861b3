"""`Dump`: the parts of Envoy's /config_dump, found by their type. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

Json: TypeAlias = dict[str, Any]
_TYPE = "type.googleapis.com/envoy.admin.v3."


class Dump:
    """`body` is the answer to /config_dump?include_eds. Resources come as Envoy's JSON, static ones included."""

    def __init__(self, body: Json) -> None:
        self.body = body
        configs = body.get("configs")
        if not isinstance(configs, list):
            raise ValueError("not a config dump of Envoy: it has no list `configs`")
        self._parts: dict[str, Json] = {str(part.get("@type", "")).removeprefix(_TYPE): part for part in configs}

    def _part(self, name: str) -> Json:
        return self._parts.get(name, {})

    def bootstrap(self) -> Json:
        found: Json = self._part("BootstrapConfigDump")
        return found

    def clusters(self) -> Iterator[Json]:
        part = self._part("ClustersConfigDump")
        for key in ("static_clusters", "dynamic_active_clusters"):
            yield from (item["cluster"] for item in part.get(key, ()) if item.get("cluster"))

    def listeners(self) -> Iterator[Json]:
        part = self._part("ListenersConfigDump")
        yield from (item["listener"] for item in part.get("static_listeners", ()) if item.get("listener"))
        for item in part.get("dynamic_listeners", ()):
            state = item.get("active_state") or item.get("warming_state") or {}
            if state.get("listener"):
                yield state["listener"]

    def routes(self) -> Iterator[Json]:
        part = self._part("RoutesConfigDump")
        for key in ("dynamic_route_configs", "static_route_configs"):
            yield from (item["route_config"] for item in part.get(key, ()) if item.get("route_config"))

    def endpoints(self) -> Iterator[Json]:
        part = self._part("EndpointsConfigDump")
        for key in ("static_endpoint_configs", "dynamic_endpoint_configs"):
            yield from (item["endpoint_config"] for item in part.get(key, ()) if item.get("endpoint_config"))

    def secrets(self) -> Iterator[tuple[str, Json]]:
        """(state, secret): ACTIVE or WARMING."""
        part = self._part("SecretsConfigDump")
        for key, state in (
            ("static_secrets", "ACTIVE"), ("dynamic_active_secrets", "ACTIVE"), ("dynamic_warming_secrets", "WARMING"),
        ):  # fmt: skip
            yield from ((state, item.get("secret") or {"name": item.get("name")}) for item in part.get(key, ()))

    def extensions(self) -> Iterator[Json]:
        part = self._part("EcdsConfigDump")
        yield from (item["ecds_filter"] for item in part.get("ecds_filters", ()) if item.get("ecds_filter"))


def parse_name(name: str) -> tuple[str, str, str, str] | None:
    """(direction, port, subset, host) of `outbound|9080|v1|reviews.default.svc.cluster.local`; None for other names."""
    parts = name.split("|")
    return (parts[0], parts[1], parts[2], parts[3]) if len(parts) == 4 else None


def istio_object(resource: Json) -> str:
    """`reviews.default` of the object a resource was made from, "" where it says none."""
    config = (((resource.get("metadata") or {}).get("filter_metadata") or {}).get("istio") or {}).get("config", "")
    pieces = str(config).split("/")
    return f"{pieces[7]}.{pieces[5]}" if len(pieces) == 8 and pieces[1] == "apis" else ""


def address(value: Json) -> tuple[str, int]:
    """(host or unix path, port) of an Envoy address."""
    if socket := value.get("socket_address"):
        return str(socket.get("address", "")), int(socket.get("port_value", 0))
    if pipe := value.get("pipe"):
        return f"unix://{pipe.get('path', '')}", 0
    internal = value.get("envoy_internal_address") or {}
    return f"envoy://{internal.get('server_listener_name', '')}/{internal.get('endpoint_id', '')}", 0
