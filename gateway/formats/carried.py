"""The body of the Messages API as the clouds carry it: version and betas inside, model outside.

Only the top level is taken apart. What stands under a field keeps its bytes.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

import msgspec
from msgspec import Raw

from gateway.call import read_body
from gateway.errors import Malformed, quoted
from gateway.formats.contract import Asked, Replies
from gateway.within import Within
from providers.contract import Headers

VERSION = "anthropic_version"
BETAS = "anthropic_beta"
_OWN = frozenset({"anthropic-version", "anthropic-beta"})
_BETA = re.compile(r"[!-~]+")
"""What a header can carry."""
_EXTRA = "Extra inputs are not permitted."

_decode_text = msgspec.json.Decoder(str).decode
_decode_texts = msgspec.json.Decoder(list[str]).decode


def refuse(fields: Mapping[str, Raw], *names: str) -> None:
    """Raise Malformed for the first of the fields that stand elsewhere in this format."""
    for name in names:
        if name in fields:
            raise Malformed(f"{name}: {_EXTRA}")


def asked(
    headers: Headers,
    fields: Mapping[str, Raw],
    replies: Replies,
    *,
    versions: Mapping[str, str],
    add: Mapping[str, object],
    leave_out: Collection[str] = (),
    within: Within | None = None,
) -> Asked:
    """Return a request in the words of the Messages API; raises Malformed.

    Args:
        headers: The request's, without those that this format does not have.
        fields: Its body's.
        replies: How its caller is answered.
        versions: The values of `anthropic_version`, and the versions of the API they mean.
        add: What the path says of it.
        leave_out: The fields that it does not need.
        within: Where the way it was written keeps it.
    """
    version = _version(fields.get(VERSION), versions)
    betas = _betas(headers, fields.get(BETAS))
    gone = {VERSION, BETAS, *leave_out}
    own = {name: Raw(msgspec.json.encode(value)) for name, value in add.items()}
    kept = {name: value for name, value in fields.items() if name not in gone} | own
    raw = msgspec.json.encode(kept)
    return Asked(
        headers=_headers(headers, version, betas),
        # Those of the body that came would keep all of it.
        fields=read_body(raw),
        raw=raw,
        replies=replies,
        within=within,
    )


def _version(raw: Raw | None, versions: Mapping[str, str]) -> str:
    if raw is None:
        raise Malformed(f"{VERSION}: Field required.")
    try:
        return versions[_decode_text(raw)]
    except (msgspec.DecodeError, KeyError):
        either = " or ".join(f"'{name}'" for name in versions)
        raise Malformed(f"{VERSION}: Input should be {either}.") from None


def _betas(headers: Headers, raw: Raw | None) -> tuple[str, ...]:
    """Return the betas of the header and of the body, each once."""
    named = [value for name, value in headers if name == "anthropic-beta"]
    if raw is not None and bytes(raw) != b"null":
        try:
            named += _decode_texts(raw)
        except msgspec.DecodeError:
            raise Malformed(f"{BETAS}: Input should be a valid list of strings.") from None
    betas = [beta.strip() for value in named for beta in value.split(",")]
    for beta in betas:
        if beta and not _BETA.fullmatch(beta):
            raise Malformed(f"{BETAS}: '{quoted(beta)}' cannot be the name of a beta.")
    return tuple(dict.fromkeys(filter(None, betas)))


def _headers(headers: Headers, version: str, betas: tuple[str, ...]) -> Headers:
    kept = tuple([pair for pair in headers if pair[0] not in _OWN])
    told = (*kept, ("anthropic-version", version))
    return (*told, ("anthropic-beta", ",".join(betas))) if betas else told
