"""`World`: what an analysis looks at: objects, live ones and those of files, and the mesh's settings."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from tejer.kube.kinds.istio_mesh import MeshConfig
from tejer.kube.resource import Body

SETTINGS_KEY = "settings"


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The mesh's settings. `mesh_networks` is the body of MeshNetworks, None where there is none."""

    mesh: MeshConfig = msgspec.field(default_factory=MeshConfig)
    mesh_networks: Body | None = None
    istio_namespace: str = "istio-system"
    domain: str = "cluster.local"

    @property
    def key(self) -> str:
        return SETTINGS_KEY


class World:
    """Read-only; of two objects with the same key the later counts."""

    def __init__(
        self,
        bodies: Iterable[Body],
        *,
        mesh: MeshConfig | None = None,
        mesh_networks: Body | None = None,
        istio_namespace: str = "istio-system",
        domain: str = "cluster.local",
    ) -> None:
        self.bodies = list(bodies)
        self.settings = Settings(
            mesh=mesh or MeshConfig(), mesh_networks=mesh_networks, istio_namespace=istio_namespace, domain=domain
        )
