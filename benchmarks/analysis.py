"""Analysis of a mesh of 10,000 objects: from scratch, and again after one edit.

    python -m benchmarks.analysis

Garbage collection is off, as it is in istiod while it loads. An edit is a VirtualService's; the slowest of them counts.
"""

from __future__ import annotations

import gc
import random
import time
from collections.abc import Iterator

from benchmarks.figure import Figure
from tejer.istiod.checks.analysis import Analysis
from tejer.istiod.checks.world import Settings
from tejer.kube.resource import Body

NAMESPACES, OBJECTS, EDITS = 100, 10_000, 50
SHARES = {"Pod": 30, "Service": 20, "VirtualService": 20, "DestinationRule": 15, "AuthorizationPolicy": 8,
          "ServiceEntry": 4, "PeerAuthentication": 1, "Telemetry": 1, "Gateway": 1}  # fmt: skip
"""Of 100 objects."""


def mesh(count: int = OBJECTS) -> Iterator[Body]:
    """About `count` objects, one in a hundred of them with a mistake."""
    for number in range(NAMESPACES):
        labels = {"istio-injection": "enabled"}
        yield {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": f"team-{number}", "labels": labels}}
    for kind, share in SHARES.items():
        for number in range((count - NAMESPACES) * share // 100):
            yield _object(kind, number, wrong=number % 100 == 7)


def _object(kind: str, number: int, *, wrong: bool) -> Body:
    group, spec = _spec(kind, number, wrong)
    namespace = f"team-{number % NAMESPACES}"
    metadata: Body = {"name": f"{kind.lower()}-{number}", "namespace": namespace}
    if kind == "Pod":
        metadata["labels"] = {"app": f"app-{number}", "version": "v1"}
    return {"apiVersion": group, "kind": kind, "metadata": metadata, "spec": spec}


def _spec(kind: str, number: int, wrong: bool) -> tuple[str, Body]:
    host = f"service-{number}.team-{number % NAMESPACES}.svc.cluster.local"
    match kind:
        case "Pod":
            proxy = [] if wrong else [{"name": "istio-proxy", "image": "proxy"}]
            return "v1", {"containers": [{"name": "app", "image": "app"}, *proxy]}
        case "Service":
            ports = [{"name": "http" if not wrong else "web", "port": 80}]
            return "v1", {"selector": {"app": f"app-{number}"}, "ports": ports}
        case "VirtualService":
            routes = [{"destination": {"host": host, "subset": name}, "weight": 50} for name in ("v1", "v2")]
            http = [{"match": [{"uri": {"prefix": f"/{n}"}}], "route": routes, "timeout": "5s"} for n in range(3)]
            return "networking.istio.io/v1", {"hosts": [host], "http": http if not wrong else []}
        case "DestinationRule":
            subsets = [{"name": name, "labels": {"version": name}} for name in ("v1", "v2")]
            return "networking.istio.io/v1", {"host": host if not wrong else "nobody", "subsets": subsets}
        case "AuthorizationPolicy":
            source = {"principals": [f"cluster.local/ns/team-1/sa/{number}"]}
            rules = [{"from": [{"source": source}], "to": [{"operation": {"methods": ["GET"]}}]}]
            return "security.istio.io/v1", {"selector": {"matchLabels": {"app": f"app-{number}"}}, "rules": rules}
        case "ServiceEntry":
            port = {"number": 443, "name": "tls", "protocol": "TLS" if not wrong else "XTLS"}
            return "networking.istio.io/v1", {"hosts": [f"{number}.example.com"], "ports": [port], "resolution": "DNS"}
        case "Gateway":
            server = {"port": {"number": 80, "name": "http", "protocol": "HTTP"}, "hosts": [f"{number}.example.com"]}
            return "networking.istio.io/v1", {"selector": {"app": f"app-{number}"}, "servers": [server]}
        case "PeerAuthentication":
            return "security.istio.io/v1", {"mtls": {"mode": "STRICT" if not wrong else "MAYBE"}}
    return "telemetry.istio.io/v1", {"accessLogging": [{"providers": [{"name": "envoy"}]}]}


def figures() -> list[Figure]:
    bodies = list(mesh())
    gc.collect()
    gc.disable()
    began = time.perf_counter()
    analysis = Analysis(Settings())
    analysis.put(bodies)
    problems = analysis.problems()
    took = time.perf_counter() - began
    gc.enable()
    routes = [body for body in bodies if body["kind"] == "VirtualService"]
    edits = []
    for body in random.Random(1).sample(routes, EDITS):
        edited = {**body, "spec": {**body["spec"], "hosts": ["edited"]}}
        began = time.perf_counter()
        analysis.put([edited])
        analysis.problems_of(next(iter(analysis.changed)))
        edits.append((time.perf_counter() - began) * 1000)
    how = f"`python -m benchmarks.analysis`: {len(bodies)} objects, {len(problems)} messages"
    return [
        Figure("analysis of 10,000 objects", took, "s", 2, how),
        Figure("analysis after one edit", max(edits), "ms", 50, f"slowest of {EDITS} edited VirtualServices"),
    ]


if __name__ == "__main__":
    for one in figures():
        print(f"{one.what}: {one.value:.3g} {one.unit} (must be <= {one.limit:g} {one.unit}); {one.method}")
