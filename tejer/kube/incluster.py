"""The connection a pod gets: ServiceAccount token and CA as files, the server's address from the environment.

Source: kubernetes.io/docs/tasks/run-application/access-api-from-pod.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from tejer.kube.connection import Connection

MOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


def is_in_cluster(environ: Mapping[str, str] | None = None, mount: Path = MOUNT) -> bool:
    env = os.environ if environ is None else environ
    return bool(env.get("KUBERNETES_SERVICE_HOST")) and (mount / "token").exists()


def in_cluster(environ: Mapping[str, str] | None = None, mount: Path = MOUNT) -> Connection:
    """Raises FileNotFoundError saying what is missing when this process is not in a pod."""
    env = os.environ if environ is None else environ
    host, port = env.get("KUBERNETES_SERVICE_HOST", ""), env.get("KUBERNETES_SERVICE_PORT", "443")
    if not host:
        raise FileNotFoundError("not in a cluster: KUBERNETES_SERVICE_HOST is not set; set KUBECONFIG instead")
    if not (mount / "token").exists():
        raise FileNotFoundError(f"no ServiceAccount token at {mount}/token: does the pod mount one?")
    ca, namespace = mount / "ca.crt", mount / "namespace"
    return Connection(
        server=f"https://{f'[{host}]' if ':' in host else host}:{port}",
        ca=ca.read_bytes() if ca.exists() else b"",
        token_file=mount / "token",
        namespace=namespace.read_text().strip() if namespace.exists() else "default",
    )
