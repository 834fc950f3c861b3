"""An API server alone, in a thread, with the certificates and kubeconfigs to reach it. Needs no root."""

from __future__ import annotations

import asyncio
import datetime
import json
import os
import subprocess
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any, TypeVar

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tejer.cluster.apiserver.config import ServerConfig, TlsFiles
from tejer.cluster.apiserver.server import ApiServer
from tejer.cluster.store.log import Store
from tejer.cluster.store.memory import MemoryStore
from tests.support.loops import hang_up

T = TypeVar("T")
ADMIN_TOKEN = "the-admins-token"


class Authority:
    """A CA in a directory that issues server and client certificates, as PEM files."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test-ca")])
        builder = self._builder(self._name, self._key.public_key())
        self._cert = builder.add_extension(x509.BasicConstraints(True, None), critical=True).sign(
            self._key, hashes.SHA256()
        )
        self.ca = directory / "ca.crt"
        self.ca.write_bytes(self._cert.public_bytes(serialization.Encoding.PEM))

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        now = datetime.datetime.now(datetime.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(minutes=1))
            .not_valid_after(now + datetime.timedelta(days=1))
        )

    def issue(self, user: str, groups: tuple[str, ...] = (), *, hosts: tuple[str, ...] = ()) -> tuple[Path, Path]:
        """(certificate, key) for a client, or with `hosts` (names and IPv4 addresses) for a server."""
        key = ec.generate_private_key(ec.SECP256R1())
        organizations = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups]
        subject = x509.Name([*organizations, x509.NameAttribute(NameOID.COMMON_NAME, user)])
        builder = self._builder(subject, key.public_key())
        if hosts:
            names: list[x509.GeneralName] = [
                x509.IPAddress(IPv4Address(host)) if host[0].isdigit() else x509.DNSName(host) for host in hosts
            ]
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        certificate = builder.sign(self._key, hashes.SHA256())
        stem = user.replace(":", "-")
        cert_path, key_path = self.directory / f"{stem}.crt", self.directory / f"{stem}.key"
        cert_path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        key_path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return cert_path, key_path


class RunningServer:
    """The server of one test module. `call` runs a coroutine in its loop."""

    def __init__(self, server: ApiServer, loop: asyncio.AbstractEventLoop, authority: Authority) -> None:
        self.server, self.loop, self.authority = server, loop, authority

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.server.port}"

    def call(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(30)

    def kubeconfig(self, user: str = "admin", groups: tuple[str, ...] = ("system:masters",), token: str = "") -> Path:
        """A kubeconfig that acts as `user` by client certificate, or by `token`."""
        auth: dict[str, str] = {"token": token}
        if not token:
            cert, key = self.authority.issue(user, groups)
            auth = {"client-certificate": str(cert), "client-key": str(key)}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "test",
            "clusters": [
                {"name": "test", "cluster": {"server": self.url, "certificate-authority": str(self.authority.ca)}}
            ],
            "users": [{"name": "user", "user": auth}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "user"}}],
        }
        path = self.authority.directory / f"{user.replace(':', '-')}{'-token' if token else ''}.kubeconfig"
        path.write_text(json.dumps(config))
        return path


@contextmanager
def running_server(directory: Path, make_store: Callable[[], Store] = MemoryStore) -> Iterator[RunningServer]:
    authority = Authority(directory)
    cert, key = authority.issue("apiserver", hosts=("127.0.0.1", "localhost", "kubernetes.default.svc"))
    config = ServerConfig(tls=TlsFiles(cert, key, authority.ca), port=0, admin_token=ADMIN_TOKEN)
    server = ApiServer(make_store(), config)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    running = RunningServer(server, loop, authority)
    try:
        running.call(server.start())
        try:
            yield running
        finally:
            running.call(server.stop())
            running.call(hang_up())
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


class Kubectl:
    """One kubectl binary with its own cache; calling it returns stdout, and checks the exit code."""

    def __init__(self, binary: str, kubeconfig: Path, cache: Path) -> None:
        self.binary, self.kubeconfig, self.cache = binary, kubeconfig, cache
        self.environment: dict[str, str] = {}

    @property
    def minor(self) -> int:
        """20 of kubectl 1.20."""
        version = json.loads(self("version", "--client", "-o", "json"))["clientVersion"]["minor"]
        return int(str(version).rstrip("+"))

    def command(self, *args: str) -> list[str]:
        return [self.binary, f"--kubeconfig={self.kubeconfig}", f"--cache-dir={self.cache}", *args]

    def run(self, *args: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, **self.environment}
        return subprocess.run(
            self.command(*args), input=stdin, capture_output=True, text=True, timeout=60, env=environment
        )

    def __call__(self, *args: str, stdin: str = "") -> str:
        done = self.run(*args, stdin=stdin)
        assert done.returncode == 0, f"kubectl {' '.join(args)}: {done.stderr}{done.stdout}"
        return done.stdout

    def fails(self, *args: str, stdin: str = "") -> str:
        """Stderr of a command that must fail."""
        done = self.run(*args, stdin=stdin)
        assert done.returncode != 0, f"kubectl {' '.join(args)} did not fail: {done.stdout}"
        return done.stderr
