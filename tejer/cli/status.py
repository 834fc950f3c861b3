"""`tejer status`: what of the embedded cluster runs, where it answers and what it costs."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tejer.cli.output import print_structured, table

if TYPE_CHECKING:
    from tejer.cluster.config import ClusterConfig
    from tejer.kube.resource import Body


@click.command()
@click.option("--home", type=click.Path(path_type=Path), help="Directory of the cluster. [env: TEJER_HOME; ~/.tejer]")
@click.option("--output", "-o", type=click.Choice(["text", "json", "yaml"]), default="text", help="Output format.")
def status(home: Path | None, output: str) -> None:
    """Show the cluster's process, API server, pods, URLs and memory. Exit code 1 when it is not well."""
    from tejer.cluster.config import ClusterConfig, default_home, load_config

    home = home.absolute() if home else default_home()
    config = load_config(home)
    facts = _collect(config or ClusterConfig(home=home), exists=config is not None)
    if output == "text":
        _print(facts)
    else:
        print_structured(facts, output)
    if not facts["healthy"]:
        click.get_current_context().exit(1)


def _collect(config: ClusterConfig, *, exists: bool) -> dict[str, Any]:
    from tejer.cluster.lifecycle import daemon_of
    from tejer.cluster.processes import memory_of, processes_of, with_descendants

    daemon = daemon_of(config) if exists else None
    roots = processes_of(config) if exists else []
    pids = with_descendants(roots)
    pods, error = _pods(config) if daemon else ([], "")
    namespaces = [_namespace(name, pods) for name in sorted({pod["metadata"]["namespace"] for pod in pods})]
    ready = all(entry["ready"] == entry["pods"] for entry in namespaces)
    return {
        "home": str(config.home),
        "healthy": daemon is not None and not error and ready,
        "process": {"running": daemon is not None, "pid": daemon.pid if daemon else None},
        "apiServer": {"url": config.api_url, "answers": daemon is not None and not error, "error": error},
        "namespaces": namespaces,
        "ingress": {
            "http": f"http://localhost:{config.ingress_http_port}",
            "https": f"https://localhost:{config.ingress_https_port}",
        },
        "memory": {"processes": len(pids), "bytes": sum(memory_of(pid) for pid in pids)},
        "log": str(config.daemon_log),
        "podsWithoutProcess": daemon is None and bool(roots),
    }


def _pods(config: ClusterConfig) -> tuple[list[Body], str]:
    from tejer.kube.api import ApiError
    from tejer.kube.client import HttpApi
    from tejer.kube.kubeconfig import load
    from tejer.kube.types import PODS

    async def read() -> list[Body]:
        async with HttpApi(load([config.admin_kubeconfig])) as api:
            return (await api.list(PODS)).items

    try:
        return asyncio.run(read()), ""
    except (ApiError, OSError, ValueError) as error:
        return [], str(error)


def _namespace(name: str, pods: list[Body]) -> dict[str, Any]:
    own = [pod for pod in pods if pod["metadata"]["namespace"] == name]
    return {"name": name, "pods": len(own), "ready": sum(map(_is_fine, own)), "restarts": sum(map(_restarts, own))}


def _is_fine(pod: Body) -> bool:
    state = pod.get("status") or {}
    conditions = state.get("conditions") or ()
    ready = any(entry.get("type") == "Ready" and entry.get("status") == "True" for entry in conditions)
    return ready or state.get("phase") == "Succeeded"


def _restarts(pod: Body) -> int:
    return sum(entry.get("restartCount", 0) for entry in (pod.get("status") or {}).get("containerStatuses") or ())


def _print(facts: dict[str, Any]) -> None:
    process, server, memory = facts["process"], facts["apiServer"], facts["memory"]
    running = f"running, pid {process['pid']}" if process["running"] else "not running"
    if facts["podsWithoutProcess"]:
        running += "; its pods go on: `tejer up` takes them over, `tejer down` ends them"
    elif not process["running"]:
        running += ": `tejer up` starts it"
    rows = [("Cluster", running), ("Home", facts["home"])]
    if process["running"]:
        rows.append(("API server", server["url"] if server["answers"] else f"{server['url']}: {server['error']}"))
        if any(entry["name"] == "istio-system" for entry in facts["namespaces"]):
            rows.append(("Ingress", f"{facts['ingress']['http']}  {facts['ingress']['https']}"))
    if memory["processes"]:
        rows.append(("Memory", f"{memory['bytes'] / 1e6:.0f} MB in {memory['processes']} processes"))
    width = max(len(name) for name, _ in rows)
    click.echo("\n".join(f"{name:<{width}}  {value}" for name, value in rows))
    if facts["namespaces"]:
        lines = [
            (entry["name"], f"{entry['ready']}/{entry['pods']}", entry["restarts"]) for entry in facts["namespaces"]
        ]
        click.echo("\n" + table(("NAMESPACE", "PODS READY", "RESTARTS"), lines, padding=3))
