"""The sections of a configuration, checked strictly; and the whole of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, Strict

from gateway.config.addresses import is_loopback
from gateway.config.ledger_url import LedgerUrl
from gateway.config.secret import Secret
from gateway.config.upstream_section import File
from gateway.config.upstreams import Upstream

_MIB_BYTES = 1024 * 1024

Seconds = Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)]
"""A time span that is more than nothing and at most a day."""


class Section(BaseModel):
    """A table of the configuration: nothing unknown, nothing converted, nothing changed later."""

    model_config = ConfigDict(
        strict=True, extra="forbid", frozen=True, hide_input_in_errors=True, validate_default=False
    )


class Routing(Section):
    """Which upstreams are used, and which is asked first."""

    order: Annotated[tuple[str, ...], Strict(strict=False), Field(min_length=1)]


class Timeouts(Section):
    """How long a call may wait for what."""

    connect_s: Seconds = 5.0
    first_content_s: Seconds = 120.0
    """From the request to the first content of the answer."""
    idle_s: Seconds = 120.0
    """The longest silence between two pieces of content; pings do not count."""
    call_s: Seconds = 3600.0
    """A whole streamed call, with all its attempts."""
    call_unstreamed_s: Seconds = 600.0
    """A whole call that is not streamed, with all its attempts."""
    hold_s: Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)] = 20.0
    """How long an answer that began is held back while it could still be replaced."""
    ping_s: Seconds = 15.0
    """How often a caller who waits on an open stream hears a ping."""


class Retries(Section):
    """How often a call is tried again."""

    attempts: Annotated[int, Field(ge=1, le=20)] = 3
    """Attempts of one call over all upstreams."""
    per_upstream: Annotated[int, Field(ge=1, le=20)] = 2
    retry_after_cap_s: Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)] = 60.0
    """A platform that asks for a longer wait cools down instead."""
    base_s: Seconds = 0.5
    """The first wait; each next one is about twice as long."""
    max_s: Seconds = 8.0
    """The longest wait."""
    budget_percent: Annotated[int, Field(ge=0, le=100)] = 20
    """Attempts beyond the first of a call, as a share of all calls, where they burden the ill."""
    budget_floor_per_s: Annotated[float, Field(ge=0, le=10_000, allow_inf_nan=False)] = 3.0
    """So many of them a second are granted however few calls there are."""


class Breaker(Section):
    """Whether an upstream that keeps failing is left alone for a while."""

    enabled: bool = True
    consecutive: Annotated[int, Field(ge=1, le=1000)] = 5
    """Failures in a row that eject an upstream for a model."""
    ejection_s: Seconds = 10.0
    """The first ejection; each next one is longer by as much."""
    ejection_cap_s: Seconds = 300.0


class Affinity(Section):
    """Whether a conversation stays where its prompt cache is warm."""

    enabled: bool = True
    wait_s: Annotated[float, Field(ge=0, le=600, allow_inf_nan=False)] = 5.0
    """How long a throttled upstream with a warm cache is waited for before it is left."""


class Logs(Section):
    """How the server writes its log."""

    format: Literal["text", "json"] = "text"
    """`json`: one object a line, one line a request."""


Name = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[a-z0-9][a-z0-9._-]*$")]
"""A name that stands in records."""
Names = Annotated[tuple[Name | Literal["*"], ...], Strict(strict=False)]


class Policy(Section):
    """Which policies are in force, and on which facts they stand."""

    files: Annotated[tuple[File, ...], Strict(strict=False)] = ()
    """Policy files; none: there is no policy."""
    required: bool = False
    """Nothing starts without a policy."""
    attestations: File | None = None
    """What the organization vouches for; None: `attestations.toml`, where there is one."""
    verified: Annotated[str, Field(min_length=1)] = "verified.toml"
    """What `gateway doctor --write` found; need not be there."""
    on_violation: Literal["record", "withdraw"] = "record"
    """`withdraw`: an upstream whose answer shows that it broke the plan gets no more requests."""


class Journal(Section):
    """The durable record of every decision and attempt."""

    dir: Annotated[str, Field(min_length=1)] | None = None
    """Where it is written; None: there is no journal."""
    required: bool = False
    """Where it cannot be written, no request is sent."""
    fsync: Literal["always", "interval", "never"] = "interval"
    """When it is on the disk: before a request goes on, every second, or as the kernel likes."""


class Prices(Section):
    """What Claude costs."""

    file: Annotated[str, Field(min_length=1)] | None = None
    """Prices and contracts of your own; None: `prices.toml`, where there is one."""
    iterations: Literal["always", "when_mixed"] = "always"
    """When `usage.iterations` is the bill: where present, or only where another kind of run than
    `message` is among them."""


class Ledger(Section):
    """The rows that are folded from the journal: one for each attempt."""

    url: LedgerUrl | None = None
    """`sqlite:///ledger.sqlite3` (a relative path counts from the configuration's directory) or
    `postgresql://...`; None: there is no ledger."""
    fold: bool = True
    """Whether this process folds the journal into it; else `gateway ledger fold --follow` does."""
    charge_partial: bool = True
    """Whether a caller is charged for an answer that broke off, as far as it came."""
    keep_attempts_days: Annotated[int, Field(ge=1, le=36_500)] = 400
    """How long the rows of attempts are kept."""
    keep_rollups_days: Annotated[int, Field(ge=1, le=36_500)] = 3650
    """How long the sums by day are kept, and adjustments."""


class Caller(Section):
    """A caller of the server: its key, and what the key is good for."""

    key: Secret
    classes: Names = ()
    """The classes it may assert; `*`: any."""
    layers: Names = ()
    """The key layers of policies that apply to it."""


class Server(Section):
    """Where the server listens and whom it answers."""

    host: Annotated[str, Field(min_length=1)] = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535)] = 8787
    """0: any free port."""
    keys: Annotated[tuple[Secret, ...], Strict(strict=False)] = ()
    """What callers must show; empty: whoever reaches the loopback address is answered."""
    admin_keys: Annotated[tuple[Secret, ...], Strict(strict=False)] = ()
    """What operators show who ask for usage and cost; empty: nobody may ask over HTTP, unless the
    server asks for no key at all."""
    public_url: Annotated[str, Field(pattern=r"^https?://[^\s/?#@]+(/[^\s?#]*)?$")] | None = None
    """Where callers reach the server, for URLs in answers; None: under the host they called."""
    body_limit_mb: Annotated[int, Field(ge=1, le=256)] = 32
    in_flight: Annotated[int, Field(ge=1, le=1_000_000)] = 2000
    """Calls served at a time; one more is told that the gateway is overloaded."""
    in_flight_per_key: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    """The same for each caller; 0: no bound of its own."""
    memory_mb: Annotated[int, Field(ge=0, le=1_048_576)] = 0
    """Resident memory over which new calls are turned away; 0: no bound."""
    on_disconnect: Literal["close", "drain"] = "close"
    """What becomes of an answer whose caller left: it is cut, or read on for its usage."""
    disconnect_drain_s: Annotated[float, Field(gt=0, le=3600, allow_inf_nan=False)] = 60.0
    """How long such an answer may still be read."""

    @property
    def body_limit_bytes(self) -> int:
        """The largest request body, in bytes."""
        return self.body_limit_mb * _MIB_BYTES

    @property
    def public(self) -> bool:
        """Whether other machines may reach the server."""
        return not is_loopback(self.host)


@dataclass(frozen=True, slots=True)
class Config:
    """A whole configuration: complete, checked, and unchanged for as long as it lives."""

    routing: Routing
    upstreams: dict[str, Upstream]
    """Name -> upstream, in the order of the file; used or not."""
    timeouts: Timeouts
    retries: Retries
    breaker: Breaker
    server: Server
    affinity: Affinity = field(default_factory=Affinity)
    logs: Logs = field(default_factory=Logs)
    policy: Policy = field(default_factory=Policy)
    journal: Journal = field(default_factory=Journal)
    prices: Prices = field(default_factory=Prices)
    ledger: Ledger = field(default_factory=Ledger)
    callers: dict[str, Caller] = field(default_factory=dict)
    """Name -> caller of the server, beside the keys of `server.keys`."""
    environment: str | None = None
    """`dev`, `staging`, `prod`, ...; None in the no-file mode."""
    directory: Path | None = None
    """Where it was read from; None in the no-file mode."""
    no_file: bool = False
    """It was made from the SDKs' environment variables: there is no policy."""
    notes: tuple[str, ...] = ()
    """What an operator should know of, though nothing is wrong."""

    @property
    def used(self) -> tuple[Upstream, ...]:
        """The upstreams that `routing.order` names, first choice first."""
        return tuple(self.upstreams[name] for name in self.routing.order)

    def path(self, name: str) -> Path:
        """Return a file name of the configuration; relative ones count from its directory."""
        return (self.directory or Path()) / name
