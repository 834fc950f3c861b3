"""kubeconfig files as kubectl writes them, merged, broken and refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from tejer.kube.kubeconfig import connect, load

CONFIG = """
apiVersion: v1
kind: Config
current-context: one
clusters:
- {name: c1, cluster: {server: "https://10.0.0.1:6443/", certificate-authority-data: UEVN}}
- {name: c2, cluster: {server: "https://two:6443", certificate-authority: ca.pem, tls-server-name: kubernetes}}
contexts:
- {name: one, context: {cluster: c1, user: u1, namespace: shop}}
- {name: two, context: {cluster: c2, user: u2}}
- {name: plugin, context: {cluster: c2, user: u3}}
users:
- {name: u1, user: {token: secret-token}}
- {name: u2, user: {tokenFile: token}}
- {name: u3, user: {exec: {command: aws}}}
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config"
    path.write_text(CONFIG)
    (tmp_path / "ca.pem").write_bytes(b"CA")
    return path


def test_the_current_context_with_inline_data(config: Path) -> None:
    connection = load([config])
    assert (connection.server, connection.ca, connection.token) == ("https://10.0.0.1:6443", b"PEM", "secret-token")
    assert connection.namespace == "shop" and "secret" not in repr(connection)


def test_a_chosen_context_with_files_next_to_it(config: Path) -> None:
    connection = load([config], "two")
    assert (connection.ca, connection.server_name) == (b"CA", "kubernetes")
    assert connection.token_file == config.parent / "token" and connection.namespace == "default"


def test_files_merge_and_the_first_wins(config: Path, tmp_path: Path) -> None:
    first = tmp_path / "first"
    first.write_text("current-context: two\nclusters:\n- {name: c2, cluster: {server: 'https://other:1'}}\n")
    assert load([first, config]).server == "https://other:1"


def test_errors_say_what_to_try(config: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="tejer up"):
        load([tmp_path / "missing"])
    with pytest.raises(ValueError, match=r"no context named 'three'.*one, two, plugin"):
        load([config], "three")
    with pytest.raises(ValueError, match=r"user\.exec: exec plugins are not supported"):
        load([config], "plugin")
    bad = tmp_path / "bad"
    bad.write_text("a: [")
    with pytest.raises(ValueError, match="not a YAML file"):
        load([bad])
    bad.write_text("- a list")
    with pytest.raises(ValueError, match="a kubeconfig is a mapping"):
        load([bad])
    bad.write_text(CONFIG.replace("certificate-authority-data: ", "certificate-authority-data: '*'#"))
    with pytest.raises(ValueError):
        load([bad])


def test_kubeconfig_variable_wins_over_the_home_directory(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(config))
    assert connect().namespace == "shop"
