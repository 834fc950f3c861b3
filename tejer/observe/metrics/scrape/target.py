"""From what discovery found to what is scraped: a target's own labels and its URL. Pure.

Source: prometheus/scrape/target.go PopulateLabels (3.x: an address without a port stays as it is).
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlencode

from tejer.observe.metrics.config import LABEL_NAME, ScrapeConfig
from tejer.observe.metrics.scalars import parse_milliseconds
from tejer.observe.metrics.scrape.relabel import relabel
from tejer.observe.metrics.series import Labels

ADDRESS, SCHEME, PATH, JOB = "__address__", "__scheme__", "__metrics_path__", "job"
INTERVAL, TIMEOUT = "__scrape_interval__", "__scrape_timeout__"
PARAMETER = "__param_"


class TargetGroup(NamedTuple):
    """Targets that share labels, such as the ports of one pod; `source` names where they were found."""

    source: str
    targets: tuple[Mapping[str, str], ...]
    labels: Mapping[str, str] = {}


class Target(NamedTuple):
    """`labels` are those its series get; interval and timeout in milliseconds. Equal targets are one."""

    labels: Labels
    url: str
    interval: int
    timeout: int

    @property
    def offset(self) -> int:
        """When in its interval it is scraped, in milliseconds: spread by what it is, the same after a restart."""
        return zlib.crc32(repr((self.labels, self.url)).encode()) % self.interval


def discovered_labels(target: Mapping[str, str], group: Mapping[str, str], job: ScrapeConfig) -> dict[str, str]:
    """What relabelling starts from: the target's own labels, its group's, and the job's settings as labels."""
    labels = {**group, **target}
    defaults = {
        JOB: str(job.job_name),
        INTERVAL: f"{int(job.scrape_interval)}ms",
        TIMEOUT: f"{int(job.scrape_timeout)}ms",
        PATH: str(job.metrics_path),
        SCHEME: job.scheme,
        **{PARAMETER + name: str(values[0]) for name, values in job.params.items() if values},
    }
    for name, value in defaults.items():
        if not labels.get(name):
            labels[name] = value
    return labels


def make_target(discovered: Mapping[str, str], job: ScrapeConfig) -> Target | None:
    """The target that `discovered` labels lead to; None where relabelling drops it.

    Raises ValueError for labels that can't be scraped, naming the one that is wrong.
    """
    labels = relabel(discovered, job.relabel_configs)
    if labels is None:
        return None
    address = labels.get(ADDRESS, "")
    if not address or any(letter in "/@?#\\" or letter.isspace() for letter in address):
        raise ValueError(f"{address!r} is not an address to scrape (host:port)")
    scheme = labels.get(SCHEME, "")
    if scheme not in ("http", "https"):
        raise ValueError(f"{SCHEME} {scheme!r} is neither http nor https")
    interval, timeout = _duration(labels, INTERVAL), _duration(labels, TIMEOUT)
    if timeout > interval:
        raise ValueError(f"{TIMEOUT} {timeout}ms is longer than {INTERVAL} {interval}ms")
    own = {name: value for name, value in labels.items() if not name.startswith("__") and value}
    own.setdefault("instance", address)
    for name in own:
        if not LABEL_NAME.fullmatch(name):
            raise ValueError(f"{name!r} is not a label's name")
    return Target(tuple(sorted(own.items())), _url(labels, job), interval, timeout)


def _duration(labels: Mapping[str, str], name: str) -> int:
    value = parse_milliseconds(labels.get(name, ""))
    if value <= 0:
        raise ValueError(f"{name} is not above 0")
    return value


def _url(labels: Mapping[str, str], job: ScrapeConfig) -> str:
    query = {name: [str(value) for value in values] for name, values in job.params.items()}
    for label, value in labels.items():
        if label.startswith(PARAMETER):
            name = label.removeprefix(PARAMETER)
            query[name] = [value, *query.get(name, [])[1:]]
    path = labels.get(PATH, "")
    path, separator, rest = path.partition("?")
    text = urlencode(query, doseq=True)
    joined = "&".join(part for part in (rest if separator else "", text) if part)
    slash = "" if path.startswith("/") else "/"
    return f"{labels[SCHEME]}://{labels[ADDRESS]}{slash}{path}{'?' + joined if joined else ''}"
