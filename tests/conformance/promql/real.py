"""A real Prometheus that holds given samples, on the loopback. From Debian's package `prometheus`."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tejer.observe.metrics.promql.numbers import text_of
from tests.conformance.promql.samples import Series
from tests.e2e.clusters import free_ports

AVAILABLE = bool(shutil.which("prometheus") and shutil.which("promtool"))


@contextmanager
def prometheus(series: Iterable[Series], folder: Path) -> Iterator[str]:
    """The base address of a server that is taken away afterwards. `folder` must be empty."""
    text = folder / "samples.txt"
    text.write_text(openmetrics(series))
    data = folder / "data"
    promtool = ["promtool", "tsdb", "create-blocks-from", "openmetrics", str(text), str(data)]
    subprocess.run(promtool, check=True, capture_output=True, timeout=120)
    (folder / "prometheus.yml").write_text("global: {}\n")
    address = f"127.0.0.1:{free_ports(1)[0]}"
    command = [
        "prometheus", f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={data}",
        "--storage.tsdb.retention.time=100y", f"--web.listen-address={address}", "--log.level=error",
    ]  # fmt: skip
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        _until_ready(f"http://{address}/-/ready", server, folder / "log")
        yield f"http://{address}"
    finally:
        server.terminate()
        server.wait(30)


def openmetrics(series: Iterable[Series]) -> str:
    by_name: dict[str, list[Series]] = {}
    for labels, points in series:
        by_name.setdefault(dict(labels)["__name__"], []).append((labels, points))
    lines = []
    for name, members in by_name.items():
        lines.append(f"# TYPE {name} unknown")
        for labels, points in members:
            shown = ",".join(f"{key}={json.dumps(value)}" for key, value in labels if key != "__name__")
            lines += [f"{name}{{{shown}}} {text_of(value)} {time / 1000:.3f}" for time, value in points]
    return "\n".join([*lines, "# EOF", ""])


def ask(base: str, path: str, **given: object) -> dict[str, Any]:
    """The answer's JSON, also of a refusal."""
    form = urllib.parse.urlencode({key: str(value) for key, value in given.items()}).encode()
    try:
        with urllib.request.urlopen(f"{base}/api/v1/{path}", form, timeout=60) as response:
            answer: dict[str, Any] = json.load(response)
    except urllib.error.HTTPError as error:
        answer = json.load(error)
    return answer


def _until_ready(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        assert server.poll() is None, log.read_text()
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError(f"not ready: {log.read_text()}")
