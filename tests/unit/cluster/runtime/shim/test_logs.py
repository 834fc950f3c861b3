from __future__ import annotations

import re
from pathlib import Path

from tejer.cluster.runtime.shim import logs


def test_lines_parts_and_an_unfinished_end(tmp_path: Path) -> None:
    path = tmp_path / "log"
    file = logs.LogFile(str(path))
    stream = logs.Stream("stderr", file)
    stream.feed(b"one\ntw")
    stream.feed(b"o\n" + b"y" * (logs.LONGEST_LINE + 5))
    stream.feed(b"")
    file.close()
    records = path.read_bytes().splitlines()
    stamp = rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z stderr "
    assert all(re.match(stamp, record) for record in records)
    assert [record.split(b" ", 3)[2:] for record in records] == [
        [b"F", b"one"], [b"F", b"two"], [b"P", b"y" * logs.LONGEST_LINE], [b"F", b"yyyyy"],
    ]  # fmt: skip


def test_a_large_log_moves_aside(tmp_path: Path) -> None:
    path = tmp_path / "log"
    file = logs.LogFile(str(path))
    for _ in range(logs.ROTATE_AT // 16000 + 5):
        file.write("stdout", "F", b"z" * 16000)
    file.close()
    assert path.with_name("log.1").stat().st_size >= logs.ROTATE_AT
    assert path.stat().st_size < 16000 * 10
