"""Callers: tokens of a real API server, SPIFFE IDs, and RBAC on paths."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from tejer.istiod.authn import AuthnError, bearer, caller_of_spiffe, may_read, review_token
from tejer.kube.api import Api
from tejer.kube.types import CLUSTERROLEBINDINGS, CLUSTERROLES, PODS, SERVICEACCOUNTS

WithApi = Callable[[Callable[[Api], Awaitable[None]]], None]


def test_spiffe_ids() -> None:
    caller = caller_of_spiffe("spiffe://td/ns/shop/sa/web", ("other", "td"))
    assert (caller.namespace, caller.account) == ("shop", "web")
    for wrong in ("spiffe://other/ns/shop/sa/web", "spiffe://td/ns/shop", "spiffe://td/ns//sa/web", "x",
                  "spiffe://td/ns/shop/sa/web/extra"):  # fmt: skip
        with pytest.raises(AuthnError, match="no workload of trust domain td"):
            caller_of_spiffe(wrong, ["td"])


def test_authorization_headers() -> None:
    assert [bearer(text) for text in ("Bearer abc", "bearer  abc ", "Basic abc", "")] == ["abc", "abc", "", ""]


def test_a_pods_token_names_its_pod_and_other_audiences_are_refused(with_api: WithApi) -> None:
    async def scenario(api: Api) -> None:
        await api.create(SERVICEACCOUNTS, {"metadata": {"name": "web", "namespace": "istio-system"}})
        pod = await api.create(
            PODS,
            {
                "metadata": {"name": "web-1", "namespace": "istio-system"},
                "spec": {"serviceAccountName": "web", "containers": [{"name": "a", "image": "b"}]},
            },
        )
        bound = {"kind": "Pod", "apiVersion": "v1", "name": "web-1", "uid": pod["metadata"]["uid"]}
        request = {"spec": {"audiences": ["istio-ca"], "boundObjectRef": bound}}
        made = await api.create(SERVICEACCOUNTS, request, "istio-system", subresource="token", name="web")
        token = made["status"]["token"]
        caller = await review_token(api, token)
        assert (caller.namespace, caller.account, caller.pod) == ("istio-system", "web", "web-1")
        assert caller.pod_uid == pod["metadata"]["uid"]
        with pytest.raises(AuthnError):
            await review_token(api, token, ["vault"])
        with pytest.raises(AuthnError, match="no bearer token"):
            await review_token(api, "")

        assert not await may_read(api, caller, "/debug/syncz")
        rule = {"nonResourceURLs": ["/debug/*"], "verbs": ["get"]}
        await api.create(CLUSTERROLES, {"metadata": {"name": "debug"}, "rules": [rule]})
        reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "debug"}
        subject = {"kind": "ServiceAccount", "name": "web", "namespace": "istio-system"}
        binding = {"metadata": {"name": "debug"}, "roleRef": reference, "subjects": [subject]}
        await api.create(CLUSTERROLEBINDINGS, binding)
        assert await may_read(api, caller, "/debug/syncz")

    with_api(scenario)
