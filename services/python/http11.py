"""HTTP/1.1 (RFC 9112) on asyncio streams, as far as services/CONTRACT.md asks for it: messages, and their serving.

Hand-written because the standard library's servers do not notice that a caller has left before they answer it (C24).
"""

from __future__ import annotations

import asyncio
import re
import socket
import struct
from dataclasses import dataclass, field
from email.utils import formatdate
from http.client import responses
from typing import Awaitable, Callable, Dict, Iterable, List, Optional, Tuple, TypeVar

from contract import TOKEN

T = TypeVar("T")

HEAD_LIMIT = 64 * 1024
HEADER_COUNT_LIMIT = 100
BODY_LIMIT = 1024 * 1024

REQUEST_LINE = re.compile(rf"({TOKEN.pattern}) (\S+) (HTTP/1\.[01])")
HEADER_LINE = re.compile(rf"({TOKEN.pattern}):[ \t]*([^\x00-\x08\x0a-\x1f\x7f]*?)[ \t]*")
CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\r\n]*)?\r\n")


class Refusal(Exception):
    """A message that is malformed or too large. A request is answered with the status, and its connection closed."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class Reset(Exception):
    """Raised by a handler to reset the connection instead of answering."""


class Interrupted(Exception):
    """What was waited for is no longer wanted."""


class Reader(asyncio.StreamReader):
    """A stream reader that tells when the other side has left, without having to read."""

    def __init__(self) -> None:
        # The limit holds for what `read_head` looks for its end in.
        super().__init__(limit=HEAD_LIMIT - 1 - len(b"\r\n\r\n"))
        self.left = asyncio.Event()

    def feed_eof(self) -> None:
        super().feed_eof()
        self.left.set()

    def set_exception(self, exc: Exception) -> None:
        super().set_exception(exc)
        self.left.set()


async def unless(interruption: Awaitable[object], work: Awaitable[T]) -> T:
    """The result of `work`; but when `interruption` comes first, `work` is cancelled and `Interrupted` raised."""
    task, interrupting = asyncio.ensure_future(work), asyncio.ensure_future(interruption)
    try:
        await asyncio.wait({task, interrupting}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        raise Interrupted
    finally:
        task.cancel()
        interrupting.cancel()
        await asyncio.gather(task, interrupting, return_exceptions=True)


class Headers:
    """The headers of a message, in their order."""

    def __init__(self, lines: List[str]) -> None:
        if len(lines) > HEADER_COUNT_LIMIT:
            raise Refusal(431, f"there are more than {HEADER_COUNT_LIMIT} headers")
        matches = [HEADER_LINE.fullmatch(line) for line in lines]
        if not all(matches):
            raise Refusal(400, "a header is malformed")
        self._pairs = [(match[1].lower(), match[2]) for match in matches if match]

    def all(self, name: str) -> List[str]:
        return [value for each, value in self._pairs if each == name]

    def first(self, name: str) -> Optional[str]:
        return next(iter(self.all(name)), None)

    def joined(self) -> Dict[str, str]:
        return {name: ", ".join(self.all(name)) for name, _ in self._pairs}

    def has_token(self, name: str, token: str) -> bool:
        return token in (each.strip().lower() for value in self.all(name) for each in value.split(","))

    def body_length(self) -> Optional[int]:
        """The length of the body; None when it is chunked, 0 when nothing is said about it."""
        codings, lengths = self.all("transfer-encoding"), set(self.all("content-length"))
        if codings:
            if lengths or [coding.lower() for coding in codings] != ["chunked"]:
                raise Refusal(400, "the transfer-encoding is not plainly chunked")
            return None
        if len(lengths) > 1 or not all(re.fullmatch("[0-9]{1,19}", length) for length in lengths):
            raise Refusal(400, "the content-length is malformed")
        return int(lengths.pop()) if lengths else 0


@dataclass
class Request:
    """A request whose body has yet to be read."""

    method: str
    target: str
    protocol: str
    headers: Headers
    reader: Reader
    writer: asyncio.StreamWriter

    @classmethod
    async def receive(cls, reader: Reader, writer: asyncio.StreamWriter, idle_seconds: Optional[float]) -> Request:
        """The next request. Raises `Interrupted` when it has not begun after `idle_seconds`."""
        first, *lines = await read_head(reader, idle_seconds)
        match = REQUEST_LINE.fullmatch(first)
        if not match:
            raise Refusal(400, "the request line is malformed")
        request = cls(match[1], match[2], match[3], Headers(lines), reader, writer)
        hosts = len(request.headers.all("host"))
        if hosts > 1 or (hosts == 0 and request.protocol == "HTTP/1.1"):
            raise Refusal(400, "an HTTP/1.1 request has exactly one Host header")
        request.headers.body_length()
        return request

    @property
    def authority_and_path(self) -> Tuple[Optional[str], str]:
        """Of a target in absolute form, both parts; otherwise the target is the path (RFC 9112, 3.2)."""
        absolute = re.fullmatch(r"https?://([^/?]+)(.*)", self.target, re.IGNORECASE)
        if not absolute:
            return None, self.target
        return absolute[1], absolute[2] if absolute[2].startswith("/") else "/" + absolute[2]

    @property
    def keeps_alive(self) -> bool:
        if self.protocol == "HTTP/1.0":
            return self.headers.has_token("connection", "keep-alive")
        return not self.headers.has_token("connection", "close")

    async def read_body(self) -> bytes:
        length = self.headers.body_length()
        check_body_size(length or 0)
        if self.headers.has_token("expect", "100-continue"):
            self.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        return await read_body(self.reader, length)


@dataclass
class Answer:
    """An answer. The first piece of its body leaves with the head, each other one `pause` seconds after the last."""

    status: int
    headers: Dict[str, str] = field(default_factory=dict)
    length: Optional[int] = 0
    """What the head announces; when that is None, the body ends with its last piece."""
    pieces: Iterable[bytes] = ()
    pause: float = 0.0
    cut: bool = False
    """Whether there are fewer bytes than announced, and the connection ends after them."""

    @classmethod
    def whole(cls, status: int, body: bytes, headers: Dict[str, str]) -> Answer:
        return cls(status, headers, len(body), (body,))


def has_body(method: str, status: int) -> bool:
    """Whether the answer to a request with this method has a body (RFC 9112, 6.3)."""
    return method != "HEAD" and status not in (204, 304)


Handler = Callable[[Request], Awaitable[Answer]]


async def serve(
    reader: Reader,
    writer: asyncio.StreamWriter,
    handler: Handler,
    idle_seconds: Callable[[], Optional[float]],
    stopping: asyncio.Event,
) -> None:
    """Answers the requests of one connection until one side has had enough.

    The handler is cancelled when the caller leaves before it has its answer. `idle_seconds` is asked whenever the
    connection falls idle: for how long it may be so; None is forever."""
    try:
        keep_alive = True
        while keep_alive and not stopping.is_set():
            try:
                request = await unless(stopping.wait(), Request.receive(reader, writer, idle_seconds()))
            except Refusal as refusal:
                await send_answer(writer, explain(refusal), with_body=True, keep_alive=False)
                return
            keep_alive = await unless(reader.left.wait(), respond(request, handler, stopping))
    except Reset:
        linger = struct.pack("ii", 1, 0)  # on, for no time: closing then resets
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        writer.transport.abort()
    except (Interrupted, asyncio.IncompleteReadError, OSError):
        pass  # the connection is of no use any more
    finally:
        writer.close()


async def respond(request: Request, handler: Handler, stopping: asyncio.Event) -> bool:
    """Has a request handled, and answers it. Returns whether another one may follow on its connection."""
    try:
        answer, keep_alive = await handler(request), request.keeps_alive
    except Refusal as refusal:
        answer, keep_alive = explain(refusal), False
    with_body = has_body(request.method, answer.status)
    endless = with_body and answer.length is None
    chunked = endless and request.protocol == "HTTP/1.1"
    keep_alive = keep_alive and not answer.cut and endless == chunked and not stopping.is_set()
    await send_answer(request.writer, answer, with_body, keep_alive, chunked)
    return keep_alive


def explain(refusal: Refusal) -> Answer:
    return Answer.whole(refusal.status, str(refusal).encode(), {"content-type": "text/plain"})


async def send_answer(
    writer: asyncio.StreamWriter, answer: Answer, with_body: bool, keep_alive: bool, chunked: bool = False
) -> None:
    headers = {"date": formatdate(usegmt=True), **answer.headers}
    if answer.length is not None and answer.status not in (204, 304):
        headers["content-length"] = str(answer.length)
    if chunked:
        headers["transfer-encoding"] = "chunked"
    if not keep_alive:
        headers["connection"] = "close"
    unsent = format_head(f"HTTP/1.1 {answer.status} {responses.get(answer.status, '')}", headers)
    for piece in answer.pieces if with_body else ():
        if not unsent:
            await asyncio.sleep(answer.pause)
        writer.write(unsent + (b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece))
        unsent = b""
        await writer.drain()
    writer.write(unsent + (b"0\r\n\r\n" if chunked else b""))
    await writer.drain()


def format_head(first_line: str, headers: Dict[str, str]) -> bytes:
    lines = [first_line, *(f"{name}: {value}" for name, value in headers.items())]
    return "".join(line + "\r\n" for line in [*lines, ""]).encode()


async def read_head(reader: Reader, idle_seconds: Optional[float] = None) -> List[str]:
    """The lines of a head. Raises `Interrupted` when its first byte takes longer than `idle_seconds`, and
    `IncompleteReadError` when the other side ends before its last one."""
    begin = reader.readexactly(1)
    first = await (begin if idle_seconds is None else unless(asyncio.sleep(idle_seconds), begin))
    if first == b"\r":
        raise Refusal(400, "the head begins with an empty line")
    try:
        head = first + await reader.readuntil(b"\r\n\r\n")
    except asyncio.LimitOverrunError:
        raise Refusal(431, f"the head is larger than {HEAD_LIMIT} bytes") from None
    return head.decode("utf-8", "replace").split("\r\n")[:-2]


async def read_body(reader: Reader, length: Optional[int]) -> bytes:
    if length is not None:
        check_body_size(length)
        return await reader.readexactly(length)
    body = bytearray()
    while True:
        match = CHUNK_SIZE.fullmatch(await read_line(reader))
        if not match:
            raise Refusal(400, "a chunk has no valid length")
        size = int(match[1], 16)
        if size == 0:
            break
        check_body_size(len(body) + size)
        body += await reader.readexactly(size)
        if await reader.readexactly(2) != b"\r\n":
            raise Refusal(400, "a chunk is longer than its length")
    for _ in range(HEADER_COUNT_LIMIT):
        if await read_line(reader) == b"\r\n":
            return bytes(body)
    raise Refusal(400, "there are too many trailers")


async def read_line(reader: Reader) -> bytes:
    try:
        return await reader.readuntil(b"\r\n")
    except asyncio.LimitOverrunError:
        raise Refusal(400, "a line of the body is too long") from None


def check_body_size(size: int) -> None:
    if size > BODY_LIMIT:
        raise Refusal(413, f"the body is larger than {BODY_LIMIT} bytes")
