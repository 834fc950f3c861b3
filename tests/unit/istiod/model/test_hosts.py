import pytest

from tejer.istiod.model.hosts import matches, most_specific, resolve, split_gateway_host, visible


@pytest.mark.parametrize(
    ("host", "full"),
    [
        ("reviews", "reviews.shop.svc.cluster.local"),
        ("reviews.other", "reviews.other"),
        ("*", "*"),
        ("*.example.com", "*.example.com"),
        ("10.0.0.1", "10.0.0.1"),
        ("", ""),
    ],
)
def test_short_names_resolve_in_the_objects_own_namespace(host: str, full: str) -> None:
    assert resolve(host, "shop", "cluster.local") == full


def test_wildcards_take_what_is_below_them() -> None:
    assert matches("*.example.com", "a.example.com")
    assert matches("*.example.com", "*.b.example.com")
    assert not matches("*.example.com", "example.com")
    assert not matches("a.example.com", "*.example.com")
    assert matches("*", "anything")


def test_the_most_specific_pattern_wins() -> None:
    assert most_specific("a.b.c", ["*", "*.c", "*.b.c"]) == "*.b.c"
    assert most_specific("a.b.c", ["*.b.c", "a.b.c"]) == "a.b.c"
    assert most_specific("a.b.c", ["x"]) is None


@pytest.mark.parametrize(
    ("export_to", "seen"), [((), True), (("*",), True), ((".",), False), (("client",), True), (("~",), False)]
)
def test_export_to_says_who_sees_an_object(export_to: tuple[str, ...], seen: bool) -> None:
    assert visible(export_to, "owner", "client") is seen


def test_a_gateways_host_may_name_a_namespace() -> None:
    assert split_gateway_host("a.example", "ns") == ("*", "a.example")
    assert split_gateway_host("./a.example", "ns") == ("ns", "a.example")
    assert split_gateway_host("other/*", "ns") == ("other", "*")
