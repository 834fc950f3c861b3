"""The texts of proxy-status."""

from datetime import UTC, datetime, timedelta

import pytest

from tejer.cli.proxy_status import age, state_text

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("state", "text"),
    [
        (None, "IGNORED"),
        ({"status": "SYNCED", "acked_at": (NOW - timedelta(minutes=5)).isoformat()}, "SYNCED (5m)"),
        ({"status": "synced", "acked_at": ""}, "SYNCED"),
        ({"status": "STALE", "acked_at": ""}, "STALE"),
        ({"status": "ERROR", "error": "x"}, "ERROR"),
        ({"status": "NOT SENT"}, "NOT SENT"),
    ],
)
def test_states(state: dict[str, str] | None, text: str) -> None:
    assert state_text(state, NOW) == text


def test_ages_in_their_largest_unit() -> None:
    spans = (timedelta(seconds=3), timedelta(seconds=61), timedelta(hours=5), timedelta(days=3), timedelta(seconds=-9))
    assert [age(NOW - span, NOW) for span in spans] == ["3s", "1m", "5h", "3d", "0s"]
