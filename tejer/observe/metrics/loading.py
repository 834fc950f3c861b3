"""prometheus.yml's text as a `Config`. Pure.

A field nobody knows is refused with its path and line, one that Prometheus knows and we don't act on is named in a
warning.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import msgspec

from tejer.kube.manifest import Document, load_text
from tejer.observe.metrics.config import LABEL_NAME, Config, GlobalConfig, ScrapeConfig
from tejer.observe.metrics.scalars import Milliseconds, read_scalar

_ERROR = re.compile(r"(?P<message>.*?)(?: - at `\$\.?(?P<path>.*?)`)?", re.DOTALL)
_UNKNOWN = re.compile(r"Object contains unknown field `(.*)`")


class Loaded(NamedTuple):
    config: Config
    warnings: tuple[str, ...]
    text: str


class ConfigError(ValueError):
    """The file can't be used; `str()` is `FILE:LINE: FIELD: what is wrong`."""


_NO_DISCOVERY = "this discovery is not supported: its targets are not found"
_NO_EFFECT = "has no effect here"
_NO_RULES = "recording and alerting rules are not evaluated"
_WITHOUT_TOP = {
    "rule_files": _NO_RULES, "alerting": _NO_RULES, "remote_write": "samples are not sent on",
    "remote_read": "only this server's own samples are read", "storage": "set retention on the command line",
    "tracing": _NO_EFFECT, "scrape_config_files": "only the file itself is read", "runtime": _NO_EFFECT,
    "otlp": _NO_EFFECT,
}  # fmt: skip
_WITHOUT_GLOBAL = {
    "evaluation_interval": _NO_RULES, "query_log_file": _NO_EFFECT, "rule_query_offset": _NO_RULES,
    "scrape_protocols": _NO_EFFECT,
}  # fmt: skip
_WITHOUT_JOB = dict.fromkeys((
    "scrape_protocols", "fallback_scrape_protocol", "scrape_classic_histograms",
    "always_scrape_classic_histograms", "convert_classic_histograms_to_nhcb", "scrape_native_histograms",
    "native_histogram_bucket_limit", "native_histogram_min_bucket_factor", "keep_dropped_targets",
    "metric_name_validation_scheme", "metric_name_escaping_scheme", "scrape_failure_log_file", "enable_http2",
    "no_proxy", "proxy_from_environment", "proxy_connect_header",
), _NO_EFFECT) | {"oauth2": "not supported: requests go out without its token"} | {
    f"{name}_sd_configs": _NO_DISCOVERY
    for name in (
        "azure", "consul", "digitalocean", "dns", "docker", "dockerswarm", "ec2", "eureka", "gce", "hetzner", "ionos",
        "kuma", "lightsail", "linode", "marathon", "nerve", "nomad", "openstack", "ovhcloud", "puppetdb", "scaleway",
        "serverset", "stackit", "triton", "uyuni",
    )
}  # fmt: skip


def load_config(text: str, file: str = "prometheus.yml") -> Loaded:
    """Raises ConfigError."""
    try:
        documents = load_text(text, file, strict=False)
    except ValueError as error:
        raise ConfigError(str(error)) from None
    if len(documents) > 1:
        raise ConfigError(f"{file}:{documents[1].origin.line}: only one document is expected")
    if not documents:
        return Loaded(Config(), (), text)
    document = documents[0]
    body, warnings = _without_unsupported(document)
    try:
        config = msgspec.convert(body, Config, dec_hook=read_scalar)
    except msgspec.ValidationError as error:
        raise _config_error(document, error) from None
    jobs = tuple(_with_defaults(config.global_, job) for job in config.scrape_configs)
    names = [str(job.job_name) for job in jobs]
    for index, name in enumerate(names):
        if name in names[:index]:
            raise _at(document, f"scrape_configs[{index}].job_name", f"two jobs are named {name!r}")
    _check_labels(document, config)
    return Loaded(msgspec.structs.replace(config, scrape_configs=jobs), warnings, text)


def _with_defaults(settings: GlobalConfig, job: ScrapeConfig) -> ScrapeConfig:
    interval = job.scrape_interval or settings.scrape_interval
    timeout = job.scrape_timeout or min(settings.scrape_timeout, interval)
    return msgspec.structs.replace(job, scrape_interval=Milliseconds(interval), scrape_timeout=Milliseconds(timeout))


def _check_labels(document: Document, config: Config) -> None:
    for name in config.global_.external_labels:
        if not LABEL_NAME.fullmatch(name):
            raise _at(document, f"global.external_labels.{name}", "not a label's name")
    for number, job in enumerate(config.scrape_configs):
        for index, group in enumerate(job.static_configs):
            for name in group.labels:
                if not LABEL_NAME.fullmatch(name):
                    path = f"scrape_configs[{number}].static_configs[{index}].labels.{name}"
                    raise _at(document, path, "not a label's name")


def _without_unsupported(document: Document) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The body without the fields that are known and not acted on, and a warning for each of those."""
    warnings: list[str] = []

    def strip(section: Any, table: dict[str, str], path: str) -> Any:
        if not isinstance(section, dict):
            return section
        for name in section:
            if name in table:
                where = f"{path}{name}"
                warnings.append(f"{document.origin.file}:{document.line_of(where)}: {where}: {table[name]}")
        # A null field is an absent one, as Go's YAML has it.
        return {name: value for name, value in section.items() if name not in table and value is not None}

    body = strip(document.body, _WITHOUT_TOP, "")
    if "global" in body:
        body["global"] = strip(body["global"], _WITHOUT_GLOBAL, "global.")
    if isinstance(jobs := body.get("scrape_configs"), list):
        body["scrape_configs"] = [
            strip(job, _WITHOUT_JOB, f"scrape_configs[{index}].") for index, job in enumerate(jobs)
        ]
    return body, tuple(warnings)


def _config_error(document: Document, error: msgspec.ValidationError) -> ConfigError:
    match = _ERROR.fullmatch(str(error))
    message, path = (match["message"], match["path"] or "") if match else (str(error), "")
    if unknown := _UNKNOWN.fullmatch(message):
        path = f"{path}.{unknown[1]}" if path else unknown[1]
        message = "no such field"
    return _at(document, path, message)


def _at(document: Document, path: str, message: str) -> ConfigError:
    where = f"{path}: " if path else ""
    return ConfigError(f"{document.origin.file}:{document.line_of(path)}: {where}{message}")
