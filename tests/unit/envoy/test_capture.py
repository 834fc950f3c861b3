"""Capture rules as golden text, and the netlink messages they become."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tejer.envoy.agent.iptables import options_of, parse_arguments
from tejer.envoy.capture import CHAINS, CaptureOptions, Match, plan
from tejer.envoy.nftables import transaction

GOLDEN = Path(__file__).parents[2] / "golden" / "capture"

CASES = {
    "default": CaptureOptions(),
    "some-ports": CaptureOptions(inbound_ports=("8080", "9090"), outbound_ranges=("10.0.0.0/8",)),
    "exclusions": CaptureOptions(
        exclude_inbound_ports=("15020", "9000"),
        exclude_outbound_ports=("3306",),
        exclude_outbound_ranges=("10.1.2.3/16", "fd00::/8"),
        exclude_interfaces=("eth1",),
    ),
    "outbound-ports": CaptureOptions(outbound_ranges=(), outbound_ports=("443",), inbound_ports=()),
}


@pytest.mark.parametrize("name", CASES)
def test_golden(name: str) -> None:
    text = "".join(f"{rule}\n" for rule in plan(CASES[name]))
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(text)
    assert text == path.read_text()


@pytest.mark.parametrize("port", ["0", "65536", "http", "-1", "80-90", ""])
def test_bad_ports_are_named(port: str) -> None:
    with pytest.raises(ValueError, match="is not a port"):
        plan(CaptureOptions(exclude_outbound_ports=(port,)))


def test_bad_ranges_are_named() -> None:
    with pytest.raises(ValueError, match=r"'10\.0\.0\.0/33' is not an IP range"):
        plan(CaptureOptions(exclude_outbound_ranges=("10.0.0.0/33",)))


def test_istios_flags_short_and_long() -> None:
    short = "-p 15001 -z 15006 -u 1337 -m REDIRECT -i * -x 10.0.0.0/8 -b * -d 15090,15021 -o 3306 --log_output_level=x"
    long = (
        "--envoy-port=15001 --inbound-capture-port=15006 --proxy-uid=1337 --istio-inbound-interception-mode=REDIRECT"
        " --istio-service-cidr=* --istio-service-exclude-cidr=10.0.0.0/8 --istio-inbound-ports=*"
        " --istio-local-exclude-ports=15090,15021 --istio-local-outbound-ports-exclude=3306"
    )
    options = options_of(parse_arguments(short.split()))
    assert options == options_of(parse_arguments(long.split()))
    assert options.exclude_outbound_ports == ("3306",)
    assert options.exclude_inbound_ports == ("15090", "15021")


def test_empty_values_mean_none() -> None:
    options = options_of(parse_arguments(["-i", "", "-b", "", "-x", "", "-d", ""]))
    assert (options.outbound_ranges, options.inbound_ports) == ((), ())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-m", "TPROXY"], "TPROXY is not supported"),
        (["--redirect-dns"], "DNS capture"),
        (["-k", "tap0"], "virtual interfaces"),
        (["--nonsense"], "unknown argument '--nonsense'"),
        (["nonsense"], "unknown argument 'nonsense'"),
    ],
)
def test_what_cannot_be_done_is_refused(arguments: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        options_of(parse_arguments(arguments))


def test_the_transaction_replaces_the_table_and_asks_for_one_answer() -> None:
    messages = transaction(plan(CaptureOptions()))
    kinds = [kind & 0xFF for kind, _, _ in messages]
    assert kinds[:4] == [0x10, 0, 2, 0]  # begin, new table, delete table, new table
    assert kinds[4 : 4 + 2 + len(CHAINS)] == [3] * (2 + len(CHAINS))
    assert kinds[-1] == 0x11
    assert [index for index, (_, flags, _) in enumerate(messages) if flags & 4] == [len(messages) - 2]


def test_matches_read_like_nft() -> None:
    assert str(Match("ip daddr", "10.0.0.0/8", equal=False)) == "ip daddr != 10.0.0.0/8"
