"""istiod's own certificate, issued by the mesh's CA and renewed at half its life, for :15012 and :15017.

The TLS contexts stay; their certificate is replaced in place, so open connections are not disturbed. Trust in client
certificates only grows: a renewed root is added, the old one stays until istiod restarts.
"""

from __future__ import annotations

import asyncio
import logging
import random
import ssl
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tejer.istiod.ca.authority import Authority
from tejer.istiod.ca.issue import DEFAULT_LIFETIME, issue_serving
from tejer.kube.connection import load_key_pair

log = logging.getLogger(__name__)


def renew(authority: Authority, hosts: Sequence[str], contexts: Sequence[ssl.SSLContext]) -> None:
    """Make a new key and certificate and put them, and the root, into `contexts`."""
    key = ec.generate_private_key(ec.SECP256R1())
    leaf = issue_serving(key.public_key(), hosts, authority, datetime.now(UTC), DEFAULT_LIFETIME)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    for context in contexts:
        load_key_pair(context, leaf + authority.chain, private)
        if context.verify_mode != ssl.CERT_NONE:
            context.load_verify_locations(cadata=authority.root.decode())


async def keep_renewed(
    authority: Callable[[], Authority], hosts: Sequence[str], contexts: Sequence[ssl.SSLContext], renewed: asyncio.Event
) -> None:
    """Renew at half life, and whenever `renewed` says that the authority changed; until cancelled."""
    half = DEFAULT_LIFETIME.total_seconds() / 2
    while True:
        try:
            async with asyncio.timeout(half * random.uniform(0.9, 1)):  # noqa: S311 (spreads replicas)
                await renewed.wait()
        except TimeoutError:
            pass
        renewed.clear()
        renew(authority(), hosts, contexts)
        log.info("istiod's serving certificate was renewed")
