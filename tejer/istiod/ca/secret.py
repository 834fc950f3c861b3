"""Where the mesh's `Authority` is kept: the Secret `cacerts` if the operator plugged one in, else `istio-ca-secret`.

Only the leader creates or renews the self-signed one; other replicas wait for it to appear.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from datetime import UTC, datetime

from tejer.istiod.ca.authority import (
    PLUGGED_IN_SECRET,
    SELF_SIGNED_SECRET,
    SELF_SIGNED_TYPE,
    Authority,
    from_secret,
    self_signed,
    to_secret,
)
from tejer.istiod.leader import Leader
from tejer.kube.api import Api, ApiError
from tejer.kube.resource import Body, Key
from tejer.kube.types import SECRETS

log = logging.getLogger(__name__)

POLL_SECONDS = 0.2


async def load(api: Api, namespace: str) -> Authority | None:
    """The authority in the cluster, or None if there is none yet. Raises ValueError for a Secret that is broken."""
    for name in (PLUGGED_IN_SECRET, SELF_SIGNED_SECRET):
        if (secret := await _get(api, namespace, name)) is not None:
            return from_secret(f"{namespace}/{name}", secret.get("data") or {})
    return None


def pick(store: Mapping[Key, Body], namespace: str) -> Authority | None:
    """The same, of Secrets that are at hand."""
    for name in (PLUGGED_IN_SECRET, SELF_SIGNED_SECRET):
        if (secret := store.get(SECRETS.key(namespace, name))) is not None:
            return from_secret(f"{namespace}/{name}", secret.get("data") or {})
    return None


async def wait_for(api: Api, namespace: str, trust_domain: str, leader: Leader) -> Authority:
    """The mesh's authority, made by us if there is none and we lead. Raises ValueError for a broken Secret."""
    while True:
        try:
            if (found := await load(api, namespace)) is not None:
                return found
            if leader.elected.is_set() and (made := await _create(api, namespace, trust_domain)) is not None:
                return made
        except (ApiError, OSError) as error:
            log.warning("reading the mesh's CA: %s", error)
            await asyncio.sleep(1)
        await asyncio.sleep(POLL_SECONDS)


async def try_renewal(api: Api, namespace: str, trust_domain: str, now: datetime) -> None:
    """`renew_if_due`; what goes wrong is logged and tried again at the next check."""
    try:
        await renew_if_due(api, namespace, trust_domain, now)
    except (ApiError, OSError, ValueError) as error:
        log.error("renewing the mesh's root certificate: %s", error)


async def renew_if_due(api: Api, namespace: str, trust_domain: str, now: datetime) -> Authority | None:
    """Renew our own root in the last fifth of its life, keeping its key; the new authority if that was done."""
    secret = await _get(api, namespace, SELF_SIGNED_SECRET)
    if secret is None or await _get(api, namespace, PLUGGED_IN_SECRET) is not None:
        return None
    current = from_secret(f"{namespace}/{SELF_SIGNED_SECRET}", secret.get("data") or {})
    if not current.renewal_due(now):
        return None
    renewed = self_signed(now, trust_domain, current.key)
    await api.update(SECRETS, {**secret, "data": {**(secret.get("data") or {}), **to_secret(renewed)}})
    log.info("the mesh's root certificate was renewed until %s", renewed.certificate.not_valid_after_utc)
    return renewed


async def _get(api: Api, namespace: str, name: str) -> Body | None:
    try:
        return await api.get(SECRETS, name, namespace)
    except ApiError as error:
        if error.code == 404:
            return None
        raise


async def _create(api: Api, namespace: str, trust_domain: str) -> Authority | None:
    made = self_signed(datetime.now(UTC), trust_domain)
    body: Body = {
        "apiVersion": "v1", "kind": "Secret", "type": SELF_SIGNED_TYPE, "data": to_secret(made),
        "metadata": {"name": SELF_SIGNED_SECRET, "namespace": namespace},
    }  # fmt: skip
    try:
        await api.create(SECRETS, body, namespace)
    except ApiError as error:
        if error.code == 409:
            return None  # another replica was faster: read its
        raise
    log.info("made the mesh's root certificate for trust domain %s", trust_domain)
    return made
