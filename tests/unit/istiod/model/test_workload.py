from typing import Any

import pytest

from tejer.envoy.identity import ATTRIBUTES, PeerSubject, subject_extractor, subject_pairs
from tejer.istiod.model.node import parse_node
from tejer.istiod.model.workload import canonical_name, canonical_revision, pod_workload, workload_name
from tejer.kube.resource import Key


def pod(name: str, owner: tuple[str, str] | None = None, **labels: str) -> dict[str, Any]:
    meta: dict[str, Any] = {"name": name, "namespace": "shop", "labels": labels}
    if owner:
        meta["ownerReferences"] = [{"kind": owner[0], "name": owner[1], "controller": True}]
    return {"metadata": meta}


def test_a_deployment_is_recognised_by_its_template_hash() -> None:
    found = pod("web-abc-x", ("ReplicaSet", "web-abc"), **{"pod-template-hash": "abc"})
    assert workload_name(found) == "web"
    assert workload_name(pod("web-abc-x", ("ReplicaSet", "web-abc"))) == "web-abc"


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (("StatefulSet", "db"), "db"),
        (("Job", "nightly-28512345"), "nightly"),
        (("Job", "once"), "once"),
        (None, "alone"),
    ],
)
def test_other_owners(owner: tuple[str, str] | None, name: str) -> None:
    assert workload_name(pod("alone", owner)) == name


def test_canonical_service_prefers_istios_label() -> None:
    labels = {"app": "a", "app.kubernetes.io/name": "b", "service.istio.io/canonical-name": "c"}
    assert canonical_name(labels, "w") == "c"
    assert canonical_name({"app": "a", "app.kubernetes.io/name": "b"}, "w") == "b"
    assert canonical_name({}, "w") == "w"
    assert canonical_revision({"version": "v2"}) == "v2"
    assert canonical_revision({}) == "latest"


def test_a_pod_counts_once_it_has_an_address_of_its_own() -> None:
    key = Key("", "pods", "shop", "web")
    waiting = pod("web")
    assert pod_workload(key, waiting) is None
    running = {**waiting, "status": {"podIP": "10.0.0.1", "phase": "Running"}}
    assert pod_workload(key, running) is not None
    assert pod_workload(key, {**running, "spec": {"hostNetwork": True}}) is None
    assert pod_workload(key, {**running, "status": {"podIP": "10.0.0.1", "phase": "Succeeded"}}) is None


def test_a_node_is_read_as_istios_agent_writes_it() -> None:
    node = parse_node(
        "router~10.0.0.1~gw-1.edge~edge.svc.example.org",
        {"LABELS": {"app": "gw", "pod-template-hash": "x"}, "WORKLOAD_NAME": "gw", "CLUSTER_ID": "one"},
    )
    assert (node.type, node.address, node.name, node.namespace) == ("router", "10.0.0.1", "gw-1", "edge")
    assert node.domain == "example.org"
    assert node.labels == {"app": "gw"}
    assert node.subject == PeerSubject(
        workload="gw", namespace="edge", app="gw", canonical_name="gw", canonical_revision="latest", cluster="one"
    )


@pytest.mark.parametrize("bad", ["", "sidecar~1.2.3.4~a.b", "toaster~1.2.3.4~a.b~b.svc.cluster.local"])
def test_another_id_is_refused(bad: str) -> None:
    with pytest.raises(ValueError, match="node id"):
        parse_node(bad, {})


def test_a_subject_shortens_only_the_common_name() -> None:
    long = "w" * 100
    pairs = subject_pairs(PeerSubject(workload=long, namespace="shop"))
    assert pairs == (("2.5.4.3", "w" * 64), ("2.5.4.11", long), ("2.5.4.10", "shop"))


def test_extractors_name_what_envoy_prints() -> None:
    assert len({attribute.short_name for attribute in ATTRIBUTES}) == len(ATTRIBUTES)
    assert "(?:^|,)OU=([^,]*)" in subject_extractor(ATTRIBUTES[0])
