"""The answers of the service, and the shapes that their bodies take (C7, C21, C34 and C35)."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, Dict

from contract import SlowBody, Ticks
from http11 import Answer


def json_answer(status: int, value: Any) -> Answer:
    return Answer.whole(status, json.dumps(value).encode(), {"content-type": "application/json"})


def slowed(answer: Answer, slow_body: SlowBody) -> Answer:
    """`answer` with its body in pieces of nearly equal size."""
    body = b"".join(answer.pieces)
    count = max(1, min(slow_body.pieces, len(body)))
    ends = [len(body) * number // count for number in range(count + 1)]
    pieces = [body[start:end] for start, end in zip(ends, ends[1:])]
    return replace(answer, pieces=pieces, pause=slow_body.over_ms / 1000 / max(1, count - 1))


def truncated(answer: Answer) -> Answer:
    """`answer` with the first half of its body only, but the length of all of it."""
    body = b"".join(answer.pieces)
    return replace(answer, pieces=(body[: len(body) // 2],), cut=True)


def ticking(status: int, identity: Dict[str, str], ticks: Ticks) -> Answer:
    """A stream of server-sent events that say who sends them."""

    def event(number: int) -> bytes:
        return f"id: {number}\ndata: {json.dumps({**identity, 'number': number})}\n\n".encode()

    events = map(event, range(1, ticks.count + 1))
    return Answer(status, {"content-type": "text/event-stream"}, None, events, ticks.every_ms / 1000)
