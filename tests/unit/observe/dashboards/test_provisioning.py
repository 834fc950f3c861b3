"""Grafana's provisioning files, and those of our addon."""

from __future__ import annotations

from pathlib import Path

import pytest

from tejer.kube.manifest import load_bytes
from tejer.observe.dashboards import provisioning
from tejer.observe.dashboards.library import Shelf
from tejer.observe.dashboards.main import read_options
from tejer.observe.dashboards.prometheus import expanded
from tejer.observe.dashboards.provisioning import ProvisioningError

ADDON = Path(__file__).parents[4] / "samples/addons/grafana.yaml"


def laid_out(root: Path) -> Path:
    """The addon's ConfigMap as its pod sees it."""
    (config,) = [
        one.body for one in load_bytes(ADDON.read_bytes())
        if one.body["kind"] == "ConfigMap" and one.body["metadata"]["name"] == "grafana"
    ]  # fmt: skip
    for folder, key in (("datasources", "datasources.yaml"), ("dashboards", "dashboardproviders.yaml")):
        (root / folder).mkdir()
        (root / folder / key).write_text(config["data"][key])
    return root


def test_the_addons_files_are_understood(tmp_path: Path) -> None:
    options = read_options(
        [], {"GF_PATHS_PROVISIONING": str(laid_out(tmp_path)), "GF_PATHS_DATA": "/data"}, in_pod=True
    )
    (source,) = options.sources
    assert (source.uid, source.url, source.is_default) == ("prometheus", "http://prometheus:9090", True)
    assert source.headers == (("Authorization", "Bearer $__file{/var/run/secrets/kubernetes.io/serviceaccount/token}"),)
    assert options.shelves == (
        Shelf("istio", Path("/var/lib/grafana/dashboards/istio")),
        Shelf("istio", Path("/var/lib/grafana/dashboards/istio-services")),
    )
    assert (options.port, options.loopback) == (3000, False)


def test_by_hand_it_listens_on_the_loopback_alone() -> None:
    options = read_options(["--prometheus", "http://p", "--dashboards", "d"], {}, in_pod=False)
    assert (options.host, options.loopback, options.sources[0].url) == ("127.0.0.1", True, "http://p")


def test_headers_hold_what_their_file_holds_now(tmp_path: Path) -> None:
    token = tmp_path / "token"
    header = f"Bearer $__file{{{token}}}"
    token.write_text("one\n")
    assert expanded(header) == "Bearer one"
    token.write_text("two")
    assert expanded(header) == "Bearer two"
    token.unlink()
    assert expanded(header) == "Bearer "


def test_secrets_are_not_in_what_is_printed(tmp_path: Path) -> None:
    (tmp_path / "datasources").mkdir()
    (tmp_path / "datasources/a.yaml").write_text(
        "datasources:\n- {name: P, type: prometheus, url: 'http://${HOST}:9090', jsonData: {httpHeaderName1: X},"
        " secureJsonData: {httpHeaderValue1: $SECRET}}\n- {name: L, type: loki, url: http://l}\n"
    )
    (source,) = provisioning.data_sources(tmp_path, {"HOST": "p", "SECRET": "hush"})
    assert source.url == "http://p:9090"
    assert source.headers == (("X", "hush"),)
    assert "hush" not in repr(source)


@pytest.mark.parametrize("text", ["datasources: [{type: prometheus, name: P, url: 'file:///x'}]", "a: [", "\t"])
def test_a_file_that_can_not_be_used_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "datasources").mkdir()
    (tmp_path / "datasources/bad.yaml").write_text(text)
    with pytest.raises(ProvisioningError, match=r"bad\.yaml"):
        provisioning.data_sources(tmp_path, {})
