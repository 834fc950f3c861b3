"""The server as a whole: what a fresh cluster has, and what a restart keeps."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from tejer.cluster.apiserver.auth.rbac import Attributes
from tejer.cluster.apiserver.auth.users import authenticated
from tejer.cluster.apiserver.bootstrap import expire_events
from tejer.cluster.apiserver.config import ServerConfig, TlsFiles
from tejer.cluster.apiserver.server import ApiServer
from tejer.cluster.store.memory import MemoryStore
from tejer.cluster.store.sqlite import SqliteStore
from tejer.kube.api import APPLY_PATCH, ApiError
from tejer.kube.resource import Body, name_of
from tejer.kube.types import (
    CLUSTERROLEBINDINGS,
    CLUSTERROLES,
    CUSTOMRESOURCEDEFINITIONS,
    ENDPOINTSLICES,
    EVENTS,
    NAMESPACES,
    SECRETS,
    SERVICEACCOUNTS,
    SERVICES,
    ResourceType,
)

NOWHERE = TlsFiles(Path("/nonexistent"), Path("/nonexistent"), Path("/nonexistent"))
WIDGETS = ResourceType("example.com", "v1", "widgets", "Widget")
CRD: Body = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "widgets.example.com"},
    "spec": {
        "group": "example.com",
        "scope": "Namespaced",
        "names": {"plural": "widgets", "kind": "Widget"},
        "versions": [
            {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {"type": "object"}}},
        ],
    },
}


def make(path: Path | None = None, **more: object) -> ApiServer:
    store = SqliteStore(path) if path else MemoryStore()
    return ApiServer(store, ServerConfig(tls=NOWHERE, **more))  # type: ignore[arg-type]


def test_a_fresh_cluster_has_namespaces_and_roles() -> None:
    async def main() -> None:
        server = make()
        await server.open()
        api = server.local("system:tester")
        names = [name_of(item) for item in (await api.list(NAMESPACES)).items]
        assert names == ["default", "kube-node-lease", "kube-public", "kube-system"]
        admin = await api.get(CLUSTERROLES, "admin")
        assert any("pods/log" in rule["resources"] for rule in admin["rules"]), "edit and view are part of admin"
        view = await api.get(CLUSTERROLES, "view")
        assert not any("secrets" in rule["resources"] for rule in view["rules"])
        await server.stop()

    asyncio.run(main())


def test_a_bound_role_works_and_aggregates_follow_their_parts() -> None:
    async def main() -> None:
        server = make()
        await server.open()
        api = server.local("system:tester")
        ann = authenticated("ann")
        asked = Attributes("get", resource="widgets", group="example.com", namespace="default")
        api_group = "rbac.authorization.k8s.io"
        binding: Body = {
            "metadata": {"name": "ann"},
            "roleRef": {"apiGroup": api_group, "kind": "ClusterRole", "name": "view"},
            "subjects": [{"apiGroup": api_group, "kind": "User", "name": "ann"}],
        }
        await api.create(CLUSTERROLEBINDINGS, binding)
        authorizer = server._authorizer
        assert authorizer.allows(ann, Attributes("list", resource="pods", namespace="default"))
        assert not authorizer.allows(ann, asked)
        part: Body = {
            "metadata": {"name": "part", "labels": {"rbac.authorization.k8s.io/aggregate-to-view": "true"}},
            "rules": [{"apiGroups": ["example.com"], "resources": ["widgets"], "verbs": ["get"]}],
        }
        await api.create(CLUSTERROLES, part)
        assert authorizer.allows(ann, asked)
        await api.delete(CLUSTERROLES, "part")
        assert not authorizer.allows(ann, asked)
        await server.stop()

    asyncio.run(main())


def test_nobody_grants_more_than_he_has() -> None:
    async def main() -> None:
        server = make()
        await server.open()
        api = server.local("system:tester")
        api_group = "rbac.authorization.k8s.io"
        subjects = [{"apiGroup": api_group, "kind": "User", "name": "ann"}]
        for role, rules in (
            ("role-writer", [{"apiGroups": [api_group], "resources": ["*"], "verbs": ["*"]}]),
            ("reader", [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]),
        ):
            # `escalate` and `bind` are verbs too: leave them out.
            verbs = ["get", "list", "create", "update", "patch", "delete"]
            rules = [{**rule, "verbs": verbs if rule["verbs"] == ["*"] else rule["verbs"]} for rule in rules]
            await api.create(CLUSTERROLES, {"metadata": {"name": role}, "rules": rules})
            ref = {"apiGroup": api_group, "kind": "ClusterRole", "name": role}
            await api.create(CLUSTERROLEBINDINGS, {"metadata": {"name": role}, "roleRef": ref, "subjects": subjects})
        ann = server.local("ann", ())
        more: Body = {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}
        with pytest.raises(ApiError, match="not currently held") as error:
            await ann.create(CLUSTERROLES, {"metadata": {"name": "more"}, "rules": [more]})
        assert error.value.code == 403
        own: Body = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}
        await ann.create(CLUSTERROLES, {"metadata": {"name": "own"}, "rules": [own]})
        ref = {"apiGroup": api_group, "kind": "ClusterRole", "name": "cluster-admin"}
        with pytest.raises(ApiError, match="not currently held"):
            await ann.create(CLUSTERROLEBINDINGS, {"metadata": {"name": "up"}, "roleRef": ref, "subjects": subjects})
        later = {"apiGroup": api_group, "kind": "ClusterRole", "name": "not-yet-there"}
        with pytest.raises(ApiError, match="not found"):
            await ann.create(CLUSTERROLEBINDINGS, {"metadata": {"name": "up"}, "roleRef": later, "subjects": subjects})
        await server.stop()

    asyncio.run(main())


def test_an_aggregated_role_needs_all_rights_also_when_its_selector_changes() -> None:
    async def main() -> None:
        server = make()
        await server.open()
        api = server.local("system:tester")
        group = "rbac.authorization.k8s.io"
        verbs = ["get", "create", "update", "patch"]
        rule: Body = {"apiGroups": [group], "resources": ["clusterroles"], "verbs": verbs}
        await api.create(CLUSTERROLES, {"metadata": {"name": "writer"}, "rules": [rule]})
        subjects = [{"apiGroup": group, "kind": "User", "name": "ann"}]
        ref = {"apiGroup": group, "kind": "ClusterRole", "name": "writer"}
        await api.create(CLUSTERROLEBINDINGS, {"metadata": {"name": "writer"}, "roleRef": ref, "subjects": subjects})
        ann = server.local("ann", ())

        def collecting(label: str) -> Body:
            rule = {"clusterRoleSelectors": [{"matchLabels": {"kubernetes.io/bootstrapping": label}}]}
            return {"metadata": {"name": "net"}, "aggregationRule": rule}

        with pytest.raises(ApiError, match="not currently held"):
            await ann.create(CLUSTERROLES, collecting("nothing"))
        made = await api.create(CLUSTERROLES, collecting("nothing"))
        with pytest.raises(ApiError, match="not currently held"):
            await ann.update(CLUSTERROLES, {**made, **collecting("rbac-defaults"), "metadata": made["metadata"]})
        await server.stop()

    asyncio.run(main())


def test_an_apply_that_creates_needs_the_right_to_create() -> None:
    async def main() -> None:
        server = make()
        await server.open()
        api = server.local("system:tester")
        group = "rbac.authorization.k8s.io"
        rule: Body = {"apiGroups": [""], "resources": ["namespaces"], "verbs": ["patch"]}
        await api.create(CLUSTERROLES, {"metadata": {"name": "patcher"}, "rules": [rule]})
        ref = {"apiGroup": group, "kind": "ClusterRole", "name": "patcher"}
        subjects = [{"apiGroup": group, "kind": "User", "name": "ann"}]
        await api.create(CLUSTERROLEBINDINGS, {"metadata": {"name": "patcher"}, "roleRef": ref, "subjects": subjects})
        body: Body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "new"}}
        with pytest.raises(ApiError, match='cannot create resource "namespaces"'):
            await server.local("ann", ()).patch(NAMESPACES, "new", "", body, content_type=APPLY_PATCH)
        await server.stop()

    asyncio.run(main())


def test_a_restart_keeps_objects_kinds_and_tokens(tmp_path: Path) -> None:
    async def main() -> None:
        server = make(tmp_path / "store.db")
        await server.open()
        api = server.local("system:tester")
        await api.create(CUSTOMRESOURCEDEFINITIONS, CRD)
        await api.create(WIDGETS, {"metadata": {"name": "w"}}, "default")
        await api.create(SERVICEACCOUNTS, {"metadata": {"name": "bot"}}, "default")
        request: Body = {"spec": {"audiences": ["x"]}}
        answer = await api.create(SERVICEACCOUNTS, request, "default", subresource="token", name="bot")
        revision = server.store.revision
        await server.stop()

        again = make(tmp_path / "store.db")
        await again.open()
        assert again.store.revision == revision, "a second start finds nothing to write"
        assert name_of(await again.local("system:tester").get(WIDGETS, "w", "default")) == "w"
        assert again._verbs is not None
        known = again._verbs.authenticator.identify(answer["status"]["token"], ["x"])
        assert known is not None and known.user.name == "system:serviceaccount:default:bot"
        await again.stop()

    asyncio.run(main())


def test_a_broken_crd_in_the_store_does_not_stop_the_server(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        server = make()
        await server.open()
        await server.local("system:tester").create(CUSTOMRESOURCEDEFINITIONS, CRD)
        item = server.store.get(CUSTOMRESOURCEDEFINITIONS.key("", "widgets.example.com"))
        assert item is not None
        broken = {**item.body, "spec": {**item.body["spec"], "versions": [{"served": True, "schema": 7}]}}
        await server.store.write(item.key, broken, expect=item.revision)
        again = ApiServer(server.store, server.config)
        await again.open()
        await again.stop()
        await server.stop()

    asyncio.run(main())
    assert "widgets.example.com is not served" in caplog.text


def test_the_signing_key_can_not_be_read_through_the_api() -> None:
    async def main() -> None:
        server = make()
        await server.open()
        api = server.local("system:tester")
        hidden = ResourceType("internal.tejer.io", "v1", "signingkeys", "SigningKey", namespaced=False)
        with pytest.raises(ApiError) as error:
            await api.list(hidden)
        assert error.value.code == 404
        assert (await api.list(SECRETS)).items == []
        await server.stop()

    asyncio.run(main())


def test_the_service_kubernetes_points_to_the_server() -> None:
    async def main() -> None:
        server = make(service_cidr="10.99.0.0/16")
        await server.open()
        api = server.local("system:tester")
        await server.advertise("10.244.0.1", 6443)
        await server.advertise("10.244.0.1", 7443)
        assert (await api.get(SERVICES, "kubernetes", "default"))["spec"]["clusterIP"] == "10.99.0.1"
        piece = await api.get(ENDPOINTSLICES, "kubernetes", "default")
        assert piece["endpoints"][0]["addresses"] == ["10.244.0.1"] and piece["ports"][0]["port"] == 7443
        await server.stop()

    asyncio.run(main())


def test_events_are_forgotten_after_an_hour() -> None:
    async def main() -> None:
        server = make()
        await server.open()
        api = server.local("system:tester")
        now = server.core.now()
        for name, age in (("old", timedelta(hours=2)), ("new", timedelta(minutes=2))):
            seen = (now - age).strftime("%Y-%m-%dT%H:%M:%SZ")
            event: Body = {
                "metadata": {"name": name, "namespace": "default"}, "lastTimestamp": seen, "reason": "Test",
                "involvedObject": {"kind": "Pod", "name": "p", "namespace": "default"}, "type": "Normal",
            }  # fmt: skip
            await api.create(EVENTS, event)
        await expire_events(api, now)
        assert [name_of(item) for item in (await api.list(EVENTS)).items] == ["new"]
        await server.stop()

    asyncio.run(main())
