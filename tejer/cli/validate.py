"""`validate`: check files without a cluster."""

from __future__ import annotations

import click

from tejer.cli.output import print_structured
from tejer.cli.settings import settings


@click.command()
@click.option("--filename", "-f", "files", multiple=True, required=True, metavar="FILE",
              help="File or directory to check; - is stdin.")  # fmt: skip
@click.option("--referential", "-x", is_flag=True, hidden=True, help="For compatibility; has no effect.")
@click.option("--recursive", "-R", is_flag=True, help="Read directories with all below them.")
@click.option("--output", "-o", type=click.Choice(["text", "json", "yaml"]), default="text", help="Output format.")
def validate(files: tuple[str, ...], referential: bool, recursive: bool, output: str) -> int:
    """Check the objects of files as the mesh's webhook and the kinds' schemas would. Exit code 1 if one is invalid."""
    from tejer.cli.offline import check_object
    from tejer.cli.problems import line, located
    from tejer.kube.manifest import load_paths
    from tejer.kube.problem import Severity

    found = []
    for path in files:
        for document in load_paths([path], recursive=recursive, strict=False):
            problems = located(check_object(document.body, settings().istio_namespace), document)
            found += [(problem, line(problem, document)) for problem in problems]
    invalid = any(problem.severity is Severity.ERROR for problem, _ in found)
    if output != "text":
        print_structured([_plain(problem) for problem, _ in found], output)
        return int(invalid)
    for _, text in found:
        click.echo(text, err=True)
    if not invalid:
        for path in files:
            click.echo(f'"{path}" is valid')
    return int(invalid)


def _plain(problem: object) -> object:
    import msgspec

    result = msgspec.to_builtins(problem)
    result["severity"] = ["Info", "Warning", "Error"][result["severity"]]
    return result
