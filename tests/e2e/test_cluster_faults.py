"""What must hold when things go wrong: killed processes, two commands at once, taken ports, full disks."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from tejer.cluster.config import ClusterConfig
from tejer.cluster.network.netlink import NETLINK_NETFILTER, Netlink
from tejer.cluster.network.nft import table_names
from tests.e2e.clusters import private_cluster, private_shell, take_down
from tests.e2e.shell import Shell

pytestmark = pytest.mark.e2e

_FIRST = "{.status.containerStatuses[0]"
_OF_EACH = f"{{.metadata.uid}} {{.status.podIP}} {_FIRST}.containerID}} {_FIRST}.restartCount}}"
IDENTITY = f"{{range .items[*]}}{_OF_EACH} {{end}}"


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    """A cluster of its own that is not started yet, and leaves nothing."""
    with private_cluster(tmp_path) as shell:
        yield shell


def status(shell: Shell) -> Any:
    return json.loads(shell.run("tejer status -o json").out)


def kill_daemon(shell: Shell) -> int:
    pid: int = status(shell)["process"]["pid"]
    os.kill(pid, signal.SIGKILL)
    while Path(f"/proc/{pid}/stat").exists() and ") Z " not in Path(f"/proc/{pid}/stat").read_text():
        time.sleep(0.01)
    return pid


def leftovers(shell: Shell) -> list[str]:
    """What of a cluster is still on the machine."""
    home = shell.env["TEJER_HOME"]
    found = [f"file {path}" for path in Path(home).rglob("*")] if Path(home).exists() else []
    found += [f"process {pid}: {words}" for pid, words in commands().items() if home in words]
    instance = ClusterConfig(home=Path(home)).instance_id
    found += [f"device {name}" for _, name in socket.if_nameindex() if instance[:6] in name]
    found += [f"table {name}" for name in _nft_tables() if instance in name]
    found += [f"mount {line}" for line in Path("/proc/self/mountinfo").read_text().splitlines() if home in line]
    return found


def commands() -> dict[int, str]:
    """The command lines of all processes but this one."""
    pids = [int(entry.name) for entry in Path("/proc").glob("[0-9]*")]
    found = {pid: _cmdline(Path(f"/proc/{pid}")).decode(errors="replace") for pid in pids if pid != os.getpid()}
    return {pid: words.replace("\0", " ") for pid, words in found.items() if words}


def kill_all(part: str) -> int:
    """`kill -9` of every process whose command line holds `part`; how many."""
    doomed = [pid for pid, words in commands().items() if part in words]
    for pid in doomed:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return len(doomed)


def test_pods_survive_the_clusters_process_and_are_taken_over(shell: Shell) -> None:
    shell.ok("tejer up --bare $UP")
    shell.ok("kubectl create deployment steady --image=tejer/sleep --replicas=2")
    shell.ok("kubectl create configmap written --from-literal=a=b")
    shell.ok("kubectl rollout status deployment/steady --timeout=60s")
    before = shell.ok(f"kubectl get pods -l app=steady -o jsonpath='{IDENTITY}'")
    kill_daemon(shell)
    assert status(shell)["podsWithoutProcess"]
    assert "`tejer up` takes them over" in shell.run("tejer status").out
    shell.ok("tejer up --bare $UP")
    assert shell.ok("kubectl get configmap written -o jsonpath='{.data.a}'") == "b"
    shell.ok("kubectl wait pod -l app=steady --for=condition=Ready --timeout=30s")
    assert shell.ok(f"kubectl get pods -l app=steady -o jsonpath='{IDENTITY}'") == before
    shell.ok("kubectl exec deploy/steady -- true")


def test_a_pod_that_died_meanwhile_is_restarted(shell: Shell) -> None:
    shell.ok("tejer up --bare $UP")
    shell.ok("kubectl create deployment steady --image=tejer/sleep")
    shell.ok("kubectl rollout status deployment/steady --timeout=60s")
    kill_daemon(shell)
    assert kill_all(f"{shell.env['TEJER_HOME']}/pods/")
    shell.ok("tejer up --bare $UP")
    shell.until("kubectl get pods -l app=steady --no-headers",
                lambda result: result.out.split()[1:3] == ["1/1", "Running"] and result.out.split()[3] != "0",
                seconds=40)  # fmt: skip


def _cmdline(process: Path) -> bytes:
    try:
        return (process / "cmdline").read_bytes()
    except OSError:
        return b""


def test_of_two_ups_at_once_one_wins_with_a_clear_line(shell: Shell) -> None:
    call = "tejer up --bare $UP"
    both = shell.run(f"{call} & first=$!; {call}; second=$?; wait $first; echo codes $? $second")
    codes = sorted(both.out.split("codes ")[1].split())
    if codes == ["0", "1"]:  # they overlapped
        assert "another `tejer up` or `tejer down` (pid " in both.err
    else:  # one came after the other
        assert codes == ["0", "0"]
    home = shell.env["TEJER_HOME"]
    assert len([words for words in commands().values() if "tejer.cluster.daemon" in words and home in words]) == 1
    shell.ok("kubectl get namespaces")


def test_up_again_changes_nothing_and_other_settings_are_refused(shell: Shell) -> None:
    shell.ok("tejer up --bare $UP")
    pid = status(shell)["process"]["pid"]
    facts = json.loads(shell.ok("tejer up --bare $UP -o json"))
    assert (facts["pid"], facts["runningBefore"]) == (pid, True)
    refused = shell.run("tejer up --bare $UP --pod-cidr 10.99.0.0/17")
    assert refused.code == 1
    assert "running with other settings (--pod-cidr): run `tejer down` first" in refused.err


def test_a_taken_port_is_named_with_its_owner(shell: Shell) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = shell.run(f"tejer up --bare $UP --api-port {port}")
        ingress = shell.run(f"tejer up $UP --http-port {port}")
        warned = shell.run(f"tejer up --bare $UP --http-port {port}")
    for refused, option in ((result, "--api-port"), (ingress, "--http-port")):
        assert refused.code == 1
        assert f"port {port} on 127.0.0.1 is taken by" in refused.err
        assert f"(pid {os.getpid()})" in refused.err
        assert option in refused.err
    assert warned.code == 0
    assert f"Warning: the ingress gateway's port {port} on 127.0.0.1 is taken" in warned.err


@pytest.mark.parametrize("killed", ["nothing", "daemon", "everything"])
def test_down_leaves_nothing(shell: Shell, killed: str) -> None:
    before = Path("/proc/sys/net/ipv4/ip_forward").read_text()
    start_a_service(shell)
    if killed == "daemon":
        kill_daemon(shell)
    elif killed == "everything":
        assert kill_all(shell.env["TEJER_HOME"]) > 2
    shell.ok("tejer down")
    assert leftovers(shell) == []
    assert Path("/proc/sys/net/ipv4/ip_forward").read_text() in (before, "1\n")
    assert not Path(shell.env["KUBECONFIG"]).exists()
    assert "Nothing runs" in shell.run("tejer down").ok().err


def start_a_service(shell: Shell) -> None:
    shell.ok("tejer up --bare $UP")
    shell.ok("kubectl create deployment steady --image=tejer/sleep")
    shell.ok("kubectl expose deployment steady --port=80 --type=LoadBalancer")
    shell.ok("kubectl rollout status deployment/steady --timeout=60s")


def test_down_after_the_home_was_deleted(shell: Shell) -> None:
    start_a_service(shell)
    shutil.rmtree(shell.env["TEJER_HOME"])
    assert leftovers(shell)
    shell.ok("tejer down")
    assert leftovers(shell) == []


def test_make_demo_down_after_the_mesh_was_killed_in_parts(shell: Shell) -> None:
    """Daemon, Envoys, and one of two shims: the other's pod is as it was."""
    home = shell.env["TEJER_HOME"]
    shell.ok("tejer up $UP")
    kill_daemon(shell)
    assert kill_all(f"{home}/pods/") >= 2, "shims of istiod and the gateway"
    before = set(commands())
    shell.ok("tejer up $UP", timeout=180)
    started = {pid for pid, words in commands().items() if pid not in before and "/envoy " in f"{words} "}
    assert started
    kill_daemon(shell)
    for pid in started:
        os.kill(pid, signal.SIGKILL)
    os.kill(next(pid for pid, words in commands().items() if f"{home}/pods/" in words), signal.SIGKILL)
    shell.ok("make demo-down")
    assert leftovers(shell) == []
    assert started.isdisjoint(commands())


ESCAPED = """
apiVersion: v1
kind: Pod
metadata: {name: escaped}
spec:
  containers:
  - name: main
    image: tejer/sleep
    command: [python3, -c, "import os, time; os.setuid(4242); print('changed', flush=True); time.sleep(7654)"]
    securityContext: {capabilities: {add: [SETUID]}}
"""


def test_a_process_that_changed_its_user_does_not_outlive_down(shell: Shell) -> None:
    """The kernel forgets then that it is to die with its shim."""
    shell.ok("tejer up --bare $UP")
    shell.ok("kubectl apply -f -", stdin=ESCAPED)
    shell.until("kubectl logs escaped", lambda result: "changed" in result.out)
    kill_daemon(shell)
    assert kill_all(f"{shell.env['TEJER_HOME']}/pods/")
    assert [words for words in commands().values() if "time.sleep(7654)" in words]
    shell.ok("tejer down")
    assert not [words for words in commands().values() if "time.sleep(7654)" in words]
    assert leftovers(shell) == []


CAREFUL = """
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
---
apiVersion: v1
kind: Pod
metadata: {name: careful}
spec:
  containers:
  - name: main
    image: tejer/sleep
    command:
    - bash
    - -c
    - trap 'sleep 1; echo closed > /data/state; exit' TERM; echo open > /data/state; while :; do sleep 0.1; done
    volumeMounts: [{name: data, mountPath: /data}]
  volumes: [{name: data, persistentVolumeClaim: {claimName: data}}]
"""


def test_down_lets_pods_close_their_data(shell: Shell) -> None:
    shell.ok("tejer up --bare $UP")
    shell.ok("kubectl apply -f -", stdin=CAREFUL)
    shell.until("kubectl exec careful -- cat /data/state", lambda result: result.out == "open\n")
    shell.ok("tejer down --keep-data")
    states = list(Path(shell.env["TEJER_HOME"], "volumes").rglob("state"))
    assert [state.read_text() for state in states] == ["closed\n"]


def test_down_does_not_wait_for_pods_that_will_not_end(shell: Shell) -> None:
    shell.ok("tejer up --bare $UP")
    shell.ok("kubectl run stubborn --image=tejer/sleep --command -- bash -c 'trap : TERM; while :; do sleep 0.1; done'")
    shell.ok("kubectl wait --for=condition=Ready pod/stubborn --timeout=60s")
    kill = next(pid for pid, words in commands().items() if f"{shell.env['TEJER_HOME']}/pods/" in words)
    os.kill(kill, signal.SIGSTOP)  # and a shim that answers nobody
    shell.ok("tejer down --keep-data", timeout=60)
    assert not [words for words in commands().values() if shell.env["TEJER_HOME"] in words]


def _nft_tables() -> set[str]:
    with Netlink(NETLINK_NETFILTER) as netlink:
        return set(table_names(netlink))


def test_kept_data_is_there_again(shell: Shell) -> None:
    shell.ok("tejer up --bare $UP")
    shell.ok("kubectl create configmap kept --from-literal=a=b")
    shell.ok("tejer down --keep-data")
    assert "not running" in shell.run("tejer status").out
    shell.ok("tejer up --bare $UP")
    assert shell.ok("kubectl get configmap kept -o jsonpath='{.data.a}'") == "b"


def test_acknowledged_writes_survive_kill_9(shell: Shell) -> None:
    shell.ok("tejer up --bare $UP")
    with subprocess.Popen(
        ["bash", "-c", "for i in $(seq 500); do kubectl create configmap c$i -o name || exit; done"],
        env=shell.env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    ) as writer:  # fmt: skip
        time.sleep(2)
        kill_daemon(shell)
        assert writer.stdout is not None
        acknowledged = set(writer.stdout.read().split())
    shell.ok("tejer up --bare $UP")
    assert acknowledged
    assert acknowledged <= set(shell.ok("kubectl get configmaps -o name").split())


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 16 MB that can be filled and made read-only."""
    place = tmp_path / "disk"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(place)], check=True)
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


@contextmanager
def on_the_disk(tmp_path: Path, small_disk: Path) -> Iterator[Shell]:
    shell = private_shell(tmp_path)
    shell.env["TEJER_HOME"] = str(small_disk / "tejer")
    try:
        yield shell
    finally:
        take_down(shell)


def test_a_full_disk_is_a_clear_error_and_the_store_stays_whole(tmp_path: Path, small_disk: Path) -> None:
    with on_the_disk(tmp_path, small_disk) as shell:
        shell.ok("tejer up --bare $UP")
        shell.ok("kubectl create configmap before --from-literal=a=b")
        filler = small_disk / "filler"
        with filler.open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(b"x" * 65536)
                    file.flush()
            except OSError:
                pass
        text = "$(head -c 50000 /dev/zero | tr '\\0' x)"
        refused = shell.run(
            f"for i in $(seq 50); do kubectl create configmap f$i --from-literal=a={text} || exit 1; done"
        )
        assert refused.code == 1
        assert "full" in refused.err.lower() or "no space" in refused.err.lower()
        assert shell.ok("kubectl get configmap before -o jsonpath='{.data.a}'") == "b"
        filler.unlink()
        shell.until("kubectl create configmap after", lambda result: result.code == 0, seconds=20)
        kill_daemon(shell)
        shell.ok("tejer up --bare $UP")
        shell.ok("kubectl get configmap before after")


def test_a_read_only_home_is_a_clear_error(tmp_path: Path, small_disk: Path) -> None:
    shell = private_shell(tmp_path)
    shell.env["TEJER_HOME"] = str(small_disk / "tejer")
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    result = shell.run("tejer up --bare $UP")
    assert result.code == 1
    assert f"cannot write to {small_disk}/tejer: Read-only file system" in result.err
    assert "--home" in result.err
    check = shell.run("tejer x precheck --machine")
    assert check.code == 1
    assert "not writable" in check.out or "Read-only" in check.out
