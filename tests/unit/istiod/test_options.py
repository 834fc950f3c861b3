from __future__ import annotations

import pytest

from tejer.istiod.options import Options, read_options


def test_istios_variables() -> None:
    options = read_options(
        {"POD_NAME": "istiod-1", "POD_NAMESPACE": "mesh", "REVISION": "", "PILOT_ENABLE_ANALYSIS": "true",
         "TEJER_GRPC_PORT": "1"}
    )  # fmt: skip
    assert (options.pod, options.namespace, options.revision, options.grpc_port) == ("istiod-1", "mesh", "default", 1)
    assert options.write_status and not read_options({}).write_status
    assert "istiod.mesh.svc" in options.hosts and "istiod.mesh.svc.cluster.local" in options.hosts


def test_the_defaults_are_istios_ports() -> None:
    options = Options()
    ports = (options.http_port, options.plaintext_port, options.grpc_port, options.monitoring_port)
    assert (*ports, options.webhook_port) == (8080, 15010, 15012, 15014, 15017)


def test_a_port_that_is_no_number_is_refused() -> None:
    with pytest.raises(ValueError, match="fast"):
        read_options({"TEJER_HTTP_PORT": "fast"})
