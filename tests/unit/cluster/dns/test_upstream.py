from __future__ import annotations

import asyncio

from tejer.cluster.dns.upstream import ask_upstream, resolvers


def test_at_most_three_valid_servers() -> None:
    servers = ("1.1.1.1", "bad", "fe80::1%eth0", "2.2.2.2", "3.3.3.3")
    text = "# x\nsearch a b\n" + "".join(f"nameserver {server}\n" for server in servers)
    assert resolvers(text) == ("1.1.1.1", "fe80::1", "2.2.2.2")


def test_nobody_to_ask_is_no_answer_at_once() -> None:
    assert asyncio.run(ask_upstream(b"\0\1", (), tcp=False)) is None
