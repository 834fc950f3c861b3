"""`python -m tejer.envoy.agent.main COMMAND ...`: the program in the image `tejer/proxyv2`, like Istio's pilot-agent.

Commands: `proxy sidecar|router`, `istio-iptables`, `wait`, `request METHOD PATH`. Standard library only in the process
that stays; each command imports what it needs.
"""

from __future__ import annotations

import sys


def main(arguments: list[str]) -> int:
    """Returns the exit status. Bad arguments and settings give one line on stderr and status 2."""
    command, rest = (arguments[0], arguments[1:]) if arguments else ("", [])
    try:
        if command == "proxy":
            from tejer.envoy.agent.proxy import run_proxy

            return run_proxy(rest)
        if command == "istio-iptables":
            from tejer.envoy.agent.iptables import run_iptables

            return run_iptables(rest)
        if command == "wait":
            from tejer.envoy.agent.client import run_wait

            return run_wait(rest)
        if command == "request":
            from tejer.envoy.agent.client import run_request

            return run_request(rest)
    except ValueError as problem:
        sys.stderr.write(f"{command}: {problem}\n")
        return 2
    sys.stderr.write(f"unknown command {command!r}: expected proxy, istio-iptables, wait or request\n")
    return 2


def console() -> None:
    """The console script `pilot-agent`, as people and lifecycle hooks run it inside a proxy container."""
    sys.exit(main(sys.argv[1:]))


if __name__ == "__main__":
    console()
