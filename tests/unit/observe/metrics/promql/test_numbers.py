import pytest

from tejer.observe.metrics.promql.numbers import text_of


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"), (-0.0, "-0"), (1.0, "1"), (-12.5, "-12.5"), (0.1 + 0.2, "0.30000000000000004"),
        (1e20, "100000000000000000000"), (1e21, "1e+21"), (1.5e300, "1.5e+300"), (1e-6, "0.000001"), (1e-7, "1e-07"),
        (2.5e-10, "2.5e-10"), (123456789.125, "123456789.125"), (float("inf"), "+Inf"), (float("-inf"), "-Inf"),
        (float("nan"), "NaN"), (5e-324, "5e-324"), (1.7976931348623157e308, "1.7976931348623157e+308"),
    ],
)  # fmt: skip
def test_numbers_are_written_as_go_writes_them(value: float, text: str) -> None:
    assert text_of(value) == text
    assert text == "NaN" or float(text) == value
