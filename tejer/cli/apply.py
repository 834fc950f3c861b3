"""`tejer apply`: server-side apply of the objects in files. For machines without kubectl."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tejer.cli.settings import settings

if TYPE_CHECKING:
    from tejer.kube.client import HttpApi
    from tejer.kube.manifest import Document

FIELD_MANAGER = "tejer-cli"


@click.command()
@click.option("--filename", "-f", "files", multiple=True, required=True, metavar="FILE",
              help="A file, a directory, or - for stdin.")  # fmt: skip
@click.option("--recursive", "-R", is_flag=True, help="Directories below a directory too.")
@click.option("--force-conflicts", is_flag=True, help="Take fields over from other managers.")
@click.option("--dry-run", is_flag=True, help="Let the server check everything and change nothing.")
def apply(files: tuple[str, ...], recursive: bool, force_conflicts: bool, dry_run: bool) -> None:
    """Create or change the objects of files, in their order. The first refusal ends it.

    Objects of the mesh are checked first, all of them: if one is wrong, nothing is changed.
    """
    import asyncio

    from tejer.kube.manifest import load_paths

    documents = load_paths(files, recursive=recursive)
    if not documents:
        raise click.ClickException(f"no objects in {', '.join(files)}")
    _refuse_invalid(documents)
    asyncio.run(_apply_all(documents, force_conflicts, dry_run))


def _refuse_invalid(documents: list[Document]) -> None:
    """Stop before anything is changed where one of the mesh's objects can't be right, saying all that is wrong."""
    from tejer.cli.offline import check_mesh_object
    from tejer.cli.problems import line, located
    from tejer.istiod.checks.validation import errors

    found = [
        line(problem, document)
        for document in documents
        for problem in located(errors(check_mesh_object(document.body)), document)
    ]
    if found:
        for text in found:
            click.echo(text, err=True)
        raise click.ClickException("nothing was changed")


def _line_of(error: Exception, document: Document) -> int:
    """The line of the field that the server refuses, or of the object where it names none."""
    import re

    causes = getattr(error, "details", {}).get("causes") or ()
    field = next((str(cause["field"]) for cause in causes if cause.get("field")), "")
    if not field and (named := re.search(r"\b(?:spec|metadata|data)\.[\w.\[\]]+", str(error))):
        field = named[0]
    return document.line_of(field) if field else document.origin.line


async def _apply_all(documents: list[Document], force: bool, dry_run: bool) -> None:
    from tejer.kube.client import HttpApi

    def warn(text: str) -> None:
        click.echo(f"Warning: {text}", err=True)

    async with HttpApi(settings().connection(), field_manager=FIELD_MANAGER, on_warning=warn) as api:
        for document in documents:
            await _apply(api, document, force, dry_run)


async def _apply(api: HttpApi, document: Document, force: bool, dry_run: bool) -> None:
    from tejer.cli.kinds import resolve_body, shown_name
    from tejer.kube.api import APPLY_PATCH, ApiError
    from tejer.kube.resource import metadata, name_of, namespace_of

    body = document.body
    try:
        rtype = await resolve_body(api, body)
        namespace = ""
        if rtype.namespaced:
            namespace = namespace_of(body) or settings().namespace_or_default(api.connection)
            body = {**body, "metadata": {**metadata(body), "namespace": namespace}}
        try:
            before = metadata(await api.get(rtype, name_of(body), namespace)).get("resourceVersion", "")
        except ApiError as error:
            if error.code != 404:
                raise
            before = ""
        after = await api.patch(
            rtype, name_of(body), namespace, body, content_type=APPLY_PATCH, field_manager=FIELD_MANAGER,
            force=force, dry_run=dry_run,
        )  # fmt: skip
    except (ApiError, ValueError) as error:
        hint = "\nTry --force-conflicts to take the fields over" if "conflict" in str(error).lower() else ""
        where = f"{document.origin.file}:{_line_of(error, document)}"
        raise click.ClickException(f"{where}: {error}{hint}") from error
    changed = metadata(after).get("resourceVersion") != before
    verb = "created" if not before else "configured" if changed else "unchanged"
    click.echo(f"{shown_name(rtype, name_of(body))} {verb}{' (server dry run)' if dry_run else ''}")
