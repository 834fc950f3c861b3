"""The command line of `tejer/jaeger`. Each flag has an environment variable: --storage.path is TEJER_STORAGE_PATH."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

from tejer.kube.ports import JAEGER, OTLP_GRPC, OTLP_HTTP, ZIPKIN
from tejer.observe.traces.api.parameters import duration_ns
from tejer.observe.traces.store.retention import Retention

T = TypeVar("T")
_SIZES = {"B": 1, "KB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30, "TB": 1 << 40}
SMALLEST = 8 << 20
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


class Options(NamedTuple):
    """`host` "" is every address. `forward` is the URL of an outside OTLP/HTTP collector, "" for none."""

    path: Path
    retention: Retention
    host: str
    port: int
    otlp_grpc: int
    otlp_http: int
    zipkin: int
    forward: str
    log_level: str

    @property
    def loopback(self) -> bool:
        return self.host in _LOOPBACK


def read_options(arguments: Sequence[str] | None, environ: Mapping[str, str]) -> Options:
    """Exits with usage for what can't be read."""
    parser = argparse.ArgumentParser(prog="tejer-jaeger", allow_abbrev=False, description="Jaeger's place.")

    def add(flag: str, default: str, kind: Callable[[str], T], text: str, metavar: str) -> None:
        variable = "TEJER_" + flag.upper().replace(".", "_").replace("-", "_")
        parser.add_argument(
            f"--{flag}", default=environ.get(variable, default), type=_named(kind), metavar=metavar,
            help=f"{text} (${variable}; default: {default or 'none'})",
        )  # fmt: skip

    add("storage.path", "traces.db", Path, "The file of spans and log records.", "FILE")
    add("storage.retention", "2d", _seconds, "How long traces are kept.", "DURATION")
    add("storage.retention.errors", "7d", _seconds, "How long traces with an error are kept.", "DURATION")
    add("storage.size", "1GB", parse_size, "How large the file may get; the oldest go first. 0: no limit.", "SIZE")
    add("host", "127.0.0.1", str, "Where to listen; off the loopback each query needs a token or session.", "ADDRESS")
    add("query.port", str(JAEGER), _port, "UI, query APIs and /metrics.", "PORT")
    add("otlp.grpc.port", str(OTLP_GRPC), _port, "OTLP over gRPC.", "PORT")
    add("otlp.http.port", str(OTLP_HTTP), _port, "OTLP over HTTP.", "PORT")
    add("zipkin.port", str(ZIPKIN), _port, "Zipkin's JSON.", "PORT")
    add("forward.otlp", "", _url, "An OTLP/HTTP collector that gets every span too.", "URL")
    add("log.level", "info", _level, "What is logged: debug, info, warning or error.", "LEVEL")
    given = vars(parser.parse_args(arguments))
    host = given["host"]
    return Options(
        given["storage.path"],
        Retention(given["storage.retention"], given["storage.retention.errors"], given["storage.size"]),
        "" if host in ("0.0.0.0", "::") else host,  # noqa: S104 - what the user asked for
        given["query.port"], given["otlp.grpc.port"], given["otlp.http.port"], given["zipkin.port"],
        given["forward.otlp"], given["log.level"],
    )  # fmt: skip


def parse_size(text: str) -> int:
    """`512MB`, `1GB`, or bytes; 0 is no limit. Units are powers of 1024. Raises ValueError."""
    number, unit = text, "B"
    for name in ("KB", "MB", "GB", "TB", "B"):
        if text.endswith(name):
            number, unit = text.removesuffix(name), name
            break
    if not number.isdecimal():
        raise ValueError(f"{text!r} is no size such as 512MB")
    size = int(number) * _SIZES[unit]
    if 0 < size < SMALLEST:
        raise ValueError(f"{text!r} is too small: want 8MB or more, or 0 for no limit")
    return size


def _seconds(text: str) -> int:
    return duration_ns("a duration", text) // 1_000_000_000


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise ValueError(f"{text!r} is no port")
    return int(text)


def _url(text: str) -> str:
    if text and not text.startswith(("http://", "https://")):
        raise ValueError(f"{text!r} is no http:// or https:// URL")
    return text.rstrip("/")


def _level(text: str) -> str:
    if text not in ("debug", "info", "warning", "error"):
        raise ValueError(f"{text!r} is none of debug, info, warning, error")
    return text.upper()


def _named(parse: Callable[[str], T]) -> Callable[[str], T]:
    def check(text: str) -> T:
        try:
            return parse(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return check
