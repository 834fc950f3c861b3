"""Role `service`: each port of each Service by its DNS name. Pure.

Source: prometheus/discovery/kubernetes/service.go.
"""

from __future__ import annotations

from tejer.kube.resource import Body, name_of, namespace_of
from tejer.observe.metrics.scrape.discovery.kubelabels import META, join_address, service_labels
from tejer.observe.metrics.scrape.target import ADDRESS, TargetGroup


def service_group(service: Body) -> TargetGroup:
    spec = service.get("spec") or {}
    kind = str(spec.get("type") or "ClusterIP")
    common = {META + "service_type": kind}
    if kind == "ExternalName":
        common[META + "service_external_name"] = str(spec.get("externalName", ""))
    else:
        common[META + "service_cluster_ip"] = str(spec.get("clusterIP", ""))
    if kind == "LoadBalancer":
        common[META + "service_loadbalancer_ip"] = str(spec.get("loadBalancerIP", ""))
    host = f"{name_of(service)}.{namespace_of(service)}.svc"
    targets = tuple(
        {
            ADDRESS: join_address(host, port.get("port")),
            META + "service_port_name": str(port.get("name", "")),
            META + "service_port_number": str(port.get("port", "")),
            META + "service_port_protocol": str(port.get("protocol") or "TCP"),
            **common,
        }
        for port in spec.get("ports") or ()
    )
    return TargetGroup(f"svc/{namespace_of(service)}/{name_of(service)}", targets, service_labels(service))
