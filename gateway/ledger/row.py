"""One attempt as the ledger has it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct


class State(StrEnum):
    """What an attempt is booked as."""

    NOT_SENT = "not_sent"
    """Nothing left: it costs nothing."""
    REJECTED = "rejected"
    """Refused before anything was generated: it costs nothing."""
    UNKNOWN = "unknown"
    """It may have been worked on; nobody said. Also: its end is not on record yet."""
    PARTIAL = "partial"
    """An answer began, so its input is known; its last count never came."""
    FINAL = "final"
    """The platform told all its counts."""


class Row(Struct, kw_only=True):
    """One attempt. None: it is not known. An empty text: there is none."""

    attempt: str
    """`<decision>.<number>`; the id that goes to the platform where it takes one."""
    decision: str
    number: int
    kind: str
    """`messages`, `count_tokens`, `batch_result`; or `batches`, `files`, `skills`: free."""
    streamed: bool
    started_us: int
    """Microseconds since 1970."""
    ended_us: int | None = None
    environment: str = ""
    door: str = ""
    caller: str = ""
    """The name of the caller's key."""
    data_class: str = ""
    team: str = ""
    """The tag `team`."""
    tags: Mapping[str, str] = {}
    session: str = ""
    agent: str = ""
    parent_agent: str = ""
    payer: str = ""
    """Who pays, where the request names somebody else: `user_profile`."""
    request_id: str | None = None
    """The id that the caller saw."""
    platform_request_id: str | None = None
    message_id: str | None = None
    upstream: str
    platform: str
    account: str = ""
    """Stands for the account that is billed; with platform and message id it is the identity."""
    region: str = ""
    scope: str
    model: str
    """The canonical id asked for."""
    wire_model: str = ""
    served_model: str | None = None
    """The canonical id that the answer names; the name itself, where nobody knows it."""
    state: State
    open: bool = True
    """No end is on record: it runs, or its process died."""
    won: bool = False
    """Its answer is the one the caller got."""
    outcome: str = ""
    """`complete`, `failed`, `left`, `broken`, `withdrawn`, or the kind of its failure."""
    stop_reason: str | None = None
    refusal_category: str | None = None
    """`stop_details.category`: in some categories a refusal without output is billed."""
    input_tokens: int | None = None
    """This count and the others: of all its runs, where the usage lists iterations."""
    output_tokens: int | None = None
    cache_write_tokens: int | None = None
    cache_write_5m_tokens: int | None = None
    cache_write_1h_tokens: int | None = None
    cache_read_tokens: int | None = None
    thinking_tokens: int | None = None
    web_searches: int | None = None
    usage: str | None = None
    """All that was told, as JSON."""
    list_pico: int | None = None
    net_pico: int | None = None
    """What it cost. The best guess between the bounds where it is partial; None where it is
    unknown, for then nobody knows whether it was worked on at all."""
    low_pico: int | None = None
    high_pico: int | None = None
    """The bounds; equal to `net_pico` where the cost is exact. None: there is no price."""
    uncached_pico: int | None = None
    unpriced: str | None = None
    """Why there is no price."""
    price_digest: str = ""
    flags: tuple[str, ...] = ()
    duplicate_of: str | None = None
    """The attempt that started first of those with the same message: this one costs nothing
    more."""
    own: str | None = None
    """What the attempt said by itself, as JSON, where others that show its message said more."""
    file: str = ""
    """The journal's file."""
    seq: int = 0
    """Where its `started` stands in it."""
    max_tokens: int | None = None
    body_bytes: int | None = None


class Adjustment(Struct, kw_only=True, frozen=True):
    """A correction: what a platform's bill has more (or less, below zero) than the attempts."""

    id: str
    at_us: int
    day: str
    """`YYYY-MM-DD`, UTC."""
    platform: str
    upstream: str = ""
    model: str = ""
    attempt: str | None = None
    amount_pico: int
    reason: str
    source: str
    """The file that says so, by name and digest."""
