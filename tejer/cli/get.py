"""`tejer get`: list objects as the API server prints them. For machines without kubectl."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from tejer.cli.output import print_structured, table
from tejer.cli.settings import run_with_api, settings

if TYPE_CHECKING:
    from tejer.kube.client import HttpApi
    from tejer.kube.resource import Body
    from tejer.kube.types import ResourceType

_TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
_PADDING = 3


@click.command()
@click.argument("kinds")
@click.argument("names", nargs=-1)
@click.option("--all-namespaces", "-A", "everywhere", is_flag=True, help="In all namespaces.")
@click.option("--selector", "-l", default="", help="Label selector, such as app=web,tier!=test.")
@click.option("--output", "-o", type=click.Choice(["table", "wide", "json", "yaml", "name"]), default="table",
              show_default=True, help="Output format.")  # fmt: skip
@click.option("--no-headers", is_flag=True, help="Leave the header line out.")
def get(kinds: str, names: tuple[str, ...], everywhere: bool, selector: str, output: str, no_headers: bool) -> None:
    """List objects of KINDS ("pods", "svc,deploy", "all"), or those with the given NAMES."""
    run_with_api(lambda api: _get(api, kinds, names, everywhere, selector, output, no_headers))


async def _get(api: HttpApi, kinds: str, names: tuple[str, ...], everywhere: bool, selector: str, output: str,
               no_headers: bool) -> None:  # fmt: skip
    from tejer.cli.kinds import resolve_name

    rtypes = [rtype for word in kinds.split(",") for rtype in await resolve_name(api, word)]
    namespace = "" if everywhere else settings().namespace_or_default(api.connection)
    if output in ("table", "wide"):
        await _print_tables(api, rtypes, names, namespace, selector, wide=output == "wide", header=not no_headers)
        return
    items = [item for rtype in rtypes for item in await _objects(api, rtype, names, namespace, selector)]
    if output == "name":
        from tejer.cli.kinds import shown_name
        from tejer.kube.resource import name_of

        by_kind = {(rtype.api_version, rtype.kind): rtype for rtype in rtypes}
        for item in items:
            click.echo(shown_name(by_kind[(item["apiVersion"], item["kind"])], name_of(item)))
    else:
        items = [_without_managed_fields(item) for item in items]
        single = len(names) == 1 and len(items) == 1
        print_structured(items[0] if single else {"apiVersion": "v1", "kind": "List", "items": items}, output)


async def _objects(
    api: HttpApi, rtype: ResourceType, names: tuple[str, ...], namespace: str, selector: str
) -> list[Body]:
    place = namespace if rtype.namespaced else ""
    if names:
        return [await api.get(rtype, name, place) for name in names]
    return (await api.list(rtype, place, label_selector=selector)).items


async def _print_tables(api: HttpApi, rtypes: list[ResourceType], names: tuple[str, ...], namespace: str,
                        selector: str, *, wide: bool, header: bool) -> None:  # fmt: skip
    from tejer.cli.kinds import shown_name

    printed = 0
    for rtype in rtypes:
        columns, rows = await _table_of(api, rtype, names, namespace, selector, wide=wide)
        if not rows:
            continue
        if len(rtypes) > 1:
            rows = [[shown_name(rtype, str(row[0])), *row[1:]] for row in rows]
        if rtype.namespaced and not namespace:
            columns = ["NAMESPACE", *columns]
        else:
            rows = [row[:-1] for row in rows]
        if rtype.namespaced and not namespace:
            rows = [[row[-1], *row[:-1]] for row in rows]
        text = table(columns, rows, padding=_PADDING)
        click.echo(("\n" if printed else "") + (text if header else text.partition("\n")[2]))
        printed += 1
    if not printed:
        where = f" in {namespace} namespace" if namespace and any(rtype.namespaced for rtype in rtypes) else ""
        click.echo(f"No resources found{where}.", err=True)


async def _table_of(api: HttpApi, rtype: ResourceType, names: tuple[str, ...], namespace: str, selector: str, *,
                    wide: bool) -> tuple[list[str], list[list[Any]]]:  # fmt: skip
    """Column titles, and rows that end with the object's namespace."""
    import msgspec

    place = namespace if rtype.namespaced else ""
    paths = [rtype.path(place, name) for name in names] or [rtype.path(place)]
    titles: list[str] = []
    rows: list[list[Any]] = []
    for path in paths:
        params = {"labelSelector": selector} if not names else {}
        answer = msgspec.json.decode(await api.request("GET", path, params=params, accept=_TABLE))
        columns = answer.get("columnDefinitions") or []
        shown = [index for index, column in enumerate(columns) if wide or not column.get("priority")]
        titles = titles or [str(columns[index]["name"]).upper() for index in shown]
        for row in answer.get("rows") or []:
            where = ((row.get("object") or {}).get("metadata") or {}).get("namespace", "")
            rows.append([*(_cell(row["cells"][index]) for index in shown), where])
    return titles, rows


def _without_managed_fields(item: Body) -> Body:
    """As kubectl shows objects: what each manager owns helps nobody who reads."""
    meta = {name: value for name, value in item["metadata"].items() if name != "managedFields"}
    return {**item, "metadata": meta}


def _cell(value: Any) -> str:
    return "<none>" if value is None else str(value)
