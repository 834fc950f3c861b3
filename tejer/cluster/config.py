"""`ClusterConfig`: everything that tells one embedded cluster from another on the same machine.

`tejer up` writes it to `<home>/config.json`; the daemon, the pods' shims and every later command read it there, so a
cluster keeps its addresses and ports over restarts.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path

HOME_VARIABLE = "TEJER_HOME"
_DEFAULT_BRIDGE = "tejer0"
_PORT_FIELDS = ("api_port", "ingress_http_port", "ingress_https_port")


def default_home() -> Path:
    """`$TEJER_HOME`, or `~/.tejer`."""
    named = os.environ.get(HOME_VARIABLE, "")
    return Path(named).absolute() if named else Path.home() / ".tejer"


@dataclass(frozen=True, kw_only=True)
class ClusterConfig:
    """One cluster's settings. `api_port` 0 means: take a free one (only before the first start).

    Addresses are IPv4 networks in CIDR notation; `bridge` is a network device's name, at most 15 bytes (IFNAMSIZ).
    Raises ValueError, naming the field, for values that cannot work.
    """

    home: Path
    api_port: int = 6443
    pod_cidr: str = "10.244.0.0/16"
    service_cidr: str = "10.96.0.0/16"
    cluster_domain: str = "cluster.local"
    node_name: str = "tejer"
    ingress_http_port: int = 8080
    ingress_https_port: int = 8443
    bridge: str = ""

    def __post_init__(self) -> None:
        if not self.bridge:
            object.__setattr__(self, "bridge", _bridge_name(self.home, self.instance_id))
        for field in _PORT_FIELDS:
            port = getattr(self, field)
            if not 0 <= port <= 65535:
                raise ValueError(f"{field} is {port}; a port is a number from 0 to 65535")
        pods = _network("pod_cidr", self.pod_cidr)
        services = _network("service_cidr", self.service_cidr)
        if pods.overlaps(services):
            raise ValueError(f"pod_cidr {pods} and service_cidr {services} overlap; choose two separate networks")
        if len(self.bridge.encode()) > 15:
            raise ValueError(f"bridge {self.bridge!r} is longer than the 15 bytes of a Linux device name")

    @property
    def instance_id(self) -> str:
        """Eight hex digits, the same for one home always: in names of kernel objects that must not clash."""
        return hashlib.sha256(str(self.home).encode()).hexdigest()[:8]

    @property
    def gateway_ip(self) -> str:
        """The bridge's address, the first of `pod_cidr`: the pods' default route and their way to the API server."""
        return str(_network("pod_cidr", self.pod_cidr)[1])

    @property
    def kubernetes_ip(self) -> str:
        """ClusterIP of the Service `kubernetes` in `default`: the first of `service_cidr`."""
        return str(_network("service_cidr", self.service_cidr)[1])

    @property
    def dns_ip(self) -> str:
        """ClusterIP of the cluster's DNS: the tenth of `service_cidr`."""
        return str(_network("service_cidr", self.service_cidr)[10])

    @property
    def api_url(self) -> str:
        return f"https://127.0.0.1:{self.api_port}"

    @property
    def config_path(self) -> Path:
        return self.home / "config.json"

    @property
    def store_path(self) -> Path:
        return self.home / "store.db"

    @property
    def pki_dir(self) -> Path:
        return self.home / "pki"

    @property
    def pods_dir(self) -> Path:
        return self.home / "pods"

    @property
    def volumes_dir(self) -> Path:
        """Where PersistentVolumes live: `<home>/volumes/<name of the volume>/`."""
        return self.home / "volumes"

    @property
    def logs_dir(self) -> Path:
        return self.home / "logs"

    @property
    def daemon_log(self) -> Path:
        return self.logs_dir / "daemon.log"

    @property
    def pid_path(self) -> Path:
        return self.home / "daemon.pid"

    @property
    def lock_path(self) -> Path:
        return self.home / "daemon.lock"

    @property
    def admin_kubeconfig(self) -> Path:
        return self.home / "admin.kubeconfig"

    def pod_dir(self, uid: str) -> Path:
        return self.pods_dir / uid

    def save(self) -> None:
        """Write `config.json`, replaced atomically. Raises OSError."""
        self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        fields = asdict(self)
        del fields["home"]
        scratch = self.config_path.with_suffix(".tmp")
        scratch.write_text(json.dumps(fields, indent=2) + "\n")
        scratch.replace(self.config_path)

    def with_changes(self, **changes: str | int) -> ClusterConfig:
        """A copy with some fields changed; None values are the caller's to leave out."""
        return replace(self, **changes)  # type: ignore[arg-type]


def load_config(home: Path) -> ClusterConfig | None:
    """The config that `tejer up` saved in `home`, or None when there is none.

    Raises ValueError when the file is damaged: it says which file, and that it may be removed.
    """
    home = home.absolute()
    path = home / "config.json"
    try:
        fields = json.loads(path.read_text())
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise ValueError(f"{path} is not JSON ({error}); remove it to start with the defaults") from error
    try:
        return ClusterConfig(home=home, **fields)
    except TypeError as error:
        raise ValueError(f"{path}: {error}; remove it to start with the defaults") from error


def _bridge_name(home: Path, instance_id: str) -> str:
    return _DEFAULT_BRIDGE if home == Path.home() / ".tejer" else f"tj{instance_id}"


def _network(field: str, text: str) -> ipaddress.IPv4Network:
    try:
        network = ipaddress.IPv4Network(text)
    except ValueError as error:
        raise ValueError(f"{field}: {error}") from error
    if network.num_addresses < 256:
        raise ValueError(f"{field} {text} is too small; take at least a /24")
    return network
