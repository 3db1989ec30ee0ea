"""What an honest platform bills for a request, however its answer broke.

Nothing of it is on the wire: it is what a ledger can be held against. A platform knows what it has
generated even where its answer says something else, or does not arrive.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from functools import cache
from typing import Any, Final

from gateway.emulator.faults import Action, Bills, Fault
from gateway.emulator.http import Response
from gateway.emulator.models import table
from gateway.emulator.work import Work

_FIRST_REFUSAL: Final = 300


class Why(StrEnum):
    """Why a request is billed as it is."""

    FREE = "free"
    """No platform charges for such a call: a count, a list, a token."""
    NOT_BEGUN = "not_begun"
    """Nothing was generated for it."""
    WAIVED = "waived"
    """A refusal without output, which this platform does not bill."""
    WHOLE = "whole"
    """The whole answer was generated, whatever of it arrived."""
    BROKEN_OFF = "broken_off"
    """The input in full, and the output up to where generation ended with the answer."""


@dataclass(frozen=True, slots=True)
class Bill:
    """What an honest platform bills for one request."""

    why: Why
    usage: Mapping[str, Any] = field(default_factory=dict)
    """The true counts, named as in a message's `usage`; empty where nothing is billed."""
    message_id: str | None = None
    """The message that it is for; None where nothing is billed."""
    model: str = ""
    scope: str = ""
    """How far the request could travel, as prices tell it apart: `global`, `geo`, `in_region`,
    `government`. Where `usage` has an `inference_geo`, that counts."""

    def shown(self) -> dict[str, Any]:
        """Return the bill for the control endpoint."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Terms:
    """How one platform bills what does not end well; `data/billing.toml` says what each is."""

    goes_on: bool
    waives_empty_refusals: bool


NOT_BEGUN: Final = Bill(Why.NOT_BEGUN)
FREE: Final = Bill(Why.FREE)


@cache
def terms(platform: str) -> Terms:
    """Return a platform's terms."""
    data = table("billing.toml")
    return Terms(**{**data["defaults"], **data["platforms"].get(platform, {})})


def bill(response: Response, struck: Fault | None, sent: int, own: Terms) -> Bill:
    """Return what is billed for a request whose answer has ended.

    Args:
        response: What was (to be) sent.
        struck: The fault that made it what it is.
        sent: How many of its frames went out.
        own: The platform's terms.
    """
    bills = Bills.SENT if struck is None else struck.billing
    work = response.work
    if bills is Bills.NOTHING or (work is None and response.status >= _FIRST_REFUSAL):
        return NOT_BEGUN
    if work is None:
        return FREE
    if own.waives_empty_refusals and _empty_refusal(work.message):
        return Bill(Why.WAIVED)
    fails = struck is not None and struck.action is Action.ERROR_EVENT
    if bills is Bills.ALL or (own.goes_on and not fails):
        return _billed(work, None)
    if work.events:
        return _billed(work, work.generated(sent))
    return _billed(work, None if response.head else 0)


def _billed(work: Work, output_tokens: int | None) -> Bill:
    """Return the bill for so many output tokens; None: for all."""
    usage = dict(work.message["usage"])
    why = Why.WHOLE
    if output_tokens is not None and output_tokens < usage["output_tokens"]:
        usage["output_tokens"] = output_tokens
        usage.pop("output_tokens_details", None)
        why = Why.BROKEN_OFF
    return Bill(why, usage, work.message["id"], work.model, work.scope)


def _empty_refusal(message: Mapping[str, Any]) -> bool:
    return message["stop_reason"] == "refusal" and not message["usage"]["output_tokens"]
