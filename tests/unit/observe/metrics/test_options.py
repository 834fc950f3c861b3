from __future__ import annotations

import pytest

from tejer.observe.metrics.options import read_options

BINARY = "/usr/bin/prometheus"


@pytest.mark.parametrize(
    ("arguments", "binary", "engine"),
    [
        ([], None, "embedded"),
        ([], BINARY, "binary"),
        (["--engine.url=http://p:9090/"], BINARY, "url"),
        (["--engine=embedded"], BINARY, "embedded"),
        (["--engine=binary", "--engine.url=http://p"], BINARY, "binary"),
    ],
)
def test_which_engine_serves(arguments: list[str], binary: str | None, engine: str) -> None:
    options = read_options(arguments, binary)
    assert options.engine == engine and options.flags["engine"] == engine


def test_prometheus_flags() -> None:
    options = read_options(
        ["--config.file=/etc/p.yml", "--storage.tsdb.path=/data", "--storage.tsdb.retention.time=2h",
         "--storage.tsdb.retention.size=1GB", "--web.listen-address=:9091"],
        None,
    )  # fmt: skip
    assert (str(options.config), str(options.data)) == ("/etc/p.yml", "/data")
    assert (options.retention, options.retention_bytes) == (7_200_000, 1 << 30)
    assert (options.host, options.port) == ("0.0.0.0", 9091)
    assert options.flags["storage.tsdb.retention.time"] == "2h"
    assert options.flags["web.listen-address"] == ":9091"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--engine=url"], "--engine=url needs --engine.url"),
        (["--engine=binary"], "no prometheus on PATH"),
        (["--storage.tsdb.retention.time=long"], "'long' is not a duration"),
        (["--storage.tsdb.retention.size=big"], "'big' is not a size"),
        (["--web.listen-address=here"], "'here' is not HOST:PORT"),
        (["--web.enable-lifecycle"], "unrecognized arguments"),
    ],
)
def test_what_cannot_be_read_is_said(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        read_options(arguments, None)
    assert said in capsys.readouterr().err
