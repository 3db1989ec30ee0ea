"""The emulator's own endpoints, on every port, under `/_emulator/`.

`GET requests` lists what came in; `GET` and `POST faults` show and add faults, by action or by name
(one object or a list); `POST reset` forgets records, faults and the prompt cache.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from gateway.emulator.faults import FaultError, as_dict
from gateway.emulator.http import Request, Response, plain
from gateway.emulator.platform import JSON, World

PREFIX: Final = "/_emulator/"


def controlled(request: Request, world: World) -> Response:
    """Answer a request to the emulator itself."""
    match (request.method, request.path.removeprefix(PREFIX)):
        case ("GET", "requests"):
            return _json(200, [record.shown() for record in world.records])
        case ("GET", "faults"):
            return _json(200, [as_dict(one) for one in world.faults.pending()])
        case ("POST", "faults"):
            return _add_faults(request.body, world)
        case ("POST", "reset"):
            world.records.clear()
            world.faults.clear()
            world.cache.clear()
            return _json(200, {"reset": True})
    return _json(404, {"error": "known are GET requests, GET and POST faults, POST reset"})


def _add_faults(body: bytes, world: World) -> Response:
    try:
        script = msgspec.json.decode(body, type=list[dict[str, Any]] | dict[str, Any])
        world.faults.load([script] if isinstance(script, dict) else script)
    except (msgspec.DecodeError, FaultError) as wrong:
        return _json(400, {"error": str(wrong)})
    return _json(200, {"pending": len(world.faults.pending())})


def _json(status: int, value: Any) -> Response:
    return plain(status, JSON, msgspec.json.encode(value))
