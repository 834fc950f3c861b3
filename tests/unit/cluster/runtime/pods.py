"""Pods and inputs for the runtime's unit tests."""

from __future__ import annotations

import dataclasses

from tejer.cluster.runtime.inputs import Host, Inputs
from tejer.kube.kinds.core import Pod
from tejer.kube.resource import Body, decode

HOST = Host(python="/venv/bin/python", path="/venv/bin:/bin", pythonpath="", cpus=2, memory=4 * 2**30)
INPUTS = Inputs(
    host=HOST, node_name="tejer", host_ip="10.244.0.1", pod_ip="10.244.0.7", dns_ip="10.96.0.10",
    cluster_domain="cluster.local", kubernetes_ip="10.96.0.1",
)  # fmt: skip


def inputs(**changes: object) -> Inputs:
    return dataclasses.replace(INPUTS, **changes)  # type: ignore[arg-type]


def pod_body(*containers: Body, **spec: object) -> Body:
    return {
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "web-0", "namespace": "shop", "uid": "u-1", "labels": {"app": "web"},
                     "annotations": {"note": 'say "hi"'}},
        "spec": {"containers": list(containers) or [{"name": "main", "image": "tejer/sleep"}], **spec},
    }  # fmt: skip


def pod(*containers: Body, **spec: object) -> Pod:
    return decode(pod_body(*containers, **spec), Pod)


def config_map(name: str, **data: str) -> dict[tuple[str, str], Body]:
    return {("shop", name): {"metadata": {"name": name, "namespace": "shop"}, "data": data}}
