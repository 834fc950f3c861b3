from __future__ import annotations

from decimal import Decimal

import pytest

from tejer.cluster.runtime.quantity import parse_quantity


@pytest.mark.parametrize(
    ("text", "value"),
    [("250m", "0.25"), ("1.5", "1.5"), ("1Gi", "1073741824"), ("2k", "2000"), ("1e3", "1000"), (3, "3")],
)
def test_quantities(text: str | int, value: str) -> None:
    assert parse_quantity(text) == Decimal(value)


def test_nonsense_says_what_would_do() -> None:
    with pytest.raises(ValueError, match=r"'1Gib' is not a quantity; write for example"):
        parse_quantity("1Gib")
