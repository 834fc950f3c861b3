"""Where files lie inside an `istio-proxy` container. Istiod's resources, the agent and the injector all use these.

Envoy reads its certificate and the mesh's roots by file SDS: each of the two SDS files names certificate files under
`CERTS_DIR` and has it as `watched_directory`, so replacing the directory's content atomically rotates them.
"""

from __future__ import annotations

PROXY_DIR = "/etc/istio/proxy"
"""A volume in memory that the agent owns: bootstrap, SDS files, private key."""

BOOTSTRAP = f"{PROXY_DIR}/envoy-rev.json"
CERTS_DIR = f"{PROXY_DIR}/certs"
SDS_CERTIFICATE = f"{PROXY_DIR}/sds-default.json"
"""`path` of the `path_config_source` for the secret `default`: the workload's certificate and key."""
SDS_ROOTS = f"{PROXY_DIR}/sds-rootca.json"
"""`path` of the `path_config_source` for the secret `ROOTCA`: the mesh's trusted roots."""

SECRET_CERTIFICATE = "default"  # noqa: S105
SECRET_ROOTS = "ROOTCA"  # noqa: S105

TOKEN = "/var/run/secrets/tokens/istio-token"  # noqa: S105
MESH_ROOT_CERT = "/var/run/secrets/istio/root-cert.pem"
POD_INFO_DIR = "/etc/istio/pod"
