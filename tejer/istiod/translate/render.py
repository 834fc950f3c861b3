"""`render`: a `ProxyView` becomes the resources of its proxy. The one way from the model to Envoy.

Each resource is made once for all that it depends on and then shared as bytes (`Memo`); a resource that cannot be made
keeps its last good form and becomes a `Problem`.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import Any

from google.protobuf.message import Message

from tejer.istiod.model.node import ROUTER
from tejer.istiod.model.view import ProxyView
from tejer.istiod.translate.rendered import (
    TYPE_URLS,
    Broken,
    Memo,
    Rendered,
    RenderedResource,
    from_message,
    resource,
)
from tejer.istiod.translate.sections import cluster_section, listener_section, route_section, secret_section
from tejer.kube.problem import Problem, Severity
from tejer.kube.resource import Key


class Renderer:
    """Collects one proxy's resources. `memo` is shared by all renders of a control plane."""

    def __init__(self, view: ProxyView, memo: Memo) -> None:
        self.view, self.memo = view, memo
        self.resources: dict[str, dict[str, RenderedResource]] = {url: {} for url in TYPE_URLS}
        self.problems: list[Problem] = []
        self.share: Hashable = (view.type, view.group)

    def add(
        self,
        type_url: str,
        name: str,
        inputs: Any,
        build: Callable[[], Message | bytes | None],
        sources: Iterable[Key] = (),
        *,
        scope: Hashable = None,
    ) -> None:
        """Make resource `name` from `inputs` (all that `build` reads); None from `build` means there is none."""
        where = tuple(dict.fromkeys(sources))

        def made() -> RenderedResource | None:
            built = build()
            if built is None:
                return None
            if isinstance(built, bytes):
                return resource(name, built, where)
            return from_message(name, built, where)

        key = (type_url, name, self.share if scope is None else scope)
        found = self.memo.get(key, (inputs, where), made, lambda error: self.fail(name, where, error))
        if found is not None:
            self.resources[type_url][name] = found

    def section(self, name: str, inputs: Any, build: Callable[[Renderer], None]) -> None:
        """Resources that the proxies of a group share: made once for `inputs`, which is all that `build` reads."""

        def made() -> Renderer:
            part = Renderer(self.view, self.memo)
            build(part)
            return part

        part = self.memo.get((name, self.share), inputs, made, lambda error: self.fail(name, (), error))
        if part is not None:
            self.problems += part.problems
            for url, resources in part.resources.items():
                self.resources[url].update(resources)

    def fail(self, what: str, sources: tuple[Key, ...], error: Exception) -> None:
        keys, effect = sources, "its last good form stays"
        if isinstance(error, Broken):
            keys, effect = error.sources, "the object is left out"
        self.problems.append(
            Problem(
                severity=Severity.ERROR,
                key=keys[-1] if keys else None,
                message=f"{error}",
                hint=f"{what}: {effect} until this is put right",
            )
        )


def render(view: ProxyView, memo: Memo | None = None) -> Rendered:
    """The whole configuration for `view`. Pure: equal views give equal results, with or without a shared `memo`."""
    renderer = Renderer(view, Memo() if memo is None else memo)
    cluster_section(renderer)
    listener_section(renderer)
    route_section(renderer)
    if view.type == ROUTER:
        secret_section(renderer)
    return Rendered(renderer.resources, tuple(renderer.problems))


__all__ = ["Rendered", "RenderedResource", "render"]
