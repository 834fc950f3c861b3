"""Paths of the Kubernetes API, as RBAC and the handler see them."""

from __future__ import annotations

import pytest

from tejer.cluster.apiserver.route import Route, parse_route


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/api/v1/pods", ("list", "", "v1", "pods", "", "", "")),
        ("GET", "/api/v1/namespaces/a/pods/b", ("get", "", "v1", "pods", "a", "b", "")),
        ("POST", "/api/v1/namespaces/a/pods/b/eviction", ("create", "", "v1", "pods", "a", "b", "eviction")),
        ("GET", "/api/v1/namespaces", ("list", "", "v1", "namespaces", "", "", "")),
        ("GET", "/api/v1/namespaces/a", ("get", "", "v1", "namespaces", "a", "a", "")),
        ("PUT", "/api/v1/namespaces/a/finalize", ("update", "", "v1", "namespaces", "a", "a", "finalize")),
        ("PATCH", "/apis/apps/v1/namespaces/a/deployments/b", ("patch", "apps", "v1", "deployments", "a", "b", "")),
        ("DELETE", "/apis/apps/v1/namespaces/a/deployments", ("deletecollection", "apps", "v1", "deployments", "a", "", "")),  # noqa: E501
        ("GET", "/api/v1/watch/namespaces/a/pods", ("watch", "", "v1", "pods", "a", "", "")),
        ("GET", "/apis/g/v1/things/x", ("get", "g", "v1", "things", "", "x", "")),
    ],
)  # fmt: skip
def test_resource_paths(method: str, path: str, expected: tuple[str, ...]) -> None:
    route = parse_route(method, path)
    assert route.is_resource
    found = (route.verb, route.group, route.version, route.resource, route.namespace, route.name, route.subresource)
    assert found == expected


@pytest.mark.parametrize("path", ["/", "/version", "/api", "/api/v1", "/apis/apps", "/apis/apps/v1", "/openapi/v3"])
def test_paths_that_name_no_resource(path: str) -> None:
    assert parse_route("GET", path) == Route("get", path)


def test_a_query_makes_a_list_a_watch() -> None:
    assert parse_route("GET", "/api/v1/pods", watch=True).verb == "watch"


def test_what_follows_a_subresource_is_kept() -> None:
    assert parse_route("GET", "/api/v1/namespaces/a/services/b/proxy/x/y").rest == ("x", "y")
