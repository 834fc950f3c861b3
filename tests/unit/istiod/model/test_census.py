from __future__ import annotations

from tejer.istiod.model.census import census
from tejer.istiod.model.mesh import MeshState
from tejer.kube.resource import Body, Change, Key

ISTIO = "networking.istio.io"


def put(mesh: MeshState, group: str, plural: str, name: str, body: Body) -> None:
    version = f"{group}/v1" if group else "v1"
    whole = {"apiVersion": version, "metadata": {"name": name, "namespace": "shop", **body.pop("metadata", {})}, **body}
    mesh.apply([Change(Key(group, plural, "shop", name), None, whole)])


def service(name: str) -> Body:
    return {"spec": {"clusterIP": f"10.96.0.{len(name)}", "ports": [{"name": "http", "port": 80}]}}


def test_an_empty_mesh() -> None:
    assert census(MeshState(lambda _: {})) == (0, 0, 0, 0, 0, 0)


def test_everything_once() -> None:
    mesh = MeshState(lambda _: {})
    put(mesh, "", "services", "served", service("served"))
    put(mesh, "", "services", "empty", service("empty"))
    put(mesh, "discovery.k8s.io", "endpointslices", "served-1", {
        "metadata": {"labels": {"kubernetes.io/service-name": "served"}}, "addressType": "IPv4",
        "ports": [{"name": "http", "port": 8080}],
        "endpoints": [{"addresses": ["10.0.0.1"]}, {"addresses": ["10.0.0.2"], "conditions": {"ready": False}}],
    })  # fmt: skip
    entry = {"hosts": ["api.example.com"], "ports": [{"number": 443, "name": "https", "protocol": "HTTPS"}]}
    put(mesh, ISTIO, "serviceentries", "api", {"spec": {**entry, "resolution": "STATIC", "location": "MESH_EXTERNAL"}})
    put(mesh, ISTIO, "virtualservices", "route", {"spec": {"hosts": ["served"], "http": []}})
    put(mesh, "", "pods", "pending", {"status": {"phase": "Pending"}})
    put(mesh, "", "pods", "running", {"status": {"phase": "Running", "podIP": "10.0.0.1"}})
    put(mesh, "", "pods", "done", {"status": {"phase": "Succeeded"}})
    found = census(mesh)
    assert (found.services, found.virtual_services, found.pods_without_address) == (3, 1, 1)
    assert found.endpoints_not_ready == 1
    assert found.clusters_without_instances == 2  # empty, and the entry without endpoints
