"""The retries that the team of this service wrote for itself, as every team does that has no mesh (C40).

They repeat what may have been done already, at a fixed pace and without a budget: what a mesh knows better.
"""

from __future__ import annotations

import asyncio
import functools
from typing import Dict

from client import FAILURES, Response, Send
from contract import Call
from http11 import Interrupted, unless

# ANCHOR: numbers
ATTEMPTS = 3
PAUSE_SECONDS = 0.02
PATIENCE_SECONDS = 1.0
# ANCHOR_END: numbers


def retry(send: Send) -> Send:
    """Decorates what makes one attempt: it tries again after an error or a status from 500. The last one counts."""

    @functools.wraps(send)
    async def send_again(call: Call, context: Dict[str, str]) -> Response:
        for _ in range(ATTEMPTS - 1):
            try:
                response = await send_once(call, context)
                if response.status < 500:
                    return response
            except FAILURES:
                pass
            await asyncio.sleep(PAUSE_SECONDS)
        return await send_once(call, context)

    async def send_once(call: Call, context: Dict[str, str]) -> Response:
        try:
            return await unless(asyncio.sleep(PATIENCE_SECONDS), send(call, context))
        except Interrupted:
            raise TimeoutError(f"timed out after {PATIENCE_SECONDS * 1000:.0f} ms") from None

    return send_again
