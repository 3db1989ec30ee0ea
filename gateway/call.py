"""What is known of a request without parsing it.

The body is decoded one level deep: `messages`, `system` and `tools` stay bytes. What policy
reads is what is sent, so a body in which that could differ (repeated keys, invalid UTF-8) is
refused here. The decoder itself refuses lone surrogates.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeVar

import msgspec
from msgspec import Raw, Struct

from gateway.errors import Malformed
from gateway.parts import MAX_PARTS, crowded
from gateway.repeated_keys import is_compact, lone_surrogate, repeated_key
from gateway.within import Within
from providers.codecs import residency
from providers.contract import Area, Fields, Headers, Kind

T = TypeVar("T")

MAX_TOP_LEVEL_KEYS = 200

MAX_BETAS = 64
MAX_BETA_CHARACTERS = 128
MAX_LABEL_CHARACTERS = 8192
"""What is decided on is kept and recorded, so what stands in headers has bounds too."""

LABELS = ("class", "require", "only")
"""What stands behind `x-gateway-` in a request, but for the tags."""
FORWARDED = ("anthropic-", "x-claude-code-", "x-stainless-")
"""Prefixes of headers that an Anthropic-format upstream gets unchanged."""
FORWARDED_NAMES = frozenset({"user-agent", "x-app"})
KEPT_BACK = frozenset(
    {
        "anthropic-version",
        "anthropic-beta",
        "x-stainless-retry-count",
        "x-stainless-timeout",
        "x-stainless-read-timeout",
    }
)
"""Headers of those prefixes that are read here, or that speak of the caller's connection."""
ACCOUNT_FIELDS = frozenset({"user_profile_id"})
"""Fields of a body that do, where a platform has no such header."""

_decode = msgspec.json.Decoder(dict[str, Raw]).decode
_decoders: dict[type, msgspec.json.Decoder[Any]] = {
    kind: msgspec.json.Decoder(kind) for kind in (str, bool, int)
}


_NO_MODEL = {"model": Raw(b'""')}
"""What is read of the body of a request that asks no model."""

OURSELVES = "self"
"""The payer when nobody else pays."""


class _Billing(Struct):
    bill_to: str | None = None


_decode_billing = msgspec.json.Decoder(_Billing).decode


@dataclass(frozen=True, slots=True)
class Labels:
    """What the caller says of a request, in `x-gateway-*` headers."""

    data_class: str | None = None
    require: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    tags: tuple[tuple[str, str], ...] = ()


NO_LABELS = Labels()


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, and what its credential is good for."""

    key: str | None = None
    """The name of its key; None: it showed none, or calls from inside this process."""
    classes: frozenset[str] | None = None
    """The classes it may assert; None: any."""
    layers: frozenset[str] = frozenset()
    """The key layers of policies that apply to it."""
    door: str = "client"
    """The door it came in by."""

    def may_assert(self, data_class: str) -> bool:
        """Say whether it may label a request with a class."""
        return self.classes is None or bool({data_class, "*"} & self.classes)


ANYONE = Caller()


class Call(Struct, frozen=True):
    """One request of one caller, decoded one level deep."""

    kind: Kind | Area
    asked: str
    """The model as the caller named it."""
    stream: bool
    fields: Fields
    labels: Labels = NO_LABELS
    retry_count: int = 0
    """How often the caller's own client has already sent this request."""
    silence_s: float | None = None
    """The caller's timeout: the longest silence it bears."""
    attempts: int | None = None
    """The caller's cap on attempts."""
    own_account: bool = False
    """The caller brings the upstream's credential, so its errors and limits are the caller's."""
    caller: Caller = ANYONE
    request_id: str | None = None
    """The id that a door gave it, for answers whose platform gives none."""
    max_tokens: int | None = None
    """The most that the answer may have; None: the request does not say."""
    payer: str | None = None
    """Who pays, where the request names somebody else (`billing_policy.bill_to`)."""
    speed: str | None = "standard"
    """The `speed` that it asks for; None: none that can be read."""
    account: str = ""
    """Stands for the credential that the caller brings; empty: the gateway's own is used."""
    within: Within | None = None
    """Where the way it was written keeps it; None: it says nothing of that."""


def read_call(
    kind: Kind,
    headers: Headers,
    body: bytes,
    *,
    own_account: bool = False,
    caller: Caller = ANYONE,
    request_id: str | None = None,
) -> Call:
    """Read a request; raises Malformed with the name of what is wrong.

    `own_account` says that the caller brings the upstream's credential, and so may choose a
    workspace.
    """
    fields = read_body(body)
    return made_call(
        kind, headers, body, fields, own_account=own_account, caller=caller, request_id=request_id
    )


def made_call(
    kind: Kind | Area,
    headers: Headers,
    body: bytes,
    fields: Mapping[str, Raw],
    *,
    own_account: bool = False,
    caller: Caller = ANYONE,
    request_id: str | None = None,
    within: Within | None = None,
) -> Call:
    """Return the call of a body whose fields are read; raises Malformed likewise.

    `fields` is what `read_body` makes of `body`.
    """
    folded = _folded(headers)
    if not own_account:
        _refuse_account_headers(folded)
        refuse_account_fields(fields)
    return Call(
        kind=kind,
        asked=_typed(fields, "model", str),
        stream=kind is Kind.MESSAGES and "stream" in fields and _typed(fields, "stream", bool),
        fields=Fields(
            raw=body,
            body=fields,
            version=_version(folded),
            betas=_betas(folded.get("anthropic-beta")),
            headers=_forwarded(folded),
        ),
        labels=_labels(folded),
        retry_count=_count(folded.get("x-stainless-retry-count")),
        silence_s=_seconds(
            folded.get("x-stainless-read-timeout") or folded.get("x-stainless-timeout")
        ),
        own_account=own_account,
        caller=caller,
        request_id=request_id,
        max_tokens=_typed(fields, "max_tokens", int) if "max_tokens" in fields else None,
        payer=_payer(fields["billing_policy"]) if "billing_policy" in fields else None,
        speed=_speed(fields["speed"]) if "speed" in fields else "standard",
        within=within,
    )


def read_errand(
    area: Area,
    headers: Headers,
    body: bytes,
    *,
    own_account: bool = False,
    caller: Caller = ANYONE,
    request_id: str | None = None,
) -> Call:
    """Read a request to an endpoint that keeps state; its body is not looked into here.

    Raises Malformed with the name of what is wrong.
    """
    return made_call(
        area,
        headers,
        body,
        _NO_MODEL,
        own_account=own_account,
        caller=caller,
        request_id=request_id,
    )


def read_body(body: bytes) -> Mapping[str, Raw]:
    """Decode a request one level deep; raises Malformed where its meaning is in doubt."""
    fields = read_object(body)
    if "max_tokens" in fields:
        _typed(fields, "max_tokens", int)
    return fields


def read_object(body: bytes) -> Mapping[str, Raw]:
    """Decode a JSON object one level deep, whatever its fields are; raises Malformed likewise."""
    try:
        body.decode()
        fields = _decode(body)
    except UnicodeDecodeError as error:
        raise Malformed(f"The request body is not valid UTF-8 (byte {error.start}).") from None
    except RecursionError:
        raise Malformed("The request body is nested too deeply.") from None
    except msgspec.DecodeError as error:
        at = lone_surrogate(body)
        # Not the error itself: with this frame it would be a ring, and keep the body.
        what = str(error) if at is None else f"half a surrogate pair (byte {at})"
        raise Malformed(f"The request body is not a JSON object: {what}.") from None
    if len(fields) > MAX_TOP_LEVEL_KEYS:
        raise Malformed(f"The request body has more than {MAX_TOP_LEVEL_KEYS} top-level fields.")
    if not is_compact(body, fields) and (key := repeated_key(body, fields)) is not None:
        raise Malformed(f"{key[:100]}: this field is in the request body twice.")
    if (name := crowded(fields)) is not None:
        raise Malformed(f"{name}: more than {MAX_PARTS} messages, blocks or tools are in it.")
    return fields


def _folded(headers: Headers) -> dict[str, str]:
    """Return the headers by name, repeated ones joined as RFC 9110 section 5.3 says."""
    folded = dict(headers)
    if len(folded) != len(headers):
        for name in folded:
            folded[name] = ", ".join(value for key, value in headers if key == name)
    return folded


def _labels(headers: Mapping[str, str]) -> Labels:
    """Collect the `x-gateway-*` headers of a request."""
    names = [name for name in headers if name.startswith("x-gateway-")]
    if not names:
        return NO_LABELS
    named = {name.removeprefix("x-gateway-"): headers[name] for name in names}
    for name, value in named.items():
        if name not in LABELS and not (name.startswith("tag-") and name != "tag-"):
            # A label that is misspelled may have been meant to narrow.
            known = ", ".join(f"x-gateway-{label}" for label in LABELS)
            raise Malformed(
                f"x-gateway-{name[:100]}: there is no such label; there are {known} and "
                "x-gateway-tag-<name>."
            )
        if len(value) > MAX_LABEL_CHARACTERS:
            raise Malformed(
                f"x-gateway-{name[:100]}: it has more than {MAX_LABEL_CHARACTERS} characters."
            )
    return Labels(
        data_class=named.get("class"),
        require=_named("require", named.get("require")),
        only=_named("only", named.get("only")),
        tags=tuple(
            (name.removeprefix("tag-"), value)
            for name, value in named.items()
            if name.startswith("tag-")
        ),
    )


def _typed(fields: Mapping[str, Raw], name: str, kind: type[T]) -> T:
    raw = fields.get(name)
    if raw is None:
        raise Malformed(f"{name}: Field required.")
    try:
        value: T = _decoders[kind].decode(raw)
    except msgspec.DecodeError:
        words = {str: "string", bool: "boolean", int: "integer"}
        raise Malformed(f"{name}: Input should be a valid {words[kind]}.") from None
    return value


def _payer(policy: Raw) -> str | None:
    """Return who pays; what cannot be read is for the platform to refuse."""
    try:
        payer = _decode_billing(policy).bill_to
    except (msgspec.DecodeError, RecursionError):
        return None
    return None if payer == OURSELVES else payer


def _speed(raw: Raw) -> str | None:
    try:
        speed: str = _decoders[str].decode(raw)
    except msgspec.DecodeError:
        return None
    return speed


def _version(headers: Mapping[str, str]) -> str:
    version = headers.get("anthropic-version")
    if version is None:
        raise Malformed("anthropic-version: header is required.")
    return version


def _named(label: str, value: str | None) -> tuple[str, ...]:
    """Return the names in a label that demands something; an empty one is no leave to do all."""
    names = _listed(value)
    if value is not None and not names:
        raise Malformed(f"x-gateway-{label}: it names nothing; name something or leave it out.")
    return names


def _betas(value: str | None) -> tuple[str, ...]:
    betas = _listed(value)
    if len(betas) > MAX_BETAS:
        raise Malformed(f"anthropic-beta: more than {MAX_BETAS} betas are named.")
    if any(len(beta) > MAX_BETA_CHARACTERS for beta in betas):
        raise Malformed(f"anthropic-beta: a name has more than {MAX_BETA_CHARACTERS} characters.")
    return betas


def _listed(value: str | None) -> tuple[str, ...]:
    if value is None:
        return ()
    return tuple(part for part in map(str.strip, value.split(",")) if part)


def _refuse_account_headers(headers: Mapping[str, str]) -> None:
    for name in residency.ACCOUNT & headers.keys():
        raise Malformed(f"{name}: this gateway chooses the account; leave the header out.")


def refuse_account_fields(fields: Mapping[str, Raw]) -> None:
    """Raise Malformed for a body that names an account, of who does not bring its credential."""
    for name in ACCOUNT_FIELDS & fields.keys():
        raise Malformed(f"{name}: this gateway chooses the account; leave the field out.")


def _forwarded(headers: Mapping[str, str]) -> Headers:
    return tuple([pair for pair in headers.items() if _is_forwarded(pair[0])])


@lru_cache(maxsize=1024)
def _is_forwarded(name: str) -> bool:
    known = name.startswith(FORWARDED) or name in FORWARDED_NAMES
    return known and name not in KEPT_BACK


def _count(value: str | None) -> int:
    # Nobody counts further, and Python refuses to read thousands of digits.
    return int(value[:9]) if value is not None and value.isascii() and value.isdigit() else 0


def _seconds(value: str | None) -> float | None:
    """Read a client's timeout; `NOT_GIVEN`, garbage and non-positive numbers mean none."""
    try:
        seconds = float(value) if value is not None else 0.0
    except ValueError:
        return None
    return seconds if 0 < seconds < float("inf") else None
