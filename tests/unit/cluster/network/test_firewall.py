from __future__ import annotations

from tejer.cluster.network.firewall import Chain, openings


def whats(*chains: Chain) -> list[str]:
    return [request.what for request in openings(list(chains), "tejer0", b"tejer0")]


def test_only_chains_that_drop_are_opened() -> None:
    assert whats(Chain("FORWARD", drops=False), Chain("INPUT", drops=False), Chain("OUTPUT", drops=True)) == []
    assert whats(Chain("INPUT", drops=True)) == ["inserting a rule into INPUT"]
    assert whats(Chain("FORWARD", drops=True)) == ["inserting a rule into FORWARD"] * 2


def test_docker_has_a_chain_for_the_rules_of_others() -> None:
    chains = (Chain("FORWARD", drops=True), Chain("DOCKER-USER", drops=False))
    assert whats(*chains) == ["inserting a rule into DOCKER-USER"] * 2
