"""A pod's volumes as values: which directories, which files with what in them. Pure.

Source: kubernetes.io/docs/concepts/storage/volumes and `pkg/volume/{configmap,secret,projected,downwardapi}`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tejer.cluster.runtime.env import config_map_data, secret_data
from tejer.cluster.runtime.fields import field_value, resource_value
from tejer.cluster.runtime.inputs import Inputs, PlanError
from tejer.kube.kinds.core import (
    Container,
    DownwardAPIVolumeFile,
    KeyToPath,
    Pod,
    Volume,
    VolumeProjection,
)

_DEFAULT_MODE = 0o644
MOUNT_ERROR = "FailedMount"


@dataclass(frozen=True, slots=True)
class File:
    content: bytes
    mode: int = _DEFAULT_MODE


@dataclass(frozen=True, slots=True)
class Token:
    """A ServiceAccount token to be asked for and written to `path`; `seconds` is its life."""

    path: str
    audience: str
    seconds: int
    mode: int = _DEFAULT_MODE


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumePlan:
    """One volume. `kind` is "empty" (a directory), "files" (kept up to date), "host" (`source` on the host) or "claim".

    For "host", `host_type` is hostPath's; for "claim", `source` is the PersistentVolumeClaim's name.
    """

    name: str
    kind: str
    files: tuple[tuple[str, File], ...] = ()
    tokens: tuple[Token, ...] = ()
    source: str = ""
    host_type: str = ""
    in_memory: bool = False


def plan_volumes(pod: Pod, inputs: Inputs) -> tuple[VolumePlan, ...]:
    """Raises PlanError FailedMount for a missing ConfigMap or Secret, or a kind of volume that can't be here."""
    return tuple(plan_volume(pod, volume, inputs) for volume in pod.spec.volumes)


def plan_volume(pod: Pod, volume: Volume, inputs: Inputs) -> VolumePlan:
    try:
        return _plan(pod, volume, inputs)
    except PlanError as error:
        raise PlanError(
            MOUNT_ERROR, f'MountVolume.SetUp failed for volume "{volume.name}" : {error.message}'
        ) from error


def _plan(pod: Pod, volume: Volume, inputs: Inputs) -> VolumePlan:
    name = volume.name
    if volume.host_path is not None:
        return VolumePlan(name=name, kind="host", source=volume.host_path.path, host_type=volume.host_path.type)
    if volume.persistent_volume_claim is not None:
        return VolumePlan(name=name, kind="claim", source=volume.persistent_volume_claim.claim_name)
    if volume.empty_dir is not None:
        return VolumePlan(name=name, kind="empty", in_memory=volume.empty_dir.medium == "Memory")
    if volume.projected is not None:
        files, tokens = _projected(pod, volume.projected.sources, volume.projected.default_mode, inputs)
        return VolumePlan(name=name, kind="files", files=files, tokens=tokens)
    projection = _as_projection(volume)
    if projection is None:
        raise PlanError(MOUNT_ERROR, "this kind of volume is not supported; use emptyDir, hostPath, configMap, secret, "
                        "projected, downwardAPI or persistentVolumeClaim")  # fmt: skip
    files, tokens = _projected(pod, (projection[0],), projection[1], inputs)
    return VolumePlan(name=name, kind="files", files=files, tokens=tokens)


def _as_projection(volume: Volume) -> tuple[VolumeProjection, int | None] | None:
    """A configMap, secret or downwardAPI volume is a projected one with one source."""
    from tejer.kube.kinds.core import ConfigMapProjection, DownwardAPIProjection, SecretProjection

    if (config := volume.config_map) is not None:
        source = ConfigMapProjection(name=config.name, items=config.items, optional=config.optional)
        return VolumeProjection(config_map=source), config.default_mode
    if (secret := volume.secret) is not None:
        named = SecretProjection(name=secret.secret_name, items=secret.items, optional=secret.optional)
        return VolumeProjection(secret=named), secret.default_mode
    if (downward := volume.downward_api) is not None:
        return VolumeProjection(downward_api=DownwardAPIProjection(items=downward.items)), downward.default_mode
    return None


def _projected(
    pod: Pod, sources: Iterable[VolumeProjection], default_mode: int | None, inputs: Inputs
) -> tuple[tuple[tuple[str, File], ...], tuple[Token, ...]]:
    mode = _DEFAULT_MODE if default_mode is None else default_mode
    files: dict[str, File] = {}
    tokens: list[Token] = []
    namespace = pod.metadata.namespace
    for source in sources:
        if (config := source.config_map) is not None:
            optional = bool(config.optional)
            data = config_map_data(namespace, config.name, inputs, optional=optional)
            files.update(_items(data, config.items, mode, optional, f'configmap "{config.name}"'))
        if (secret := source.secret) is not None:
            optional = bool(secret.optional)
            data = secret_data(namespace, secret.name, inputs, optional=optional)
            files.update(_items(data, secret.items, mode, optional, f'secret "{secret.name}"'))
        if source.downward_api is not None:
            files.update(_downward(pod, source.downward_api.items, mode, inputs))
        if (token := source.service_account_token) is not None:
            tokens.append(Token(token.path, token.audience, token.expiration_seconds or 3600, mode))
    return tuple(sorted(files.items())), tuple(tokens)


def _items(
    data: dict[str, bytes], items: tuple[KeyToPath, ...], mode: int, optional: bool, where: str
) -> dict[str, File]:
    if not items:
        return {key: File(content, mode) for key, content in data.items()}
    chosen: dict[str, File] = {}
    for item in items:
        if item.key in data:
            chosen[item.path] = File(data[item.key], mode if item.mode is None else item.mode)
        elif not optional:
            raise PlanError(MOUNT_ERROR, f"{where} references non-existent config key: {item.key}")
    return chosen


def _downward(pod: Pod, items: tuple[DownwardAPIVolumeFile, ...], mode: int, inputs: Inputs) -> dict[str, File]:
    files: dict[str, File] = {}
    for item in items:
        text = ""
        if item.field_ref is not None:
            text = field_value(pod, item.field_ref.field_path, inputs)
        elif item.resource_field_ref is not None:
            text = resource_value(pod, Container(), item.resource_field_ref, inputs)
        files[item.path] = File(text.encode(), mode if item.mode is None else item.mode)
    return files
