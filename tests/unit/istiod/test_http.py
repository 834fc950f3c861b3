"""Who may read debug pages."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from tejer.istiod.http import _authorize, is_loopback, make_http_app
from tejer.kube.api import Api
from tejer.kube.types import CLUSTERROLEBINDINGS, SERVICEACCOUNTS

WithApi = Callable[[Callable[[Api], Awaitable[None]]], None]


def asked(remote: str, token: str = "") -> web.Request:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return make_mocked_request("GET", "/debug/syncz", headers=headers).clone(remote=remote)


def test_loopback_is_this_machine() -> None:
    assert is_loopback("127.0.0.1") and is_loopback("::1")
    assert not is_loopback("10.0.0.1") and not is_loopback("") and not is_loopback("localhost")


def test_others_need_a_token_with_rights(with_api: WithApi) -> None:
    async def scenario(api: Api) -> None:
        await _authorize(asked("127.0.0.1"), None)
        with pytest.raises(web.HTTPForbidden):
            await _authorize(asked("10.0.0.1"), None)
        with pytest.raises(web.HTTPUnauthorized):
            await _authorize(asked("10.0.0.1"), api)
        with pytest.raises(web.HTTPUnauthorized):
            await _authorize(asked("10.0.0.1", "nonsense"), api)
        await api.create(SERVICEACCOUNTS, {"metadata": {"name": "ops", "namespace": "istio-system"}})
        made = await api.create(SERVICEACCOUNTS, {"spec": {}}, "istio-system", subresource="token", name="ops")
        token = made["status"]["token"]
        with pytest.raises(web.HTTPForbidden) as caught:
            await _authorize(asked("10.0.0.1", token), api)
        assert "may not get /debug/syncz" in (caught.value.text or "")
        reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"}
        subject = {"kind": "ServiceAccount", "name": "ops", "namespace": "istio-system"}
        binding = {"metadata": {"name": "ops"}, "roleRef": reference, "subjects": [subject]}
        await api.create(CLUSTERROLEBINDINGS, binding)
        await _authorize(asked("10.0.0.1", token), api)

    with_api(scenario)


def test_pages_are_a_closed_set() -> None:
    async def page(_: Mapping[str, str]) -> Any:
        return {}

    app = make_http_app(lambda: "", {"syncz": page})
    routes = {resource.canonical for resource in app.router.resources()}
    assert routes == {"/ready", "/debug", "/debug/{page}"}
