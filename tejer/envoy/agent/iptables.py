"""`istio-iptables FLAGS`: what the `istio-init` container runs. Istio's flags, applied as nftables rules."""

from __future__ import annotations

import sys

from tejer.envoy.capture import CaptureOptions, plan, split_list
from tejer.envoy.nftables import apply, remove

_LONG = {
    "envoy-port": "p", "inbound-capture-port": "z", "proxy-uid": "u", "proxy-gid": "g",
    "istio-inbound-interception-mode": "m", "istio-service-cidr": "i", "istio-service-exclude-cidr": "x",
    "istio-inbound-ports": "b", "istio-local-exclude-ports": "d", "istio-outbound-ports": "q",
    "istio-local-outbound-ports-exclude": "o", "istio-exclude-interfaces": "c", "log_output_level": "log",
    "log-level": "log", "inbound-tunnel-port": "e", "dry-run": "n", "cleanup-only": "cleanup",
    "kube-virt-interfaces": "k", "redirect-dns": "dns", "capture-all-dns": "dns", "run-validation": "check",
    "skip-rule-apply": "skip", "iptables-probe-port": "probe", "probe-timeout": "probe",
}  # fmt: skip
_SWITCHES = frozenset({"n", "cleanup", "dns", "check", "skip"})


def parse_arguments(arguments: list[str]) -> dict[str, str]:
    """`{short name: value}`; a switch given without a value is "true". Raises ValueError for an unknown flag."""
    found: dict[str, str] = {}
    rest = list(arguments)
    while rest:
        word = rest.pop(0)
        name, equals, value = word.lstrip("-").partition("=")
        short = _LONG.get(name) if word.startswith("--") else name
        if not word.startswith("-") or not short or short not in _LONG.values():
            raise ValueError(f"unknown argument {word!r}")
        if not equals:
            value = "true" if short in _SWITCHES or not rest else rest.pop(0)
        found[short] = value
    return found


def options_of(flags: dict[str, str]) -> CaptureOptions:
    """Raises ValueError for a mode or a flag that asks for what we can't do: capture must never be silently partial."""
    if (mode := flags.get("m", "REDIRECT")) not in ("REDIRECT", ""):
        raise ValueError(f"interception mode {mode} is not supported yet, only REDIRECT")
    if flags.get("dns", "false").lower() == "true":
        raise ValueError("DNS capture (--redirect-dns) is not supported yet")
    if flags.get("k"):
        raise ValueError("virtual interfaces (-k) are not supported yet")
    uids = tuple(int(uid) for uid in split_list(flags.get("u", "1337")))
    return CaptureOptions(
        envoy_port=int(flags.get("p", "15001")),
        inbound_port=int(flags.get("z", "15006")),
        uids=uids,
        gids=tuple(int(gid) for gid in split_list(flags["g"])) if "g" in flags else uids,
        inbound_ports=split_list(flags.get("b", "")),
        exclude_inbound_ports=split_list(flags.get("d", "")),
        outbound_ranges=split_list(flags.get("i", "")),
        exclude_outbound_ranges=split_list(flags.get("x", "")),
        outbound_ports=split_list(flags.get("q", "")),
        exclude_outbound_ports=split_list(flags.get("o", "")),
        exclude_interfaces=split_list(flags.get("c", "")),
    )


def run_iptables(arguments: list[str]) -> int:
    """Prints the rules and applies them (`--dry-run` only prints). Raises ValueError for bad flags."""
    flags = parse_arguments(arguments)
    if flags.get("cleanup") == "true":
        remove()
        return 0
    rules = plan(options_of(flags))
    sys.stdout.write("".join(f"{rule}\n" for rule in rules))
    if flags.get("n") == "true":
        return 0
    try:
        apply(rules)
    except OSError as problem:
        sys.stderr.write(f"istio-iptables: {problem.strerror or problem}\n")
        return 1
    return 0
