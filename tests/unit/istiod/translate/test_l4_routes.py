from tejer.istiod.translate.l4_routes import L4Match


def test_a_name_or_network_that_is_said_twice_is_one() -> None:
    made = L4Match(("a.com", "a.com"), ("10.1.0.0/16", "10.1.0.0/16", "10.2.0.0/16")).to_envoy()
    assert list(made.server_names) == ["a.com"]
    assert [prefix.address_prefix for prefix in made.prefix_ranges] == ["10.1.0.0", "10.2.0.0"]


def test_claims_are_names_in_networks() -> None:
    assert L4Match(("a", "b"), ("10.1.0.0/16",)).claims == {("a", "10.1.0.0/16"), ("b", "10.1.0.0/16")}
    assert L4Match().claims == {("", "")}
