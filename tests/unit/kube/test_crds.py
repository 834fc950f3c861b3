"""The generated CustomResourceDefinitions."""

from tejer.kube.crds import KINDS, crds
from tejer.kube.types import ISTIO_TYPES


def test_every_istio_kind_has_a_crd_with_one_storage_version() -> None:
    assert {rtype for rtype, _ in KINDS} == set(ISTIO_TYPES)
    for (rtype, kind), crd in zip(KINDS, crds(), strict=True):
        assert kind.__name__ == rtype.kind
        stored = [version["name"] for version in crd["spec"]["versions"] if version["storage"]]
        assert stored == [rtype.version]


def test_a_schema_has_types_enums_and_cel_rules() -> None:
    crd = next(crd for crd in crds() if crd["spec"]["names"]["kind"] == "PeerAuthentication")
    spec = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    assert spec["properties"]["mtls"]["properties"]["mode"]["enum"] == ["UNSET", "DISABLE", "PERMISSIVE", "STRICT"]
    assert spec["x-kubernetes-validations"][0]["message"] == "portLevelMtls requires selector"
    assert spec["properties"]["portLevelMtls"]["additionalProperties"]["type"] == "object"
