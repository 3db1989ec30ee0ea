"""Models as users of relays write them, and how much they may answer."""

from __future__ import annotations

import re
from functools import lru_cache

from gateway.formats.openai.asked import Request
from gateway.formats.openai.reading import refused
from gateway.formats.openai.table import TABLE
from providers import catalog

_VERSION_DOT = re.compile(r"(?<=\d)\.(?=\d)")


def unwrapped(asked: str) -> str:
    """Return a model's id without the name of who made it; other ids are left as they are.

    A platform's own prefix says where a request may run, and stays.
    """
    for prefix in TABLE.models.prefixes:
        if asked.startswith(prefix) and len(asked) <= catalog.MAX_NAMED:
            name = asked.removeprefix(prefix)
            dashed = _VERSION_DOT.sub("-", name)
            return dashed if catalog.is_known(dashed) else name
    return asked


def answer_limit(request: Request, model: str) -> int:
    """Return the most that an answer may have: as asked for, else all that the model can."""
    limit, older = request.max_completion_tokens, request.max_tokens
    if limit is not None and older is not None and limit != older:
        raise refused("max_tokens", "max_completion_tokens says another")
    asked = older if limit is None else limit
    if asked is not None:
        return asked
    # A name of any length is not kept.
    known = _most(model) if len(model) <= catalog.MAX_NAMED else None
    if known is None:
        raise refused(
            "max_completion_tokens",
            "this field is required where nobody knows how much the model can answer",
        )
    return known


@lru_cache(maxsize=1024)
def _most(model: str) -> int | None:
    try:
        return catalog.model(catalog.resolve(model).canonical).max_output_tokens
    except catalog.UnknownModel:
        return None
