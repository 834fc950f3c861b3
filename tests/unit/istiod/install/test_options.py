"""What `--set` and IstioOperator files may say, and how wrong settings are refused."""

import pytest

from tejer.istiod.install.options import build_options, merge, parse_steps


def test_a_profile_then_files_then_sets() -> None:
    operator = {
        "kind": "IstioOperator",
        "spec": {"profile": "demo", "meshConfig": {"accessLogFile": "", "trustDomain": "a"}, "hub": "example"},
    }
    options = build_options(["meshConfig.trustDomain=b", "tag=1.28"], [operator])
    assert (options.profile, options.hub, options.tag) == ("demo", "example", "1.28")
    assert options.mesh["accessLogFile"] == ""
    assert options.trust_domain == "b"
    assert options.image("pilot") == "example/pilot:1.28"


def test_list_items_merge_by_position() -> None:
    options = build_options(["components.ingressGateways[0].k8s.replicaCount=2"])
    assert [(gateway.name, gateway.replicas) for gateway in options.gateways] == [("istio-ingressgateway", 2)]
    assert merge([1, 2], [None, 3]) == [1, 3]


def test_a_dot_in_a_name_is_escaped() -> None:
    assert parse_steps(r"a.b\.c[1].d") == ["a", "b.c", 1, "d"]


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("profil=demo", "profil: no such setting; did you mean profile"),
        ("profile=foo", "known: default, demo, minimal, empty"),
        ("meshConfig.accesLogFile=x", "did you mean meshConfig.accessLogFile"),
        ("meshConfig.proxyListenPort=abc", "meshConfig.proxyListenPort: Expected `int`"),
        ("meshConfig.defaultConfig.concurency=1", "did you mean meshConfig.defaultConfig.concurrency"),
        ("components.pilot.enabled=7", "components.pilot.enabled: expected true or false"),
        ("components.pilot.k8s.replicaCount=many", "expected a number"),
        ("components.ingressGateways.enabled=true", "write components.ingressGateways"),
        ("profile", "write --set path=value"),
        ("[0]=1", "a path begins with a name"),
        ("revision=canary", "several control planes side by side are not possible yet"),
    ],
)
def test_a_wrong_setting_is_refused_with_what_was_meant(setting: str, message: str) -> None:
    with pytest.raises(ValueError, match=message.replace("[", r"\[")):
        build_options([setting])


def test_only_an_istio_operator_is_a_file_of_settings() -> None:
    with pytest.raises(ValueError, match="not a ConfigMap"):
        build_options([], [{"kind": "ConfigMap"}])
