"""`pods/NAME/exec` and `pods/NAME/attach`, over WebSocket (v4, v5) and SPDY/3.1."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable

from aiohttp import web
from multidict import MultiMapping

from tejer.cluster.apiserver.backend import ExecSession, PodBackend
from tejer.cluster.apiserver.streams.channels import (
    ERROR,
    MAX_MESSAGE,
    RESIZE,
    SPDY_PROTOCOLS,
    STDERR,
    STDIN,
    STDOUT,
    WEBSOCKET_PROTOCOLS,
    Channels,
    SpdyChannels,
    WebSocketChannels,
    accept_streams,
)
from tejer.cluster.apiserver.streams.connection import (
    UpgradedResponse,
    hijack,
    is_spdy,
    is_websocket,
    upgrade_required,
)
from tejer.cluster.apiserver.streams.params import container_of, flag
from tejer.kube.api import ApiError
from tejer.kube.resource import Body

_Start = Callable[[], Awaitable[ExecSession]]


def exit_status(code: int) -> Body:
    """What the client reads from the error channel at the end: Success, or the exit code as a cause."""
    if code == 0:
        return {"metadata": {}, "status": "Success"}
    return {
        "metadata": {},
        "status": "Failure",
        "message": f"command terminated with non-zero exit code: exit status {code}",
        "reason": "NonZeroExitCode",
        "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]},
    }


async def handle_exec(
    request: web.Request, pod: Body, params: MultiMapping[str], backend: PodBackend
) -> web.StreamResponse:
    """Run `command` in a container of `pod` and connect its standard streams to the client. Raises ApiError."""
    command = params.getall("command", [])
    if not command:
        raise ApiError(400, "BadRequest", "you must specify at least one command for the container")
    container = container_of(pod, params.get("container", ""))
    tty, stdin = flag(params, "tty"), flag(params, "stdin")
    return await _serve(request, params, lambda: backend.exec(pod, container, command, tty=tty, stdin=stdin))


async def handle_attach(
    request: web.Request, pod: Body, params: MultiMapping[str], backend: PodBackend
) -> web.StreamResponse:
    """Connect the client to the container's main process. Raises ApiError."""
    container = container_of(pod, params.get("container", ""))
    tty, stdin = flag(params, "tty"), flag(params, "stdin")
    return await _serve(request, params, lambda: backend.attach(pod, container, tty=tty, stdin=stdin))


async def _serve(request: web.Request, params: MultiMapping[str], start: _Start) -> web.StreamResponse:
    if not (is_websocket(request) or is_spdy(request)):
        raise upgrade_required()
    session = await start()  # before the upgrade: a refusal is then a plain answer
    try:
        if is_websocket(request):
            return await _over_websocket(request, session)
        return await _over_spdy(request, params, session)
    finally:
        await session.close()


async def _over_websocket(request: web.Request, session: ExecSession) -> web.StreamResponse:
    socket = web.WebSocketResponse(protocols=WEBSOCKET_PROTOCOLS, max_msg_size=MAX_MESSAGE)
    await socket.prepare(request)
    await run_session(session, WebSocketChannels(socket))
    return socket


async def _over_spdy(request: web.Request, params: MultiMapping[str], session: ExecSession) -> web.StreamResponse:
    tty = flag(params, "tty")
    wanted = {"error"} | {name for name in ("stdin", "stdout", "stderr") if flag(params, name)}
    wanted = wanted - {"stderr"} | {"resize"} if tty else wanted
    connection, writer = hijack(request, SPDY_PROTOCOLS)
    try:
        async with asyncio.TaskGroup() as group:
            pump = group.create_task(connection.pump())
            try:
                channels = SpdyChannels(connection, await accept_streams(connection, wanted))
            except (TimeoutError, ConnectionResetError):
                pump.cancel()
                return UpgradedResponse()
            reading = group.create_task(channels.run())
            await run_session(session, channels)
            await _let_client_close(connection.closed)
            reading.cancel()
            pump.cancel()
    finally:
        writer.close()
    return UpgradedResponse()


async def _let_client_close(closed: asyncio.Event) -> None:
    """kubectl closes when it has read all; closing before it does could cut what is still on its way."""
    try:
        await asyncio.wait_for(closed.wait(), 1.0)
    except TimeoutError:
        return


async def run_session(session: ExecSession, channels: Channels) -> None:
    """Copy both ways until the process has ended, then tell the client how. A client that goes ends the process."""
    async with asyncio.TaskGroup() as group:
        incoming = group.create_task(_feed(session, channels))
        async for stream, data in session.output():
            await channels.send(STDOUT if stream == 1 else STDERR, data)
        await channels.send(ERROR, json.dumps(exit_status(await session.wait())).encode())
        incoming.cancel()
    await channels.close()


async def _feed(session: ExecSession, channels: Channels) -> None:
    while (message := await channels.receive()) is not None:
        if message.channel == STDIN:
            if message.data is None:
                await session.stdin_close()
            else:
                await session.stdin_write(message.data)
        elif message.channel == RESIZE and message.data:
            await _resize(session, message.data)
    await session.close()


async def _resize(session: ExecSession, data: bytes) -> None:
    """`{"Width": 80, "Height": 24}`; what can't be read is no reason to end a session."""
    try:
        size = json.loads(data)
        width, height = int(size["Width"]), int(size["Height"])
    except (ValueError, KeyError, TypeError):
        return
    await session.resize(width, height)
