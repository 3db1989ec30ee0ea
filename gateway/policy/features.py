"""What a request asks of a platform, read from its body and headers. Pure: it decides nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass

from msgspec import Raw, Struct

from gateway.policy import body
from gateway.policy.feature_table import FeatureTable, feature_table
from gateway.policy.findings import Findings, is_null
from providers.contract import Fields, Headers, Kind

_INSIDE: Mapping[str, Callable[[Findings, Raw], None]] = {
    "cache_control": body.cache_control,
    "container": body.container,
    "context_management": body.context_management,
    "fallbacks": body.fallbacks,
    "messages": body.messages,
    "output_config": body.output_config,
    "output_format": body.output_format,
    "speed": body.speed,
    "system": body.system,
    "tools": body.tools,
}
"""The top-level fields that say more than that they are there."""

UNREADABLE = "unreadable"
"""Stands for a hatch whose value is no word, so that it is refused and kept nowhere."""
_WORD = re.compile(r"[A-Za-z0-9_.-]{1,64}")

LOOKED_INTO = frozenset(_INSIDE)
"""The fields that `features` reads unless it is told to read fewer."""


@dataclass(frozen=True, slots=True)
class Hatches:
    """What a caller may say to choose where, for whom or on whose bill a request runs."""

    inference_geo: str | None = None
    workspace: str | None = None
    profile: str | None = None
    """The user profile it is attributed to."""
    bill_to: str | None = None


NO_HATCHES = Hatches()


class Asked(Struct, frozen=True):
    """What a request asks for."""

    features: frozenset[str]
    """Names of `features.toml`, and `unknown:<name>` for what it does not name."""
    models_inside: tuple[str, ...] = ()
    """Models that may see the request beside the one it names, as the caller spells them.

    `default` stands for those that the platform chooses.
    """
    hatches: Hatches = NO_HATCHES
    doubts: tuple[str, ...] = ()
    """Where each unknown name stands, in the order of the request."""
    unread: frozenset[str] = frozenset()
    """Fields that were not looked into: what they ask for is missing here."""


def features(
    fields: Fields,
    kind: Kind | str = Kind.MESSAGES,
    *,
    within: Container[str] = LOOKED_INTO,
    table: FeatureTable | None = None,
) -> Asked:
    """Return what a request asks for.

    Args:
        fields: The request, whose top-level keys are known to stand there once.
        kind: What the call does; `batches` for a request in a batch.
        within: The top-level fields to look into; their names cost nothing and are always read.
        table: Another table than the shipped one.

    Raises:
        gateway.errors.Malformed: A key that is read stands twice in its object, or content is
            nested deeper than any platform takes.
    """
    found = Findings(table or feature_table())
    if kind not in found.table.plain_operations:
        found.mark(found.table.operations, kind, "operation")
    unread = _fields(found, fields.body, within)
    if not found.table.plain_betas.issuperset(fields.betas):
        for beta in fields.betas:
            found.mark(found.table.betas, beta, "anthropic-beta")
    hatches = _hatches(found, fields.body, _headers(found, fields.headers))
    return Asked(
        features=frozenset(found.found),
        models_inside=tuple(found.models),
        hatches=hatches,
        doubts=tuple(found.doubts),
        unread=unread,
    )


def _fields(found: Findings, given: Mapping[str, Raw], within: Container[str]) -> frozenset[str]:
    """Read the top-level fields; return those that say more and were not looked into."""
    table = found.table
    unread: list[str] = []
    for name, raw in given.items():
        if name not in table.plain_fields and not (name in table.fields and is_null(raw)):
            found.mark(table.fields, name, name)
        inside = _INSIDE.get(name)
        if inside is not None:
            if name in within:
                inside(found, raw)
            else:
                unread.append(name)
    return frozenset(unread)


def _headers(found: Findings, headers: Headers) -> Mapping[str, str]:
    """Read the headers' names; return those that may ask for something."""
    table = found.table
    telling: dict[str, str] = {}
    for name, value in headers:
        if name not in table.plain_headers and not name.startswith(table.header_prefixes):
            found.mark(table.headers, name, "headers")
            telling[name] = value
    return telling


def _hatches(found: Findings, given: Mapping[str, Raw], headers: Mapping[str, str]) -> Hatches:
    if not headers and "inference_geo" not in given and "billing_policy" not in given:
        return NO_HATCHES
    return Hatches(
        inference_geo=_geo(found, given.get("inference_geo")),
        workspace=headers.get("anthropic-workspace-id"),
        profile=headers.get("anthropic-user-profile-id"),
        bill_to=_bill_to(found, given.get("billing_policy")),
    )


def _geo(found: Findings, raw: Raw | None) -> str | None:
    if raw is None or is_null(raw):
        return None
    found.path("inference_geo=", "inference_geo")
    return _word(found, raw, "inference_geo")


def _bill_to(found: Findings, raw: Raw | None) -> str | None:
    if raw is None or is_null(raw):
        return None
    policy = found.fields(raw, "billing_policy", "billing_policy")
    for key in policy:
        found.path(f"billing_policy.{key}", f"billing_policy.{key}")
    if not policy and bytes(raw)[:1] != b"{":
        return UNREADABLE
    if "bill_to" not in policy or is_null(policy["bill_to"]):
        return None
    payer = _word(found, policy["bill_to"], "billing_policy.bill_to")
    if payer != UNREADABLE:
        found.path(f"billing_policy.bill_to={payer}", "billing_policy.bill_to")
    return payer


def _word(found: Findings, raw: Raw, name: str) -> str:
    """Return what a hatch is set to; `UNREADABLE`, and a doubt, for anything but a short word."""
    value = found.text(raw, name, name)
    if value is not None and _WORD.fullmatch(value):
        return value
    if value is not None:
        found.doubt(name, name)
    return UNREADABLE
