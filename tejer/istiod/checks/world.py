"""`World`: all objects an analysis looks at, live ones and those of files, by kind."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple, TypeVar

import msgspec

from tejer.istiod.checks.codes import CODES
from tejer.kube.kinds.istio_mesh import MeshConfig
from tejer.kube.problem import Problem
from tejer.kube.resource import Body, Key, decode, metadata, name_of, namespace_of
from tejer.kube.types import BUILTIN_TYPES, ISTIO_TYPES, ResourceType

T = TypeVar("T")
INJECTION_LABEL, REVISION_LABEL = "istio-injection", "istio.io/rev"
DATAPLANE_LABEL = "istio.io/dataplane-mode"


class Typed(NamedTuple):
    """An object and its typed view; `value` is of the kind asked for."""

    body: Body
    value: Any

    @property
    def namespace(self) -> str:
        return namespace_of(self.body)

    @property
    def name(self) -> str:
        return name_of(self.body)


class World:
    """Read-only. `mesh_networks` is the body of MeshNetworks, None where there is none."""

    def __init__(
        self,
        bodies: Iterable[Body],
        *,
        mesh: MeshConfig | None = None,
        mesh_networks: Body | None = None,
        istio_namespace: str = "istio-system",
    ) -> None:
        self.mesh = mesh or MeshConfig()
        self.mesh_networks = mesh_networks
        self.istio_namespace = istio_namespace
        self._by_kind: dict[tuple[str, str], list[Body]] = defaultdict(list)
        self._views: dict[tuple[ResourceType, type[Any]], list[Typed]] = {}
        for body in bodies:
            group = str(body.get("apiVersion", "")).rpartition("/")[0]
            self._by_kind[group, str(body.get("kind", ""))].append(body)

    def of(self, rtype: ResourceType) -> list[Body]:
        """The objects of a kind, as they are."""
        return self._by_kind.get((rtype.group, rtype.kind), [])

    def other(self, group: str, kind: str) -> list[Body]:
        """The objects of a kind that is not one of ours (Gateway API)."""
        return self._by_kind.get((group, kind), [])

    def all(self) -> Iterator[Body]:
        for bodies in self._by_kind.values():
            yield from bodies

    def typed(self, rtype: ResourceType, kind: type[T]) -> list[Typed]:
        """The objects of a kind with their typed views. Those that can't be read are left to the schema's analyzer."""
        key = (rtype, kind)
        if key not in self._views:
            views = ((body, _view(body, kind)) for body in self.of(rtype))
            self._views[key] = [Typed(body, value) for body, value in views if value is not None]
        return self._views[key]

    def namespace_labels(self, name: str) -> Mapping[str, str]:
        from tejer.kube.types import NAMESPACES

        for body in self.of(NAMESPACES):
            if name_of(body) == name:
                return metadata(body).get("labels") or {}
        return {}

    def in_ambient(self, namespace: str) -> bool:
        """Whether the namespace's workloads are in ambient mode: no sidecar looks at Sidecar objects then."""
        labels = self.namespace_labels(namespace)
        if labels.get(INJECTION_LABEL) == "enabled" or REVISION_LABEL in labels:
            return False
        return labels.get(DATAPLANE_LABEL) == "ambient"


def _view(body: Body, kind: type[T]) -> T | None:
    try:
        return decode(body, kind)
    except msgspec.ValidationError:
        return None


def found(body: Body, code: str, message: str, field: str = "", hint: str = "") -> Problem:
    """A message of an analyzer about an object; the code gives its level."""
    return Problem(
        severity=CODES[code].severity, code=code, message=message, field=field, hint=hint,
        key=key_of(body), kind=str(body.get("kind", "")),
    )  # fmt: skip


def key_of(body: Body) -> Key:
    """The object's key; kinds we don't know get a plural by guess."""
    group = str(body.get("apiVersion", "")).rpartition("/")[0]
    kind = str(body.get("kind", ""))
    for rtype in (*BUILTIN_TYPES, *ISTIO_TYPES):
        if (rtype.group, rtype.kind) == (group, kind):
            return rtype.key_of(body)
    return Key(group, kind.lower() + "s", namespace_of(body), name_of(body))


def selects(selector: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    """Whether labels have all that a selector asks for."""
    return selector.items() <= labels.items()


class Analyzer(NamedTuple):
    """`name` is Istio's; `needs` are the kinds without which it can say nothing; `run` yields messages."""

    name: str
    needs: tuple[ResourceType, ...]
    run: Callable[[World], Iterator[Problem]]
