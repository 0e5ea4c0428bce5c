"""The calls of the service: one attempt each, no timeout, over connections that are kept alive (C8 to C13)."""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import dataclass
from typing import Any, Awaitable, Callable, Dict, List, Optional
from urllib.parse import urlsplit

from contract import Address, Call, read_json
from http11 import HEAD_LIMIT, Headers, Reader, Refusal, check_body_size, format_head, has_body, read_body, read_head

FAILURES = (LookupError, OSError, EOFError, Refusal)
"""What a call can fail with: no address, a refused or broken connection, a malformed or too large answer."""

IDLE_CONNECTIONS = 1_000
"""How many idle connections to one address are kept."""

STATUS_LINE = re.compile(r"HTTP/1\.[01] ([1-9][0-9]{2})(?: .*)?")


@dataclass
class Response:
    """What another service answered."""

    status: int
    headers: Headers
    body: bytes


Send = Callable[[Call, Dict[str, str]], Awaitable[Response]]
"""Makes a call, with these headers in addition to its own, or raises one of `FAILURES`."""


async def result_of(send: Send, call: Call, context: Dict[str, str]) -> Dict[str, Any]:
    """What came of a call that `send` makes, as the contract has it (C13)."""
    started = time.monotonic()
    result = {"url": call.url, "status": None, "error": None, "headers": {}, "body": None}
    try:
        response = await send(call, context)
        result.update(status=response.status, headers=response.headers.joined(), body=json_or_text(response.body))
    except FAILURES as error:
        result["error"] = f"{type(error).__name__}: {error}"
    return {**result, "elapsed_us": int((time.monotonic() - started) * 1_000_000)}


class Client:
    """Sends calls where they belong, and keeps the connections."""

    def __init__(self, proxy: Optional[Address], addresses: Dict[str, Address]) -> None:
        self.proxy = proxy
        self.addresses = addresses
        self.idle: Dict[Address, List[Connection]] = {}

    async def send(self, call: Call, context: Dict[str, str]) -> Response:
        url = urlsplit(call.url)
        path = (url.path or "/") + ("?" + url.query if url.query else "")
        target = f"http://{url.netloc}{path}" if self.proxy else path
        body = (call.body or "").encode()
        headers = {"host": url.netloc, **context, **{name.lower(): value for name, value in call.headers.items()}}
        if body:
            headers["content-length"] = str(len(body))

        address = self.proxy or self.address_of(url.hostname)
        connection = await self.connection_to(address)
        try:
            response = await connection.exchange(call.method, target, headers, body)
        except BaseException:  # a cancellation, too, leaves a connection in the middle of an exchange
            connection.close()
            raise
        self.keep(address, connection)
        return response

    def address_of(self, host: str) -> Address:
        try:
            return self.addresses[host]
        except KeyError:
            raise LookupError(f"there is no address for `{host}`, and no proxy to ask") from None

    async def connection_to(self, address: Address) -> Connection:
        idle = self.idle.get(address, [])
        while idle:
            connection = idle.pop()
            if connection.is_open:
                return connection
            connection.close()
        return await Connection.open(address)

    def keep(self, address: Address, connection: Connection) -> None:
        idle = self.idle.setdefault(address, [])
        if connection.reusable and len(idle) < IDLE_CONNECTIONS:
            idle.append(connection)
        else:
            connection.close()


class Connection:
    """A connection to another service, for one request at a time."""

    def __init__(self, reader: Reader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.reusable = False

    @classmethod
    async def open(cls, address: Address) -> Connection:
        loop = asyncio.get_running_loop()
        reader = Reader()
        protocol = asyncio.StreamReaderProtocol(reader)
        transport, _ = await loop.create_connection(lambda: protocol, address.host, address.port)
        return cls(reader, asyncio.StreamWriter(transport, protocol, reader, loop))

    @property
    def is_open(self) -> bool:
        return not self.reader.left.is_set() and not self.writer.is_closing()

    async def exchange(self, method: str, target: str, headers: Dict[str, str], body: bytes) -> Response:
        """Sends a request and reads its answer. The connection is `reusable` afterwards if both sides agree."""
        self.reusable = False
        self.writer.write(format_head(f"{method} {target} HTTP/1.1", headers) + body)
        await self.writer.drain()
        status = 100
        while 100 <= status <= 199:
            first, *lines = await read_head(self.reader)
            match = STATUS_LINE.fullmatch(first)
            if not match:
                raise Refusal(502, "the status line of the answer is malformed")
            status, answered = int(match[1]), Headers(lines)
        length = answered.body_length()
        if not has_body(method, status):
            length = 0
        elif length == 0 and not answered.all("content-length"):
            return Response(status, answered, await read_to_end(self.reader))
        received = await read_body(self.reader, length)
        self.reusable = first.startswith("HTTP/1.1") and not answered.has_token("connection", "close")
        return Response(status, answered, received)

    def close(self) -> None:
        self.writer.close()


async def read_to_end(reader: Reader) -> bytes:
    body = bytearray()
    while piece := await reader.read(HEAD_LIMIT):
        body += piece
        check_body_size(len(body))
    return bytes(body)


def json_or_text(body: bytes) -> Any:
    try:
        return read_json(body)
    except (ValueError, RecursionError):
        return body.decode("utf-8", "replace")
