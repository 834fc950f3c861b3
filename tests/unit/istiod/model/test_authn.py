from typing import Any

import pytest

from tejer.istiod.model.authn import Policy, namespace_mode, peer_modes
from tejer.istiod.model.config import read_config
from tejer.kube.kinds.istio_security import PeerAuthenticationSpec
from tejer.kube.resource import Key

LABELS = {"app": "web"}


def policy(mode: str, created: str = "1", selector: dict[str, str] | None = None, **ports: str) -> Policy:
    spec: dict[str, Any] = {"mtls": {"mode": mode}}
    if selector:
        spec["selector"] = {"matchLabels": selector}
    if ports:
        spec["portLevelMtls"] = {number[1:]: {"mode": port} for number, port in ports.items()}
    key = Key("security.istio.io", "peerauthentications", "ns", mode + created)
    body = {"kind": "PeerAuthentication", "metadata": {"creationTimestamp": created}, "spec": spec}
    return read_config(key, body, PeerAuthenticationSpec)


def test_permissive_where_nothing_is_said() -> None:
    modes = peer_modes([], [], LABELS)
    assert (modes.default, modes.ports) == ("PERMISSIVE", {})


def test_port_beats_workload_beats_namespace_beats_mesh() -> None:
    mesh, namespace = policy("STRICT"), policy("DISABLE")
    workload = policy("PERMISSIVE", selector=LABELS, p8080="STRICT", p9090="UNSET")
    assert peer_modes([mesh], [], LABELS).default == "STRICT"
    assert peer_modes([mesh], [namespace], LABELS).default == "DISABLE"
    modes = peer_modes([mesh], [namespace, workload], LABELS)
    assert (modes.default, modes.of(8080), modes.of(9090)) == ("PERMISSIVE", "STRICT", "PERMISSIVE")


def test_unset_inherits() -> None:
    assert peer_modes([policy("STRICT")], [policy("UNSET")], LABELS).default == "STRICT"
    assert peer_modes([policy("STRICT")], [policy("UNSET", selector=LABELS)], LABELS).default == "STRICT"


def test_the_oldest_of_a_level_wins() -> None:
    assert peer_modes([policy("STRICT", "2"), policy("DISABLE", "1")], [], LABELS).default == "DISABLE"


def test_a_selector_in_the_root_namespace_is_for_its_own_workloads_only() -> None:
    mine = policy("STRICT", selector=LABELS)
    assert peer_modes([mine], [], LABELS).default == "PERMISSIVE"
    assert peer_modes([mine], [mine], LABELS, in_root=True).default == "STRICT"


@pytest.mark.parametrize(
    ("mesh", "namespace", "expected"),
    [
        ("", "", "PERMISSIVE"),
        ("STRICT", "", "STRICT"),
        ("STRICT", "DISABLE", "DISABLE"),
        ("DISABLE", "UNSET", "DISABLE"),
    ],
)
def test_what_a_client_may_infer(mesh: str, namespace: str, expected: str) -> None:
    own = [policy(namespace)] if namespace else []
    selected = policy("STRICT" if expected != "STRICT" else "DISABLE", selector=LABELS)
    assert namespace_mode([policy(mesh)] if mesh else [], [*own, selected]) == expected
