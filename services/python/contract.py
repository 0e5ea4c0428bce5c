"""What a service reads, as types: its bootstrap, a call, a behaviour (services/CONTRACT.md, C1, C8 and C14).

`parse` turns JSON into one of these types, or says in a `ValueError` what is wrong with it.
"""

from __future__ import annotations

import json
import re
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from ipaddress import ip_address
from math import isfinite
from typing import Any, Dict, List, NamedTuple, Optional, Type, TypeVar, Union, get_args, get_origin, get_type_hints
from urllib.parse import urlsplit

T = TypeVar("T")

TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""RFC 9110, 5.6.2: what a method or the name of a header consists of."""

RESERVED_HEADERS = {"connection", "content-length", "expect", "host", "transfer-encoding", "upgrade"}
LONGEST_MS = 3_600_000


class Address(NamedTuple):
    """An IP address and a port."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Address:
        host, _, port = text.rpartition(":")
        if not re.fullmatch("[0-9]{1,5}", port) or int(port) > 65535:
            raise ValueError(f"`{text}` does not end with a port")
        return cls(str(ip_address(host[1:-1] if host.startswith("[") and host.endswith("]") else host)), int(port))

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True)
class Call:
    method: str
    url: str
    headers: Dict[str, str] = field(default_factory=dict)
    body: Optional[str] = None

    def __post_init__(self) -> None:
        url = urlsplit(self.url)
        if not re.fullmatch(r"http://[!-~]+", self.url) or not url.hostname or "@" in url.netloc or "#" in self.url:
            raise ValueError(f"`{self.url}` is no absolute http URL without user information and fragment")
        url.port  # raises a ValueError of its own when it is no number
        if not TOKEN.fullmatch(self.method) or self.method == "CONNECT":
            raise ValueError(f"`{self.method}` is no method to call with")
        for name, value in self.headers.items():
            if not TOKEN.fullmatch(name) or name.lower() in RESERVED_HEADERS or not re.fullmatch("[\t -~]*", value):
                raise ValueError(f"the header `{name}` cannot be sent: it is malformed, or the service sets it itself")
        (self.body or "").encode()  # raises a ValueError of its own when half of a surrogate pair is missing


@dataclass(frozen=True)
class Fixed:
    ms: float

    def __post_init__(self) -> None:
        check_range("latency.fixed.ms", self.ms, 0, LONGEST_MS)


@dataclass(frozen=True)
class Percentiles:
    p50_ms: float
    p90_ms: float
    p99_ms: float

    def __post_init__(self) -> None:
        if not 0 <= self.p50_ms <= self.p90_ms <= self.p99_ms <= LONGEST_MS:
            raise ValueError(f"percentiles must not fall, and be from 0 to {LONGEST_MS}")


@dataclass(frozen=True)
class Latency:
    fixed: Optional[Fixed] = None
    percentiles: Optional[Percentiles] = None

    def __post_init__(self) -> None:
        if (self.fixed is None) == (self.percentiles is None):
            raise ValueError("a latency is either fixed or given by percentiles")


@dataclass(frozen=True)
class FailFirst:
    attempts: int
    status: int

    def __post_init__(self) -> None:
        check_range("fail_first.attempts", self.attempts, 0, 2**32 - 1)
        check_range("fail_first.status", self.status, 200, 599)


@dataclass(frozen=True)
class FailPattern:
    pattern: str
    status: int

    def __post_init__(self) -> None:
        if not re.fullmatch("[.x]{1,1000}", self.pattern):
            raise ValueError("`fail_pattern.pattern` must be 1 to 1000 characters, each `.` or `x`")
        check_range("fail_pattern.status", self.status, 200, 599)


@dataclass(frozen=True)
class FailShare:
    share: float
    status: int

    def __post_init__(self) -> None:
        check_range("fail_share.share", self.share, 0, 1)
        check_range("fail_share.status", self.status, 200, 599)


@dataclass(frozen=True)
class SlowBody:
    pieces: int
    over_ms: float

    def __post_init__(self) -> None:
        check_range("slow_body.pieces", self.pieces, 1, 2**32 - 1)
        check_range("slow_body.over_ms", self.over_ms, 0, LONGEST_MS)


@dataclass(frozen=True)
class Ticks:
    count: int
    every_ms: float

    def __post_init__(self) -> None:
        check_range("ticks.count", self.count, 1, 1_000_000)
        check_range("ticks.every_ms", self.every_ms, 0, LONGEST_MS)


@dataclass(frozen=True)
class Capacity:
    at_once: int
    queue: int
    status: int

    def __post_init__(self) -> None:
        check_range("capacity.at_once", self.at_once, 1, 2**32 - 1)
        check_range("capacity.queue", self.queue, 0, 2**32 - 1)
        check_range("capacity.status", self.status, 200, 599)


@dataclass(frozen=True)
class Effect:
    once_per_key: bool


@dataclass(frozen=True)
class IdleClose:
    ms: float

    def __post_init__(self) -> None:
        check_range("idle_close.ms", self.ms, 0, LONGEST_MS)


@dataclass(frozen=True)
class Behaviour:
    status: Optional[int] = None
    latency: Optional[Latency] = None
    fail_first: Optional[FailFirst] = None
    fail_pattern: Optional[FailPattern] = None
    fail_share: Optional[FailShare] = None
    reset_before: Optional[float] = None
    reset_after: Optional[float] = None
    truncate: Optional[float] = None
    hang: bool = False
    slow_body: Optional[SlowBody] = None
    ticks: Optional[Ticks] = None
    capacity: Optional[Capacity] = None
    effect: Optional[Effect] = None
    idle_close: Optional[IdleClose] = None
    drop_trace: bool = False

    def __post_init__(self) -> None:
        check_range("status", self.status, 200, 599)
        check_range("reset_before", self.reset_before, 0, 1)
        check_range("reset_after", self.reset_after, 0, 1)
        check_range("truncate", self.truncate, 0, 1)


@dataclass(frozen=True)
class ControlEndpoint:
    listen: Address
    token: str = field(repr=False)


@dataclass(frozen=True)
class Bootstrap:
    service: str
    version: str
    instance: str
    listen: Address
    control: ControlEndpoint
    addresses: Dict[str, Address]
    calls: List[Call]
    call_order: str
    behaviour: Behaviour
    seed: int
    proxy: Optional[Address] = None
    first_calls: List[Call] = field(default_factory=list)
    own_retries: bool = False

    def __post_init__(self) -> None:
        if self.call_order not in ("sequence", "parallel"):
            raise ValueError(f"`call_order` is `{self.call_order}`; it is either sequence or parallel")
        check_range("seed", self.seed, 0, 2**64 - 1)


def check_range(name: str, value: Optional[float], least: float, most: float) -> None:
    if value is not None and not least <= value <= most:
        raise ValueError(f"`{name}` is {value}; it must be from {least} to {most}")


def parse(kind: Type[T], text: bytes) -> T:
    """The value of type `kind` that `text` holds as JSON. Raises `ValueError` when it holds none."""
    try:
        return decode(kind, read_json(text), kind.__name__.lower())
    except RecursionError:
        raise ValueError("the JSON is nested too deeply") from None


def read_json(text: bytes) -> Any:
    """What `text` holds as JSON. Infinity and NaN are none, however they are written, so that they cannot get into
    what the service writes."""
    return json.loads(text, parse_constant=finite, parse_float=finite)


def finite(number: str) -> float:
    if not isfinite(float(number)):
        raise ValueError(f"{number} is not a number of JSON")
    return float(number)


def decode(kind: Any, value: Any, where: str) -> Any:
    """`value` as a `kind`; unlike a constructor, this knows no conversions."""
    if get_origin(kind) is Union:  # Optional[...] is the only union here
        return None if value is None else decode(get_args(kind)[0], value, where)
    if get_origin(kind) is dict and isinstance(value, dict):
        return {name: decode(get_args(kind)[1], each, f"{where}.{name}") for name, each in value.items()}
    if get_origin(kind) is list and isinstance(value, list):
        return [decode(get_args(kind)[0], each, f"{where}[{index}]") for index, each in enumerate(value)]
    if is_dataclass(kind) and isinstance(value, dict):
        return decode_object(kind, value, where)
    if kind is Address and isinstance(value, str):
        return Address.parse(value)
    if kind is float and type(value) is int or type(value) is kind:
        return value
    raise ValueError(f"`{where}` has the wrong type: {json.dumps(value)[:80]}")


def decode_object(kind: Any, value: Dict[str, Any], where: str) -> Any:
    known = {each.name: each for each in fields(kind)}
    for name in value:
        if name not in known:
            raise ValueError(f"unknown field `{name}` in `{where}`, which has {', '.join(known)}")
    for name, each in known.items():
        if name not in value and each.default is MISSING and each.default_factory is MISSING:
            raise ValueError(f"missing field `{name}` in `{where}`")
    kinds = get_type_hints(kind)
    return kind(**{name: decode(kinds[name], each, f"{where}.{name}") for name, each in value.items()})
