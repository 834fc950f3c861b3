"""The mesh's own figures, measured on a private cluster that is started and taken away here."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.figure import Figure
from benchmarks.pods import manifests
from benchmarks.processes import Process, pss_megabytes, snapshot, tree
from tests.e2e.clusters import private_cluster
from tests.e2e.shell import Shell

RATE, SECONDS = 500, 20
CHANGES = 100
IDLE_SECONDS = 30


@contextmanager
def demo_cluster() -> Iterator[tuple[Shell, float]]:
    """The mesh with the sample, and the seconds it took from nothing to everything Ready."""
    with tempfile.TemporaryDirectory(prefix="tejer-bench-") as home, private_cluster(Path(home)) as shell:
        began = time.monotonic()
        shell.ok("tejer up --profile demo $UP")
        shell.ok("tejer demo --no-requests", timeout=300)
        yield shell, time.monotonic() - began


def processes_of(shell: Shell) -> list[Process]:
    """Everything that belongs to the cluster: its daemon, shims, forwarders, and all below them."""
    all_now = snapshot()
    home = shell.env["TEJER_HOME"]
    return tree([p.pid for p in all_now.values() if home in p.command and "tejer" in p.command], all_now)


def memory(shell: Shell) -> list[Figure]:
    processes = processes_of(shell)
    pss = {process.pid: pss_megabytes(process.pid) for process in processes}
    largest = {
        name: max((pss[p.pid] for p in processes if marker in p.command), default=0.0)
        for name, marker in (("shim", "runtime/shim"), ("agent", "tejer.envoy.agent.main"))
    }
    how = "sum of Pss in /proc/PID/smaps_rollup, load generator at 5 requests/s"
    return [
        Figure("memory of everything", sum(pss.values()), "MB", 650, how),
        Figure("largest shim", largest["shim"], "MB", 8, "Pss"),
        Figure("largest agent", largest["agent"], "MB", 20, "Pss"),
    ]


def idle(shell: Shell) -> Figure:
    shell.ok("kubectl scale deployment load-generator -n finance-app --replicas=0")
    shell.ok("kubectl wait --for=delete pod -l app=load-generator -n finance-app --timeout=60s")
    time.sleep(10)
    before = {process.pid: process.cpu_seconds for process in processes_of(shell)}
    time.sleep(IDLE_SECONDS)
    used = sum(process.cpu_seconds - before.get(process.pid, 0.0) for process in processes_of(shell))
    return Figure("idle, all processes", 100 * used / IDLE_SECONDS, "% of a core", 3,
                  f"CPU time over {IDLE_SECONDS} s, load generator at 0 replicas")  # fmt: skip


def prepare(shell: Shell) -> None:
    documents = "\n---\n".join(json.dumps(body) for body in manifests.all_objects())
    shell.ok("kubectl apply -f -", stdin=documents)
    for namespace in ("bench", "bench-plain"):
        shell.ok(f"kubectl rollout status deployment -n {namespace} --timeout=60s")


def steady(shell: Shell, namespace: str, url: str, seconds: int = SECONDS) -> dict[str, float]:
    command = f"{sys.executable} -m benchmarks.pods.steady {url} {RATE} {seconds}"
    out = shell.ok(f"kubectl exec -n {namespace} deploy/client -c app -- {command}", timeout=seconds + 60)
    result: dict[str, float] = json.loads(out)
    assert result["failed"] == 0, f"{url}: {result}"
    return result


def envoys_cpu(shell: Shell, namespace: str) -> float:
    """CPU seconds used until now by the Envoys of a namespace's pods."""
    uids = shell.ok(f"kubectl get pods -n {namespace} -o jsonpath='{{.items[*].metadata.uid}}'").split()
    all_now = snapshot()
    shims = [p.pid for p in all_now.values() if "runtime/shim" in p.command and any(uid in p.command for uid in uids)]
    assert len(shims) == len(uids), f"{len(uids)} pods, {len(shims)} shims found"
    return sum(p.cpu_seconds for p in tree(shims, all_now) if p.command.split(" ")[0].endswith("/envoy"))


def hop(shell: Shell) -> list[Figure]:
    """One HTTP hop: through two sidecars, through the static pair, and straight. Interleaved twice, best of each."""
    pod_ip = shell.ok("kubectl get pods -n bench-plain -l app=server -o jsonpath='{.items[0].status.podIP}'")
    ways = {
        "direct": ("bench-plain", f"http://{pod_ip}:8000/"),
        "static": ("bench-plain", "http://127.0.0.1:9000/"),
        "mesh": ("bench", "http://server:8000/"),
    }
    p50: dict[str, list[float]] = {way: [] for way in ways}
    cpu: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(2):
        for way, (namespace, url) in ways.items():
            steady(shell, namespace, url, 2)
            before = envoys_cpu(shell, namespace)
            result = steady(shell, namespace, url)
            cpu[way].append((envoys_cpu(shell, namespace) - before) / result["sent"] * 1e6)
            p50[way].append(result["p50"])
    best = {way: min(values) for way, values in p50.items()}
    spent = {way: min(values) for way, values in cpu.items()}
    how = f"{RATE} requests/s for {SECONDS} s, p50 {best['mesh']:.2f} ms against {best['direct']:.2f} ms direct"
    shares = f"{spent['mesh']:.0f} µs against {spent['static']:.0f} µs, both Envoys, same run"
    return [
        Figure("one hop, added p50", best["mesh"] - best["direct"], "ms", 0.6, how),
        Figure("the static pair, added p50", best["static"] - best["direct"], "ms", None, "for comparison"),
        Figure("CPU per request against the static pair", spent["mesh"] / spent["static"], "times", 1.4, shares),
    ]


def propagation(shell: Shell) -> list[Figure]:
    """From the start of `kubectl apply`'s request until the last of three clients sees the change in an answer."""
    from benchmarks.propagation import measure

    pods = shell.ok("kubectl get pods -n bench -l app=client -o jsonpath='{.items[*].metadata.name}'").split()
    watch = f"{sys.executable} -m benchmarks.pods.watch_header http://server:8000/ x-generation {CHANGES}"
    watchers = [
        subprocess.Popen(
            ["kubectl", "exec", "-n", "bench", pod, "-c", "app", "--", *watch.split()],
            stdout=subprocess.PIPE, env=shell.env, text=True,
        )
        for pod in pods
    ]  # fmt: skip
    try:
        delays = measure(shell.env["KUBECONFIG"], watchers, CHANGES)
    finally:
        for watcher in watchers:
            watcher.kill()
            watcher.communicate()
    how = f"{CHANGES} changes, {len(pods)} clients asking every 2 ms"
    return [
        Figure("route change effective everywhere, p50", delays[len(delays) // 2] * 1000, "ms", None, how),
        Figure("route change effective everywhere, p99", delays[-1 - len(delays) // 100] * 1000, "ms", 100, how),
    ]
