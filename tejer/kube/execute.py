"""Runs a command in a container through the API server: the exec subresource over WebSocket.

Protocol `v5.channel.k8s.io` (or v4): each binary message starts with a channel byte, 1 standard output, 2 standard
error, 3 the final Status. Source: kubernetes.io/docs/reference/using-api/api-concepts, KEP-4006.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import NamedTuple

import aiohttp

from tejer.kube.api import ApiError
from tejer.kube.client import HttpApi
from tejer.kube.types import PODS

PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")
_STDOUT, _STDERR, _STATUS = 1, 2, 3


class Executed(NamedTuple):
    """How a command ended: `code` is its exit code."""

    code: int
    out: bytes
    err: bytes


async def execute(
    api: HttpApi, namespace: str, pod: str, container: str, command: Sequence[str], *, seconds: float = 30
) -> Executed:
    """Run `command` to its end. Raises ApiError when the server refuses, TimeoutError after `seconds`."""
    query = [("stdout", "true"), ("stderr", "true"), ("container", container), *(("command", part) for part in command)]
    url = api.connection.server + PODS.path(namespace, pod, "exec")
    streams = {_STDOUT: bytearray(), _STDERR: bytearray(), _STATUS: bytearray()}
    try:
        async with (
            asyncio.timeout(seconds),
            api.session.ws_connect(
                url, params=query, protocols=PROTOCOLS, headers=api.headers(), max_msg_size=0,
                server_hostname=api.connection.server_name or None,
            ) as socket,
        ):  # fmt: skip
            async for message in socket:
                if message.type is aiohttp.WSMsgType.BINARY and message.data:
                    streams.setdefault(message.data[0], bytearray()).extend(message.data[1:])
    except aiohttp.WSServerHandshakeError as error:
        raise ApiError(error.status, "", f"exec in pod {namespace}/{pod}: {error.message}") from error
    except aiohttp.ClientError as error:
        raise OSError(f"exec in pod {namespace}/{pod}: {error}") from error
    return Executed(exit_code(bytes(streams[_STATUS])), bytes(streams[_STDOUT]), bytes(streams[_STDERR]))


def exit_code(status: bytes) -> int:
    """The exit code in the final Status; raises ApiError when the command could not be run at all."""
    if not status:
        raise ApiError(500, "InternalError", "the connection ended before the command did")
    body = json.loads(status)
    if body.get("status") == "Success":
        return 0
    causes = body.get("details", {}).get("causes", [])
    code = next((cause["message"] for cause in causes if cause.get("reason") == "ExitCode"), "")
    if not code.isdigit():
        raise ApiError(int(body.get("code", 500)), body.get("reason", ""), body.get("message", "the command failed"))
    return int(code)
