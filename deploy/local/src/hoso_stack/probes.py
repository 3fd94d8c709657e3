"""Questions whose answer is whether a part can be used now; an exception means no."""

import asyncio
from collections.abc import Awaitable, Callable

from aiokafka.client import AIOKafkaClient

Probe = Callable[[], Awaitable[bool]]


def answers_http(port: int, path: str = "/readyz") -> Probe:
    """GET is answered with 200."""

    async def ask() -> bool:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
            return b" 200 " in await reader.readline()
        finally:
            writer.close()

    return ask


def accepts(*ports: int) -> Probe:
    """A connection is taken on each of the ports."""

    async def ask() -> bool:
        for port in ports:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
        return True

    return ask


def is_broker(servers: str) -> Probe:
    """A broker answers with its metadata."""

    async def ask() -> bool:
        client = AIOKafkaClient(bootstrap_servers=servers)
        try:
            await client.bootstrap()  # raises when nobody answers
        finally:
            await client.close()
        return True

    return ask
