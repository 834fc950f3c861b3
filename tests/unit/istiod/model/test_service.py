import pytest

from tejer.istiod.model.service import GRPC, GRPC_WEB, HTTP, HTTP2, HTTPS, SNIFF, TCP, UDP, protocol_of


@pytest.mark.parametrize(
    ("number", "name", "app_protocol", "expected"),
    [
        (80, "http", "", HTTP),
        (80, "http-web", "", HTTP),
        (80, "HTTP2-x", "", HTTP2),
        (80, "grpc", "", GRPC),
        (80, "grpc-web", "", GRPC_WEB),
        (80, "grpc-web-x", "", GRPC_WEB),
        (80, "grpc-x", "", GRPC),
        (80, "httpweb", "", SNIFF),
        (80, "", "", SNIFF),
        (80, "web", "http", HTTP),
        (80, "http", "kubernetes.io/h2c", HTTP2),
        (443, "x", "kubernetes.io/wss", HTTPS),
        (80, "tcp", "unheard-of", TCP),
        (3306, "db", "", TCP),
        (3306, "http", "", HTTP),
        (5432, "postgres", "", SNIFF),
    ],
)
def test_protocol_selection(number: int, name: str, app_protocol: str, expected: str) -> None:
    assert protocol_of(number, name, app_protocol) == expected


def test_udp_is_no_protocol_of_ours() -> None:
    assert protocol_of(53, "http", "", "UDP") == UDP
