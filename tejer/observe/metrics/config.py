"""prometheus.yml as typed values: the part of Prometheus's format that Tejer's own server acts on. Pure.

Reading it is `loading`'s. Source: prometheus.io/docs/prometheus/latest/configuration/configuration (2.42 to 3.x).
"""

from __future__ import annotations

import re
from typing import Literal

import msgspec

from tejer.observe.metrics.scalars import Bytes, Milliseconds, Pattern, Text

LABEL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
ROLES = ("node", "service", "pod", "endpoints", "endpointslice")


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A mapping whose fields are all known."""


Action = Literal[
    "replace", "keep", "drop", "keepequal", "dropequal", "hashmod", "labelmap", "labeldrop", "labelkeep",
    "lowercase", "uppercase",
]  # fmt: skip


class RelabelConfig(Section, frozen=True, kw_only=True):
    """One step of relabelling; see `scrape.relabel`."""

    source_labels: tuple[Text, ...] = ()
    separator: Text = Text(";")
    regex: Pattern = Pattern("(.*)")
    modulus: int = 0
    target_label: Text = Text("")
    replacement: Text = Text("$1")
    action: Action = "replace"

    def __post_init__(self) -> None:
        if self.action in ("replace", "hashmod", "lowercase", "uppercase", "keepequal", "dropequal"):
            if not self.target_label:
                raise ValueError(f"action {self.action} needs a target_label")
            if "$" not in self.target_label and not LABEL_NAME.fullmatch(self.target_label):
                raise ValueError(f"target_label {str(self.target_label)!r} is not a label's name")
        if self.action == "hashmod" and self.modulus <= 0:
            raise ValueError("action hashmod needs a modulus above 0")


class BasicAuth(Section, frozen=True, kw_only=True):
    username: Text = Text("")
    username_file: Text = Text("")
    password: Text = Text("")
    password_file: Text = Text("")


class Authorization(Section, frozen=True, kw_only=True):
    type: Text = Text("Bearer")
    credentials: Text = Text("")
    credentials_file: Text = Text("")


class TlsConfig(Section, frozen=True, kw_only=True):
    """A client certificate is two files; an authority may be written out in `ca`."""

    ca: Text = Text("")
    ca_file: Text = Text("")
    cert_file: Text = Text("")
    key_file: Text = Text("")
    server_name: Text = Text("")
    insecure_skip_verify: bool = False
    min_version: Literal["TLS10", "TLS11", "TLS12", "TLS13"] = "TLS12"


class Header(Section, frozen=True, kw_only=True):
    values: tuple[Text, ...] = ()
    secrets: tuple[Text, ...] = ()
    files: tuple[Text, ...] = ()


class HttpClient(Section, frozen=True, kw_only=True):
    """How to speak to a server: common to scraping and discovery."""

    basic_auth: BasicAuth | None = None
    authorization: Authorization | None = None
    bearer_token: Text = Text("")
    bearer_token_file: Text = Text("")
    tls_config: TlsConfig = TlsConfig()
    follow_redirects: bool = True
    proxy_url: Text = Text("")
    http_headers: dict[str, Header] = {}


class StaticConfig(Section, frozen=True, kw_only=True):
    targets: tuple[Text, ...] = ()
    labels: dict[str, Text] = {}


class FileDiscovery(Section, frozen=True, kw_only=True):
    files: tuple[Text, ...]
    refresh_interval: Milliseconds = Milliseconds(300_000)


class HttpDiscovery(HttpClient, frozen=True, kw_only=True):
    url: Text
    refresh_interval: Milliseconds = Milliseconds(60_000)


class Namespaces(Section, frozen=True, kw_only=True):
    own_namespace: bool = False
    names: tuple[Text, ...] = ()


class Selector(Section, frozen=True, kw_only=True):
    role: Text
    label: Text = Text("")
    field: Text = Text("")


class AttachMetadata(Section, frozen=True, kw_only=True):
    node: bool = False


class KubernetesDiscovery(HttpClient, frozen=True, kw_only=True):
    """`api_server` and its credentials are the pod's own, or those of `kubeconfig_file`."""

    role: Text
    api_server: Text = Text("")
    kubeconfig_file: Text = Text("")
    namespaces: Namespaces = Namespaces()
    selectors: tuple[Selector, ...] = ()
    attach_metadata: AttachMetadata = AttachMetadata()

    def __post_init__(self) -> None:
        if self.api_server:
            raise ValueError("api_server is not supported: name the cluster by kubeconfig_file")
        if self.role not in ROLES:
            known = ", ".join(ROLES)
            raise ValueError(f"kubernetes_sd_configs: role {str(self.role)!r} is not supported; there are {known}")


class ScrapeConfig(HttpClient, frozen=True, kw_only=True):
    """One job. 0 in a limit means the server's own ceiling (`scrape.limits`)."""

    job_name: Text
    honor_labels: bool = False
    honor_timestamps: bool = True
    track_timestamps_staleness: bool = False
    scrape_interval: Milliseconds = Milliseconds(0)
    scrape_timeout: Milliseconds = Milliseconds(0)
    metrics_path: Text = Text("/metrics")
    scheme: Literal["http", "https"] = "http"
    params: dict[str, tuple[Text, ...]] = {}
    enable_compression: bool = True
    body_size_limit: Bytes = Bytes(0)
    sample_limit: int = 0
    label_limit: int = 0
    label_name_length_limit: int = 0
    label_value_length_limit: int = 0
    target_limit: int = 0
    static_configs: tuple[StaticConfig, ...] = ()
    file_sd_configs: tuple[FileDiscovery, ...] = ()
    http_sd_configs: tuple[HttpDiscovery, ...] = ()
    kubernetes_sd_configs: tuple[KubernetesDiscovery, ...] = ()
    relabel_configs: tuple[RelabelConfig, ...] = ()
    metric_relabel_configs: tuple[RelabelConfig, ...] = ()

    def __post_init__(self) -> None:
        if not self.job_name:
            raise ValueError("job_name is empty")
        if self.scrape_interval and self.scrape_timeout > self.scrape_interval:
            raise ValueError(f"job {self.job_name}: scrape_timeout is greater than scrape_interval")


class GlobalConfig(Section, frozen=True, kw_only=True):
    scrape_interval: Milliseconds = Milliseconds(15_000)
    scrape_timeout: Milliseconds = Milliseconds(10_000)
    external_labels: dict[str, Text] = {}


class Config(Section, frozen=True, kw_only=True):
    """The whole file, with each job's interval and timeout filled in."""

    global_: GlobalConfig = msgspec.field(default=GlobalConfig(), name="global")
    scrape_configs: tuple[ScrapeConfig, ...] = ()
