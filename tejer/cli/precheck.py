"""`tejer x precheck`: is the mesh safe to install here? Of a running cluster as istioctl does, else of this machine."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from tejer.cli.output import print_structured
from tejer.cli.settings import settings

if TYPE_CHECKING:
    from tejer.cluster.precheck import Check
    from tejer.kube.client import HttpApi
    from tejer.kube.connection import Connection

_FINE = """\
No issues found when checking the cluster. Istio is safe to install or upgrade!
  To get started, check out https://istio.io/latest/docs/setup/getting-started/"""
_ISSUES = "Issues found when checking the cluster. Istio may not be safe to install or upgrade."
MIN_MINOR = 29
"""Oldest Kubernetes minor version that the mesh is made for."""


@click.command()
@click.option("--machine", is_flag=True, help="Check this machine, whatever cluster there is.")
@click.option("--output", "-o", type=click.Choice(["log", "json", "yaml"]), default="log", help="Output format.")
def precheck(machine: bool, output: str) -> None:
    """Check that the mesh can be installed: on the kubeconfig's cluster, or, without one, on this machine."""
    connection = None if machine else _connection()
    if connection is None:
        _check_machine(output)
    else:
        _check_cluster(connection, output)


def _connection() -> Connection | None:
    """The cluster that the user means; None when there is no kubeconfig and none was asked for."""
    from tejer.kube import kubeconfig

    chosen = settings()
    try:
        return kubeconfig.connect(chosen.kubeconfig, chosen.context)
    except (FileNotFoundError, ValueError):
        if chosen.kubeconfig or chosen.context:
            raise
        return None


def _check_machine(output: str) -> None:
    from tejer.cluster.config import ClusterConfig, default_home, load_config
    from tejer.cluster.precheck import Level, check_machine

    home = default_home()
    checks = []
    for check in check_machine(load_config(home) or ClusterConfig(home=home)):
        checks.append(check)
        if output == "log":
            _print(check)
    if output != "log":
        shown = [{**check._asdict(), "level": check.level.value} for check in checks]
        print_structured(shown, output)
    failures = [check for check in checks if check.level is Level.FAIL]
    if failures:
        raise click.ClickException(f"{len(failures)} of {len(checks)} checks failed: `tejer up` would not work here")
    if output == "log":
        click.echo(f"{click.style('✔', fg='green')} This machine can run the embedded cluster: tejer up")


def _print(check: Check) -> None:
    from tejer.cluster.precheck import Level

    sign, colour = {Level.OK: ("✔", "green"), Level.WARN: ("!", "yellow"), Level.FAIL: ("✘", "red")}[check.level]
    hint = f"\n    {check.hint}" if check.hint else ""
    click.echo(f"{click.style(sign, fg=colour)} {check.message}{hint}")


def _check_cluster(connection: Connection, output: str) -> None:
    from tejer.kube.client import HttpApi

    async def run() -> list[dict[str, str]]:
        async with HttpApi(connection, field_manager="tejer-cli") as api:
            return await _findings(api)

    findings = asyncio.run(run())
    if output != "log":
        print_structured(findings, output)
    elif not findings:
        click.echo(f"{click.style('✔', fg='green')} {_FINE}")
    for finding in findings if output == "log" else ():
        code, message = finding["code"], finding["message"]
        click.echo(f"{finding['level']} [{code}] ({finding['origin']}) {message}", err=True)
    if any(finding["level"] == "Error" for finding in findings):
        raise click.ClickException(_ISSUES)


async def _findings(api: HttpApi) -> list[dict[str, str]]:
    """Version of the server and what we may create. Raises OSError when it can't be reached."""
    import msgspec

    version = msgspec.json.decode(await api.request("GET", "/version"))
    digits = "".join(char for char in str(version.get("minor", "")) if char.isdecimal())
    findings = []
    if digits and int(digits) < MIN_MINOR:
        text = f"The Kubernetes Version {version['gitVersion']!r} is lower than the minimum version: v1.{MIN_MINOR}"
        findings.append({"level": "Error", "code": "IST0142", "origin": "Cluster", "message": text})
    for group, resource, namespaced in _NEEDED:
        if not await _may_create(api, group, resource, settings().istio_namespace if namespaced else ""):
            text = f"missing required permissions: create {resource}{'.' + group if group else ''}"
            findings.append({"level": "Error", "code": "IST0141", "origin": "Cluster", "message": text})
    return findings


_NEEDED = (
    ("", "namespaces", False),
    ("rbac.authorization.k8s.io", "clusterroles", False),
    ("rbac.authorization.k8s.io", "clusterrolebindings", False),
    ("apiextensions.k8s.io", "customresourcedefinitions", False),
    ("admissionregistration.k8s.io", "mutatingwebhookconfigurations", False),
    ("admissionregistration.k8s.io", "validatingwebhookconfigurations", False),
    ("rbac.authorization.k8s.io", "roles", True),
    ("", "serviceaccounts", True),
    ("", "services", True),
    ("apps", "deployments", True),
    ("", "configmaps", True),
)
"""What an installation creates: (group, resource, in the mesh's namespace)."""


async def _may_create(api: HttpApi, group: str, resource: str, namespace: str) -> bool:
    from tejer.kube.types import SELFSUBJECTACCESSREVIEWS

    asked = {"verb": "create", "group": group, "resource": resource, "namespace": namespace}
    review = {
        "apiVersion": SELFSUBJECTACCESSREVIEWS.api_version,
        "kind": SELFSUBJECTACCESSREVIEWS.kind,
        "spec": {"resourceAttributes": asked},
    }
    answer = await api.create(SELFSUBJECTACCESSREVIEWS, review)
    return bool((answer.get("status") or {}).get("allowed"))
