"""`tejer delete`: by name or by file. For machines without kubectl."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import click

from tejer.cli.settings import run_with_api, settings

if TYPE_CHECKING:
    from tejer.kube.client import HttpApi
    from tejer.kube.types import ResourceType

_POLL = 0.1


@click.command()
@click.argument("kind", required=False)
@click.argument("names", nargs=-1)
@click.option("--filename", "-f", "files", multiple=True, metavar="FILE", help="Delete the objects of a file.")
@click.option("--ignore-not-found", is_flag=True, help="What is not there is no error.")
@click.option("--wait/--no-wait", default=True, show_default=True, help="Wait until they are gone.")
@click.option("--timeout", type=float, default=60.0, show_default=True, help="Seconds to wait.")
def delete(kind: str | None, names: tuple[str, ...], files: tuple[str, ...], ignore_not_found: bool, wait: bool,
           timeout: float) -> None:  # fmt: skip
    """Delete objects of KIND by their NAMES (or "KIND/NAME"), or those that files hold."""
    if bool(files) == bool(kind):
        raise click.UsageError("say what to delete: KIND NAME..., KIND/NAME, or -f FILE")
    run_with_api(lambda api: _delete(api, kind, names, files, ignore_not_found, timeout if wait else 0.0))


async def _delete(api: HttpApi, kind: str | None, names: tuple[str, ...], files: tuple[str, ...],
                  ignore_not_found: bool, seconds: float) -> None:  # fmt: skip
    from tejer.cli.kinds import shown_name
    from tejer.kube.api import ApiError

    targets = await _by_file(api, files) if files else await _by_name(api, str(kind), names)
    missing: list[str] = []
    for rtype, name, namespace in targets:
        try:
            await api.delete(rtype, name, namespace, propagation_policy="Background")
        except ApiError as error:
            if error.code != 404:
                raise
            missing.append(f"{shown_name(rtype, name)} not found")
            continue
        click.echo(f"{shown_name(rtype, name)} deleted")
    deadline = time.monotonic() + seconds
    for rtype, name, namespace in targets if seconds else ():
        await _gone(api, rtype, name, namespace, deadline)
    if missing and not ignore_not_found:
        raise click.ClickException("; ".join(missing))


async def _by_name(api: HttpApi, kind: str, names: tuple[str, ...]) -> list[tuple[ResourceType, str, str]]:
    from tejer.cli.kinds import resolve_name

    kind, slash, name = kind.partition("/")
    names = (name, *names) if slash else names
    if not names:
        raise click.UsageError(f"which {kind}? Give names")
    (rtype, *others) = await resolve_name(api, kind)
    if others:
        raise click.UsageError(f"{kind} means several kinds; give one")
    namespace = settings().namespace_or_default(api.connection) if rtype.namespaced else ""
    return [(rtype, name, namespace) for name in names]


async def _by_file(api: HttpApi, files: tuple[str, ...]) -> list[tuple[ResourceType, str, str]]:
    from tejer.cli.kinds import resolve_body
    from tejer.kube.manifest import load_paths
    from tejer.kube.resource import name_of, namespace_of

    targets = []
    for document in load_paths(files):
        rtype = await resolve_body(api, document.body)
        default = settings().namespace_or_default(api.connection)
        namespace = (namespace_of(document.body) or default) if rtype.namespaced else ""
        targets.append((rtype, name_of(document.body), namespace))
    return targets


async def _gone(api: HttpApi, rtype: ResourceType, name: str, namespace: str, deadline: float) -> None:
    from tejer.cli.kinds import shown_name
    from tejer.kube.api import ApiError

    while True:
        try:
            await api.get(rtype, name, namespace)
        except ApiError as error:
            if error.code == 404:
                return
            raise
        if time.monotonic() > deadline:
            raise click.ClickException(f"{shown_name(rtype, name)} is still being deleted; finalizers may hold it")
        await asyncio.sleep(_POLL)
