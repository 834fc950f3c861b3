"""CEL with Kubernetes' functions."""

from __future__ import annotations

from typing import Any

import pytest

from tejer.cluster.apiserver.machinery.cel import compile_problem, evaluate
from tejer.cluster.apiserver.machinery.quantity import parse_quantity

SELF = {
    "name": "web",
    "ports": [80, 443],
    "url": "https://u@host:8443/a?b=c",
    "labels": {"a": "1"},
    "namespace": "shop",
    "a-b": 1,
}


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("self.ports.all(p, p > 0 && p < 65536)", True),
        ("has(self.nothing) ? self.nothing : 'default'", "default"),
        ("self.name.matches('^[a-z]+$')", True),
        ("'é'.size() == 1 && size(self.ports) == 2", True),
        ("self.labels.exists(k, k == 'a')", True),
        ("'a,b'.split(',')", ["a", "b"]),
        ("'hello'.substring(1, 3)", "el"),
        ("['b', 'a'].isSorted()", False),
        ("isURL(self.url) && url(self.url).getHostname() == 'host' && url(self.url).getPort() == '8443'", True),
        ("isIP('10.0.0.1') && !isIP('10.0.0') && isCIDR('10.0.0.0/8')", True),
        ("cidr('10.0.0.0/8').containsIP('10.1.2.3')", True),
        ("quantity('500m').isLessThan(quantity('1'))", True),
        ("format.dns1123Label().validate('Not_ok').hasValue()", True),
        ("format.dns1123Label().validate('ok').hasValue()", False),
        ("self.ports.sum()", 523),
        ("has(self.__namespace__) && self.__namespace__ == 'shop' && self.a__dash__b == 1", True),
    ],
)
def test_expressions(expression: str, value: Any) -> None:
    assert evaluate(expression, {"self": SELF}) == value


@pytest.mark.parametrize("expression", ["self.missing", "nothing(self)", "self.name + 1", "self.ports[9]"])
def test_errors_are_value_errors(expression: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        evaluate(expression, {"self": SELF})


def test_compile_problems() -> None:
    assert compile_problem("self.a == 1") == ""
    assert "Syntax error" in compile_problem("self.a ==")


@pytest.mark.parametrize(
    ("text", "amount"),
    [("100m", "0.1"), ("1Ki", "1024"), ("1.5Gi", "1610612736"), ("2e3", "2000"), ("5", "5"), ("x", None)],
)
def test_quantities(text: str, amount: str | None) -> None:
    parsed = parse_quantity(text)
    assert (None if parsed is None else float(parsed)) == (None if amount is None else float(amount))
