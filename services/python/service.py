"""The sample service in Python, with nothing but the standard library.

It does what services/CONTRACT.md says; the numbers in the comments are its clauses. Its life is in `run`, that of one
request in `Application.handle`. `contract.py` holds what it reads, `behaviour.py` what it decides, `client.py` how it
calls, `retry.py` how it insists, `answers.py` what it answers, and `http11.py` the protocol that it speaks.
"""

from __future__ import annotations

import asyncio
import hmac
import itertools
import json
import os
import random
import re
import resource
import signal
import sys
import threading
import time
from contextlib import suppress
from dataclasses import asdict, replace
from typing import Any, Callable, Dict, List, Optional, Sequence, Set

from answers import json_answer, slowed, ticking, truncated
from behaviour import Behaving, Effect, Effects, Full, Plan
from client import Client, Send, result_of
from contract import Address, Behaviour, Bootstrap, Call, parse
from http11 import Answer, Handler, Interrupted, Reader, Refusal, Request, Reset, has_body, serve
from retry import retry

TRACE = {"traceparent", "tracestate"}
PROPAGATED = {"x-request-id", "x-hallway-request", "idempotency-key", *TRACE}
METHODS_WITH_EFFECT = {"POST", "PUT", "PATCH", "DELETE"}
BOOTSTRAP_LIMIT = 1024 * 1024
DRAIN_SECONDS = 5
OPEN_FILES = 8192
"""A thousand requests, and several calls of each, need more than many systems allow at first."""


def main() -> int:
    try:
        bootstrap = parse(Bootstrap, sys.stdin.buffer.readline(BOOTSTRAP_LIMIT))
        allow_many_connections()
        asyncio.run(run(bootstrap))
    except (OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def allow_many_connections() -> None:
    allowed, allowable = resource.getrlimit(resource.RLIMIT_NOFILE)
    if allowed < OPEN_FILES:
        with suppress(OSError, ValueError):  # the system allows less: that is enough for a small lab
            resource.setrlimit(resource.RLIMIT_NOFILE, (min(OPEN_FILES, allowable), allowable))


async def run(bootstrap: Bootstrap) -> None:
    """Serves until it is told to stop, and a little longer for what is in flight (C2, C3)."""
    stopping = asyncio.Event()
    stop_when_told(stopping)
    behaving = Behaving(bootstrap.behaviour, random.Random(bootstrap.seed))
    client = Client(bootstrap.proxy, bootstrap.addresses)
    send = retry(client.send) if bootstrap.own_retries else client.send
    application = Application(bootstrap, behaving, send, stopping)
    control = Control(bootstrap.control.token, behaving, client)

    connections: Set[asyncio.Task] = set()
    servers = [
        await listen(bootstrap.listen, application.handle, behaving.idle_seconds, stopping, connections),
        await listen(bootstrap.control.listen, control.handle, lambda: None, stopping, connections),
    ]
    addresses = [str(Address(*server.sockets[0].getsockname()[:2])) for server in servers]
    record("listening", application=addresses[0], control=addresses[1])
    first_calls = asyncio.create_task(make_first_calls(bootstrap.first_calls, client))

    await stopping.wait()
    first_calls.cancel()
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
        with suppress(RuntimeError):  # the loop is closed: it has been told to stop already
            loop.call_soon_threadsafe(stopping.set)

    # A thread, because the event loop cannot watch every kind of file that standard input may be.
    threading.Thread(target=wait_for_end_of_input, daemon=True).start()


async def make_first_calls(calls: List[Call], client: Client) -> None:
    for number, call in enumerate(calls, 1):
        result = await result_of(client.send, call, {})
        came_of_it = {name: result[name] for name in ("url", "status", "error")}
        record("first_call", number=number, at_us=now_us(), **came_of_it)


async def listen(
    address: Address,
    handler: Handler,
    idle_seconds: Callable[[], Optional[float]],
    stopping: asyncio.Event,
    connections: Set[asyncio.Task],
) -> asyncio.AbstractServer:
    loop = asyncio.get_running_loop()

    def connected(reader: Reader, writer: asyncio.StreamWriter) -> None:
        task = loop.create_task(serve(reader, writer, handler, idle_seconds, stopping))
        connections.add(task)
        task.add_done_callback(connections.discard)

    return await loop.create_server(
        lambda: asyncio.StreamReaderProtocol(Reader(), connected), address.host, address.port, backlog=1024
    )


class Application:
    """Answers everybody, in the way that it has been told to (C7)."""

    def __init__(self, bootstrap: Bootstrap, behaving: Behaving, send: Send, stopping: asyncio.Event) -> None:
        self.identity = {name: getattr(bootstrap, name) for name in ("service", "version", "instance")}
        self.calls = bootstrap.calls
        self.in_parallel = bootstrap.call_order == "parallel"
        self.behaving = behaving
        self.effects = Effects()
        self.send = send
        self.stopping = stopping
        self.handlings = itertools.count(1)

    async def handle(self, request: Request) -> Answer:
        """Handles one request. Its beginning and its end are recorded here, whatever becomes of it (C22)."""
        handling = next(self.handlings)
        self.record_received(handling, request)
        headers = request.headers
        plan = self.behaving.decide(headers.first("x-request-id") or headers.first("x-hallway-request"))
        outcome, status = "cancelled", None
        try:
            answer = await self.work(handling, request, plan)
            outcome, status = "truncated" if answer.cut else "answered", answer.status
            return answer
        except Refusal as refusal:
            outcome, status = "answered", refusal.status
            raise
        except Reset:
            outcome = plan.ending
            raise
        finally:
            record("finished", handling=handling, at_us=now_us(), outcome=outcome, status=status)

    async def work(self, handling: int, request: Request, plan: Plan) -> Answer:
        if request.method == "CONNECT":
            raise Refusal(405, "this service is no proxy")
        await request.read_body()
        if plan.ending == "reset_before":
            raise Reset
        if plan.ending == "hang":
            await self.stopping.wait()
            raise Interrupted
        try:
            async with plan.gate.place():
                await asyncio.sleep(plan.seconds)
                if plan.ending == "fail":
                    return self.answer(request, plan, plan.status)
                results = await self.make_calls(request, plan)
                failures = [status for status in (each["status"] or 502 for each in results) if 500 <= status <= 599]
                status = max(failures, default=plan.status)
                effect = self.have_effect(handling, request, plan, status)
        except Full as full:
            return self.answer(request, replace(plan, ending="fail"), full.status)
        if plan.ending == "reset_after":
            raise Reset
        return self.answer(request, plan, status, results, effect)

    async def make_calls(self, request: Request, plan: Plan) -> List[Dict[str, Any]]:
        copied = PROPAGATED - TRACE if plan.behaviour.drop_trace else PROPAGATED
        context = {name: value for name, value in request.headers.joined().items() if name in copied}
        results = (result_of(self.send, call, context) for call in self.calls)
        return await asyncio.gather(*results) if self.in_parallel else [await result for result in results]

    def have_effect(self, handling: int, request: Request, plan: Plan, status: int) -> Optional[Effect]:
        wanted = plan.behaviour.effect
        if wanted is None or request.method not in METHODS_WITH_EFFECT or not 200 <= status <= 299:
            return None
        effect = self.effects.of(request.headers.first("idempotency-key"), wanted.once_per_key)
        if not effect.repeated:
            record("effect", handling=handling, at_us=now_us(), number=effect.number, key=effect.key)
        return effect

    def answer(
        self,
        request: Request,
        plan: Plan,
        status: int,
        results: Sequence[Dict[str, Any]] = (),
        effect: Optional[Effect] = None,
    ) -> Answer:
        authority, path = request.authority_and_path
        echo = {
            **self.identity,
            "method": request.method,
            "path": path,
            "host": authority or request.headers.first("host"),
            "protocol": request.protocol,
            "headers": request.headers.joined(),
            "calls": results,
            "effect": effect and asdict(effect),
        }
        behaviour = plan.behaviour
        if plan.ending == "truncate" and has_body(request.method, status):
            return truncated(json_answer(status, echo))
        if behaviour.ticks and 200 <= status <= 299:
            return ticking(status, self.identity, behaviour.ticks)
        if behaviour.slow_body:
            return slowed(json_answer(status, echo), behaviour.slow_body)
        return json_answer(status, echo)

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
            return Answer(401, {"www-authenticate": "Bearer"})
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
        return json_answer(200, await result_of(self.client.send, parse(Call, body), {}))


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
