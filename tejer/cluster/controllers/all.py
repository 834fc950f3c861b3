"""The controllers of the embedded cluster, in the order in which a change is offered to them."""

from __future__ import annotations

from tejer.cluster.controllers import (
    deployment,
    endpointslice,
    garbage,
    loadbalancer,
    mirroring,
    namespace,
    podgc,
    replicaset,
    serviceaccount,
)
from tejer.cluster.controllers.controller import Controller


def all_controllers(ca_pem: str) -> tuple[Controller, ...]:
    """`ca_pem` is the certificate of the cluster's authority, published in every namespace."""
    return (
        serviceaccount.CONTROLLER,
        serviceaccount.root_ca_controller(ca_pem),
        deployment.CONTROLLER,
        replicaset.CONTROLLER,
        endpointslice.CONTROLLER,
        mirroring.CONTROLLER,
        loadbalancer.CONTROLLER,
        namespace.CONTROLLER,
        garbage.CONTROLLER,
        podgc.CONTROLLER,
    )
