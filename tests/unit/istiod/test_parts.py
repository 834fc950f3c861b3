"""Translation and injection as istiod holds them: shared snapshots, settings read again when they change."""

from __future__ import annotations

import msgspec
import pytest

from tejer.envoy.identity import PeerSubject
from tejer.istiod.model.view import ProxyView
from tejer.istiod.options import Options
from tejer.istiod.parts import Injector, Translator, parse_yaml
from tejer.kube.resource import Body, Key


def test_replicas_with_equal_views_share_one_snapshot() -> None:
    translator = Translator()
    first = translator(ProxyView(namespace="shop", subject=PeerSubject(workload="web")))
    assert translator(ProxyView(namespace="shop", subject=PeerSubject(workload="web"))) is first
    assert translator(ProxyView(namespace="bank", subject=PeerSubject(workload="web"))) is not first


def test_injection_follows_the_config_maps() -> None:
    def config_map(text: str) -> Body:
        return {"data": {"values": text}}

    key = Key("", "configmaps", "istio-system", "istio-sidecar-injector")
    held: dict[Key, Body] = {}
    injector = Injector(Options())
    injector.objects = {"injector": held, "meshconfig": {}, "namespaces": {}}
    pod: Body = {
        "metadata": {"name": "web", "labels": {"sidecar.istio.io/inject": "true"}},
        "spec": {"containers": [{"name": "app", "image": "x"}]},
    }
    assert injector(pod, "shop").patch
    before = injector.config()
    assert injector.config() is before, "unchanged settings are not read again"
    held[key] = config_map('{"global": {"hub": "example.com/mesh"}}')
    assert injector.config().image.startswith("example.com/mesh/")
    held[key] = config_map("not json")
    with pytest.raises(ValueError, match="istio-sidecar-injector: values"):
        injector(pod, "shop")


def test_pods_that_refuse_stay_as_they_are() -> None:
    pod: Body = {"metadata": {"name": "web", "labels": {"sidecar.istio.io/inject": "false"}}, "spec": {}}
    injection = Injector(Options())(pod, "shop")
    assert not injection.patch and injection.why


def test_yaml_errors_are_value_errors() -> None:
    assert parse_yaml("a: [1, on]") == {"a": [1, "on"]}
    with pytest.raises(ValueError, match="not YAML"):
        parse_yaml("a: [")


def test_types_that_did_not_change_stay_the_same_objects() -> None:
    translator = Translator()
    view = ProxyView(namespace="shop", subject=PeerSubject(workload="web"))
    first = translator(view)
    second = translator(msgspec.structs.replace(view, labels={"app": "web"}))
    assert second is not first
    assert all(second[url] is first[url] for url in first if second[url] == first[url])
