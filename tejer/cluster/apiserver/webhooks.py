"""Calls admission webhooks: HTTPS with the webhook's own CA, to a URL or to an endpoint of its Service.

Which webhooks, with what review, and what their answers mean is `machinery.admission`'s; this is only the wire.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import logging
import ssl
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import msgspec

from tejer.cluster.apiserver.core import Core
from tejer.cluster.apiserver.machinery.admission import (
    Attributes,
    Call,
    apply_answer,
    failed,
    plan_calls,
    review,
)
from tejer.kube.resource import Body
from tejer.kube.types import ENDPOINTSLICES, MUTATINGWEBHOOKS, SERVICES, VALIDATINGWEBHOOKS, ResourceType

log = logging.getLogger(__name__)

WebhookResolver = Callable[[str, str, int], Awaitable[tuple[str, int]]]
"""(namespace, service, port) to the host and port of one ready endpoint. Raises LookupError where there is none."""

_MAX_CONTEXTS = 32
MAX_ANSWER = 8 * 1024 * 1024
"""Bytes. A patch may replace the whole object, which is base64 of JSON then: more than an object itself takes."""


class Webhooks:
    """`mutate` and `validate` are called on each write; without configurations they cost two look-ups."""

    def __init__(self, core: Core, resolver: WebhookResolver | None = None) -> None:
        self.core = core
        self._resolve = resolver or self._endpoint
        self._session: aiohttp.ClientSession | None = None
        self._contexts: dict[str, ssl.SSLContext] = {}

    async def start(self) -> None:
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=15)
        self._session = aiohttp.ClientSession(connector=connector, trust_env=False)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def mutate(self, attributes: Attributes, body: Body | None, warnings: list[str]) -> Body | None:
        """The object after all mutating webhooks, one after another; those that ask for it see later changes again.

        `body` is None for a deletion, which they can only deny.
        """
        calls = self._plan(MUTATINGWEBHOOKS, attributes, mutating=True)
        left: dict[int, Body | None] = {}
        for index, call in enumerate(calls):
            body = await self._call(call, attributes, body, warnings)
            left[index] = body
        for index, call in enumerate(calls):
            if call.reinvoke_if_needed and left[index] != body:
                body = await self._call(call, attributes, body, warnings)
        return body

    async def validate(self, attributes: Attributes, body: Body | None, warnings: list[str]) -> None:
        """Raises the first denial. All validating webhooks are asked at once."""
        calls = self._plan(VALIDATINGWEBHOOKS, attributes, mutating=False)
        answers = await asyncio.gather(
            *(self._call(call, attributes, body, warnings) for call in calls), return_exceptions=True
        )
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer

    def _plan(self, rtype: ResourceType, attributes: Attributes, *, mutating: bool) -> tuple[Call, ...]:
        if attributes.defn.group == rtype.group:
            # A broken webhook must not guard the configuration that would mend it.
            return ()
        items = self.core.store.list(rtype.group, rtype.plural)
        return plan_calls(attributes, [item.body for item in items], mutating=mutating) if items else ()

    async def _call(self, call: Call, attributes: Attributes, body: Body | None, warnings: list[str]) -> Body | None:
        uid = str(uuid.uuid4())
        url = call.url or _service_url(call)
        try:
            async with asyncio.timeout(call.timeout_seconds):
                answer = await self._post(call, url, review(call, attributes, body, uid))
        except (OSError, LookupError, ValueError, TimeoutError, aiohttp.ClientError, msgspec.DecodeError) as error:
            log.warning("%s", failed(call, url, _reason(error, call)))
            return body
        result = apply_answer(call, attributes, body, uid, answer)
        warnings.extend(result.warnings)
        return result.body

    async def _post(self, call: Call, url: str, sent: Body) -> Body:
        assert self._session is not None, "started"
        target, name = url, None
        if not call.url:
            namespace, service, port, path = call.service
            host, endpoint_port = await self._resolve(namespace, service, port)
            target, name = f"https://{_bracketed(host)}:{endpoint_port}{path}", f"{service}.{namespace}.svc"
        context = self._context(call.ca_bundle)
        headers = {"Content-Type": "application/json", "Accept": "application/json", "User-Agent": "kube-apiserver"}
        if name:
            headers["Host"] = name
        data = msgspec.json.encode(sent)
        async with self._session.post(
            target, data=data, ssl=context, server_hostname=name, headers=headers, allow_redirects=False
        ) as response:
            if response.status != 200:
                raise ValueError(f"the webhook answered HTTP {response.status}, not 200")
            decoded: Any = msgspec.json.decode(await _read(response))
        if not isinstance(decoded, dict):
            raise ValueError("the webhook's answer is no AdmissionReview")
        return decoded

    def _context(self, ca_bundle: str) -> ssl.SSLContext:
        if ca_bundle not in self._contexts:
            if len(self._contexts) >= _MAX_CONTEXTS:
                self._contexts.clear()
            try:
                pem = base64.b64decode(ca_bundle, validate=True).decode() if ca_bundle else None
                self._contexts[ca_bundle] = ssl.create_default_context(cadata=pem)
            except (binascii.Error, UnicodeDecodeError, ssl.SSLError) as error:
                raise ValueError(f"caBundle holds no PEM certificate: {error}") from error
        return self._contexts[ca_bundle]

    async def _endpoint(self, namespace: str, service: str, port: int) -> tuple[str, int]:
        """A ready endpoint of the Service, from its EndpointSlices."""
        item = self.core.store.get(SERVICES.key(namespace, service))
        if item is None:
            raise LookupError(f'service "{service}" not found')
        names = [entry.get("name", "") for entry in item.body["spec"].get("ports") or () if entry.get("port") == port]
        if not names:
            raise LookupError(f'service "{service}" has no port {port}')
        for piece in self.core.store.list(ENDPOINTSLICES.group, ENDPOINTSLICES.plural, namespace):
            if (piece.body["metadata"].get("labels") or {}).get("kubernetes.io/service-name") != service:
                continue
            ports = [entry["port"] for entry in piece.body.get("ports") or () if entry.get("name", "") == names[0]]
            for endpoint in piece.body.get("endpoints") or ():
                if ports and (endpoint.get("conditions") or {}).get("ready", True) and endpoint.get("addresses"):
                    return endpoint["addresses"][0], ports[0]
        raise LookupError(f'no endpoints available for service "{service}"')


async def _read(response: aiohttp.ClientResponse) -> bytes:
    """The whole body. Raises ValueError when it is larger than any object may be."""
    data = bytearray()
    async for chunk in response.content.iter_any():
        data += chunk
        if len(data) > MAX_ANSWER:
            raise ValueError(f"the webhook's answer is larger than {MAX_ANSWER} bytes")
    return bytes(data)


def _service_url(call: Call) -> str:
    namespace, service, port, path = call.service
    return f"https://{service}.{namespace}.svc:{port}{path}"


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _reason(error: Exception, call: Call) -> str:
    if isinstance(error, TimeoutError):
        return f"context deadline exceeded after {call.timeout_seconds:g} s"
    return str(error) or type(error).__name__
