"""Models in a shape that both formats read: the fields of each beside the other's."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

OWNER = "anthropic"


def page(told: Mapping[str, Any]) -> dict[str, Any]:
    """Return a page of the Models API that is a list of the OpenAI format too."""
    return {"object": "list", **told, "data": [model(each) for each in told["data"]]}


def model(told: Mapping[str, Any]) -> dict[str, Any]:
    """Return a model of the Models API that is one of the OpenAI format too."""
    created = dt.datetime.fromisoformat(told["created_at"])
    ends = {} if told["retires_at"] is None else {"shutdown_date": told["retires_at"][:10]}
    own = {"object": "model", "created": int(created.timestamp()), "owned_by": OWNER}
    return {**told, **own, **ends}
