"""A mesh from a few lines of YAML, for tests: objects go into a `MeshState`, a proxy's view and resources come out.

Documents are Kubernetes and Istio objects. What tests would only repeat is filled in: an EndpointSlice for each Service
whose selector takes pods, phase Running, namespace `default`, a creation time by the order of the documents. A
document of kind `Proxy` describes the proxy that asks (`type`, `pod` or `labels` and `address`), `Mesh` is MeshConfig.
"""

from __future__ import annotations

import json
import re
from typing import Any

from tejer.istiod.model.mesh import READ_TYPES, MeshState
from tejer.istiod.model.node import ProxyNode, parse_node
from tejer.istiod.model.view import ProxyView
from tejer.istiod.translate.render import render
from tejer.istiod.translate.rendered import Memo, Rendered
from tejer.kube.manifest import load_value
from tejer.kube.resource import Body, Change, Key

TYPES = {rtype.kind: rtype for rtype in READ_TYPES}


class World:
    """`state` holds the objects; `node` is the proxy of the `Proxy` document, or the first pod's sidecar."""

    def __init__(self, text: str = "", *, domain: str = "cluster.local", short_domain: str | None = None) -> None:
        self.state = MeshState(_parse_yaml, domain=domain, short_domain=short_domain)
        self.memo = Memo()
        self.objects: dict[Key, Body] = {}
        self.proxy: Body = {}
        self.options: Body = {}
        self.domain = domain
        self.count = 0
        self.ages = True
        if text:
            self.load(text)

    def load(self, text: str) -> None:
        changes: list[Change] = []
        for body in documents(text):
            changes += self._take(body)
        self.state.apply([*changes, *self._slices()])

    def delete(self, kind: str, namespace: str, name: str) -> None:
        key = TYPES[kind].key(namespace, name)
        self.state.apply([Change(key, self.objects.pop(key), None), *self._slices()])

    def _take(self, body: Body) -> list[Change]:
        kind = body.get("kind")
        if kind == "Proxy":
            self.proxy = body
            return []
        if kind == "Options":
            self.options = body
            return []
        if kind == "Mesh":
            given = {key: value for key, value in body.items() if key not in ("kind", "apiVersion")}
            body = {
                "kind": "ConfigMap",
                "metadata": {"name": "istio", "namespace": "istio-system"},
                "data": {"mesh": json.dumps(given)},
            }
        rtype = TYPES.get(str(body.get("kind")))
        if rtype is None:
            return []
        meta = body.setdefault("metadata", {})
        if rtype.namespaced:
            meta.setdefault("namespace", "default")
        self.count += 1
        number = self.count if self.ages else 0
        meta.setdefault("creationTimestamp", f"2026-01-01T00:{number // 60:02}:{number % 60:02}Z")
        key = rtype.key_of(body)
        old, self.objects[key] = self.objects.get(key), body
        return [Change(key, old, body)]

    def _slices(self) -> list[Change]:
        declared = {k for k in self.objects if k.resource == "endpointslices"}
        taken = {self.objects[k]["metadata"].get("labels", {}).get("kubernetes.io/service-name") for k in declared}
        changes = []
        for key, service in self.objects.items():
            if key.resource == "services" and key.name not in taken and (service.get("spec") or {}).get("selector"):
                made = self._slice(key, service)
                changes.append(Change(Key("discovery.k8s.io", "endpointslices", key.namespace, key.name), None, made))
        return changes

    def _slice(self, key: Key, service: Body) -> Body:
        selector = service["spec"]["selector"]
        pods = [
            pod
            for k, pod in self.objects.items()
            if k.resource == "pods"
            and k.namespace == key.namespace
            and all(pod["metadata"].get("labels", {}).get(n) == v for n, v in selector.items())
        ]
        return {
            "metadata": {
                "name": key.name, "namespace": key.namespace, "labels": {"kubernetes.io/service-name": key.name},
            },
            "addressType": "IPv4",
            "ports": [
                {"name": port.get("name", ""), "port": _target(port, pods)} for port in service["spec"].get("ports", ())
            ],
            "endpoints": [
                {
                    "addresses": [pod["status"]["podIP"]],
                    "conditions": {"ready": pod["status"].get("ready", True)},
                    "targetRef": {"kind": "Pod", "name": pod["metadata"]["name"]},
                }
                for pod in pods
                if pod.get("status", {}).get("podIP")
            ],
        }  # fmt: skip

    @property
    def node(self) -> ProxyNode:
        pods = {k: pod for k, pod in self.objects.items() if k.resource == "pods"}
        wanted = self.proxy.get("pod")
        pod = next((pod for k, pod in pods.items() if wanted in (None, k.name)), {}) if pods else {}
        if "labels" in self.proxy or "address" in self.proxy:
            pod = {}
        meta, spec = pod.get("metadata", {}), pod.get("spec", {})
        namespace = self.proxy.get("namespace") or meta.get("namespace", "default")
        address = self.proxy.get("address") or pod.get("status", {}).get("podIP", "1.1.1.1")
        name = self.proxy.get("name") or meta.get("name", "app")
        metadata = {
            "LABELS": self.proxy.get("labels") or meta.get("labels", {}),
            "WORKLOAD_NAME": self.proxy.get("workload") or meta.get("labels", {}).get("app", name),
            "SERVICE_ACCOUNT": spec.get("serviceAccountName", "default"),
            "UNPRIVILEGED_POD": self.proxy.get("unprivileged", "false"),
        }
        kind = self.proxy.get("type", "sidecar")
        return parse_node(f"{kind}~{address}~{name}.{namespace}~{namespace}.svc.{self.domain}", metadata)

    @property
    def view(self) -> ProxyView:
        return self.state.view(self.node)

    def render(self) -> Rendered:
        return render(self.view, self.memo)


def documents(text: str) -> list[Body]:
    """Objects without the ceremony: a test may leave out apiVersion."""
    found = (load_value(part) for part in re.split(r"^---\s*$", text, flags=re.MULTILINE))
    return [body for body in found if isinstance(body, dict)]


def _target(port: Body, pods: list[Body]) -> int:
    target = port.get("targetPort", port["port"])
    if isinstance(target, int):
        return target
    for pod in pods:
        for container in pod.get("spec", {}).get("containers", ()):
            for named in container.get("ports", ()):
                if named.get("name") == target:
                    return int(named["containerPort"])
    return int(port["port"])


def _parse_yaml(text: str) -> Any:
    return json.loads(text)
