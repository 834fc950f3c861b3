"""JSON patch, JSON merge patch and strategic merge patch."""

from __future__ import annotations

from typing import Any

import jsonpatch
import jsonpointer

from tejer.cluster.apiserver.machinery.definition import Definition
from tejer.cluster.apiserver.machinery.strategic import strategic_merge
from tejer.kube.api import JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH, ApiError
from tejer.kube.resource import Body

_MAX_OPERATIONS = 10_000


def apply_patch(defn: Definition, current: Body, patch: Any, content_type: str) -> Body:
    """`current` changed by the decoded `patch`; `current` itself stays as it is.

    `content_type` is one of JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH of `tejer.kube.api` (parameters are ignored).
    Raises ApiError: 415 for another type or a strategic patch of a custom resource, 400 for a malformed patch, 422 for
    a JSON patch that does not apply.
    """
    media_type = content_type.partition(";")[0].strip()
    current = defn.convert(current)
    if media_type == JSON_PATCH:
        return json_patch(current, patch)
    if not isinstance(patch, dict):
        raise ApiError(400, "BadRequest", f"a {media_type} patch must be an object")
    if media_type == MERGE_PATCH:
        merged: Body = merge_patch(current, patch)
        return merged
    if media_type == STRATEGIC_PATCH and not defn.is_crd:
        return strategic_merge(current, patch, defn.schema)
    accepted = [JSON_PATCH, MERGE_PATCH, *([] if defn.is_crd else [STRATEGIC_PATCH]), "application/apply-patch+yaml"]
    text = "the body of the request was in an unknown format - accepted media types include: " + ", ".join(accepted)
    raise ApiError(415, "UnsupportedMediaType", text)


def json_patch(document: Body, operations: Any) -> Body:
    """RFC 6902. 422 when an operation does not apply, 400 when the patch is malformed."""
    if not isinstance(operations, list):
        raise ApiError(400, "BadRequest", "a JSON patch must be a list of operations")
    if len(operations) > _MAX_OPERATIONS:
        text = f"The allowed maximum operations in a JSON patch is {_MAX_OPERATIONS}, got {len(operations)}"
        raise ApiError(413, "RequestEntityTooLarge", text)
    try:
        result = jsonpatch.JsonPatch(operations).apply(document)
    except (jsonpatch.InvalidJsonPatch, jsonpointer.JsonPointerException) as error:
        raise ApiError(400, "BadRequest", f"malformed JSON patch: {error}") from error
    except (jsonpatch.JsonPatchException, KeyError, TypeError, IndexError) as error:
        text = f"the server rejected our request due to an error in our request: {error}"
        raise ApiError(422, "Invalid", text) from error
    if not isinstance(result, dict):
        raise ApiError(400, "BadRequest", "the JSON patch does not leave an object")
    return result


def merge_patch(document: Any, patch: Any) -> Any:
    """RFC 7396."""
    if not isinstance(patch, dict):
        return patch
    out = dict(document) if isinstance(document, dict) else {}
    for key, value in patch.items():
        if value is None:
            out.pop(key, None)
        else:
            out[key] = merge_patch(out.get(key), value)
    return out
