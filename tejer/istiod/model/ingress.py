"""What a Sidecar's ingress listeners make of a workload's inbound ports. `istio.md` C5, C6."""

from __future__ import annotations

from msgspec.structs import replace

from tejer.istiod.model.service import HTTP, HTTPS, TCP, Port, Service, protocol_of
from tejer.istiod.model.sidecar import Sidecar
from tejer.istiod.model.view import InboundPort, InboundView
from tejer.kube.kinds.istio_networking import IstioIngressListener


def listeners(inbound: InboundView, sidecar: Sidecar | None) -> InboundView:
    """With ingress listeners only their ports are declared; each keeps the service that stands before it."""
    if sidecar is None or not sidecar.spec.ingress:
        return inbound
    known = {found.target: found for found in inbound.ports}
    ports = []
    for declared in sidecar.spec.ingress:
        number = declared.port.number if declared.port and declared.port.number else 0
        if number:
            ports.append(_port(declared, number, known.get(number), sidecar))
    return replace(inbound, ports=tuple(sorted(ports, key=lambda port: port.target)))


def _port(declared: IstioIngressListener, number: int, known: InboundPort | None, sidecar: Sidecar) -> InboundPort:
    name = declared.port.name if declared.port else ""
    protocol = protocol_of(number, (declared.port.protocol if declared.port else "") or name)
    if declared.tls is not None:  # the application's own TLS, ended by the proxy: what is inside is what counts
        protocol = HTTP if protocol == HTTPS else TCP
    service = known.service if known else Service(hostname="", name="", namespace="", source=sidecar.key)
    return InboundPort(
        service=service,
        port=Port(number, name, protocol, number),
        target=number,
        rule=known.rule if known else None,
        endpoint=_endpoint(declared.default_endpoint, number),
        tls=declared.tls,
        pool=declared.connection_pool or sidecar.spec.inbound_connection_pool,
    )


def _endpoint(text: str, number: int) -> str:
    """`""` where the endpoint is the very port that callers dial on the workload's own address."""
    return "" if text in ("", f"0.0.0.0:{number}", f"[::]:{number}") else text
