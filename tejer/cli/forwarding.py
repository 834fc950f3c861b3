"""Carries a local TCP connection to a port of a pod."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from tejer.kube.api import ApiError
from tejer.kube.portforward import PodStream, open_port
from tejer.kube.resource import Body, name_of, namespace_of

if TYPE_CHECKING:
    from tejer.kube.client import HttpApi

_CHUNK = 64 * 1024


async def carry(api: HttpApi, pod: Body, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Bytes both ways until either side ends. What goes wrong is said once on stderr; the listener goes on."""
    try:
        async with open_port(api, namespace_of(pod), name_of(pod), port) as stream, asyncio.TaskGroup() as group:
            sending = group.create_task(_send(reader, stream))
            try:
                while data := await stream.read():
                    writer.write(data)
                    await writer.drain()
            finally:
                sending.cancel()
    except* (OSError, ApiError) as failures:
        for failure in failures.exceptions:
            click.echo(f"forwarding: {failure}", err=True)
    finally:
        writer.close()


async def _send(reader: asyncio.StreamReader, stream: PodStream) -> None:
    while data := await reader.read(_CHUNK):
        await stream.write(data)
