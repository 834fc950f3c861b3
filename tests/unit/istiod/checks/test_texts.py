import pytest

from tejer.istiod.checks import texts

BAD_REGEXES = ["", "(", "*", "(?=a)", r"(a)\1", "a" * 1025]


@pytest.mark.parametrize(
    ("rule", "good", "bad"),
    [
        (texts.label_problem, ["a", "a-1", "x" * 63], ["", "A", "-a", "a.b", "x" * 64]),
        (texts.fqdn_problem, ["a", "a.b.c", "a_b.c", "a.b."], ["", "a..b", "a!b", "*.a", "x" * 256]),
        (texts.wildcard_problem, ["*", "*.a", "*a.com", "a"], ["", "a.*.b", "*."]),
        (texts.subnet_problem, ["10.0.0.1", "10.0.0.0/8", "::1/64"], ["", "10.0.0", "10.0.0.0/40"]),
        (texts.unix_problem, ["unix:///a/b", "unix://@a"], ["unix://a", "unix://", "unix:///a/"]),
        (texts.duration_problem, ["1ms", "5s", "1h"], ["0s", "5", "1us", "1.0005ms", "x"]),
        (texts.regex_problem, ["a.*", "(?i)abc", r"\pL+", "[[:alpha:]]+", "a?"], BAD_REGEXES),
        (texts.header_name_problem, ["x-a", "A_b"], ["", "a b", "a:b"]),
        (texts.header_value_problem, ["", "a", "100%%", "%REQ(x)%", "%START_TIME%"], ["5%", "%x", "a%b%"]),
    ],
)  # fmt: skip
def test_values(rule: object, good: list[str], bad: list[str]) -> None:
    assert callable(rule)
    assert [text for text in good if rule(text)] == []
    assert [text for text in bad if not rule(text)] == []


def test_wildcard_hosts_overlap() -> None:
    assert texts.matches("*.a.b", "*.b")
    assert texts.matches("x.b", "*.b")
    assert not texts.matches("x.c", "*.b")
    assert texts.subset_of("*.a.b", "*.b")
    assert not texts.subset_of("*.b", "*.a.b")
