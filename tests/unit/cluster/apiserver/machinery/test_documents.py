"""Discovery and OpenAPI documents."""

from __future__ import annotations

import json
from typing import Any

from tejer.cluster.apiserver.machinery import discovery, openapi_v3
from tejer.cluster.apiserver.machinery.definition import Definition, builtin_definitions
from tejer.kube.resource import Body


def references(node: Any) -> set[str]:
    if isinstance(node, dict):
        own = {node["$ref"]} if isinstance(node.get("$ref"), str) else set()
        return own.union(*(references(value) for value in node.values()))
    return set().union(*(references(value) for value in node)) if isinstance(node, list) else set()


def test_every_reference_of_a_document_resolves() -> None:
    definitions = builtin_definitions()
    for group, version in {(d.group, d.version) for d in definitions}:
        document = json.loads(openapi_v3.openapi_document(group, version, definitions))
        schemas = document["components"]["schemas"]
        missing = {ref for ref in references(document) if ref.rsplit("/", 1)[1] not in schemas}
        assert not missing, (group, version)


def test_explain_finds_the_kind_by_its_list_path() -> None:
    document = json.loads(openapi_v3.openapi_document("apps", "v1", builtin_definitions()))
    listing = document["paths"]["/apis/apps/v1/namespaces/{namespace}/deployments"]["get"]
    assert listing["x-kubernetes-group-version-kind"] == {"group": "apps", "version": "v1", "kind": "Deployment"}
    deployment = document["components"]["schemas"]["io.k8s.api.apps.v1.Deployment"]
    assert "declarative updates" in deployment["description"]
    patch = document["paths"]["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"]["patch"]
    assert "fieldValidation" in [parameter["name"] for parameter in patch["parameters"]]


def test_a_custom_kind_keeps_its_descriptions(widget: Definition) -> None:
    crd: Body = {
        "spec": {
            "names": {"plural": "widgets"},
            "versions": [{"name": "v1", "schema": {"openAPIV3Schema": {"type": "object", "description": "A widget."}}}],
        }
    }
    document = json.loads(openapi_v3.openapi_document("shop.example", "v1", [widget], custom=[crd]))
    assert document["components"]["schemas"]["example.shop.v1.Widget"]["description"] == "A widget."


def test_the_index_changes_with_a_custom_schema(widget: Definition) -> None:
    first = openapi_v3.openapi_index([widget])["paths"]["apis/shop.example/v1"]["serverRelativeURL"]
    assert first.startswith("/openapi/v3/apis/shop.example/v1?hash=")
    assert "api/v1" in openapi_v3.openapi_index(builtin_definitions())["paths"]


def test_the_v2_stub_is_a_protobuf_document() -> None:
    data = openapi_v3.openapi_v2_protobuf()
    assert data[:5] == b"\x0a\x032.0"
    assert data[6] == len(data) - 7


def test_resources_and_their_subresources() -> None:
    listing = discovery.api_resource_list("apps", "v1", builtin_definitions())
    assert listing is not None
    by_name = {entry["name"]: entry for entry in listing["resources"]}
    assert by_name["deployments"]["shortNames"] == ["deploy"]
    assert by_name["deployments/scale"]["group"] == "autoscaling"
    assert by_name["deployments/status"]["verbs"] == ["get", "patch", "update"]
    assert discovery.api_resource_list("none", "v1", builtin_definitions()) is None


def test_groups(widget: Definition) -> None:
    groups = discovery.api_group_list([*builtin_definitions(), widget])["groups"]
    assert "apps" in [group["name"] for group in groups]
    group = discovery.api_group("shop.example", [widget])
    assert group is not None
    assert group["preferredVersion"] == {"groupVersion": "shop.example/v1", "version": "v1"}


def test_aggregated_discovery(widget: Definition) -> None:
    core = discovery.aggregated(True, [*builtin_definitions(), widget])
    (item,) = core["items"]
    pods = next(r for r in item["versions"][0]["resources"] if r["resource"] == "pods")
    assert {"subresource": "log", "responseKind": {"group": "", "version": "v1", "kind": "Pod"}, "verbs": ["get"]} in (
        pods["subresources"]
    )
    others = discovery.aggregated(False, [*builtin_definitions(), widget], "v2beta1")
    assert others["apiVersion"] == "apidiscovery.k8s.io/v2beta1"
    assert "shop.example" in [item["metadata"]["name"] for item in others["items"]]


def test_versions_sort_as_kubernetes_does() -> None:
    versions = ["v1alpha1", "v10", "foo", "v1", "v2beta1", "v2", "v1beta1"]
    assert sorted(versions, key=discovery.version_priority) == [
        "v10",
        "v2",
        "v1",
        "v2beta1",
        "v1beta1",
        "v1alpha1",
        "foo",
    ]
