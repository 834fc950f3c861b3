"""The injector's settings from the ConfigMaps that install writes."""

from __future__ import annotations

import json

import pytest

from tejer.istiod.inject.config import InjectConfig
from tejer.istiod.inject.configmaps import inject_config
from tejer.istiod.install.base import config_maps
from tejer.istiod.install.options import build_options
from tejer.kube.manifest import load_value


def test_without_configmaps_there_are_istios_defaults() -> None:
    assert inject_config(None, None, load_value) == InjectConfig()


def test_what_install_writes_is_read_back() -> None:
    mesh, injector = config_maps(build_options(["values.global.proxy.logLevel=debug", "meshConfig.trustDomain=bank"]))
    config = inject_config(injector, mesh, load_value)
    assert config.value("global.proxy.logLevel") == "debug"
    assert config.trust_domain == "bank"
    assert config.discovery_address == "istiod.istio-system.svc:15012"
    assert config.image.startswith("tejer/proxyv2:")
    assert config.policy == "enabled"


def test_images_and_selectors() -> None:
    values = {"global": {"hub": "example.org/x", "tag": "2", "proxy": {"image": "p"}}}
    data = {"values": json.dumps(values), "config": "policy: disabled\nneverInjectSelector: [{matchLabels: {a: b}}]\n"}
    config = inject_config({"data": data}, None, load_value)
    assert (config.image, config.policy) == ("example.org/x/p:2", "disabled")
    assert config.never_inject == ({"matchLabels": {"a": "b"}},)
    whole = {"values": json.dumps({"global": {"proxy": {"image": "example.org/y:3"}}})}
    assert inject_config({"data": whole}, None, load_value).image == "example.org/y:3"


@pytest.mark.parametrize(
    ("injector", "mesh", "named"),
    [
        ({"values": "{"}, {}, "istio-sidecar-injector: values"),
        ({"config": "[1]"}, {}, "istio-sidecar-injector: config holds no object"),
        ({}, {"mesh": "a: [1"}, "istio: mesh"),
    ],
)
def test_broken_ones_are_named(injector: dict[str, str], mesh: dict[str, str], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        inject_config({"data": injector}, {"data": mesh}, load_value)
