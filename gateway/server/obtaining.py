"""From what an engine does for a caller to an answer, whatever comes of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

from gateway.answers import Answer
from gateway.errors import NotReady, Refused
from gateway.server.leaving import Watch
from gateway.server.relay import STOPPING
from gateway.server.replies import failed, refused
from gateway.server.report import report


async def obtained(
    answering: Awaitable[Answer], caller: Watch, policy: str, request_id: str | None
) -> Answer:
    """Return the engine's answer, or the one that says why there is none."""
    try:
        return await answering
    except Refused as error:
        return refused(error, policy)
    except asyncio.CancelledError:
        if caller.gone:
            raise
        stopping = NotReady(STOPPING)
        stopping.request_id = request_id
        return refused(stopping, policy)
    except Exception as error:  # noqa: BLE001 - the caller gets an envelope whatever it was
        report(error, request_id)
        return failed(request_id)
