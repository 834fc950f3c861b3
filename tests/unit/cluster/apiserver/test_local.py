"""The write path, deletion, lists and watches, through the in-process Api."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from tejer.cluster.apiserver.server import ApiServer
from tejer.kube.api import APPLY_PATCH, JSON_PATCH, STRATEGIC_PATCH, Api, ApiError, WatchEvent
from tejer.kube.resource import Body, name_of
from tejer.kube.types import (
    CONFIGMAPS,
    CUSTOMRESOURCEDEFINITIONS,
    DEPLOYMENTS,
    NAMESPACES,
    PODS,
    SERVICEACCOUNTS,
    SERVICES,
    ResourceType,
)

Run = Callable[[Callable[[ApiServer], Awaitable[None]]], None]


def configmap(name: str, **data: str) -> Body:
    meta = {"name": name, "namespace": "default"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}


def pod(name: str, **spec: object) -> Body:
    meta = {"name": name, "namespace": "default"}
    containers = [{"name": "main", "image": "tejer/sleep"}]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": {"containers": containers, **spec}}


async def with_account(api: Api, namespace: str = "default") -> None:
    meta = {"name": "default", "namespace": namespace}
    await api.create(SERVICEACCOUNTS, {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta}, namespace)


async def refused(call: Awaitable[object]) -> ApiError:
    with pytest.raises(ApiError) as error:
        await call
    return error.value


def test_a_created_object_has_its_metadata(with_server: Run) -> None:
    async def test(server: ApiServer) -> None:
        api = server.local("system:tester")
        made = await api.create(CONFIGMAPS, configmap("a", x="1"))
        assert made["metadata"]["uid"] and made["metadata"]["creationTimestamp"]
        assert made["metadata"]["managedFields"][0]["manager"] == "tester"
        assert await api.get(CONFIGMAPS, "a", "default") == made
        assert (await refused(api.create(CONFIGMAPS, configmap("a")))).reason == "AlreadyExists"

    with_server(test)


def test_a_write_that_changes_nothing_gets_no_new_revision(with_server: Run) -> None:
    async def test(server: ApiServer) -> None:
        api = server.local("system:tester")
        made = await api.create(CONFIGMAPS, configmap("a", x="1"))
        assert await api.update(CONFIGMAPS, made) == made
        assert await api.patch(CONFIGMAPS, "a", "default", {"data": {"x": "1"}}) == made
        applied = await api.patch(
            CONFIGMAPS, "a", "default", configmap("a", x="1"), content_type=APPLY_PATCH, field_manager="m"
        )
        again = await api.patch(
            CONFIGMAPS, "a", "default", configmap("a", x="1"), content_type=APPLY_PATCH, field_manager="m"
        )
        assert again == applied

    with_server(test)


def test_an_update_of_an_old_revision_is_a_conflict(with_server: Run) -> None:
    async def test(server: ApiServer) -> None:
        api = server.local("system:tester")
        made = await api.create(CONFIGMAPS, configmap("a", x="1"))
        await api.update(CONFIGMAPS, {**made, "data": {"x": "2"}})
        assert (await refused(api.update(CONFIGMAPS, {**made, "data": {"x": "3"}}))).reason == "Conflict"
        del made["metadata"]["resourceVersion"]
        assert (await api.update(CONFIGMAPS, {**made, "data": {"x": "4"}}))["data"] == {"x": "4"}

    with_server(test)


def test_racing_patches_all_take_effect(with_server: Run) -> None:
    async def test(server: ApiServer) -> None:
        api = server.local("system:tester")
        await api.create(CONFIGMAPS, configmap("a"))
        await asyncio.gather(*(api.patch(CONFIGMAPS, "a", "default", {"data": {f"k{n}": "v"}}) for n in range(4)))
        assert sorted((await api.get(CONFIGMAPS, "a", "default"))["data"]) == ["k0", "k1", "k2", "k3"]

    with_server(test)


def test_dry_runs_store_nothing(with_server: Run) -> None:
    async def test(server: ApiServer) -> None:
        api = server.local("system:tester")
        before = server.store.revision
        made = await api.create(CONFIGMAPS, configmap("a"), dry_run=True)
        assert name_of(made) == "a"
        assert (await refused(api.get(CONFIGMAPS, "a", "default"))).code == 404
        assert server.store.revision == before

    with_server(test)


def test_patches_of_all_kinds(with_server: Run) -> None:
    async def test(server: ApiServer) -> None:
        api = server.local("system:tester")
        await api.create(CONFIGMAPS, configmap("a", x="1"))
        ops = [{"op": "add", "path": "/data/y", "value": "2"}]
        await api.patch(CONFIGMAPS, "a", "default", ops, content_type=JSON_PATCH)
        await api.patch(CONFIGMAPS, "a", "default", {"data": {"x": None}}, content_type=STRATEGIC_PATCH)
        assert (await api.get(CONFIGMAPS, "a", "default"))["data"] == {"y": "2"}
        wrong = [{"op": "test", "path": "/data/y", "value": "9"}]
        assert (await refused(api.patch(CONFIGMAPS, "a", "default", wrong, content_type=JSON_PATCH))).code == 422

    with_server(test)


def test_apply_creates_and_reports_conflicts(with_server: Run) -> None:
    async def test(server: ApiServer) -> None:
        api = server.local("system:tester")

        async def apply(manager: str, value: str, force: bool = False) -> Body:
            return await api.patch(
                CONFIGMAPS, "a", "default", configmap("a", x=value), content_type=APPLY_PATCH, field_manager=manager,
                force=force,
            )  # fmt: skip

        assert (await apply("one", "1"))["data"] == {"x": "1"}
        conflict = await refused(apply("two", "2"))
        assert conflict.code == 409 and conflict.details["causes"][0]["field"] == ".data.x"
        assert (await apply("two", "2", force=True))["data"] == {"x": "2"}

    with_server(test)


def test_nothing_is_made_in_a_namespace_that_is_missing_or_going(with_server: Run) -> None:
    async def test(server: ApiServer) -> None:
        api = server.local("system:tester")
        stray = configmap("a")
        stray["metadata"]["namespace"] = "nowhere"
        assert 'namespaces "nowhere" not found' in (await refused(api.create(CONFIGMAPS, stray))).message
        await api.create(NAMESPACES, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "nowhere"}})
        going = await api.delete(NAMESPACES, "nowhere")
        assert going["status"]["phase"] == "Terminating" and going["metadata"]["deletionTimestamp"]
        error = await refused(api.create(CONFIGMAPS, stray))
        assert error.code == 403 and error.details["causes"][0]["reason"] == "NamespaceTerminating"
        await api.update(NAMESPACES, {**going, "spec": {"finalizers": []}}, subresource="finalize")
        assert (await refused(api.get(NAMESPACES, "nowhere"))).code == 404
        assert (await refused(api.delete(NAMESPACES, "default"))).code == 403

    with_server(test)


def test_finalizers_keep_an_object_until_they_are_gone(with_server: Run) -> None:
    async def test(server: ApiServer) -> None:
        api = server.local("system:tester")
        kept = configmap("a")
        kept["metadata"]["finalizers"] = ["example.com/wait"]
        await api.create(CONFIGMAPS, kept)
        going = await api.delete(CONFIGMAPS, "a", "default")
        assert going["metadata"]["deletionTimestamp"]
        assert await api.delete(CONFIGMAPS, "a", "default") == going
        await api.patch(CONFIGMAPS, "a", "default", {"metadata": {"finalizers": None}})
        assert (await refused(api.get(CONFIGMAPS, "a", "default"))).code == 404

    with_server(test)


def test_propagation_policies_become_finalizers(with_server: Run) -> None:
    async def test(server: ApiServer) -> None:
        api = server.local("system:tester")
        for policy, finalizer in (("Foreground", "foregroundDeletion"), ("Orphan", "orphan")):
            await api.create(CONFIGMAPS, configmap(policy.lower()))
            going = await api.delete(CONFIGMAPS, policy.lower(), "default", propagation_policy=policy)
            assert going["metadata"]["finalizers"] == [finalizer]

    with_server(test)


def test_deletion_checks_the_uid(with_server: Run) -> None:
    async def test(server: ApiServer) -> None:
        api = server.local("system:tester")
        made = await api.create(CONFIGMAPS, configmap("a"))
        assert (await refused(api.delete(CONFIGMAPS, "a", "default", uid="other"))).code == 409
        await api.delete(CONFIGMAPS, "a", "default", uid=made["metadata"]["uid"])

    with_server(test)


def test_a_running_pod_gets_its_grace_and_a_waiting_one_none(with_server: Run) -> None:
    async def test(server: ApiServer) -> None:
        api = server.local("system:tester")
        await with_account(api)
        await api.create(PODS, pod("waiting"))
        await api.delete(PODS, "waiting", "default")
        assert (await refused(api.get(PODS, "waiting", "default"))).code == 404

        await api.create(PODS, pod("running", nodeName="n"))
        going = await api.delete(PODS, "running", "default")
        assert going["metadata"]["deletionGracePeriodSeconds"] == 30
        shorter = await api.delete(PODS, "running", "default", grace_period_seconds=5)
        assert shorter["metadata"]["deletionGracePeriodSeconds"] == 5
        longer = await api.delete(PODS, "running", "default", grace_period_seconds=60)
        assert longer["metadata"]["deletionGracePeriodSeconds"] == 5
        await api.delete(PODS, "running", "default", grace_period_seconds=0)
        assert (await refused(api.get(PODS, "running", "default"))).code == 404

    with_server(test)


def test_a_pod_gets_its_account_and_token_and_waits_for_them(with_server: Run) -> None:
    async def test(server: ApiServer) -> None:
        api = server.local("system:tester")
        async with asyncio.TaskGroup() as tasks:
            making = tasks.create_task(api.create(PODS, pod("a")))
            await asyncio.sleep(0.05)
            assert not making.done()
            await with_account(api)
        spec = making.result()["spec"]
        assert spec["serviceAccountName"] == "default"
        (volume,) = spec["volumes"]
        assert spec["containers"][0]["volumeMounts"][0]["name"] == volume["name"]
        plain = await api.create(PODS, pod("b", automountServiceAccountToken=False))
        assert "volumes" not in plain["spec"]

    with_server(test)


def test_services_get_addresses_that_never_clash(with_server: Run) -> None:
    async def test(server: ApiServer) -> None:
        api = server.local("system:tester")

        async def make(number: int) -> Body:
            meta = {"name": f"s{number}", "namespace": "default"}
            spec = {"ports": [{"port": 80}], "selector": {"app": "x"}}
            return await api.create(SERVICES, {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": spec})

        made = await asyncio.gather(*(make(number) for number in range(8)))
        assert len({service["spec"]["clusterIP"] for service in made}) == 8

    with_server(test)


def test_a_pod_is_bound_once_and_evicted(with_server: Run) -> None:
    async def test(server: ApiServer) -> None:
        api = server.local("system:tester")
        await with_account(api)
        await api.create(PODS, pod("a"))
        target: Body = {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": "a"}, "target": {"name": "node"}}
        await api.create(PODS, target, "default", subresource="binding", name="a")
        assert (await api.get(PODS, "a", "default"))["spec"]["nodeName"] == "node"
        again = api.create(PODS, target, "default", subresource="binding", name="a")
        assert (await refused(again)).code == 409
        eviction: Body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "a"}}
        await api.create(PODS, eviction, "default", subresource="eviction", name="a")
        assert (await api.get(PODS, "a", "default"))["metadata"]["deletionTimestamp"]

    with_server(test)


def test_scale_reads_and_writes_replicas(with_server: Run) -> None:
    async def test(server: ApiServer) -> None:
        api = server.local("system:tester")
        labels = {"app": "x"}
        template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
        spec = {"selector": {"matchLabels": labels}, "template": template, "replicas": 2}
        meta = {"name": "d", "namespace": "default"}
        made = await api.create(
            DEPLOYMENTS, {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": spec}
        )
        scale = await api.patch(DEPLOYMENTS, "d", "default", {"spec": {"replicas": 5}}, subresource="scale")
        assert scale["kind"] == "Scale" and scale["spec"] == {"replicas": 5} and scale["status"]["selector"] == "app=x"
        after = await api.get(DEPLOYMENTS, "d", "default")
        assert after["spec"]["replicas"] == 5
        assert after["metadata"]["generation"] == made["metadata"]["generation"] + 1
        wrong = api.patch(DEPLOYMENTS, "d", "default", {"spec": {"replicas": -1}}, subresource="scale")
        assert (await refused(wrong)).code == 422

    with_server(test)


async def take(api: Api, rtype: ResourceType, count: int, since: str, **selectors: str) -> list[WatchEvent]:
    seen: list[WatchEvent] = []
    async for event in api.watch(rtype, "default", resource_version=since, **selectors):
        seen.append(event)
        if len(seen) == count:
            break
    return seen


def test_a_watch_continues_a_list(with_server: Run) -> None:
    async def test(server: ApiServer) -> None:
        api = server.local("system:tester")
        await api.create(CONFIGMAPS, configmap("before"))
        listed = await api.list(CONFIGMAPS, "default")
        assert [name_of(item) for item in listed.items] == ["before"]
        await api.create(CONFIGMAPS, configmap("a", x="1"))
        await api.patch(CONFIGMAPS, "a", "default", {"data": {"x": "2"}})
        await api.delete(CONFIGMAPS, "a", "default")
        events = await take(api, CONFIGMAPS, 3, listed.resource_version)
        assert [event.type for event in events] == ["ADDED", "MODIFIED", "DELETED"]
        revisions = [int(event.object["metadata"]["resourceVersion"]) for event in events]
        assert revisions == sorted(set(revisions))

    with_server(test)


def test_entering_and_leaving_a_selection_looks_like_creation_and_deletion(with_server: Run) -> None:
    async def test(server: ApiServer) -> None:
        api = server.local("system:tester")
        since = str(server.store.revision)
        await api.create(CONFIGMAPS, configmap("a"))
        for value in ("yes", "yes", "no"):
            await api.patch(CONFIGMAPS, "a", "default", {"metadata": {"labels": {"on": value}}, "data": {value: "1"}})
        await api.patch(CONFIGMAPS, "a", "default", {"metadata": {"labels": {"on": "yes"}}})
        events = await take(api, CONFIGMAPS, 3, since, label_selector="on=yes")
        assert [event.type for event in events] == ["ADDED", "DELETED", "ADDED"]

    with_server(test)


def test_a_watch_from_a_forgotten_revision_is_expired(with_server: Run) -> None:
    async def test(server: ApiServer) -> None:
        api = server.local("system:tester")
        await api.create(CONFIGMAPS, configmap("a"))
        for number in range(250):
            await api.patch(CONFIGMAPS, "a", "default", {"data": {"n": str(number)}})
        assert (await refused(take(api, CONFIGMAPS, 1, "3"))).code == 410
        future = await refused(take(api, CONFIGMAPS, 1, "999999"))
        assert future.code == 504

    with_server(test)


def test_unknown_fields_can_not_be_selected_by(with_server: Run) -> None:
    async def test(server: ApiServer) -> None:
        api = server.local("system:tester")
        assert (await refused(api.list(PODS, field_selector="spec.color=red"))).code == 400
        assert (await refused(api.list(PODS, label_selector="a=b=c"))).code == 400
        assert (await api.list(PODS, field_selector="spec.nodeName=x,status.phase!=Failed")).items == []

    with_server(test)


def test_in_process_callers_are_subject_to_rbac(with_server: Run) -> None:
    async def test(server: ApiServer) -> None:
        nobody = server.local("nobody", ())
        error = await refused(nobody.list(PODS, "default"))
        assert error.code == 403
        expected = 'User "nobody" cannot list resource "pods" in API group "" in the namespace "default"'
        assert error.message == f"pods is forbidden: {expected}"

    with_server(test)


WIDGETS = ResourceType("example.com", "v1", "widgets", "Widget")
CRD: Body = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "widgets.example.com"},
    "spec": {
        "group": "example.com",
        "scope": "Namespaced",
        "names": {"plural": "widgets", "singular": "widget", "kind": "Widget"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {"openAPIV3Schema": {"type": "object", "properties": {"size": {"type": "integer"}}}},
            }
        ],
    },
}


def test_custom_kinds_are_served_at_once_and_go_with_their_crd(with_server: Run) -> None:
    async def test(server: ApiServer) -> None:
        api = server.local("system:tester")
        assert (await refused(api.list(WIDGETS))).code == 404
        crd = await api.create(CUSTOMRESOURCEDEFINITIONS, CRD)
        conditions = {c["type"]: c["status"] for c in crd["status"]["conditions"]}
        assert conditions["Established"] == conditions["NamesAccepted"] == "True"
        widget: Body = {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w"}, "size": 3}
        await api.create(WIDGETS, widget, "default")
        stuck: Body = {**widget, "metadata": {"name": "stuck", "finalizers": ["example.com/wait"]}}
        await api.create(WIDGETS, stuck, "default")
        await api.delete(CUSTOMRESOURCEDEFINITIONS, "widgets.example.com")
        assert [name_of(item) for item in (await api.list(WIDGETS)).items] == ["stuck"]
        await api.patch(WIDGETS, "stuck", "default", {"metadata": {"finalizers": None}})
        assert (await refused(api.list(WIDGETS))).code == 404
        assert (await refused(api.get(CUSTOMRESOURCEDEFINITIONS, "widgets.example.com"))).code == 404

    with_server(test)
