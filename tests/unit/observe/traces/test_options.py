"""Flags and their variables."""

from __future__ import annotations

import pytest

from tejer.observe.traces.options import parse_size, read_options


def test_flags_go_before_variables() -> None:
    environ = {"TEJER_STORAGE_RETENTION": "3h", "TEJER_STORAGE_SIZE": "64MB"}
    options = read_options(["--storage.size=16MB"], environ)
    assert options.retention == (3 * 3600, 7 * 86_400, 16 << 20)
    assert options.loopback
    assert not read_options(["--host=0.0.0.0"], {}).loopback


@pytest.mark.parametrize(
    "flag", ["--storage.size=1", "--storage.retention=2 days", "--query.port=70000", "--forward.otlp=collector:4318"]
)
def test_nonsense_is_refused_with_usage(flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        read_options([flag], {})
    name, _, value = flag.partition("=")
    told = capsys.readouterr().err
    assert name in told
    assert value in told


def test_sizes() -> None:
    assert [parse_size(text) for text in ("0", "8388608", "9MB", "1GB")] == [0, 8 << 20, 9 << 20, 1 << 30]
