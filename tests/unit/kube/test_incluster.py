from __future__ import annotations

from pathlib import Path

import pytest

from tejer.kube.incluster import in_cluster, is_in_cluster


def test_a_pods_connection(tmp_path: Path) -> None:
    for name, text in (("token", "t"), ("ca.crt", "CA"), ("namespace", "istio-system\n")):
        (tmp_path / name).write_text(text)
    env = {"KUBERNETES_SERVICE_HOST": "10.96.0.1", "KUBERNETES_SERVICE_PORT": "443"}
    connection = in_cluster(env, tmp_path)
    assert (connection.server, connection.ca, connection.namespace) == ("https://10.96.0.1:443", b"CA", "istio-system")
    assert connection.token_file == tmp_path / "token" and is_in_cluster(env, tmp_path)
    assert in_cluster(env | {"KUBERNETES_SERVICE_HOST": "fd00::1"}, tmp_path).server == "https://[fd00::1]:443"


def test_outside_a_pod_the_error_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="KUBERNETES_SERVICE_HOST"):
        in_cluster({}, tmp_path)
    with pytest.raises(FileNotFoundError, match="token"):
        in_cluster({"KUBERNETES_SERVICE_HOST": "10.96.0.1"}, tmp_path)
    assert not is_in_cluster({}, tmp_path)
