"""The sample service in Python, with nothing but the standard library.

It does what services/CONTRACT.md says; the numbers in the comments are its clauses. `contract.py` holds what it reads,
`http11.py` the protocol that it speaks. Its life is in `run`, that of one request in `Application.handle`.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import itertools
import json
import os
import random
import re
import signal
import sys
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import Any, Dict, List, Optional
from urllib.parse import urlsplit

from contract import Address, Behaviour, Bootstrap, Call, Latency, SlowBody, parse
from http11 import Answer, Connection, Handler, Interrupted, Reader, Refusal, Request, Reset, Response, serve

PROPAGATED = ("x-request-id", "x-hallway-request", "traceparent", "tracestate")
BOOTSTRAP_LIMIT = 1024 * 1024
DRAIN_SECONDS = 5
IDLE_CONNECTIONS = 256
REMEMBERED_REQUESTS = 100_000


def main() -> int:
    try:
        bootstrap = parse(Bootstrap, sys.stdin.buffer.readline(BOOTSTRAP_LIMIT))
        asyncio.run(run(bootstrap))
    except (OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


async def run(bootstrap: Bootstrap) -> None:
    """Serves until it is told to stop, and a little longer for what is in flight (C2, C3)."""
    stopping = asyncio.Event()
    stop_when_told(stopping)
    behaving = Behaving(bootstrap.behaviour, random.Random(bootstrap.seed))
    client = Client(bootstrap.proxy, bootstrap.addresses)
    application = Application(bootstrap, behaving, client, stopping)
    control = Control(bootstrap.control.token, behaving, client)

    connections: List[asyncio.Task] = []
    servers = [
        await listen(bootstrap.listen, application.handle, stopping, connections),
        await listen(bootstrap.control.listen, control.handle, stopping, connections),
    ]
    addresses = [str(Address(*server.sockets[0].getsockname()[:2])) for server in servers]
    record("listening", application=addresses[0], control=addresses[1])

    await stopping.wait()
    for server in servers:
        server.close()
    if connections:
        _, unfinished = await asyncio.wait(connections, timeout=DRAIN_SECONDS)
        for connection in unfinished:
            connection.cancel()
        await asyncio.gather(*unfinished, return_exceptions=True)


def stop_when_told(stopping: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)

    def wait_for_end_of_input() -> None:
        while os.read(sys.stdin.fileno(), 1024):
            pass
        with contextlib.suppress(RuntimeError):  # the loop is closed: it has been told to stop already
            loop.call_soon_threadsafe(stopping.set)

    # A thread, because the event loop cannot watch every kind of file that standard input may be.
    threading.Thread(target=wait_for_end_of_input, daemon=True).start()


async def listen(
    address: Address, handler: Handler, stopping: asyncio.Event, connections: List[asyncio.Task]
) -> asyncio.AbstractServer:
    async def connected(reader: Reader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        connections.append(task)
        try:
            await serve(reader, writer, handler, stopping)
        finally:
            connections.remove(task)

    loop = asyncio.get_running_loop()
    return await loop.create_server(
        lambda: asyncio.StreamReaderProtocol(Reader(), connected), address.host, address.port, backlog=1024
    )


class Application:
    """Answers everybody, in the way that it has been told to (C7)."""

    def __init__(self, bootstrap: Bootstrap, behaving: Behaving, client: Client, stopping: asyncio.Event) -> None:
        self.identity = {name: getattr(bootstrap, name) for name in ("service", "version", "instance")}
        self.calls = bootstrap.calls
        self.in_parallel = bootstrap.call_order == "parallel"
        self.behaving = behaving
        self.client = client
        self.stopping = stopping
        self.handlings = itertools.count(1)

    async def handle(self, request: Request) -> Answer:
        """Handles one request. Both its records are written here, whatever becomes of it (C22)."""
        handling = next(self.handlings)
        self.record_received(handling, request)
        headers = request.headers
        plan = self.behaving.decide(headers.first("x-request-id") or headers.first("x-hallway-request"))
        outcome, status = "cancelled", None
        try:
            answer = await self.work(request, plan)
            outcome, status = "answered", answer.status
            return answer
        except Refusal as refusal:
            outcome, status = "answered", refusal.status
            raise
        except Reset:
            outcome = plan.ending
            raise
        finally:
            record("finished", handling=handling, at_us=now_us(), outcome=outcome, status=status)

    async def work(self, request: Request, plan: Plan) -> Answer:
        if request.method == "CONNECT":
            raise Refusal(405, "this service is no proxy")
        await request.read_body()
        if plan.ending == "reset_before":
            raise Reset
        if plan.ending == "hang":
            await self.stopping.wait()
            raise Interrupted
        await asyncio.sleep(plan.seconds)
        if plan.ending == "fail":
            return self.answer(request, plan, plan.status, [])
        results = await self.make_calls(request)
        if plan.ending == "reset_after":
            raise Reset
        failures = [status for status in (result["status"] or 502 for result in results) if 500 <= status <= 599]
        return self.answer(request, plan, max(failures, default=plan.status), results)

    async def make_calls(self, request: Request) -> List[Dict[str, Any]]:
        context = {name: value for name, value in request.headers.joined().items() if name in PROPAGATED}
        if self.in_parallel:
            return await asyncio.gather(*(self.client.call(call, context) for call in self.calls))
        return [await self.client.call(call, context) for call in self.calls]

    def answer(self, request: Request, plan: Plan, status: int, results: List[Dict[str, Any]]) -> Answer:
        authority, path = request.authority_and_path
        echo = {
            **self.identity,
            "method": request.method,
            "path": path,
            "host": authority or request.headers.first("host"),
            "protocol": request.protocol,
            "headers": request.headers.joined(),
            "calls": results,
        }
        answer = json_answer(status, echo)
        if plan.slow_body is None:
            return answer
        return replace(answer, pieces=plan.slow_body.pieces, seconds=plan.slow_body.over_ms / 1000)

    def record_received(self, handling: int, request: Request) -> None:
        attempt = request.headers.first("x-envoy-attempt-count") or ""
        record(
            "received",
            handling=handling,
            **self.identity,
            at_us=now_us(),
            method=request.method,
            path=request.authority_and_path[1],
            request_id=request.headers.first("x-request-id"),
            correlation=request.headers.first("x-hallway-request"),
            attempt=int(attempt) if re.fullmatch("[0-9]{1,9}", attempt) else None,
            client_cert=request.headers.first("x-forwarded-client-cert"),
            traceparent=request.headers.first("traceparent"),
        )


@dataclass(frozen=True)
class Plan:
    """What will happen to one request."""

    ending: str
    """`reset_before`, `hang`, `fail`, `reset_after` or `answer`"""
    status: int
    seconds: float
    slow_body: Optional[SlowBody]


class Behaving:
    """How the service behaves at the moment, with what it has to remember for that (C14 to C21)."""

    def __init__(self, behaviour: Behaviour, generator: random.Random) -> None:
        self.random = generator
        self.replace(behaviour)

    def replace(self, behaviour: Behaviour) -> None:
        self.behaviour = behaviour
        self.attempts: OrderedDict[str, int] = OrderedDict()

    def decide(self, request_id: Optional[str]) -> Plan:
        """Decides about a request that has just arrived.

        Every fault that is configured draws, whether or not another one decides."""
        now = self.behaviour
        reset_before = self.happens(now.reset_before)
        fails_by_chance = self.happens(now.fail_share and now.fail_share.share)
        reset_after = self.happens(now.reset_after)
        is_first = now.fail_first is not None and self.count(request_id) <= now.fail_first.attempts
        ending, status = "answer", now.status or 200
        if reset_before:
            ending = "reset_before"
        elif now.hang:
            ending = "hang"
        elif is_first:
            ending, status = "fail", now.fail_first.status
        elif fails_by_chance:
            ending, status = "fail", now.fail_share.status
        elif reset_after:
            ending = "reset_after"
        return Plan(ending, status, self.draw(now.latency) / 1000, now.slow_body)

    def happens(self, share: Optional[float]) -> bool:
        return share is not None and self.random.random() < share

    def count(self, request_id: Optional[str]) -> int:
        """Which attempt of its request id this is, from 1. The oldest ids are forgotten when there are too many."""
        if request_id is None:
            return 1
        if request_id not in self.attempts and len(self.attempts) == REMEMBERED_REQUESTS:
            self.attempts.popitem(last=False)
        self.attempts[request_id] = self.attempts.get(request_id, 0) + 1
        return self.attempts[request_id]

    def draw(self, latency: Optional[Latency]) -> float:
        if latency is None:
            return 0
        if latency.fixed:
            return latency.fixed.ms
        at = latency.percentiles
        points = [(0, 0), (0.5, at.p50_ms), (0.9, at.p90_ms), (0.99, at.p99_ms)]
        rank = self.random.random()
        for (low_rank, low), (high_rank, high) in zip(points, points[1:]):
            if rank < high_rank:
                return low + (high - low) * (rank - low_rank) / (high_rank - low_rank)
        return at.p99_ms


class Client:
    """Calls other services: one attempt, no timeout, over connections that are kept alive (C8 to C13)."""

    def __init__(self, proxy: Optional[Address], addresses: Dict[str, Address]) -> None:
        self.proxy = proxy
        self.addresses = addresses
        self.idle: Dict[Address, List[Connection]] = {}

    async def call(self, call: Call, context: Dict[str, str]) -> Dict[str, Any]:
        started = time.monotonic()
        result = {"url": call.url, "status": None, "error": None, "headers": {}, "body": None}
        try:
            response = await self.exchange(call, context)
            result.update(status=response.status, headers=response.headers.joined(), body=json_or_text(response.body))
        except (LookupError, OSError, EOFError, Refusal) as error:
            result["error"] = f"{type(error).__name__}: {error}"
        return {**result, "elapsed_us": int((time.monotonic() - started) * 1_000_000)}

    async def exchange(self, call: Call, context: Dict[str, str]) -> Response:
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


class Control:
    """The control endpoint: answers to whoever holds the token (C25 to C28)."""

    def __init__(self, token: str, behaving: Behaving, client: Client) -> None:
        self.authorization = f"Bearer {token}".encode()
        self.behaving = behaving
        self.client = client
        self.routes = {
            "/ready": ("GET", self.ready),
            "/behaviour": ("PUT", self.change_behaviour),
            "/call": ("POST", self.call),
        }

    async def handle(self, request: Request) -> Answer:
        body = await request.read_body()
        given = (request.headers.first("authorization") or "").encode()
        if not hmac.compare_digest(given, self.authorization):
            return Answer(401, headers={"www-authenticate": "Bearer"})
        path = request.authority_and_path[1].partition("?")[0]
        if path not in self.routes:
            return json_answer(404, {"error": f"there are {', '.join(self.routes)}"})
        method, route = self.routes[path]
        if request.method != method:
            return json_answer(405, {"error": f"{path} takes {method}"})
        try:
            return await route(body)
        except ValueError as error:
            return json_answer(400, {"error": str(error)})

    async def ready(self, _body: bytes) -> Answer:
        return json_answer(200, {"ready": True})

    async def change_behaviour(self, body: bytes) -> Answer:
        self.behaving.replace(parse(Behaviour, body))
        return Answer(204)

    async def call(self, body: bytes) -> Answer:
        return json_answer(200, await self.client.call(parse(Call, body), {}))


def json_answer(status: int, value: Any) -> Answer:
    return Answer(status, json.dumps(value).encode(), {"content-type": "application/json"})


def json_or_text(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return body.decode("utf-8", "replace")


def record(kind: str, **fields: Any) -> None:
    """Writes one line to standard output, past all buffers: a kill loses none that was written (C23)."""
    line = json.dumps({"record": kind, **fields}).encode() + b"\n"
    try:
        while line:
            line = line[os.write(sys.stdout.fileno(), line) :]
    except OSError:
        pass  # nobody reads any more; that is no reason to stop serving


def now_us() -> int:
    return time.time_ns() // 1000


if __name__ == "__main__":
    sys.exit(main())
