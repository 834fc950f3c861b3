"""`grpc.health.v1.Health/Check`, for gRPC probes that were moved to the agent. Source: grpc/health.proto."""

from __future__ import annotations

import socket

from tejer.envoy.agent.grpc_unary import GrpcError, call

_CHECK = "/grpc.health.v1.Health/Check"
_SERVING = b"\x08\x01"
"""HealthCheckResponse{status: SERVING}."""


def check_request(service: str) -> bytes:
    """HealthCheckRequest{service}. Raises ValueError for an overlong name."""
    name = service.encode()
    if len(name) > 100:
        raise ValueError("the gRPC probe's service name has more than 100 characters")
    return b"\x0a" + bytes([len(name)]) + name if name else b""


def is_serving(connected: socket.socket, service: str) -> bool:
    """Ask over a connection, which is closed after. Raises OSError when the peer speaks no gRPC or is too late,
    ValueError for an overlong service name.
    """
    with connected:
        request = check_request(service)
        try:
            return call(connected, "localhost", _CHECK, request, [("user-agent", "kube-probe/1.33")]) == _SERVING
        except GrpcError:
            return False
