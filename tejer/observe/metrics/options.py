"""The command line of `tejer/prometheus`: Prometheus's own flags where we have the same thing, and which engine serves.

Pure but for the look at PATH, which the caller passes in.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from tejer.observe.metrics.scalars import parse_bytes, parse_milliseconds

ENGINES = ("auto", "embedded", "binary", "url")
BINARY = "prometheus"
_DAYS = "15d"


class Options(NamedTuple):
    """`retention` in milliseconds, `retention_bytes` 0 for no limit; `flags` are all settings as text, by name."""

    engine: str
    config: Path
    data: Path
    retention: int
    retention_bytes: int
    host: str
    port: int
    url: str
    token_file: str
    kubeconfig: str
    log_level: str
    flags: dict[str, str]


def read_options(arguments: Sequence[str] | None, binary: str | None) -> Options:
    """`binary` is where PATH has Prometheus, if it has. Exits with usage for what can't be read."""
    parser = argparse.ArgumentParser(prog="tejer-prometheus", allow_abbrev=False, description="Prometheus's place.")
    add = parser.add_argument
    add("--engine", choices=ENGINES, default="auto",
        help="Who stores and answers; auto: --engine.url if given, else `prometheus` on PATH, else ours.")  # fmt: skip
    add("--engine.url", default="", metavar="URL", help="A Prometheus that exists already; we only stand before it.")
    add("--engine.token-file", default="", metavar="FILE", help="A bearer token for --engine.url, read each time.")
    add("--config.file", default="prometheus.yml", metavar="FILE", help="Prometheus's configuration.")
    add("--storage.tsdb.path", default="data/", metavar="DIR", help="Where samples are kept.")
    add("--storage.tsdb.retention.time", default=_DAYS, type=_checked(parse_milliseconds), metavar="DURATION",
        help="How long samples are kept.")  # fmt: skip
    add("--storage.tsdb.retention.size", default="0", type=_checked(parse_bytes), metavar="SIZE",
        help="How much disk they may take; 0 is no limit.")  # fmt: skip
    add("--web.listen-address", default="127.0.0.1:9090", metavar="HOST:PORT",
        help="Off the loopback each request needs a token or a session, and the API server decides.")  # fmt: skip
    add("--kubeconfig", default="", metavar="FILE", help="The cluster to find targets in; default: the pod's own.")
    add("--log.level", default="info", choices=("debug", "info", "warn", "error"), help="What is logged.")
    flags: dict[str, str] = {name: str(value) for name, value in vars(parser.parse_args(arguments)).items()}
    host, _, port = flags["web.listen_address"].rpartition(":")
    if not port.isdecimal():
        parser.error(f"--web.listen-address: {flags['web.listen_address']!r} is not HOST:PORT")
    engine = _engine(parser, flags["engine"], flags["engine.url"], binary)
    shown = {name.replace("_", "-"): value for name, value in flags.items()}
    return Options(
        engine, Path(flags["config.file"]), Path(flags["storage.tsdb.path"]),
        parse_milliseconds(flags["storage.tsdb.retention.time"]),
        parse_bytes(flags["storage.tsdb.retention.size"]),
        host or "0.0.0.0", int(port), flags["engine.url"].rstrip("/"), flags["engine.token_file"],  # noqa: S104
        flags["kubeconfig"], flags["log.level"], shown | {"engine": engine},
    )  # fmt: skip


def _engine(parser: argparse.ArgumentParser, wanted: str, url: str, binary: str | None) -> str:
    if wanted == "auto":
        return "url" if url else "binary" if binary else "embedded"
    if wanted == "url" and not url:
        parser.error("--engine=url needs --engine.url")
    if wanted == "binary" and not binary:
        parser.error(f"--engine=binary: no {BINARY} on PATH: install it, or use --engine=embedded")
    return wanted


def _checked(parse: Callable[[str], int]) -> Callable[[str], str]:
    def check(text: str) -> str:
        try:
            parse(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None
        return text

    return check
