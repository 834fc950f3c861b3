r"""`Istiod`: the control plane put together. The only file of this room that knows all of its parts.

informers --changes--> Pusher (owner of the mesh's graph) --snapshots--> ADS connections
          \--> root certificates, CA bundles (leader), the CA's Secret
:15012 ADS + CA, :15010 ADS for loopback, :15017 webhooks, :15014 metrics + debug, :8080 readiness
"""

from __future__ import annotations

import asyncio
import gc
import logging
import ssl
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from aiohttp import web
from grpclib.server import Server

from tejer.istiod import pages, webhooks
from tejer.istiod.bundles import Bundles
from tejer.istiod.ca import secret
from tejer.istiod.ca.authority import PLUGGED_IN_SECRET, SELF_SIGNED_SECRET, Authority
from tejer.istiod.ca.service import CertificateService
from tejer.istiod.ca.serving import keep_renewed, renew
from tejer.istiod.checks.world import Settings
from tejer.istiod.http import make_http_app, make_monitoring_app
from tejer.istiod.leader import Leader
from tejer.istiod.live import LiveAnalysis
from tejer.istiod.metrics import Metrics
from tejer.istiod.model.census import census
from tejer.istiod.model.mesh import MESH_CONFIG_MAP, READ_TYPES, MeshState
from tejer.istiod.options import VERSION, Options
from tejer.istiod.rootcerts import NAME as ROOT_CERT_NAME
from tejer.istiod.rootcerts import RootCerts
from tejer.istiod.status import StatusWriter, rejections
from tejer.istiod.xds.grpc import make_server, server_tls
from tejer.istiod.xds.protocol import Snapshot
from tejer.istiod.xds.pusher import Pusher
from tejer.istiod.xds.server import Services
from tejer.istiod.xds.wire import Encoder
from tejer.kube.api import Api
from tejer.kube.informer import Informer
from tejer.kube.problem import Problem, Severity
from tejer.kube.resource import Change
from tejer.kube.types import (
    CONFIGMAPS,
    ISTIO_TYPES,
    MUTATINGWEBHOOKS,
    NAMESPACES,
    SECRETS,
    VALIDATINGWEBHOOKS,
    ResourceType,
)

log = logging.getLogger(__name__)

INJECTOR_CONFIG_MAP = "istio-sidecar-injector"
ROOT_CHECK_SECONDS = 3600.0
DRAIN_SECONDS = 5.0
_ALWAYS_READ = (*READ_TYPES, NAMESPACES, MUTATINGWEBHOOKS, VALIDATINGWEBHOOKS)
_ANALYSED_ONLY = frozenset(rtype.plural for rtype in ISTIO_TYPES if rtype not in READ_TYPES)
_CA_SECRETS = (PLUGGED_IN_SECRET, SELF_SIGNED_SECRET)


class Istiod:
    """Construction does no I/O; `run` serves until cancelled. Raises ValueError when the CA's Secret is broken."""

    def __init__(
        self, options: Options, api: Api, *, render: Callable[[Any], Snapshot], inject: webhooks.Inject,
        validate: webhooks.Validate, parse_yaml: Callable[[str], Any],
    ) -> None:  # fmt: skip
        self.options, self.api, self.inject, self.validate = options, api, inject, validate
        self.metrics = Metrics()
        self.mesh = MeshState(parse_yaml, domain=options.domain, root_namespace=options.namespace)
        self.pusher = Pusher(self.mesh, render, self.metrics)
        self.leader = Leader(api, options.namespace, options.pod)
        self.authority: Authority | None = None
        self.informers = _informers(api, options)
        certificates = CertificateService(api, self._authority, self.trust_domain, options.cluster)
        encoder = Encoder(options.pod, VERSION)
        self.services = Services(api, self.pusher, certificates, encoder, self.metrics, self.trust_domains)
        held = self.informers["rootcerts"].store
        self.rootcerts = RootCerts(api, self.leader, self._root, self.informers["namespaces"].store, held)
        stores = {t: self.informers[t.plural].store for t in (MUTATINGWEBHOOKS, VALIDATINGWEBHOOKS)}
        self.bundles = Bundles(api, self.leader, self._root, stores)
        self.objects = {name: informer.store for name, informer in self.informers.items()}
        self.render_problems: dict[tuple[str, ...], tuple[Problem, ...]] = {}  # by proxy type, namespace, workload, ...
        self.status = StatusWriter(api, self.leader, self.all_problems, self.objects, _now)
        self.live = LiveAnalysis(
            _watched_types(options), Settings(istio_namespace=options.namespace, domain=options.domain), parse_yaml,
            self.status.look,
        )  # fmt: skip
        self.waiting_for = "objects of the API server"
        self._renewed = asyncio.Event()
        self.ports: dict[str, int] = {}

    def trust_domain(self) -> str:
        return self.mesh.settings.trust_domain or self.options.trust_domain

    def trust_domains(self) -> tuple[str, ...]:
        """Ours and the mesh config's aliases: whose certificates may speak to istiod."""
        return (self.trust_domain(), *self.mesh.settings.trust_domain_aliases)

    def all_problems(self) -> list[Problem]:
        """What is wrong now: what analysis finds, with the model, with translation, and in the proxies' opinion."""
        connections = self.services.connections.values()
        connected = {(c.node.type, c.node.namespace, c.node.subject.workload) for c in connections}
        rendered = [p for of, problems in self.render_problems.items() if of[:3] in connected for p in problems]
        return [*self.live.problems(), *self.pusher.problems, *rendered, *rejections(connections)]

    def _authority(self) -> Authority:
        assert self.authority is not None, "servers start after the authority is there"
        return self.authority

    def _root(self) -> str:
        return self._authority().root.decode()

    async def run(self) -> None:
        closers: list[Callable[[], Any]] = []
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self.leader.run())
                for name, informer in self.informers.items():
                    group.create_task(informer.run(self._listener(name)), name=f"watch {name}")
                await self._start_http(closers)
                for informer in self.informers.values():
                    await informer.synced.wait()
                await self._load(group)
                contexts = (server_tls(self._authority().root), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
                renew(self._authority(), self.options.hosts, contexts)
                await self._start_servers(*contexts, closers)
                self._renewed.clear()
                group.create_task(self.rootcerts.run())
                group.create_task(self.bundles.run())
                group.create_task(keep_renewed(self._authority, self.options.hosts, contexts, self._renewed))
                group.create_task(self._keep_root())
                if self.options.write_status:
                    group.create_task(self.live.run())
                    group.create_task(self.status.run())
                self.waiting_for = ""
                log.info("ready: %s", ", ".join(f"{name} :{port}" for name, port in self.ports.items()))
        finally:
            await self._stop(closers)

    async def _load(self, group: asyncio.TaskGroup) -> None:
        """Take in the whole mesh at once, then the CA."""
        group.create_task(self.pusher.run())
        await self.pusher.settled()
        gc.collect()
        gc.freeze()  # what was loaded stays: never look at it again
        gc.enable()
        self.waiting_for = "the mesh's CA"
        self._use(await secret.wait_for(self.api, self.options.namespace, self.trust_domain(), self.leader))
        self.services.ready.set()

    def _use(self, authority: Authority) -> None:
        if self.authority is not None and self.authority.certificate_pem == authority.certificate_pem:
            return
        self.authority = authority
        self.metrics.root_expiry.set(authority.root_expires.timestamp())
        self.metrics.chain_expiry.set(authority.certificate.not_valid_after_utc.timestamp())
        self._renewed.set()
        self.rootcerts.look()
        self.bundles.look()

    def _listener(self, name: str) -> Callable[[list[Change]], None]:
        """What each informer's changes go to."""
        reader = self._reader(name)
        if not self.options.write_status or name == "rootcerts":
            return reader

        def also_to_analysis(changes: list[Change]) -> None:
            reader(changes)
            self.live.submit(changes)
            for change in changes if name == "meshconfig" else ():
                self.live.configure(str(((change.new or {}).get("data") or {}).get("mesh", "")))

        return also_to_analysis

    def _reader(self, name: str) -> Callable[[list[Change]], None]:
        def to_mesh(changes: list[Change]) -> None:
            self.pusher.submit(changes)
            if name == SECRETS.plural and self.authority is not None:
                self._ca_secret(changes)

        if name == "injector" or name in _ANALYSED_ONLY:
            return lambda _: None  # read when a pod comes, or by analysis alone
        if name in ("namespaces", "rootcerts"):
            return lambda _: self.rootcerts.look()
        if name in (MUTATINGWEBHOOKS.plural, VALIDATINGWEBHOOKS.plural):
            return lambda _: self.bundles.look()
        return to_mesh

    def _ca_secret(self, changes: list[Change]) -> None:
        """A CA plugged in or renewed while we run is used at once."""
        for change in changes:
            if change.key.namespace == self.options.namespace and change.key.name in _CA_SECRETS:
                store = self.informers[SECRETS.plural].store
                try:
                    if (found := secret.pick(store, self.options.namespace)) is not None:
                        self._use(found)
                except ValueError as error:
                    log.error("the CA stays as it was: %s", error)

    async def _keep_root(self) -> None:
        while True:
            await self.leader.elected.wait()
            await secret.try_renewal(self.api, self.options.namespace, self.trust_domain(), datetime.now(UTC))
            await asyncio.sleep(ROOT_CHECK_SECONDS)

    async def _start_http(self, closers: list[Callable[[], Any]]) -> None:
        shown = pages.debug_pages(self)
        version = {"version": VERSION, "component": "istiod"}
        self.metrics.info.set(1, VERSION)
        self.metrics.build.set(1, "pilot", VERSION)
        monitoring = make_monitoring_app(self.metrics, version, shown, self.api, self._count)
        await self._start_site("http", make_http_app(lambda: self.waiting_for, shown), self.options.http_port, closers)
        await self._start_site("monitoring", monitoring, self.options.monitoring_port, closers)

    async def _count(self) -> None:
        """Metrics of the whole mesh: nothing counts along while it changes."""
        found = await self.pusher.inspect(lambda: census(self.mesh))
        self.metrics.take_census(found)
        by_severity = Counter(problem.severity for problem in self.all_problems())
        for severity in Severity:
            self.metrics.problems.set(by_severity[severity], severity.name.lower())

    async def _start_servers(
        self, grpc_tls: ssl.SSLContext, webhook_tls: ssl.SSLContext, closers: list[Callable[[], Any]]
    ) -> None:
        options = self.options
        await self._start_grpc("xds", options.address, options.grpc_port, grpc_tls, closers)
        await self._start_grpc("plaintext", "127.0.0.1", options.plaintext_port, None, closers)
        hooks = webhooks.make_app(self.inject, self.validate, self.metrics)
        await self._start_site("webhooks", hooks, options.webhook_port, closers, webhook_tls)

    async def _start_site(
        self, name: str, app: web.Application, port: int, closers: list[Callable[[], Any]],
        tls: ssl.SSLContext | None = None,
    ) -> None:  # fmt: skip
        runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=2)
        await runner.setup()
        closers.append(runner.cleanup)
        await web.TCPSite(runner, self.options.address, port, ssl_context=tls).start()
        self.ports[name] = runner.addresses[0][1]

    async def _start_grpc(
        self, name: str, address: str, port: int, tls: ssl.SSLContext | None, closers: list[Callable[[], Any]]
    ) -> None:
        server = make_server(self.services)
        await server.start(address, port, ssl=tls, backlog=1024)

        async def close() -> None:
            server.close()
            await server.wait_closed()

        closers.append(close)
        self.ports[name] = _port(server)

    async def _stop(self, closers: list[Callable[[], Any]]) -> None:
        try:
            async with asyncio.timeout(DRAIN_SECONDS):
                await self.services.drain()
                for close in reversed(closers):
                    await close()
        except TimeoutError:
            log.warning("some connections did not close in %.0f s", DRAIN_SECONDS)


def _informers(api: Api, options: Options) -> dict[str, Informer]:
    """One per kind that the model reads, and those of our own writing."""
    watched = {rtype.plural: Informer(api, rtype) for rtype in _watched_types(options) if rtype is not CONFIGMAPS}
    watched["meshconfig"] = Informer(
        api, CONFIGMAPS, namespace=options.namespace, field_selector=f"metadata.name={MESH_CONFIG_MAP}"
    )
    watched["injector"] = Informer(
        api, CONFIGMAPS, namespace=options.namespace, field_selector=f"metadata.name={INJECTOR_CONFIG_MAP}"
    )
    watched["rootcerts"] = Informer(api, CONFIGMAPS, field_selector=f"metadata.name={ROOT_CERT_NAME}")
    return watched


def _watched_types(options: Options) -> tuple[ResourceType, ...]:
    only_analysed = ISTIO_TYPES if options.write_status else ()
    return tuple(dict.fromkeys((*_ALWAYS_READ, *only_analysed)))


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _port(server: Server) -> int:
    inner = server._server
    assert isinstance(inner, asyncio.Server)
    return int(inner.sockets[0].getsockname()[1])
