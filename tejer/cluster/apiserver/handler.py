"""The HTTP door: authenticate, authorize, decode, call the verb, encode. One instance serves all addresses."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

import msgspec
from aiohttp import web

from tejer.cluster.apiserver import errors
from tejer.cluster.apiserver import query as q
from tejer.cluster.apiserver.auth.authenticate import Authenticator, account_of, impersonated
from tejer.cluster.apiserver.auth.authorizer import Authorizer
from tejer.cluster.apiserver.auth.rbac import Attributes
from tejer.cluster.apiserver.auth.users import User
from tejer.cluster.apiserver.backend import PodBackend
from tejer.cluster.apiserver.bodies import decode_body, duplicate_fields, media_type
from tejer.cluster.apiserver.config import MAX_BODY
from tejer.cluster.apiserver.core import Request
from tejer.cluster.apiserver.deletion import success
from tejer.cluster.apiserver.documents import Documents
from tejer.cluster.apiserver.machinery.definition import Definition
from tejer.cluster.apiserver.render import Renderer, negotiate
from tejer.cluster.apiserver.route import Route, parse_route
from tejer.cluster.apiserver.streams.execs import handle_attach, handle_exec
from tejer.cluster.apiserver.streams.logs import handle_log
from tejer.cluster.apiserver.streams.portforward import handle_portforward
from tejer.cluster.apiserver.verbs import Verbs
from tejer.cluster.apiserver.watching import Lines, stream
from tejer.kube.api import APPLY_PATCH, ApiError
from tejer.kube.resource import Body

log = logging.getLogger(__name__)

_STREAMS = {
    "log": handle_log,
    "exec": handle_exec,
    "attach": handle_attach,
    "portforward": handle_portforward,
}
_HEADERS = {"Cache-Control": "no-cache, private"}


class Handler:
    """`handle` is the aiohttp handler of every path. `backend` may come after the server has started."""

    def __init__(self, verbs: Verbs, documents: Documents, backend: PodBackend | None) -> None:
        self.verbs, self.documents, self.backend = verbs, documents, backend
        self._authenticator: Authenticator = verbs.authenticator
        self._authorizer: Authorizer = verbs.authorizer
        self._lines = Lines()

    async def handle(self, http: web.Request) -> web.StreamResponse:
        try:
            return await self._dispatch(http)
        except ApiError as error:
            return failure(error)
        except web.HTTPRequestEntityTooLarge:
            return failure(errors.too_large(MAX_BODY))
        except ConnectionError:
            raise
        except Exception:
            log.exception("%s %s failed", http.method, http.path)
            message = f"an error of the server itself on {http.method} {http.path}: see its log"
            return failure(ApiError(500, "InternalError", message))

    async def _dispatch(self, http: web.Request) -> web.StreamResponse:
        route = parse_route(http.method, http.path, watch=q.flag(http.query, "watch"))
        user = self._user(http)
        if not route.is_resource:
            return self._document(http, route, user)
        self._authorizer.require(user, _attributes(route))
        request = self._request(http, route, user)
        if request.subresource in _STREAMS:
            return await self._stream(http, request)
        match route.verb:
            case "get" | "list":
                return self._read(http, route, request)
            case "watch":
                return await stream(self.verbs, request, http, route.name, self._lines)
            case "create" | "update" | "patch":
                return await self._write(http, route, request)
            case "delete" | "deletecollection":
                return await self._delete(http, route, request)
        raise errors.method_not_allowed()

    # -- who and what

    def _user(self, http: web.Request) -> User:
        ssl_object = http.transport.get_extra_info("ssl_object") if http.transport else None
        certificate = ssl_object.getpeercert() if ssl_object else None
        user = self._authenticator.authenticate(http.headers, certificate)
        groups = http.headers.getall("Impersonate-Group", [])
        acting = impersonated(http.headers, groups)
        if acting is None:
            return user
        if account := account_of(acting.name):
            namespace, name = account
            self._authorizer.require(
                user, Attributes("impersonate", resource="serviceaccounts", namespace=namespace, name=name)
            )
        else:
            self._authorizer.require(user, Attributes("impersonate", resource="users", name=acting.name))
        for group in groups:
            self._authorizer.require(user, Attributes("impersonate", resource="groups", name=group))
        return acting

    def _document(self, http: web.Request, route: Route, user: User) -> web.Response:
        self._authorizer.require(user, Attributes(route.verb, path=http.path))
        if http.method not in ("GET", "HEAD"):
            raise errors.method_not_allowed()
        made = self.documents.answer(http.path, http.headers)
        headers = {**_HEADERS, "Content-Type": made.media, **made.headers}
        if made.encoding:
            headers["Content-Encoding"] = made.encoding
        return web.Response(body=made.body, status=made.status, headers=headers)

    def _request(self, http: web.Request, route: Route, user: User) -> Request:
        defn = self.verbs.core.registry.find(route.group, route.version, route.resource)
        if defn is None or route.rest:
            raise errors.no_such_path()
        rtype = defn.rtype
        # `/namespaces/x` names the Namespace x, not something inside it.
        namespace = route.namespace if rtype.namespaced else ""
        names_itself = rtype.plural == "namespaces" and route.name == route.namespace
        if route.namespace and not rtype.namespaced and not names_itself:
            # RBAC has judged the request inside that namespace: nothing outside of it may be reached.
            raise errors.no_such_path()
        if route.subresource and not _has_subresource(defn, route.subresource):
            raise errors.no_such_path()
        if not route.subresource and route.verb not in rtype.verbs:
            raise errors.method_not_allowed()
        if rtype.namespaced and not namespace and (route.name or route.verb == "create"):
            raise errors.method_not_allowed()
        if route.verb in ("update", "patch") and not route.name:
            raise errors.method_not_allowed()
        warnings = [defn.deprecation_warning] if defn.deprecation_warning else []
        return Request(
            user=user, defn=defn, namespace=namespace, name=route.name, subresource=route.subresource,
            dry_run=q.dry_run(http.query) if route.verb in ("create", "update", "patch") else False,
            manager=q.field_manager(http.query, http.headers.get("User-Agent", "")),
            field_validation=q.field_validation(http.query), force=q.flag(http.query, "force"), warnings=warnings,
        )  # fmt: skip

    # -- the verbs

    def _read(self, http: web.Request, route: Route, request: Request) -> web.Response:
        renderer = self._renderer(http)
        if route.name:
            return self._answer(request, renderer, self.verbs.get(request))
        page = self.verbs.list(request, q.list_options(request.defn, http.query))
        return _json(renderer.page(request.defn, page), renderer.form.media, warnings=request.warnings)

    async def _write(self, http: web.Request, route: Route, request: Request) -> web.Response:
        renderer = self._renderer(http)
        content_type = http.headers.get("Content-Type", "")
        data = await http.read()
        body = decode_body(data, content_type)
        if request.field_validation in ("Strict", "Warn"):
            request = replace(request, duplicates=duplicate_fields(data, content_type))
        if route.verb == "patch":
            media = media_type(content_type)
            if media == APPLY_PATCH and not http.query.get("fieldManager"):
                message = (
                    'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch'
                )
                raise ApiError(422, "Invalid", message)
            written = await self.verbs.patch(request, body, media)
            return self._answer(request, renderer, written.body, 201 if written.created else 200)
        if not isinstance(body, dict):
            raise errors.bad_request("the body of the request must be one object")
        if route.verb == "update":
            return self._answer(request, renderer, await self.verbs.update(request, body))
        if route.name and not route.subresource:
            raise errors.method_not_allowed()
        return self._answer(request, renderer, await self.verbs.create(request, body), 201)

    async def _delete(self, http: web.Request, route: Route, request: Request) -> web.Response:
        renderer = self._renderer(http)
        body = decode_body(await http.read(), http.headers.get("Content-Type", ""))
        options = q.delete_options(http.query, body if isinstance(body, dict) else {})
        if route.verb == "deletecollection":
            page = await self.verbs.delete_collection(request, q.list_options(request.defn, http.query), options)
            return _json(renderer.page(request.defn, page), renderer.form.media)
        deleted = await self.verbs.delete(request, options)
        is_pod = request.defn.kind == "Pod" and not request.defn.group
        shown = deleted.body if is_pod or not deleted.gone else success(request, deleted.body)
        return self._answer(request, renderer, shown)

    async def _stream(self, http: web.Request, request: Request) -> web.StreamResponse:
        pod = self.verbs.core.existing(request).body
        if self.backend is None:
            message = "no node agent runs pods here (yet): logs, exec and port-forward need one"
            raise ApiError(503, "ServiceUnavailable", message)
        return await _STREAMS[request.subresource](http, pod, http.query, self.backend)

    # -- the answer

    def _renderer(self, http: web.Request) -> Renderer:
        return Renderer(negotiate(http.headers.get("Accept", "")), http.query, self.verbs.core.now())

    def _answer(self, request: Request, renderer: Renderer, body: Body, status: int = 200) -> web.Response:
        own_form = request.subresource in ("", "status") and body.get("kind") == request.defn.kind
        shown = renderer.one(request.defn, body) if own_form else body
        return _json(shown, renderer.form.media, status, request.warnings)


def _attributes(route: Route) -> Attributes:
    return Attributes(
        route.verb, route.group, route.resource, route.subresource, route.namespace, route.name, route.version
    )


def _has_subresource(defn: Definition, subresource: str) -> bool:
    return subresource in defn.rtype.subresources


def _json(
    body: Any, media: str = "application/json", status: int = 200, warnings: list[str] | None = None
) -> web.Response:
    response = web.Response(body=msgspec.json.encode(body), status=status, headers={**_HEADERS, "Content-Type": media})
    for warning in dict.fromkeys(warnings or ()):
        response.headers.add("Warning", warning_header(warning))
    return response


def warning_header(text: str) -> str:
    """RFC 7234 warn-code 299; quotes escaped, control characters gone."""
    clean = "".join(" " if ord(char) < 32 else char for char in text)
    return '299 - "{}"'.format(clean.replace("\\", "\\\\").replace('"', '\\"'))


def failure(error: ApiError) -> web.Response:
    # `details` is always there, as in kube-apiserver: kubectl debug crashes without.
    response = _json({**error.body, "details": error.details}, status=error.code)
    if error.code == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="tejer"'
    if retry := error.details.get("retryAfterSeconds"):
        response.headers["Retry-After"] = str(retry)
    return response
