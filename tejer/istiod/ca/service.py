"""`CertificateService`: istio.v1.auth.IstioCertificateService/CreateCertificate, without its transport.

A caller proves itself with a ServiceAccount token (audience istio-ca), which the transport has verified.
The SPIFFE ID is the caller's ServiceAccount; the Subject describes the pod the token is bound to.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime

from tejer.envoy.identity import PeerSubject
from tejer.istiod.authn import AuthnError, Caller
from tejer.istiod.ca.authority import Authority
from tejer.istiod.ca.issue import cert_chain, issue_workload, lifetime
from tejer.istiod.model.workload import pod_subject, spiffe_id
from tejer.kube.api import Api, ApiError
from tejer.kube.types import PODS

log = logging.getLogger(__name__)


class CertificateService:
    """`authority` is asked on every call, so a renewed root is used at once."""

    def __init__(
        self, api: Api, authority: Callable[[], Authority], trust_domain: Callable[[], str], cluster: str
    ) -> None:
        self.api, self.authority, self.trust_domain, self.cluster = api, authority, trust_domain, cluster

    async def create(self, caller: Caller, csr: str, validity_seconds: int) -> list[str]:
        """The certificate chain, PEM, root last. Raises CsrError, AuthnError, or ApiError if the pod can't be read."""
        if not caller.namespace or not caller.account:
            raise AuthnError(f"{caller.username} is not a ServiceAccount")
        authority = self.authority()
        leaf = issue_workload(
            csr.encode(),
            spiffe_id(self.trust_domain(), caller.namespace, caller.account),
            await self._subject(caller),
            authority,
            datetime.now(UTC),
            lifetime(validity_seconds),
        )
        return cert_chain(leaf, authority)

    async def _subject(self, caller: Caller) -> PeerSubject:
        if not caller.pod:
            return PeerSubject(namespace=caller.namespace, cluster=self.cluster)
        try:
            pod = await self.api.get(PODS, caller.pod, caller.namespace)
        except ApiError as error:
            if error.code == 404:
                raise AuthnError(f"pod {caller.namespace}/{caller.pod}, to which the token is bound, is gone") from None
            raise
        if caller.pod_uid and pod["metadata"].get("uid") != caller.pod_uid:
            raise AuthnError(f"pod {caller.namespace}/{caller.pod} is not the one the token was made for")
        return pod_subject(pod, self.cluster)
