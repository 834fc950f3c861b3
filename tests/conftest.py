"""What this machine can do decides which tests run: others are skipped with the reason, and fail under CI."""

from __future__ import annotations

import os
from functools import cache

import pytest

from tests.support import machine

NEEDS = {"netns": (machine.namespaces,), "e2e": (machine.namespaces, machine.kubectl)}


@cache
def obstacles(marker: str) -> tuple[str, ...]:
    return tuple(reason for check in NEEDS[marker] if (reason := check()))


def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker in NEEDS:
        reasons = obstacles(marker) if item.get_closest_marker(marker) else ()
        if not reasons:
            continue
        if os.environ.get("CI") == "true":
            pytest.fail(f"with CI=true this must run, but {'; '.join(reasons)}", pytrace=False)
        pytest.skip("; ".join(reasons))
