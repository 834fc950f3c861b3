"""The containers and volumes that injection adds (Istio's injection-template.yaml, gateway-injection-template.yaml).

Pure builders of JSON, from `Context`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tejer.envoy import paths
from tejer.istiod.inject.annotations import READINESS, SIDECAR, STATUS_PORT, TRAFFIC
from tejer.istiod.inject.config import InjectConfig, lookup
from tejer.istiod.inject.probes import APP_PROBERS, PROXY
from tejer.istiod.inject.prometheus import APP_SCRAPE
from tejer.kube.resource import Body

INIT = "istio-init"
TOKEN_SECONDS = 43_200
_UID = 1337
_DEFAULT_RESOURCES: Body = {
    "requests": {"cpu": "100m", "memory": "128Mi"},
    "limits": {"cpu": "2000m", "memory": "1024Mi"},
}


@dataclass(frozen=True, kw_only=True)
class Context:
    """What the template reads: the pod as its author wrote it, and what was derived from it."""

    config: InjectConfig
    pod: Body
    namespace: str
    workload: str
    owner: str = ""
    proxy_config: Mapping[str, Any] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    app_containers: tuple[Body, ...] = ()
    app_probers: str = ""
    app_scrape: str = ""

    def annotation(self, name: str, value_path: str = "", default: str = "") -> str:
        """An annotation, else a Helm value, else `default`."""
        if name in self.annotations:
            return str(self.annotations[name])
        value = self.config.value(value_path) if value_path else None
        return default if value is None else str(value)

    @property
    def image(self) -> str:
        return self.annotations.get(f"{SIDECAR}proxyImage") or self.config.image

    @property
    def status_port(self) -> int:
        if STATUS_PORT not in self.annotations and (port := self.proxy_config.get("statusPort")):
            return int(port)
        return int(self.annotation(STATUS_PORT, "global.proxy.statusPort", "15020"))

    @property
    def holds_application(self) -> bool:
        held = self.proxy_config.get("holdApplicationUntilProxyStarts")
        default = self.config.value("global.proxy.holdApplicationUntilProxyStarts", False)
        return bool(default if held is None else held)

    @property
    def captures(self) -> bool:
        mode = self.annotation(f"{SIDECAR}interceptionMode", "", str(self.proxy_config.get("interceptionMode") or ""))
        return mode != "NONE"


def init_container(context: Context) -> Body:
    """`istio-init`: sets up the capture of the pod's connections and ends."""

    def setting(name: str, value_path: str, default: str) -> str:
        return context.annotation(TRAFFIC + name, value_path, default)

    # The health, metrics and agent ports are always reached directly.
    excluded = ["15090", "15021", str(context.status_port)]
    excluded += [p for p in [setting("excludeInboundPorts", "global.proxy.excludeInboundPorts", "")] if p]
    arguments = ["istio-iptables", "-p", "15001", "-z", "15006", "-u", str(_UID), "-m", "REDIRECT"]
    arguments += ["-i", setting("includeOutboundIPRanges", "global.proxy.includeIPRanges", "*")]
    arguments += ["-x", setting("excludeOutboundIPRanges", "global.proxy.excludeIPRanges", "")]
    arguments += ["-b", setting("includeInboundPorts", "global.proxy.includeInboundPorts", "*")]
    arguments += ["-d", ",".join(excluded)]
    for flag, name, value_path in (
        ("-q", "includeOutboundPorts", "global.proxy.includeOutboundPorts"),
        ("-o", "excludeOutboundPorts", "global.proxy.excludeOutboundPorts"),
        ("-c", "excludeInterfaces", ""),
    ):
        if value := setting(name, value_path, ""):
            arguments += [flag, value]
    arguments.append("--log_output_level=" + context.annotation(f"{SIDECAR}agentLogLevel", "", "default:info"))
    return {
        "name": INIT,
        "image": context.image,
        "args": arguments,
        "resources": resources(context),
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"add": ["NET_ADMIN", "NET_RAW"], "drop": ["ALL"]},
            "privileged": False,
            "readOnlyRootFilesystem": False,
            "runAsGroup": 0,
            "runAsNonRoot": False,
            "runAsUser": 0,
        },
    }


def proxy_container(context: Context, node_type: str) -> Body:
    """`istio-proxy`: the agent and Envoy, as a `sidecar` or as the `router` of a gateway."""
    container: Body = {
        "name": PROXY,
        "image": context.image,
        "ports": [{"containerPort": 15090, "name": "http-envoy-prom", "protocol": "TCP"}],
        "args": _arguments(context, node_type),
        "env": environment(context),
        **_probes(context, node_type),
        "resources": resources(context),
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "privileged": False,
            "readOnlyRootFilesystem": True,
            "runAsGroup": _UID,
            "runAsNonRoot": True,
            "runAsUser": _UID,
        },
        "volumeMounts": _mounts(context),
    }
    if node_type == "sidecar" and context.holds_application:
        container["lifecycle"] = {"postStart": {"exec": {"command": ["pilot-agent", "wait"]}}}
    return container


def _arguments(context: Context, node_type: str) -> list[str]:
    level = context.annotation(f"{SIDECAR}logLevel", "global.proxy.logLevel", "warning")
    component = context.annotation(f"{SIDECAR}componentLogLevel", "global.proxy.componentLogLevel", "misc:error")
    agent = context.annotation(f"{SIDECAR}agentLogLevel", "global.logging.level", "default:info")
    return [
        "proxy", node_type, "--domain", f"$(POD_NAMESPACE).svc.{context.config.domain}",
        f"--proxyLogLevel={level}", f"--proxyComponentLogLevel={component}", f"--log_output_level={agent}",
    ]  # fmt: skip


def _field(name: str, path: str) -> Body:
    return {"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}}


def environment(context: Context) -> list[Body]:
    """In Istio's order; later ones may be given by the user's ProxyConfig."""
    config = context.config
    pairs = {
        "PILOT_CERT_PROVIDER": "istiod",
        "CA_ADDR": str(config.value("global.caAddress") or "") or _discovery(context),
    }
    fields = [
        _field("POD_NAME", "metadata.name"),
        _field("POD_NAMESPACE", "metadata.namespace"),
        _field("INSTANCE_IP", "status.podIP"),
        _field("SERVICE_ACCOUNT", "spec.serviceAccountName"),
        _field("HOST_IP", "status.hostIP"),
    ]
    if resources(context).get("limits", {}).get("cpu"):  # without one it would be the node's number of processors
        limit = {"containerName": PROXY, "divisor": "1", "resource": "limits.cpu"}
        fields.append({"name": "ISTIO_CPU_LIMIT", "valueFrom": {"resourceFieldRef": limit}})
    more = {
        "PROXY_CONFIG": json.dumps({**context.proxy_config}, separators=(",", ":")) or "{}",
        "ISTIO_META_POD_PORTS": _pod_ports(context.app_containers),
        "ISTIO_META_APP_CONTAINERS": ",".join(str(item.get("name")) for item in context.app_containers),
        "ISTIO_META_CLUSTER_ID": config.cluster,
        "ISTIO_META_INTERCEPTION_MODE": "REDIRECT" if context.captures else "NONE",
        "ISTIO_META_NETWORK": config.network,
        "ISTIO_META_WORKLOAD_NAME": context.workload,
        "ISTIO_META_OWNER": context.owner,
        "ISTIO_META_MESH_ID": str(
            context.proxy_config.get("meshId") or config.value("global.meshID") or config.trust_domain
        ),
        "TRUST_DOMAIN": config.trust_domain,
        APP_PROBERS: context.app_probers,
        APP_SCRAPE: context.app_scrape,
        **{str(k): str(v) for k, v in (context.proxy_config.get("proxyMetadata") or {}).items()},
    }
    literals = [{"name": name, "value": value} for name, value in more.items() if value]
    node = [_field("ISTIO_META_NODE_NAME", "spec.nodeName")]
    return [{"name": name, "value": value} for name, value in pairs.items()] + fields + literals + node


def _discovery(context: Context) -> str:
    annotated = context.annotations.get(f"{SIDECAR}discoveryAddress")
    return str(annotated or context.proxy_config.get("discoveryAddress") or context.config.discovery_address)


def _pod_ports(containers: tuple[Body, ...]) -> str:
    ports = [
        {key: port[key] for key in ("name", "containerPort", "protocol") if port.get(key)}
        for container in containers
        for port in container.get("ports") or ()
    ]
    return json.dumps(ports, separators=(",", ":")) if ports else ""


def _probes(context: Context, node_type: str) -> Body:
    if context.status_port == 0:
        return {}
    get: Body = {"path": "/healthz/ready", "port": 15021}

    def number(name: str, value_path: str, default: int) -> int:
        return int(context.annotation(READINESS + name, value_path, str(default)))

    if node_type == "router":
        probe = {"failureThreshold": 30, "httpGet": get, "initialDelaySeconds": 0, "periodSeconds": 2}
        return {"readinessProbe": {**probe, "successThreshold": 1, "timeoutSeconds": 3}}
    ready = {
        "httpGet": get,
        "initialDelaySeconds": number("initialDelaySeconds", "global.proxy.readinessInitialDelaySeconds", 0),
        "periodSeconds": number("periodSeconds", "global.proxy.readinessPeriodSeconds", 15),
        "timeoutSeconds": 3,
        "failureThreshold": number("failureThreshold", "global.proxy.readinessFailureThreshold", 4),
    }
    if context.config.value("global.proxy.startupProbe.enabled", True) is False:
        return {"readinessProbe": ready}
    limit = int(context.config.value("global.proxy.startupProbe.failureThreshold", 600))
    start = {"httpGet": get, "initialDelaySeconds": 0, "periodSeconds": 1, "timeoutSeconds": 3}
    return {"startupProbe": {**start, "failureThreshold": limit}, "readinessProbe": ready}


def resources(context: Context) -> Body:
    """Annotations replace the mesh's defaults as a whole once one of them is there, as in Istio."""
    named = {
        ("requests", "cpu"): "proxyCPU",
        ("requests", "memory"): "proxyMemory",
        ("limits", "cpu"): "proxyCPULimit",
        ("limits", "memory"): "proxyMemoryLimit",
    }
    chosen: Body = {}
    for (kind, resource), name in named.items():
        if value := context.annotations.get(SIDECAR + name):
            chosen.setdefault(kind, {})[resource] = str(value)
    if chosen:
        return chosen
    configured = lookup(context.config.values, "global.proxy.resources", _DEFAULT_RESOURCES)
    return {kind: dict(values) for kind, values in configured.items() if values}


def _mounts(context: Context) -> list[Body]:
    mounts: list[Body] = [
        {"name": "workload-socket", "mountPath": "/var/run/secrets/workload-spiffe-uds"},
        {"name": "credential-socket", "mountPath": "/var/run/secrets/credential-uds"},
        {"name": "workload-certs", "mountPath": "/var/run/secrets/workload-spiffe-credentials"},
        {"name": "istiod-ca-cert", "mountPath": paths.MESH_ROOT_CERT.rpartition("/")[0]},
        {"name": "istio-data", "mountPath": "/var/lib/istio/data"},
        {"name": "istio-envoy", "mountPath": paths.PROXY_DIR},
        {"name": "istio-token", "mountPath": paths.TOKEN.rpartition("/")[0]},
        {"name": "istio-podinfo", "mountPath": paths.POD_INFO_DIR},
    ]
    return mounts + json_list(context.annotations.get(f"{SIDECAR}userVolumeMount", ""), named="name")


def volumes(context: Context) -> list[Body]:
    """Istio's, in its order."""
    items = [{"path": name, "fieldRef": {"fieldPath": f"metadata.{name}"}} for name in ("labels", "annotations")]
    token = {"path": "istio-token", "expirationSeconds": TOKEN_SECONDS, "audience": "istio-ca"}
    added: list[Body] = [
        {"name": "workload-socket", "emptyDir": {}},
        {"name": "credential-socket", "emptyDir": {}},
        {"name": "workload-certs", "emptyDir": {}},
        {"name": "istio-envoy", "emptyDir": {"medium": "Memory"}},
        {"name": "istio-data", "emptyDir": {}},
        {"name": "istio-podinfo", "downwardAPI": {"items": items}},
        {"name": "istio-token", "projected": {"sources": [{"serviceAccountToken": token}]}},
        {"name": "istiod-ca-cert", "configMap": {"name": "istio-ca-root-cert"}},
    ]
    return added + json_list(context.annotations.get(f"{SIDECAR}userVolume", ""), named="name")


def json_list(text: str, *, named: str) -> list[Body]:
    """userVolume and userVolumeMount: a JSON list, or Istio's older form, an object by name."""
    value = json.loads(text) if text else []
    if isinstance(value, dict):
        return [{named: name, **item} for name, item in value.items()]
    return list(value)
