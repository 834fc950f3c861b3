"""`ApiServer`: the embedded Kubernetes API server, put together."""

from __future__ import annotations

import asyncio
import logging
import ssl
from asyncio import sslproto

from aiohttp import web

from tejer.cluster.apiserver.auth.authenticate import Authenticator
from tejer.cluster.apiserver.auth.authorizer import Authorizer
from tejer.cluster.apiserver.auth.tokens import Signer, new_key
from tejer.cluster.apiserver.auth.users import MASTERS, authenticated
from tejer.cluster.apiserver.backend import PodBackend
from tejer.cluster.apiserver.bootstrap import advertise, bootstrap, expire_events
from tejer.cluster.apiserver.config import MAX_BODY, ServerConfig, TlsFiles
from tejer.cluster.apiserver.core import Core
from tejer.cluster.apiserver.crds import CrdKeeper
from tejer.cluster.apiserver.documents import Documents
from tejer.cluster.apiserver.handler import Handler
from tejer.cluster.apiserver.local import LocalApi
from tejer.cluster.apiserver.patience import Patience
from tejer.cluster.apiserver.registry import Registry
from tejer.cluster.apiserver.verbs import Verbs
from tejer.cluster.apiserver.webhooks import WebhookResolver, Webhooks
from tejer.cluster.store.log import Store
from tejer.kube.api import Api
from tejer.kube.resource import Key

log = logging.getLogger(__name__)

_SIGNING_KEY = Key("internal.tejer.io", "signingkeys", "", "serviceaccounts")
_TLS_READ_BUFFER = 16 * 1024
_BACKLOG = 128
_EVENT_SWEEP, _IDLE_SECONDS = 300.0, 75.0
HEAD_SECONDS = 30.0
"""How long a new connection may take to send its first request's head."""


class ApiServer:
    """Made stopped. `backend` may be set later: until then logs, exec and port-forward answer 503."""

    def __init__(
        self,
        store: Store,
        config: ServerConfig,
        *,
        backend: PodBackend | None = None,
        resolver: WebhookResolver | None = None,
    ) -> None:
        self.store, self.config = store, config
        self.core = Core(store, Registry(), config)
        self.port = config.port
        self._backend = backend
        self._resolver = resolver
        self._webhooks = Webhooks(self.core, resolver)
        self._authorizer = Authorizer(self.core)
        self._crds = CrdKeeper(self.core)
        self.core.hooks.extend((self._crds.hook, self._authorizer.hook))
        self._verbs: Verbs | None = None
        self._handler: Handler | None = None
        self._runner: web.AppRunner | None = None
        self._listeners: list[asyncio.Server] = []
        self._patience = Patience(HEAD_SECONDS)

    @property
    def backend(self) -> PodBackend | None:
        return self._backend

    @backend.setter
    def backend(self, backend: PodBackend | None) -> None:
        self._backend = backend
        if self._handler is not None:
            self._handler.backend = backend

    async def start(self) -> None:
        """Open, and listen. Raises OSError for a port that is taken, ssl.SSLError for bad files, and as `open`."""
        await self.open()
        assert self._handler is not None
        await self._serve(self._handler)

    async def open(self) -> None:
        """Open the store and make what every cluster has: from here `local` works. Raises StoreUnavailable."""
        await self.store.start()
        self._crds.load()
        await self._webhooks.start()
        signer = Signer(await self._signing_key())
        authenticator = Authenticator(self.core, signer)
        self._verbs = Verbs(self.core, authenticator, self._authorizer, self._webhooks)
        await bootstrap(self.local("system:apiserver"))
        await self._authorizer.fill_aggregated()
        self._handler = Handler(self._verbs, Documents(self.core, signer.jwks()), self._backend)

    async def _signing_key(self) -> bytes:
        """The key of ServiceAccount tokens: in the store, under a group that no URL reaches."""
        item = self.store.get(_SIGNING_KEY)
        if item is not None:
            return str(item.body["key"]).encode()
        pem = new_key()
        await self.store.write(_SIGNING_KEY, {"metadata": {"name": _SIGNING_KEY.name}, "key": pem.decode()}, expect=0)
        return pem

    async def _serve(self, handler: Handler) -> None:
        async def handle(request: web.Request) -> web.StreamResponse:
            self._patience.heard(request.protocol)
            return await handler.handle(request)

        app = web.Application(client_max_size=MAX_BODY)
        app.router.add_route("*", "/{path:.*}", handle)
        # Handlers are not cancelled when a client goes: a write must reach its hooks. Watches look for themselves.
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0, keepalive_timeout=_IDLE_SECONDS)
        await self._runner.setup()
        self.port = await self.listen(self.config.host, self.config.port)

    async def listen(self, host: str, port: int | None = None) -> int:
        """Listen on one more address (the pods' gateway, say); returns the port. Raises OSError where it is taken."""
        # asyncio reserves 256 KiB per TLS connection to read into; our requests are small and watches are many.
        sslproto.SSLProtocol.max_size = _TLS_READ_BUFFER
        listener = await asyncio.get_running_loop().create_server(
            self._connection, host, self.port if port is None else port, ssl=_tls(self.config.tls), backlog=_BACKLOG
        )
        self._listeners.append(listener)
        return int(listener.sockets[0].getsockname()[1])

    def _connection(self) -> asyncio.BaseProtocol:
        assert self._runner is not None and self._runner.server is not None, "started"
        connection = self._runner.server()
        self._patience.began(connection)
        return connection

    async def advertise(self, host: str, port: int) -> None:
        """Point the Service `default/kubernetes` at an address that pods reach."""
        await advertise(self.local("system:apiserver"), self.config.service_cidr, host, port)

    async def maintain(self) -> None:
        """Forget Events after an hour, as Kubernetes does. Never returns: run it in a TaskGroup."""
        while True:
            await asyncio.sleep(_EVENT_SWEEP)
            await expire_events(self.local("system:apiserver"), self.core.now())

    async def stop(self) -> None:
        """End the watches and connections, then close the store."""
        await self.store.close()
        for listener in self._listeners:
            listener.close()
        if self._runner is not None:
            await self._runner.cleanup()
        await self._webhooks.close()

    def local(self, user: str, groups: tuple[str, ...] = (MASTERS,)) -> Api:
        """An in-process `Api` that acts as `user`. Only after `open`."""
        assert self._verbs is not None, "opened"
        return LocalApi(self._verbs, authenticated(user, groups))


def _tls(files: TlsFiles) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(files.cert, files.key)
    context.load_verify_locations(files.client_ca)
    context.verify_mode = ssl.CERT_OPTIONAL
    context.set_alpn_protocols(["http/1.1"])
    return context
