"""Who asks, and for what, as far as records may tell it. Pure."""

from __future__ import annotations

from typing import Any

from gateway.call import Call
from gateway.recordable import short
from gateway.unsized import unsized
from providers.contract import Kind

WHOSE = (("session", "session"), ("agent", "agent"), ("parent_agent", "parent-agent"))
"""Who asks within an application, and what that is called in headers and tags."""
MAX_NAME = 256
"""How many characters are kept of a name that a caller may make up."""
MAX_LISTED = 64


def asked(call: Call) -> dict[str, Any]:
    """Return what a call asks for, as far as it may be told."""
    labels, caller = call.labels, call.caller
    return {
        **asked_by(call),
        "call": call.kind.value,
        "asserted_by": None if labels.data_class is None else caller.key or caller.door,
        "layers": sorted(caller.layers),
        "asked_model": short(call.asked),
        "require": [short(each) for each in labels.require[:MAX_LISTED]],
        "only": list(labels.only),
        "betas": [short(each) for each in call.fields.betas[:MAX_LISTED]],
        "bytes": len(call.fields.raw),
        "max_tokens": call.max_tokens,
        "stream": call.stream,
        "payer": short(call.payer),
        "speed": short(call.speed),
        **_kept_within(call),
    }


def asked_by(call: Call) -> dict[str, Any]:
    """Return who asks, and for what class."""
    return {
        "door": call.caller.door,
        "key": call.caller.key,
        "class": short(call.labels.data_class),
        "tags": {key[:MAX_NAME]: value[:MAX_NAME] for key, value in call.labels.tags[:MAX_LISTED]},
        **_whose(call),
    }


def _kept_within(call: Call) -> dict[str, Any]:
    """Return where the way a call was written keeps it; mostly it says nothing of that."""
    within = call.within
    if within is None:
        return {}
    return {"within": short(within.written), "within_countries": sorted(within.countries)}


def unsized_in(call: Call) -> dict[str, Any]:
    """Return what bounds of a cost must know beside the sizes; mostly there is none of it."""
    found = unsized(call.fields.body) if call.kind is Kind.MESSAGES else ()
    return {"unsized": found} if found else {}


def _whose(call: Call) -> dict[str, Any]:
    """Return which session and agent ask: as Claude Code says it, else as tags say."""
    headers, tags = dict(call.fields.headers), dict(call.labels.tags)
    return {
        name: short(headers.get(f"x-claude-code-{word}-id") or tags.get(word))
        for name, word in WHOSE
    }
