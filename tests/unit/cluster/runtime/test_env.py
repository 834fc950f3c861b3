from __future__ import annotations

import base64

import pytest

from tejer.cluster.runtime.env import environment, expand
from tejer.cluster.runtime.inputs import PlanError
from tejer.kube.resource import Body
from tests.unit.cluster.runtime.pods import config_map, inputs, pod


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$(A)", "1"),
        ("$(B)", "$(B)"),
        ("$$(A)", "$(A)"),
        ("$A $(A", "$A $(A"),
        ("$(A)$(A)", "11"),
        ("100%$", "100%$"),
        ("$$$(A)", "$1"),
    ],
)
def test_expansion_is_kubernetes(text: str, expected: str) -> None:
    assert expand(text, {"A": "1"}) == expected


def env_of(container: Body, **given: object) -> dict[str, str]:
    made = pod({"name": "main", "image": "x", **container}, enableServiceLinks=False)
    return environment(made, made.spec.containers[0], {}, inputs(**given))


def test_later_variables_see_earlier_ones_only() -> None:
    env = env_of({"env": [{"name": "A", "value": "$(B)"}, {"name": "B", "value": "x"}, {"name": "C", "value": "$(B)"}]})
    assert (env["A"], env["B"], env["C"]) == ("$(B)", "x", "x")


def test_env_wins_over_env_from_and_prefixes_apply() -> None:
    source = {"envFrom": [{"prefix": "P_", "configMapRef": {"name": "cm"}}], "env": [{"name": "P_a", "value": "mine"}]}
    env = env_of(source, config_maps=config_map("cm", a="theirs", b="b", **{"bad key": "x"}))
    assert (env["P_a"], env["P_b"]) == ("mine", "b")
    assert "P_bad key" not in env


def test_secrets_are_decoded_and_missing_keys_refused_unless_optional() -> None:
    secret = {("shop", "s"): {"data": {"k": base64.b64encode(b"v").decode()}}}
    ref = {"name": "s", "key": "k"}
    assert env_of({"env": [{"name": "A", "valueFrom": {"secretKeyRef": ref}}]}, secrets=secret)["A"] == "v"
    ref = {"name": "s", "key": "none"}
    with pytest.raises(PlanError, match="couldn't find key none in Secret shop/s") as refused:
        env_of({"env": [{"name": "A", "valueFrom": {"secretKeyRef": ref}}]}, secrets=secret)
    assert refused.value.reason == "CreateContainerConfigError"
    optional = {"name": "A", "valueFrom": {"secretKeyRef": {**ref, "optional": True}}}
    assert "A" not in env_of({"env": [optional]}, secrets=secret)


def test_fields_and_resources() -> None:
    fields = {"N": "metadata.name", "L": "metadata.labels['app']", "NODE": "spec.nodeName", "IP": "status.podIP"}
    env = [{"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}} for name, path in fields.items()]
    limit = {"resourceFieldRef": {"resource": "limits.memory", "divisor": "1Mi"}}
    whole = {"resourceFieldRef": {"resource": "limits.cpu"}}
    env += [{"name": "MEM", "valueFrom": limit}, {"name": "CPU", "valueFrom": whole}]
    found = env_of({"env": env, "resources": {"limits": {"memory": "64Mi"}}})
    expected = {"N": "web-0", "L": "web", "NODE": "tejer", "IP": "10.244.0.7", "MEM": "64", "CPU": "2"}
    assert found.items() >= expected.items()


def test_service_variables_of_the_namespace_and_the_api() -> None:
    def service(namespace: str, name: str, address: str) -> Body:
        ports = [{"name": "http", "port": 80, "protocol": "TCP"}]
        return {"metadata": {"namespace": namespace, "name": name}, "spec": {"clusterIP": address, "ports": ports}}

    made = pod()
    services = (service("shop", "my-db", "10.96.0.5"), service("other", "x", "10.96.0.6"))
    env = environment(made, made.spec.containers[0], {}, inputs(services=services))
    assert env["KUBERNETES_SERVICE_HOST"] == "10.96.0.1"
    assert env["MY_DB_SERVICE_HOST"] == "10.96.0.5"
    assert env["MY_DB_PORT_80_TCP_ADDR"] == "10.96.0.5"
    assert env["MY_DB_SERVICE_PORT_HTTP"] == "80"
    assert "X_SERVICE_HOST" not in env
