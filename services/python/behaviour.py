"""How the service behaves: what will happen to a request is decided when its head has arrived (C14).

`Behaving` decides. What it hands out may outlive its behaviour: `Gate` holds the places of C33. `Effects` does not
change with it (C36).
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import math
import random
from collections import OrderedDict, deque
from dataclasses import dataclass
from typing import AsyncIterator, Deque, Optional

from contract import Behaviour, Capacity, Latency

REMEMBERED = 100_000


@dataclass(frozen=True)
class Plan:
    """What will happen to one request."""

    ending: str
    """`reset_before`, `hang`, `fail`, `reset_after`, `truncate` or `answer`"""
    status: int
    seconds: float
    """How long its latency is."""
    gate: Gate
    behaviour: Behaviour
    """The one in force when it arrived."""


class Behaving:
    """How the service behaves at the moment, with what it has to remember for that."""

    def __init__(self, behaviour: Behaviour, generator: random.Random) -> None:
        self.random = generator
        self.replace(behaviour)

    def replace(self, behaviour: Behaviour) -> None:
        self.behaviour = behaviour
        self.attempts = Memory()
        self.arrivals = itertools.count()
        self.gate = Gate(behaviour.capacity)

    def decide(self, request_id: Optional[str]) -> Plan:
        """Decides about a request that has just arrived.

        Every fault that is configured draws or counts, whether or not another one decides."""
        now = self.behaviour
        reset_before = self.happens(now.reset_before)
        fails_by_chance = self.happens(now.fail_share and now.fail_share.share)
        reset_after = self.happens(now.reset_after)
        truncate = self.happens(now.truncate)
        is_first = now.fail_first is not None and self.count(request_id) <= now.fail_first.attempts
        fails_by_pattern = now.fail_pattern is not None and self.next_in(now.fail_pattern.pattern) == "x"
        ending, status = "answer", now.status or 200
        if reset_before:
            ending = "reset_before"
        elif now.hang:
            ending = "hang"
        elif is_first:
            ending, status = "fail", now.fail_first.status
        elif fails_by_pattern:
            ending, status = "fail", now.fail_pattern.status
        elif fails_by_chance:
            ending, status = "fail", now.fail_share.status
        elif reset_after:
            ending = "reset_after"
        elif truncate:
            ending = "truncate"
        return Plan(ending, status, self.draw(now.latency) / 1000, self.gate, now)

    def happens(self, share: Optional[float]) -> bool:
        return share is not None and self.random.random() < share

    def count(self, request_id: Optional[str]) -> int:
        """Which attempt of its request id this is, from 1."""
        if request_id is None:
            return 1
        self.attempts[request_id] = self.attempts.get(request_id, 0) + 1
        return self.attempts[request_id]

    def next_in(self, pattern: str) -> str:
        return pattern[next(self.arrivals) % len(pattern)]

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

    def idle_seconds(self) -> Optional[float]:
        """For how long a connection that falls idle now may be so (C37)."""
        return self.behaviour.idle_close and self.behaviour.idle_close.ms / 1000


class Full(Exception):
    """There is no place in the queue either. The request is answered with the status."""

    def __init__(self, status: int) -> None:
        super().__init__("the service is at capacity, and so is its queue")
        self.status = status


class Gate:
    """Lets so many requests work at once, and so many others wait, in their order (C33).

    Unlike `asyncio.Semaphore`, it hands a place on to who has waited longest: nobody can take it in between."""

    def __init__(self, capacity: Optional[Capacity]) -> None:
        self.capacity = capacity
        self.free = math.inf if capacity is None else capacity.at_once
        self.waiting: Deque[asyncio.Future] = deque()

    @contextlib.asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Holds a place while the context lasts. Raises `Full` when it would have to wait and must not."""
        if self.free:
            self.free -= 1
        elif len(self.waiting) >= self.capacity.queue:
            raise Full(self.capacity.status)
        else:
            await self.wait_for_turn()
        try:
            yield
        finally:
            self.hand_on()

    async def wait_for_turn(self) -> None:
        turn = asyncio.get_running_loop().create_future()
        self.waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # its turn has come in the moment in which it leaves
                self.hand_on()
            elif turn in self.waiting:
                self.waiting.remove(turn)
            raise

    def hand_on(self) -> None:
        while self.waiting:
            turn = self.waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self.free += 1


@dataclass(frozen=True)
class Effect:
    """The effect of a request, or the earlier one that its key has had."""

    number: int
    key: Optional[str]
    repeated: bool


class Effects:
    """The effects of this process (C36)."""

    def __init__(self) -> None:
        self.numbers = itertools.count(1)
        self.by_key = Memory()

    def of(self, key: Optional[str], once_per_key: bool) -> Effect:
        """The effect of a request with this key: a new one, unless its key has had its only one."""
        if once_per_key and key in self.by_key:
            return Effect(self.by_key[key], key, repeated=True)
        effect = Effect(next(self.numbers), key, repeated=False)
        if key is not None:
            self.by_key[key] = effect.number
        return effect


class Memory(OrderedDict):
    """A number for each of the last 100,000 keys. The one that was set longest ago is forgotten first."""

    def __setitem__(self, key: str, number: int) -> None:
        super().__setitem__(key, number)
        self.move_to_end(key)
        if len(self) > REMEMBERED:
            self.popitem(last=False)
