"""The failures of the Kubernetes API, worded as kube-apiserver words them (clients match on some of these texts)."""

from __future__ import annotations

from tejer.cluster.apiserver.machinery.definition import Definition
from tejer.kube.api import ApiError
from tejer.kube.resource import Body

MODIFIED = "the object has been modified; please apply your changes to the latest version and try again"
JSON_ONLY = "only the following media types are accepted: application/json, application/yaml"


def _details(defn: Definition, name: str, **more: object) -> Body:
    details: Body = {"name": name, "kind": defn.rtype.plural, **more}
    if defn.group:
        details["group"] = defn.group
    return details


def not_found(defn: Definition, name: str) -> ApiError:
    return ApiError(404, "NotFound", f'{defn.group_resource} "{name}" not found', _details(defn, name))


def no_such_path() -> ApiError:
    return ApiError(404, "NotFound", "the server could not find the requested resource")


def already_exists(defn: Definition, name: str) -> ApiError:
    return ApiError(409, "AlreadyExists", f'{defn.group_resource} "{name}" already exists', _details(defn, name))


def conflict(defn: Definition, name: str, why: str = MODIFIED) -> ApiError:
    message = f'Operation cannot be fulfilled on {defn.group_resource} "{name}": {why}'
    return ApiError(409, "Conflict", message, _details(defn, name))


def forbidden(defn: Definition, name: str, why: str, causes: list[Body] | None = None) -> ApiError:
    shown = f' "{name}"' if name else ""
    more = {"causes": causes} if causes else {}
    return ApiError(403, "Forbidden", f"{defn.group_resource}{shown} is forbidden: {why}", _details(defn, name, **more))


def bad_request(message: str) -> ApiError:
    return ApiError(400, "BadRequest", message)


def invalid(defn: Definition, name: str, field: str, message: str, reason: str = "FieldValueInvalid") -> ApiError:
    kind = f"{defn.kind}.{defn.group}" if defn.group else defn.kind
    details = _details(defn, name, causes=[{"reason": reason, "message": message, "field": field}])
    return ApiError(422, "Invalid", f'{kind} "{name}" is invalid: {field}: {message}', {**details, "kind": defn.kind})


def method_not_allowed() -> ApiError:
    return ApiError(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")


def unauthorized() -> ApiError:
    return ApiError(401, "Unauthorized", "Unauthorized")


def not_acceptable() -> ApiError:
    return ApiError(406, "NotAcceptable", JSON_ONLY)


def unsupported_media_type(accepted: str) -> ApiError:
    message = f"the body of the request was in an unknown format - accepted media types include: {accepted}"
    return ApiError(415, "UnsupportedMediaType", message)


def expired(message: str) -> ApiError:
    return ApiError(410, "Expired", message)


def revision_too_large(asked: int, current: int) -> ApiError:
    details = {
        "causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}],
        "retryAfterSeconds": 1,
    }
    return ApiError(504, "Timeout", f"Too large resource version: {asked}, current: {current}", details)


def store_failed(message: str) -> ApiError:
    return ApiError(500, "InternalError", message)


def too_large(limit: int, advice: str = "") -> ApiError:
    text = f"Request entity too large: limit is {limit}"
    return ApiError(413, "RequestEntityTooLarge", f"{text}; {advice}" if advice else text)


def missing_namespace(namespace: str) -> ApiError:
    details = {"name": namespace, "kind": "namespaces"}
    return ApiError(404, "NotFound", f'namespaces "{namespace}" not found', details)
