"""The models a gateway serves, in the words of the Models API. Pure.

The shapes are those of the SDK's `anthropic/types/model_info.py` and `pagination.py`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from gateway.errors import Malformed, UnknownModel
from gateway.routing import Upstream
from providers import catalog

DEFAULT_LIMIT = 20
MAX_LIMIT = 1000
UNKNOWN_DATE = "1970-01-01T00:00:00Z"
"""What the API says when a date of release is not known."""


def page(
    upstreams: Sequence[Upstream],
    limit: int = DEFAULT_LIMIT,
    after_id: str | None = None,
    before_id: str | None = None,
) -> dict[str, Any]:
    """Return one page of the models that at least one upstream serves, newest first.

    Raises Malformed for a limit out of range, two cursors, or a cursor that is no such model.
    """
    if not 1 <= limit <= MAX_LIMIT:
        raise Malformed(f"limit: Input should be an integer from 1 to {MAX_LIMIT}.")
    if after_id is not None and before_id is not None:
        raise Malformed("before_id: Send either after_id or before_id, not both.")
    ids = served(upstreams)
    if before_id is not None:
        rest = ids[: _position(ids, "before_id", before_id)]
        shown = rest[-limit:]
    else:
        rest = ids if after_id is None else ids[_position(ids, "after_id", after_id) + 1 :]
        shown = rest[:limit]
    return {
        "data": [_info(name) for name in shown],
        "has_more": len(rest) > len(shown),
        "first_id": shown[0] if shown else None,
        "last_id": shown[-1] if shown else None,
    }


def one(upstreams: Sequence[Upstream], asked: str) -> dict[str, Any]:
    """Return one model by id or alias; raises UnknownModel when no upstream serves it."""
    ids = served(upstreams)
    name = asked if asked in ids else _canonical(asked)
    if name not in ids:
        raise UnknownModel(f"model: no upstream serves {asked[:200]}.")
    return _info(name)


def served(upstreams: Sequence[Upstream]) -> list[str]:
    """Return the canonical ids that at least one upstream serves, newest first.

    Ids that only the configuration knows come last, in its order.
    """
    here = {name: None for upstream in upstreams for name in upstream.endpoint.models}
    known = [model.id for model in catalog.models() if model.id in here]
    return known + [name for name in here if name not in set(known)]


def _canonical(asked: str) -> str:
    try:
        return catalog.resolve(asked).canonical
    except catalog.UnknownModel as error:
        near = f" Near names: {', '.join(error.near)}." if error.near else ""
        raise UnknownModel(f"model: {asked[:200]} is not known.{near}") from None


def _position(ids: Sequence[str], parameter: str, cursor: str) -> int:
    try:
        return ids.index(cursor)
    except ValueError:
        raise Malformed(f"{parameter}: {cursor[:200]} is not in this list.") from None


def _info(name: str) -> dict[str, Any]:
    try:
        model = catalog.model(name)
    except catalog.UnknownModel:
        return _entry(name, name, "active")
    return _entry(name, model.display_name, model.lifecycle) | {
        "created_at": _moment(model.created_at) or UNKNOWN_DATE,
        "line": model.line,
        "max_input_tokens": model.max_input_tokens,
        "max_tokens": model.max_output_tokens,
        "retires_at": _moment(model.retires_on),
    }


def _entry(name: str, display_name: str, lifecycle: str) -> dict[str, Any]:
    return {
        "type": "model",
        "id": name,
        "display_name": display_name,
        "created_at": UNKNOWN_DATE,
        "lifecycle": lifecycle,
        "line": None,
        "max_input_tokens": None,
        "max_tokens": None,
        "deprecated_at": None,
        "retires_at": None,
        "capabilities": None,
    }


def _moment(day: dt.date | None) -> str | None:
    return f"{day.isoformat()}T00:00:00Z" if day is not None else None
