"""`analyze`: find mistakes in the mesh's configuration, live and in files. istioctl's flags, output and exit codes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from tejer.cli.goflags import GoCommand
from tejer.cli.settings import settings

if TYPE_CHECKING:
    from tejer.cli.sources import Sources
    from tejer.kube.problem import Problem

EXIT_FOUND = 79
"""Issues at or above the failure threshold (istioctl/cmd/sysexits.go)."""
EXIT_DATA = 65
_LEVEL = click.Choice(("Info", "Warning", "Error"), case_sensitive=False)


@click.command(cls=GoCommand)
@click.argument("files", nargs=-1)
@click.option("--all-namespaces", "-A", "everywhere", is_flag=True, help="Report on all namespaces.")
@click.option("--use-kube/--no-use-kube", "-k", default=True, show_default=True, help="Look at the cluster too.")
@click.option("--recursive", "-R", is_flag=True, help="Read directories with all below them.")
@click.option("--analyzer", "only", multiple=True, metavar="NAME", help="Run this analyzer only. May be repeated.")
@click.option("--list-analyzers", "-L", "listing", is_flag=True, help="List the analyzers and stop.")
@click.option(
    "--suppress",
    "-S",
    multiple=True,
    metavar="CODE=RESOURCE",
    help="Leave a message out, such as IST0102=Namespace default or IST0103=Pod *.testing.",
)
@click.option("--failure-threshold", type=_LEVEL, default="Error", show_default=True, help="Level that fails.")
@click.option("--output-threshold", type=_LEVEL, default="Info", show_default=True, help="Level that is shown.")
@click.option("--output", "-o", type=click.Choice(["log", "json", "yaml", "sarif"]), default="log",
              help="Output format; sarif is for code scanning.")  # fmt: skip
@click.option("--mesh-config", "--meshConfigFile", "mesh_file", help="File with MeshConfig.")
@click.option("--mesh-networks", "networks_file", help="File with MeshNetworks.")
@click.option("--ignore-unknown", is_flag=True, help="Say nothing of kinds that are not known.")
@click.option("--all-kinds", is_flag=True, help="Without a cluster: the files hold the Services and pods too.")
@click.option("--color/--no-color", default=True, hidden=True)
@click.option("--verbose", "-v", is_flag=True, help="Say which analyzers could not run.")
@click.option("--timeout", default="30s", hidden=True)
@click.option("--revision", "-r", default="", hidden=True)
def analyze(
    files: tuple[str, ...], everywhere: bool, use_kube: bool, recursive: bool, only: tuple[str, ...], listing: bool,
    suppress: tuple[str, ...], failure_threshold: str, output_threshold: str, output: str, mesh_file: str | None,
    networks_file: str | None, ignore_unknown: bool, all_kinds: bool, color: bool, verbose: bool, timeout: str,
    revision: str,
) -> int:  # fmt: skip
    """Find mistakes in the mesh's configuration: in the cluster, in FILES, and in FILES as if they were applied.

    Exit code 79 when a message reaches the failure threshold, 65 when a file can't be read.
    """
    from tejer.cli.findings import DOCS, LEVELS, print_findings
    from tejer.cli.sources import mark_absent
    from tejer.istiod.checks.analysis import analyze as find_problems
    from tejer.istiod.checks.analyzers.listed import ANALYZERS, PRECHECK

    if listing:
        from tejer.cli.findings import listed

        click.echo(listed(ANALYZERS))
        return 0
    names = {analyzer.name for analyzer in (*ANALYZERS, *PRECHECK)}
    if unknown := [name for name in only if name not in names]:
        raise click.UsageError(f"no analyzer {unknown[0]!r}: --list-analyzers shows all")
    sources, namespace = _sources(files, everywhere, use_kube, recursive, ignore_unknown)
    if not use_kube and not all_kinds and not only:  # who names an analyzer wants to hear it
        mark_absent(sources)
    world = _world(sources, mesh_file, networks_file)
    problems = find_problems(world, only=set(only), absent=sources.absent)
    problems += _refused_by_server(sources, problems, only)
    if verbose and sources.absent:
        click.echo(f"Not read: {', '.join(sorted(rtype.kind for rtype in sources.absent))}", err=True)
    shown = _filter(problems, sources, "" if everywhere else namespace, suppress, output_threshold)
    target = "all namespaces" if everywhere else f"namespace: {namespace}"
    print_findings(shown, sources, output, target if not files or use_kube else "files")
    for error in sources.errors:
        click.echo(f"Error: {error}", err=True)
    if any(problem.severity >= LEVELS.index(failure_threshold) for problem in shown):
        click.echo(f"Error: Analyzers found issues when analyzing {target}.\nSee {DOCS} for more information about "
                   "causes and resolutions.", err=True)  # fmt: skip
        return EXIT_FOUND
    return EXIT_DATA if sources.errors else 0


def _sources(
    files: tuple[str, ...], everywhere: bool, use_kube: bool, recursive: bool, ignore_unknown: bool
) -> tuple[Sources, str]:
    import asyncio

    from tejer.cli.sources import Sources, read_cluster, read_files

    sources, chosen = Sources(), settings()
    namespace = chosen.namespace or "default"
    if use_kube:
        from tejer.kube.client import HttpApi

        connection = chosen.connection()
        namespace = chosen.namespace_or_default(connection)

        async def read() -> None:
            async with HttpApi(connection) as api:
                await read_cluster(sources, api)

        asyncio.run(read())
    elif not files:
        raise click.UsageError("nothing to analyze: name files, or leave out --use-kube=false")
    read_files(sources, files, recursive=recursive, ignore_unknown=ignore_unknown,
               namespace="" if everywhere and not use_kube else namespace)  # fmt: skip
    return sources, namespace


def _world(sources: Sources, mesh_file: str | None, networks_file: str | None) -> Any:
    import msgspec

    from tejer.istiod.checks.world import World
    from tejer.kube.kinds.istio_mesh import MeshConfig
    from tejer.kube.manifest import load_paths, load_text

    text = ""
    for body in sources.bodies.values():
        meta = body.get("metadata") or {}
        if body.get("kind") == "ConfigMap" and (meta.get("namespace"), meta.get("name")) == (
            settings().istio_namespace, "istio",
        ):  # fmt: skip
            text = str((body.get("data") or {}).get("mesh", ""))
    documents = load_paths([mesh_file], strict=False) if mesh_file else load_text(text, "ConfigMap istio", strict=False)
    try:
        mesh = msgspec.convert(documents[0].body if documents else {}, MeshConfig)
    except msgspec.ValidationError as error:
        raise click.ClickException(f"mesh configuration: {error}") from None
    networks = load_paths([networks_file], strict=False)[0].body if networks_file else None
    return World(sources.bodies.values(), mesh=mesh, mesh_networks=networks, istio_namespace=settings().istio_namespace)


def _refused_by_server(sources: Sources, problems: list[Problem], only: tuple[str, ...]) -> list[Problem]:
    """What an API server would refuse of the files' objects, beside what the webhook says: as IST0106."""
    from msgspec.structs import replace

    from tejer.cli.offline import beyond_webhook
    from tejer.istiod.checks.analyzers import schema

    said: dict[object, list[Problem]] = {}
    for problem in problems:
        said.setdefault((problem.kind, problem.key), []).append(problem)
    return [
        replace(problem, code="IST0106", kind=kind, key=key, message=schema.SAID["IST0106"] + problem.message)
        for (kind, key), document in sources.documents.items()
        if not only or f"{schema.NAME}.{kind}" in only
        for problem in beyond_webhook(document.body, said.get((kind, key), []))
    ]


def _filter(
    problems: list[Problem], sources: Sources, namespace: str, suppress: tuple[str, ...], threshold: str
) -> list[Problem]:
    from tejer.cli.findings import LEVELS
    from tejer.cli.suppression import is_suppressed

    return [
        problem
        for problem in problems
        if problem.severity >= LEVELS.index(threshold)
        and _is_in(problem, namespace)
        and not is_suppressed(problem, sources, suppress)
    ]


def _is_in(problem: Problem, namespace: str) -> bool:
    """Whether a problem is about a namespace, or about one of its objects; objects of the cluster count always."""
    if not namespace or problem.key is None:
        return True
    if problem.kind == "Namespace":
        return problem.key.name == namespace
    return problem.key.namespace in (namespace, "")
