"""What the server says about itself: version, health, discovery, OpenAPI, the token issuer's keys."""

from __future__ import annotations

import gzip
import hashlib
import platform
from collections.abc import Mapping

import msgspec

from tejer.cluster.apiserver import errors
from tejer.cluster.apiserver.core import Core
from tejer.cluster.apiserver.machinery import discovery, openapi_v3
from tejer.cluster.apiserver.openapi_v2 import openapi_v2, wants_v2
from tejer.cluster.apiserver.render import negotiate
from tejer.kube.resource import Body
from tejer.kube.types import CUSTOMRESOURCEDEFINITIONS

VERSION: Body = {
    "major": "1", "minor": "33", "emulationMajor": "1", "emulationMinor": "33", "minCompatibilityMajor": "1",
    "minCompatibilityMinor": "32", "gitVersion": "v1.33.0+tejer", "gitCommit": "", "gitTreeState": "clean",
    "buildDate": "1970-01-01T00:00:00Z", "goVersion": "none", "compiler": "none",
    "platform": f"linux/{platform.machine()}",
}  # fmt: skip
"""kubectl allows one minor version of skew either way; 1.33 is the API we implement."""

_V2_PROTOBUF = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
_HEALTH = ("healthz", "livez", "readyz")
_ROOT = ("/api", "/apis", "/healthz", "/livez", "/openapi/v2", "/openapi/v3", "/readyz", "/version")


class Document(msgspec.Struct, frozen=True):
    """An answer with its headers; `encoding` is "gzip" where `body` is compressed."""

    body: bytes
    media: str = "application/json"
    headers: dict[str, str] = {}
    encoding: str = ""
    status: int = 200


class Documents:
    """Everything here is derived from the registry and cached for as long as it does not change."""

    def __init__(self, core: Core, jwks: Body) -> None:
        self._core, self._jwks = core, jwks
        self._cache: dict[str, Document] = {}
        self._generation = -1

    def answer(self, path: str, headers: Mapping[str, str]) -> Document:
        """Raises ApiError 404 for a path that is none of ours."""
        if self._generation != self._core.registry.generation:
            self._generation = self._core.registry.generation
            self._cache.clear()
        path = path.rstrip("/") or "/"
        if path.split("/")[1] in _HEALTH:
            return Document(b"ok", "text/plain")
        accept = headers.get("Accept", "")
        form = negotiate(accept) if path in ("/api", "/apis") else None
        version = form.version if form and form.kind == "APIGroupDiscoveryList" else ""
        kind = version
        if path == "/openapi/v2" and "protobuf" in accept:
            kind = "full" if wants_v2(headers.get("User-Agent", "")) else "minimal"
        key = f"{path} {kind}"
        if key not in self._cache:
            self._cache[key] = self._make(path, kind)
        made = self._cache[key]
        etag = made.headers.get("ETag")
        if etag and headers.get("If-None-Match") == etag:
            return Document(b"", made.media, made.headers, "", 304)
        return _plain(made) if made.encoding and "gzip" not in headers.get("Accept-Encoding", "") else made

    def _make(self, path: str, kind: str) -> Document:
        definitions = self._core.registry.definitions()
        if kind and path in ("/api", "/apis"):
            return _aggregated(discovery.aggregated(path == "/api", definitions, kind), kind)
        parts = path.strip("/").split("/")
        if parts[0] == "openapi":
            return self._openapi(parts[1:], kind)
        body = self._small(path) or self._discovery(parts)
        if body is None:
            raise errors.no_such_path()
        return Document(msgspec.json.encode(body))

    def _small(self, path: str) -> Body | None:
        issuer = self._core.config.issuer
        match path:
            case "/":
                return {"paths": list(_ROOT)}
            case "/version":
                return VERSION
            case "/openid/v1/jwks":
                return self._jwks
            case "/.well-known/openid-configuration":
                return {
                    "issuer": issuer, "jwks_uri": f"{issuer}/openid/v1/jwks", "response_types_supported": ["id_token"],
                    "subject_types_supported": ["public"], "id_token_signing_alg_values_supported": ["ES256"],
                }  # fmt: skip
        return None

    def _discovery(self, parts: list[str]) -> Body | None:
        definitions = self._core.registry.definitions()
        match parts:
            case ["api"]:
                return discovery.api_versions()
            case ["apis"]:
                return discovery.api_group_list(definitions)
            case ["apis", group]:
                return discovery.api_group(group, definitions)
            case ["api", version]:
                return discovery.api_resource_list("", version, definitions)
            case ["apis", group, version]:
                return discovery.api_resource_list(group, version, definitions)
        return None

    def _openapi(self, parts: list[str], kind: str) -> Document:
        definitions = self._core.registry.definitions()
        match parts:
            case ["v2"] if kind == "full":
                versions = sorted({(defn.group, defn.version) for defn in definitions})
                whole = openapi_v2(self._v3(group, version) for group, version in versions)
                return Document(gzip.compress(whole, 5), _V2_PROTOBUF, encoding="gzip")
            case ["v2"] if kind == "minimal":
                return Document(openapi_v3.openapi_v2_protobuf(), _V2_PROTOBUF)
            case ["v2"]:
                info = {"title": "Kubernetes", "version": VERSION["gitVersion"]}
                return Document(msgspec.json.encode({"swagger": "2.0", "info": info, "paths": {}, "definitions": {}}))
            case ["v3"]:
                return Document(msgspec.json.encode(openapi_v3.openapi_index(definitions)))
            case ["v3", "api", version]:
                group = ""
            case ["v3", "apis", group, version]:
                pass
            case _:
                raise errors.no_such_path()
        if not any((defn.group, defn.version) == (group, version) for defn in definitions):
            raise errors.no_such_path()
        data = self._v3(group, version)
        headers = {"ETag": _etag(data), "Vary": "Accept-Encoding"}
        return Document(gzip.compress(data, 5), headers=headers, encoding="gzip")

    def _v3(self, group: str, version: str) -> bytes:
        crds = self._core.store.list(CUSTOMRESOURCEDEFINITIONS.group, CUSTOMRESOURCEDEFINITIONS.plural)
        custom = [item.body for item in crds if (item.body.get("spec") or {}).get("group") == group]
        return openapi_v3.openapi_document(group, version, self._core.registry.definitions(), custom=custom)


def _aggregated(body: Body, version: str) -> Document:
    data = msgspec.json.encode(body)
    media = f"application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList"
    return Document(data, media, {"ETag": _etag(data), "Vary": "Accept"})


def _plain(document: Document) -> Document:
    return Document(gzip.decompress(document.body), document.media, document.headers)


def _etag(data: bytes) -> str:
    return f'"{hashlib.sha256(data).hexdigest().upper()}"'
