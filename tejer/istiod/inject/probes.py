"""Move HTTP, TCP and gRPC probes to the agent's :15020/app-health (Istio's pkg/kube/inject/app_probe.go).

The kubelet has no mesh certificate, so under STRICT mutual TLS its probes of the application's port would fail.
"""

from __future__ import annotations

import json

from tejer.kube.resource import Body

PROXY = "istio-proxy"
APP_PROBERS = "ISTIO_KUBE_APP_PROBERS"
_KINDS = {"readinessProbe": "readyz", "livenessProbe": "livez", "startupProbe": "startupz"}


def rewrite_probes(containers: list[Body], status_port: int) -> tuple[list[Body], str]:
    """Containers with their probes rewritten, and the value of ISTIO_KUBE_APP_PROBERS ("" if there are none).

    Raises ValueError for a probe of a port name that the container does not have.
    """
    probers: dict[str, Body] = {}
    rewritten = []
    for container in containers:
        changed = dict(container)
        for kind, path_end in _KINDS.items():
            probe = container.get(kind)
            if container.get("name") == PROXY or not isinstance(probe, dict):
                continue
            target = _target(probe, container, kind)
            if target is not None:
                path = f"/app-health/{container['name']}/{path_end}"
                probers[path] = target
                changed[kind] = _to_agent(probe, path, status_port)
        rewritten.append(changed)
    return rewritten, json.dumps(probers, separators=(",", ":")) if probers else ""


def _target(probe: Body, container: Body, kind: str) -> Body | None:
    """What the agent shall do, with port numbers; None for exec probes, which run in the container as before."""
    where = f"container {container.get('name')}: {kind}"
    timeout = {"timeoutSeconds": probe["timeoutSeconds"]} if probe.get("timeoutSeconds") else {}
    if http := probe.get("httpGet"):
        return {"httpGet": {**http, "port": port_number(http.get("port"), container, where)}, **timeout}
    if tcp := probe.get("tcpSocket"):
        return {"tcpSocket": {**tcp, "port": port_number(tcp.get("port"), container, where)}, **timeout}
    if grpc := probe.get("grpc"):
        return {"grpc": dict(grpc), **timeout}
    return None


def _to_agent(probe: Body, path: str, status_port: int) -> Body:
    kept = {name: value for name, value in probe.items() if name not in ("httpGet", "tcpSocket", "grpc")}
    return {**kept, "httpGet": {"path": path, "port": status_port}}


def port_number(port: object, container: Body, where: str) -> int:
    """A container's port by number or by name. Raises ValueError when there is no such name."""
    if isinstance(port, int):
        return port
    text = str(port or "")
    if text.isdecimal():
        return int(text)
    for declared in container.get("ports") or ():
        if declared.get("name") == text:
            return int(declared["containerPort"])
    raise ValueError(f"{where} names port {text!r}, which the container does not declare")
