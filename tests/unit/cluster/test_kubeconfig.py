import json
import stat
from pathlib import Path

import pytest

from tejer.cluster.config import ClusterConfig
from tejer.cluster.kubeconfig import add_context, remove_context, write_admin_kubeconfig
from tejer.cluster.pki import Pki, ensure_pki
from tejer.kube.kubeconfig import load

USERS_OWN = """\
# my clusters
apiVersion: v1
kind: Config
clusters:
- cluster:
    server: https://work.example.com   # the office
  name: work
contexts:
- context: {cluster: work, user: me}
  name: work
users:
- name: me
  user:
    token: "secret"
current-context: work
"""


@pytest.fixture
def config(tmp_path: Path) -> ClusterConfig:
    config = ClusterConfig(home=tmp_path / "home", api_port=16443)
    config.save()
    return config


@pytest.fixture
def files(config: ClusterConfig) -> Pki:
    return ensure_pki(config.pki_dir, ["localhost"], ["127.0.0.1"])


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "dot-kube" / "config"
    monkeypatch.setenv("KUBECONFIG", str(path))
    return path


def test_context_comes_and_goes_and_the_rest_stays(config: ClusterConfig, files: Pki, mine: Path) -> None:
    mine.parent.mkdir()
    mine.write_text(USERS_OWN)
    assert add_context(config, files) == mine
    changed = mine.read_text()
    assert "# my clusters" in changed
    assert "# the office" in changed
    assert "current-context: tejer" in changed
    assert load([mine]).server == "https://127.0.0.1:16443"
    assert load([mine], "work").server == "https://work.example.com"
    assert mine.with_name("config.before-tejer").read_text() == USERS_OWN
    remove_context(config)
    assert mine.read_text() == USERS_OWN
    assert [path.name for path in mine.parent.iterdir()] == ["config"]


def test_adding_twice_changes_nothing(config: ClusterConfig, files: Pki, mine: Path) -> None:
    add_context(config, files)
    before = mine.read_text()
    assert stat.S_IMODE(mine.stat().st_mode) == 0o600
    add_context(config, files)
    assert mine.read_text() == before


def test_a_file_we_made_goes_again(config: ClusterConfig, files: Pki, mine: Path) -> None:
    add_context(config, files)
    remove_context(config)
    assert not mine.exists()


def test_the_users_choice_of_context_is_respected(config: ClusterConfig, files: Pki, mine: Path) -> None:
    mine.parent.mkdir()
    mine.write_text(USERS_OWN)
    add_context(config, files)
    mine.write_text(mine.read_text().replace("current-context: tejer", "current-context: work"))
    remove_context(config)
    assert "current-context: work" in mine.read_text()


def test_another_clusters_context_is_left_alone(config: ClusterConfig, files: Pki, mine: Path) -> None:
    add_context(config, files)
    mine.write_text(mine.read_text().replace("16443", "26443"))
    remove_context(config)
    assert "26443" in mine.read_text()


@pytest.mark.parametrize("text", ["- a list\n", "a: [\n"])
def test_what_is_no_kubeconfig_is_left_alone(config: ClusterConfig, files: Pki, mine: Path, text: str) -> None:
    mine.parent.mkdir()
    mine.write_text(text)
    with pytest.raises(ValueError, match="left alone"):
        add_context(config, files)
    assert mine.read_text() == text


def test_a_lock_is_waited_for_and_named(
    config: ClusterConfig, files: Pki, mine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine.parent.mkdir()
    mine.with_name("config.lock").touch()
    monkeypatch.setattr("tejer.cluster.kubeconfig._LOCK_WAIT", 0.1)
    with pytest.raises(OSError, match=r"config\.lock exists"):
        add_context(config, files)


def test_admin_kubeconfig_stands_alone(config: ClusterConfig, files: Pki) -> None:
    write_admin_kubeconfig(config, files)
    assert stat.S_IMODE(config.admin_kubeconfig.stat().st_mode) == 0o600
    assert json.loads(config.admin_kubeconfig.read_text())["current-context"] == "tejer"
    assert load([config.admin_kubeconfig]).server == config.api_url
