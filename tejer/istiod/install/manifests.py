"""All objects of an installation, in the order in which they must be applied."""

from __future__ import annotations

from typing import NamedTuple

from tejer.istiod.install import base, control_plane, gateways, webhooks
from tejer.istiod.install.options import InstallOptions
from tejer.kube.crds import crds
from tejer.kube.resource import Body


class Stage(NamedTuple):
    """A part that is applied and then waited for. `done` is what istioctl prints after it."""

    name: str
    done: str
    bodies: list[Body]


def stages(options: InstallOptions) -> list[Stage]:
    """The parts of the installation; the profile may leave some out."""
    result = []
    if options.base:
        labelled = [_labelled(crd) for crd in crds()]
        result.append(Stage("Istio core", "Istio core installed ⛵️", [base.namespace(options), *labelled]))
    if options.pilot:
        result.append(
            Stage(
                "Istiod",
                "Istiod installed 🧠",
                [
                    *base.access(options),
                    *base.config_maps(options),
                    control_plane.service(options),
                    control_plane.deployment(options),
                    webhooks.injector(options),
                    webhooks.validator(options),
                ],
            )
        )
    for title, icon, kind in (("Ingress", "🛬", "ingress"), ("Egress", "🛫", "egress")):
        wanted = [spec for spec in options.gateways if spec.enabled and kind in spec.labels.get("istio", "ingress")]
        bodies = [body for spec in wanted for body in gateways.gateway(options, spec)]
        if bodies:
            result.append(Stage(f"{title} gateways", f"{title} gateways installed {icon}", bodies))
    return result


def render(options: InstallOptions) -> list[Body]:
    """Everything, for `manifest generate`."""
    return [body for stage in stages(options) for body in stage.bodies]


def _labelled(crd: Body) -> Body:
    metadata = crd["metadata"]
    return {**crd, "metadata": {**metadata, "labels": {**metadata["labels"], base.OWNER_LABEL: "tejer"}}}
