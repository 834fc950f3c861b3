"""From what people type (`deploy`, `vs`, `pods`) and what files say (apiVersion, kind) to a ResourceType."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tejer.kube.resource import Body
from tejer.kube.types import BUILTIN_TYPES, CUSTOMRESOURCEDEFINITIONS, ISTIO_TYPES, ResourceType, find_type

if TYPE_CHECKING:
    from tejer.kube.api import Api


def known_type(text: str) -> ResourceType | None:
    """A kind by plural, singular or short name, maybe with its group: `deployments.apps`."""
    name, _, group = text.lower().partition(".")
    for rtype in (*BUILTIN_TYPES, *ISTIO_TYPES):
        names = (rtype.plural, rtype.singular, *rtype.short_names)
        if name in names and (not group or rtype.group == group or rtype.group.startswith(f"{group}.")):
            return rtype
    return None


def types_in_category(text: str) -> list[ResourceType]:
    """`all`, `istio-io`: the kinds that belong to it."""
    return [rtype for rtype in (*BUILTIN_TYPES, *ISTIO_TYPES) if text in rtype.categories]


async def resolve_name(api: Api, text: str) -> list[ResourceType]:
    """The kinds that one word of a command line means. Raises ValueError with what to try."""
    found = known_type(text)
    if found is not None:
        return [found]
    if category := types_in_category(text):
        return category
    for crd in (await api.list(CUSTOMRESOURCEDEFINITIONS)).items:
        names = crd["spec"]["names"]
        known = {names["plural"], names.get("singular", ""), names["kind"].lower(), *names.get("shortNames", ())}
        if text.lower().partition(".")[0] in known:
            return [type_of_crd(crd)]
    raise ValueError(f"the server doesn't have a resource type {text!r}: try pods, services, deployments, vs, dr ...")


async def resolve_body(api: Api, body: Body) -> ResourceType:
    """The kind of an object in a file. Raises ValueError for one that the server does not know."""
    api_version, kind = str(body.get("apiVersion", "")), str(body.get("kind", ""))
    found = find_type(api_version, kind)
    if found is not None:
        return found
    group, _, version = api_version.rpartition("/")
    for crd in (await api.list(CUSTOMRESOURCEDEFINITIONS)).items:
        if crd["spec"]["group"] == group and crd["spec"]["names"]["kind"] == kind:
            return type_of_crd(crd, version)
    raise ValueError(f'no matches for kind "{kind}" in version "{api_version}": is its CRD installed?')


def type_of_crd(crd: Body, version: str = "") -> ResourceType:
    """At the given version, else the storage version."""
    spec = crd["spec"]
    stored = next(entry["name"] for entry in spec["versions"] if entry.get("storage"))
    return ResourceType(
        spec["group"], version or stored, spec["names"]["plural"], spec["names"]["kind"],
        namespaced=spec.get("scope") != "Cluster", short_names=tuple(spec["names"].get("shortNames") or ()),
    )  # fmt: skip


def shown_name(rtype: ResourceType, name: str) -> str:
    """`deployment.apps/web`, as kubectl names objects."""
    return f"{rtype.singular}.{rtype.group}/{name}" if rtype.group else f"{rtype.singular}/{name}"
