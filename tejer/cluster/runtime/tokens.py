"""ServiceAccount tokens of one pod: asked for by TokenRequest, renewed at 80 % of their life."""

from __future__ import annotations

import time
from datetime import datetime

from tejer.cluster.runtime.inputs import PlanError
from tejer.cluster.runtime.volumes import MOUNT_ERROR, Token
from tejer.kube.api import Api, ApiError
from tejer.kube.kinds.core import Pod
from tejer.kube.types import SERVICEACCOUNTS

_RENEW_AT = 0.8


class TokenKeeper:
    """`due` is when the first of the tokens wants renewing (seconds since the epoch), None without any."""

    def __init__(self, api: Api, pod: Pod) -> None:
        self._api, self._pod = api, pod
        self._tokens: dict[Token, tuple[str, float]] = {}

    @property
    def due(self) -> float | None:
        return min((renew for _, renew in self._tokens.values()), default=None)

    async def token(self, wanted: Token) -> str:
        """Raises PlanError when the API server refuses."""
        held = self._tokens.get(wanted)
        if held is not None and time.time() < held[1]:
            return held[0]
        meta = self._pod.metadata
        account = self._pod.spec.service_account_name or "default"
        request = {
            "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "metadata": {"name": account},
            "spec": {
                "audiences": [wanted.audience] if wanted.audience else [], "expirationSeconds": wanted.seconds,
                "boundObjectRef": {"kind": "Pod", "apiVersion": "v1", "name": meta.name, "uid": meta.uid},
            },
        }  # fmt: skip
        try:
            answer = await self._api.create(SERVICEACCOUNTS, request, meta.namespace, subresource="token", name=account)
        except ApiError as error:
            raise PlanError(MOUNT_ERROR, f"failed to fetch token: {error.message}") from error
        text, now = str(answer["status"]["token"]), time.time()
        expires = datetime.fromisoformat(str(answer["status"]["expirationTimestamp"])).timestamp()
        self._tokens[wanted] = (text, now + (expires - now) * _RENEW_AT)
        return text
