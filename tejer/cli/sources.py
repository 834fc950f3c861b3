"""What `analyze` looks at: objects of files over those of the cluster, and where each came from."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from tejer.istiod.checks.analysis import needed_types
from tejer.istiod.checks.objects import key_of
from tejer.kube.api import Api, ApiError
from tejer.kube.manifest import Document, ManifestError, load_paths
from tejer.kube.resource import Body, Key
from tejer.kube.types import BUILTIN_TYPES, ISTIO_TYPES, ResourceType

FOREIGN_GROUPS = ("gateway.networking.k8s.io", "gateway.networking.x-k8s.io", "inference.networking.k8s.io",
                  "networking.k8s.io", "autoscaling", "policy", "batch", "install.istio.io")  # fmt: skip


@dataclass
class Sources:
    """`documents` finds the file of an object; `absent` are the kinds nobody could read; `errors` are about files."""

    bodies: dict[tuple[str, Key], Body] = field(default_factory=dict)
    documents: dict[tuple[str, Key], Document] = field(default_factory=dict)
    absent: set[ResourceType] = field(default_factory=set)
    errors: list[str] = field(default_factory=list)

    def add(self, body: Body, document: Document | None = None) -> None:
        key = (str(body.get("kind", "")), key_of(body))
        self.bodies[key] = body
        if document is not None:
            self.documents[key] = document


def read_files(
    sources: Sources, paths: Sequence[str], *, recursive: bool, ignore_unknown: bool, namespace: str
) -> None:
    """Add the objects of files. `namespace` is that of objects that say none; "" leaves it out."""
    for path in paths:
        try:
            documents = load_paths([path], recursive=recursive)
        except (ManifestError, OSError) as error:
            sources.errors.append(str(error))
            continue
        for document in documents:
            body = document.body
            if not is_known(body):
                if not ignore_unknown:
                    where = f"{document.origin.file}:{document.origin.line}"
                    sources.errors.append(f"{where}: unknown kind {body.get('apiVersion')} {body.get('kind')}")
                continue
            if namespace and not (body.get("metadata") or {}).get("namespace") and _is_namespaced(body):
                body = {**body, "metadata": {**(body.get("metadata") or {}), "namespace": namespace}}
            sources.add(body, document._replace(body=body))


def _find(body: Body) -> ResourceType | None:
    group, kind = str(body.get("apiVersion", "")).rpartition("/")[0], body.get("kind")
    return next((r for r in (*BUILTIN_TYPES, *ISTIO_TYPES) if (r.group, r.kind) == (group, kind)), None)


def is_known(body: Body) -> bool:
    group = str(body.get("apiVersion", "")).rpartition("/")[0]
    return _find(body) is not None or group in FOREIGN_GROUPS or group in ("apps",)


def _is_namespaced(body: Body) -> bool:
    rtype = _find(body)
    return rtype is None or rtype.namespaced


async def read_cluster(sources: Sources, api: Api) -> None:
    """Add what the cluster has of every kind an analyzer needs, all namespaces: references cross them."""
    for rtype in needed_types():
        try:
            for body in (await api.list(rtype)).items:
                sources.add(body)
        except ApiError as error:
            if error.code not in (403, 404):
                raise
            sources.absent.add(rtype)


def mark_absent(sources: Sources, kinds: Collection[ResourceType] = ISTIO_TYPES) -> None:
    """Without a cluster: kinds that are usually not in files and of which no file has one can't be looked up."""
    present = {kind for kind, _ in sources.bodies}
    sources.absent |= {rtype for rtype in needed_types() if rtype not in kinds and rtype.kind not in present}
