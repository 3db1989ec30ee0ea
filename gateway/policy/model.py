"""The model of a policy file: classes, permits, rules, exceptions, blocks, preferences."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal

from pydantic import Field, Strict

from gateway.policy.reading import SCHEMA, Names, Shape

Name = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[a-z0-9][a-z0-9._-]*$")]
"""A name that stands in reasons and headers."""
Days = Annotated[int, Field(ge=0, le=36_500)]
Text = Annotated[str, Field(min_length=1)]
Preference = Literal["tightest_residency", "cache_affinity", "cost", "latency", "headroom"]


class Require(Shape):
    """What must be known of an upstream, or of the request."""

    processing_in: str | None = None
    """A zone: every country where a request may be processed is in it."""
    storage_in: str | None = None
    """A zone: every country where parts of it may be stored is in it."""
    processor: Names | None = None
    """Who may run the platform."""
    platforms: Names | None = None
    """The platforms that may be used."""
    partition: Names | None = None
    """AWS partitions."""
    certifications: Names | None = None
    """All of them are held."""
    baa: Literal[True] | None = None
    private_network: Literal[True] | None = None
    cmek: Literal[True] | None = None
    retention_days: Days | None = None
    """The longest that account, model and features together may keep a request."""
    flagged_retention_days: Days | None = None
    """The longest that a request which the platform flagged may be kept."""
    request_checks: Names | None = None
    """Checks that the request passed."""
    assurance: Literal["org", "verified"] | None = None
    """How surely this rule's facts must be known; usually `org`."""
    assurance_exempt: Names = ()
    """Facts of this rule for which `org` is enough all the same."""


class Forbid(Shape):
    """What may not be; globs."""

    upstreams: Names = ()
    platforms: Names = ()
    models: Names = ()
    features: Names = ()
    betas: Names = ()


class Allow(Shape):
    """What the same rule's `forbid` leaves alone; globs."""

    models: Names = ()
    features: Names = ()
    betas: Names = ()


class Rule(Shape):
    """Something that must hold; every rule that applies must."""

    id: Name
    because: str = ""
    """Why, for auditors: a register entry, a contract, a law."""
    classes: Names | None = None
    """The classes it is for; None: all."""
    environments: Names | None = None
    require: Require = Require()
    forbid: Forbid = Forbid()
    allow: Allow = Allow()


class Permit(Shape):
    """Classes that may be sent at all in some environments."""

    classes: Annotated[Names, Field(min_length=1)]
    environments: Annotated[Names, Field(min_length=1)]


class Exemption(Shape):
    """A rule of the same file that does not hold for some upstreams for a while."""

    id: Name
    rule: str
    upstream: Text
    """A name or a glob."""
    until: dt.date
    """The last day, in UTC."""
    approved_by: Text
    ticket: Text


class Block(Shape):
    """Upstreams that nothing may go to for a while."""

    upstream: Text
    """A name or a glob."""
    because: Text
    until: dt.datetime | dt.date | None = None
    """A moment, or the last day, in UTC; None: until it is taken out of the file."""


class Layer(Shape):
    """Where a policy applies beside the organization's own."""

    environments: Names | None = None
    keys: Names | None = None
    """Names of key layers: a team, a tenant."""


Hatch = Literal["refuse", "keep"]


class Hatches(Shape):
    """Whether a caller may choose where, for whom or on whose bill a request runs.

    None: the organization refuses it, a layer leaves it to the organization.
    """

    inference_geo: Hatch | None = None
    """Where the platform processes the request."""
    workspace: Hatch | None = None
    """The account's workspace, and with it where data is kept."""
    user_profile: Hatch | None = None
    """Whom the request is attributed to."""
    bill_to: Hatch | None = None
    """Whose bill it is on."""


class Prefer(Shape):
    """The order among allowed upstreams; it never adds or takes one."""

    order: Annotated[tuple[Preference, ...], Strict(strict=False)] = ()


class Policy(Shape):
    """One policy file."""

    schema_: Annotated[int, Field(alias="schema", ge=SCHEMA, le=SCHEMA)]
    name: Name
    unlabelled: str | None = None
    """The class of traffic that carries no label; None: such traffic is refused."""
    layer: Layer | None = None
    """None: the organization's policy, which always applies."""
    zones: dict[str, Names] = Field(default_factory=dict)
    classes: dict[Name, str] = Field(default_factory=dict)
    permit: Annotated[tuple[Permit, ...], Strict(strict=False)] = ()
    rule: Annotated[tuple[Rule, ...], Strict(strict=False)] = ()
    exception: Annotated[tuple[Exemption, ...], Strict(strict=False)] = ()
    block: Annotated[tuple[Block, ...], Strict(strict=False)] = ()
    hatches: Hatches = Hatches()
    prefer: Prefer = Prefer()
