from pathlib import Path

import pytest

from tejer.cluster.config import ClusterConfig, default_home, load_config


def test_addresses_follow_the_networks() -> None:
    config = ClusterConfig(home=Path("/h"), pod_cidr="10.9.0.0/16", service_cidr="10.8.0.0/16")
    assert (config.gateway_ip, config.kubernetes_ip, config.dns_ip) == ("10.9.0.1", "10.8.0.1", "10.8.0.10")


def test_bridge_name_is_short_and_differs_by_home() -> None:
    one, two = ClusterConfig(home=Path("/one")), ClusterConfig(home=Path("/two"))
    assert one.bridge != two.bridge
    assert len(one.bridge) <= 15
    assert ClusterConfig(home=Path.home() / ".tejer").bridge == "tejer0"


def test_saved_config_is_loaded_again(tmp_path: Path) -> None:
    config = ClusterConfig(home=tmp_path / "home", api_port=7000)
    config.save()
    assert load_config(config.home) == config
    assert load_config(tmp_path / "other") is None


def test_damaged_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(ValueError, match=r"config\.json is not JSON"):
        load_config(tmp_path)
    (tmp_path / "config.json").write_text('{"colour": 1}')
    with pytest.raises(ValueError, match="colour"):
        load_config(tmp_path)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"api_port": 70000}, "api_port is 70000"),
        ({"pod_cidr": "10.0.0.1/16"}, "pod_cidr: 10.0.0.1/16 has host bits set"),
        ({"pod_cidr": "10.0.0.0/30"}, "too small"),
        ({"pod_cidr": "10.96.0.0/16"}, "overlap"),
        ({"bridge": "a" * 16}, "15 bytes"),
    ],
)
def test_values_that_cannot_work_are_refused(fields: dict[str, str | int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ClusterConfig(home=Path("/h")).with_changes(**fields)


def test_home_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEJER_HOME", "/elsewhere")
    assert default_home() == Path("/elsewhere")
    monkeypatch.delenv("TEJER_HOME")
    assert default_home() == Path.home() / ".tejer"
