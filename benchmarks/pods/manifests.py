"""The benchmark's namespaces: `bench` in the mesh, `bench-plain` outside of it with the static pair."""

from __future__ import annotations

import json
import sys
from typing import Any

from benchmarks.pods.static_pair import client_config, self_signed, server_config
from tejer.envoy.agent.proxy import envoy_binary

Json = dict[str, Any]
ECHO = [sys.executable, "-m", "benchmarks.pods.echo", "8000"]
SLEEP = ["sleep", "infinity"]
ENVOY = ["-c", "/etc/static/envoy.json", "--disable-hot-restart", "--concurrency", "2", "-l", "error"]


def namespace(name: str, injected: bool) -> Json:
    labels = {"istio-injection": "enabled"} if injected else {}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def deployment(ns: str, name: str, commands: dict[str, list[str]], *, replicas: int = 1, config: bool = False) -> Json:
    """Containers by name with their commands; with `config`, the Secret of the same name at /etc/static."""
    mounts = [{"name": "static", "mountPath": "/etc/static"}] if config else []
    volumes = [{"name": "static", "secret": {"secretName": name}}] if config else []
    containers = [{"name": each, "image": f"bench/{each}:v1", "volumeMounts": mounts} for each in commands]
    annotations = {f"tejer.io/command.{each}": json.dumps(command) for each, command in commands.items()}
    return {
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": ns},
        "spec": {
            "replicas": replicas, "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name, "version": "v1"}, "annotations": annotations},
                "spec": {"containers": containers, "volumes": volumes},
            },
        },
    }  # fmt: skip


def service(ns: str, name: str, port: int) -> Json:
    return {
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": ns},
        "spec": {"selector": {"app": name}, "ports": [{"name": "http", "port": port, "targetPort": port}]},
    }  # fmt: skip


def secret(ns: str, name: str, config: str) -> Json:
    metadata = {"name": name, "namespace": ns}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"envoy.json": config}}


def strict(ns: str) -> Json:
    return {
        "apiVersion": "security.istio.io/v1", "kind": "PeerAuthentication",
        "metadata": {"name": "default", "namespace": ns}, "spec": {"mtls": {"mode": "STRICT"}},
    }  # fmt: skip


def no_access_log(ns: str) -> Json:
    """The figure is of a hop with mutual TLS and metrics; the demo profile's access log is not a part of it."""
    return {
        "apiVersion": "telemetry.istio.io/v1", "kind": "Telemetry",
        "metadata": {"name": "no-access-log", "namespace": ns}, "spec": {"accessLogging": [{"disabled": True}]},
    }  # fmt: skip


def generation_route(ns: str, generation: int) -> Json:
    """A route whose answers carry `x-generation`: what the propagation benchmark changes."""
    headers = {"response": {"set": {"x-generation": str(generation)}}}
    route = {"route": [{"destination": {"host": "server"}}], "headers": headers}
    return {
        "apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
        "metadata": {"name": "server", "namespace": ns}, "spec": {"hosts": ["server"], "http": [route]},
    }  # fmt: skip


def all_objects() -> list[Json]:
    certificate, key = self_signed()
    envoy = [str(envoy_binary()), *ENVOY]
    return [
        namespace("bench", injected=True),
        namespace("bench-plain", injected=False),
        strict("bench"),
        no_access_log("bench"),
        service("bench", "server", 8000),
        deployment("bench", "server", {"app": ECHO}),
        deployment("bench", "client", {"app": SLEEP}, replicas=3),
        generation_route("bench", 0),
        service("bench-plain", "server", 9443),
        secret("bench-plain", "server", server_config(certificate, key)),
        secret("bench-plain", "client", client_config(certificate, key, "server.bench-plain.svc.cluster.local")),
        deployment("bench-plain", "server", {"app": ECHO, "envoy": envoy}, config=True),
        deployment("bench-plain", "client", {"app": SLEEP, "envoy": envoy}, config=True),
    ]
