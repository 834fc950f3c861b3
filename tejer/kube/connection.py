"""`Connection`: where an API server is and how to prove who we are. `incluster` and `kubeconfig` make them."""

from __future__ import annotations

import os
import ssl
import tempfile
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Connection:
    """`server` is a base URL; PEM material is held as bytes. `token_file` (read again on change) wins over `token`."""

    server: str
    ca: bytes = b""
    client_certificate: bytes = b""
    client_key: bytes = field(default=b"", repr=False)
    token: str = field(default="", repr=False)
    token_file: Path | None = None
    server_name: str = ""
    insecure: bool = False
    namespace: str = "default"

    def tls(self) -> ssl.SSLContext | None:
        """The client-side TLS context, or None for an http:// server.

        Raises ssl.SSLError (an OSError) when the PEM material doesn't parse.
        """
        if not self.server.startswith("https://"):
            return None
        context = ssl.create_default_context(cadata=self.ca.decode() if self.ca else None)
        if self.insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if self.client_certificate:
            load_key_pair(context, self.client_certificate, self.client_key)
        return context


def load_key_pair(context: ssl.SSLContext, certificate: bytes, key: bytes) -> None:
    """Give `context` a certificate (PEM, leaf first) and its private key, which `ssl` can only read from a file.

    The file is memory only where the system can (a pod's file system may be read-only).
    """
    pair = certificate.rstrip() + b"\n" + key
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("pair", os.MFD_CLOEXEC)
        with os.fdopen(descriptor, "wb") as file:
            file.write(pair)
            file.flush()
            context.load_cert_chain(f"/proc/self/fd/{descriptor}")
        return
    with tempfile.TemporaryDirectory(prefix="tejer-") as directory:  # mode 0700
        path = Path(directory, "pair.pem")
        path.touch(mode=0o600)
        path.write_bytes(pair)
        context.load_cert_chain(os.fspath(path))
