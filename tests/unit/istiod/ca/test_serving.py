"""istiod's own certificate: accepted by a client that knows the root, replaced under open contexts."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from datetime import UTC, datetime

from tejer.istiod.ca.authority import Authority, self_signed
from tejer.istiod.ca.serving import keep_renewed, renew
from tejer.istiod.options import Options
from tejer.istiod.xds.grpc import server_tls


def handshake(server: ssl.SSLContext, root: bytes, host: str) -> str:
    """The serial number of the certificate that a client is shown. Raises ssl.SSLError when it doesn't trust it."""
    client = ssl.create_default_context(cadata=root.decode())
    left, right, back, forth = ssl.MemoryBIO(), ssl.MemoryBIO(), ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = server.wrap_bio(left, right, server_side=True)
    theirs = client.wrap_bio(forth, back, server_hostname=host)
    for _ in range(4):
        for side, source, target in ((theirs, back, left), (ours, right, forth)):
            with contextlib.suppress(ssl.SSLWantReadError):
                side.do_handshake()
            target.write(source.read())
    certificate = theirs.getpeercert()
    assert certificate is not None
    return str(certificate["serialNumber"])


def test_clients_trust_it_by_every_name_and_it_is_replaced_in_place() -> None:
    authority = self_signed(datetime.now(UTC), "td")
    context = server_tls(authority.root)
    hosts = Options().hosts
    renew(authority, hosts, [context])
    first = {handshake(context, authority.root, host) for host in hosts}
    renew(authority, hosts, [context])
    second = {handshake(context, authority.root, host) for host in hosts}
    assert len(first) == len(second) == 1 and first != second


def test_it_is_renewed_when_the_authority_changes() -> None:
    old, new = self_signed(datetime.now(UTC), "td"), self_signed(datetime.now(UTC), "td")
    current: list[Authority] = [old]
    context = server_tls(old.root)
    renew(old, ["localhost"], [context])

    async def run() -> None:
        changed = asyncio.Event()
        task = asyncio.get_running_loop().create_task(
            keep_renewed(lambda: current[0], ["localhost"], [context], changed)
        )
        current[0] = new
        changed.set()
        await asyncio.sleep(0.1)
        task.cancel()

    asyncio.run(run())
    handshake(context, new.root, "localhost")
