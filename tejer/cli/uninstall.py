"""`uninstall`: remove what `install` put on the cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tejer.cli.output import done
from tejer.cli.settings import run_with_api, settings

if TYPE_CHECKING:
    from tejer.kube.client import HttpApi
    from tejer.kube.types import ResourceType


@click.command()
@click.option("--purge", is_flag=True, help="Remove everything, with the kinds and so every Istio object.")
@click.option("--revision", "-r", default="", help="Remove the control plane of this revision only.")
@click.option("--skip-confirmation", "-y", "yes", is_flag=True, help="Do not ask.")
def uninstall(purge: bool, revision: str, yes: bool) -> None:
    """Remove the mesh; sidecars that were injected stay until their pods are restarted."""
    if not purge and not revision:
        raise click.UsageError("say what to remove: --purge for everything, --revision NAME for one control plane")
    what = "ALL of the mesh, its kinds and every Istio object" if purge else f"the control plane {revision}"
    if not yes:
        click.confirm(f"This will remove {what} from the cluster. Proceed?", abort=True)
    namespace = settings().istio_namespace
    removed = run_with_api(lambda api: remove(api, namespace, purge=purge, revision=revision))
    done(f"Uninstall complete ({removed} objects removed)" if removed else "Nothing was installed")


def _types(purge: bool) -> tuple[ResourceType, ...]:
    """Webhooks first: while istiod is gone they would refuse every change."""
    from tejer.kube import types

    namespaced = (types.DEPLOYMENTS, types.SERVICES, types.CONFIGMAPS, types.ROLEBINDINGS, types.ROLES,
                  types.SERVICEACCOUNTS)  # fmt: skip
    cluster = (types.CLUSTERROLEBINDINGS, types.CLUSTERROLES)
    hooks = (types.MUTATINGWEBHOOKS, types.VALIDATINGWEBHOOKS)
    return (*hooks, *namespaced, *cluster, *((types.CUSTOMRESOURCEDEFINITIONS,) if purge else ()))


async def remove(api: HttpApi, namespace: str, *, purge: bool, revision: str) -> int:
    """Delete the installation's objects; returns how many there were."""
    from tejer.istiod.install.base import OWNER_LABEL
    from tejer.kube.api import ApiError
    from tejer.kube.resource import name_of, namespace_of

    selector = OWNER_LABEL + (f",istio.io/rev={revision}" if revision and not purge else "")
    count = 0
    for rtype in _types(purge):
        for item in (await api.list(rtype, label_selector=selector)).items:
            try:
                await api.delete(rtype, name_of(item), namespace_of(item), propagation_policy="Background")
            except ApiError as error:
                if error.code != 404:
                    raise
            count += 1
    return count
