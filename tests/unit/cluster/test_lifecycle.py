import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tejer.cluster import lifecycle
from tejer.cluster.config import ClusterConfig, load_config
from tejer.cluster.processes import note_process


def test_settings_are_saved_and_kept(tmp_path: Path) -> None:
    config = lifecycle.choose_config(tmp_path / "home", {"api_port": 7001})
    assert load_config(tmp_path / "home") == config
    assert lifecycle.choose_config(tmp_path / "home", {}).api_port == 7001
    assert lifecycle.choose_config(tmp_path / "home", {"api_port": 0}).api_port > 0


def test_bad_settings_and_unwritable_homes_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="overlap"):
        lifecycle.choose_config(tmp_path, {"pod_cidr": "10.96.0.0/16"})
    (tmp_path / "file").touch()
    with pytest.raises(RuntimeError, match=r"cannot write to .*; free some space or choose another place with --home"):
        lifecycle.choose_config(tmp_path / "file" / "home", {})


def test_a_running_cluster_keeps_its_settings(tmp_path: Path) -> None:
    config = lifecycle.choose_config(tmp_path, {"api_port": 7001})
    note_process(config.pid_path, os.getpid())
    with pytest.raises(RuntimeError, match=r"other settings \(--api-port\): run `tejer down` first"):
        lifecycle.choose_config(tmp_path, {"api_port": 7002})
    assert lifecycle.choose_config(tmp_path, {"api_port": 7001}) == config


def test_a_running_process_must_answer(tmp_path: Path) -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        config = lifecycle.choose_config(tmp_path, {"api_port": server.getsockname()[1]})
        note_process(config.pid_path, os.getpid())
        with pytest.raises(RuntimeError, match=rf"process \(pid {os.getpid()}\) does not answer"):
            lifecycle.start(config, timeout=0.2)
        server.listen()
        started = lifecycle.start(config)
    assert (started.pid, started.running_before) == (os.getpid(), True)


def test_one_command_at_a_time(tmp_path: Path) -> None:
    program = (
        "import sys, pathlib; from tejer.cluster.lifecycle import exclusive\n"
        "with exclusive(pathlib.Path(sys.argv[1])): pass"
    )
    with lifecycle.exclusive(tmp_path):
        done = subprocess.run(
            [sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=False
        )
    assert f"another `tejer up` or `tejer down` (pid {os.getpid()}) is at work" in done.stderr
    with lifecycle.exclusive(tmp_path):
        pass


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("error the disk is full\n", "the disk is full"),
        ("", "ended at once: last words"),
    ],
)
def test_what_the_daemon_says_comes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, message: str
) -> None:
    config = lifecycle.choose_config(tmp_path, {"api_port": 0})
    config.logs_dir.mkdir()
    config.daemon_log.write_text("first words\nlast words\n")

    def spawn(config: ClusterConfig, ready: int) -> subprocess.Popen[bytes]:
        os.write(ready, said.encode())
        process = subprocess.Popen([sys.executable, "-c", ""])
        process.wait()
        return process

    monkeypatch.setattr(lifecycle, "_spawn", spawn)
    with pytest.raises(RuntimeError, match=message):
        lifecycle.start(config)


def test_only_the_clusters_own_files_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    home = tmp_path / "home"
    config = lifecycle.choose_config(home, {"api_port": 0})
    for path in (config.pods_dir, config.volumes_dir, config.pki_dir):
        path.mkdir()
    (home / "mine.txt").touch()
    (home / "store.db").touch()
    lifecycle.remove(config, keep_data=True)
    assert sorted(path.name for path in home.iterdir()) == ["config.json", "mine.txt", "pki", "store.db", "volumes"]
    lifecycle.remove(config)
    assert [path.name for path in home.iterdir()] == ["mine.txt"]
