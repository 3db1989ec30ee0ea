"""What a platform's error means, from the table `data/failures.toml`, and how it is told.

Only words about the caller's own request travel on: everything else gets words of ours, and the
platform's stay in `detail` for the operator's log.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from providers.codecs.retry_after import retry_after_s
from providers.contract import Failure, FailureKind, Headers, header

DETAIL_CHARS = 500
"""How much of a platform's words a failure keeps for the log."""

_TABLE = Path(__file__).parent.parent / "data" / "failures.toml"
_PLATFORMS = ("bedrock", "foundry", "vertex", "chat_completions")
_CODE = re.compile(r"[a-z][a-z_]{2,63}")
"""An error type or code as the API writes them; no account or host looks like one."""
_BAD_GATEWAY = 502
_UNPROCESSABLE_FROM, _SERVER_FROM, _STATUSES_END = 400, 500, 600
_NAMES = ("type", "status", "code")
"""Where an error object has its name: Anthropic's, Google's, Azure's."""
_REQUEST_ID = re.compile(r"[!-~]{1,200}")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one kind of error means."""

    kind: FailureKind
    type: str
    """The Anthropic error type."""
    status: int
    """The status the caller gets."""
    http: int | None = None
    """The status the platform documents for it on the wire."""


@dataclass(frozen=True, slots=True)
class Words:
    """What an error body says, whatever its shape."""

    message: str = ""
    name: str = ""
    """The platform's own name of the error: an Anthropic type, a google.rpc code name."""
    error_code: str = ""
    """`error.details.error_code` of an Anthropic envelope."""
    request_id: str | None = None
    anthropic: bool = False
    """The body is an Anthropic error envelope."""
    original_status: int | None = None
    """The model's own status, where Bedrock wraps it."""


@dataclass(frozen=True, slots=True)
class _Table:
    types: Mapping[str, Verdict]
    own: Mapping[str, str]
    statuses: Mapping[int, str]
    certain: frozenset[int]
    """Statuses that no name of an error says more than."""
    surfaced: Mapping[str, tuple[str, int]]
    error_codes: Mapping[str, Verdict]
    phrases: tuple[tuple[re.Pattern[str], Verdict], ...]
    platforms: Mapping[str, Mapping[str, Verdict]]
    wordings: tuple[tuple[str, str], ...]
    leaks: re.Pattern[str]


@cache
def _table() -> _Table:
    raw = tomllib.loads(_TABLE.read_text(encoding="utf-8"))
    types = raw["types"]["rows"]
    return _Table(
        types={name: _verdict({**row, "type": name}) for name, row in types.items()},
        own={name: row["own"] for name, row in types.items()},
        statuses={int(status): row["type"] for status, row in raw["statuses"]["rows"].items()},
        certain=frozenset(
            int(status) for status, row in raw["statuses"]["rows"].items() if row.get("certain")
        ),
        surfaced={
            name: (row["type"], row["status"]) for name, row in raw["surfaced"]["rows"].items()
        },
        error_codes=_verdicts(raw["error_codes"]),
        phrases=tuple((_begins(part), said) for part, said in _verdicts(raw["phrases"]).items()),
        platforms={name: _verdicts(raw[name]) for name in _PLATFORMS},
        wordings=tuple((row["contains"], row["say"]) for row in raw["wordings"]["rows"]),
        leaks=re.compile("|".join(raw["leaks"]["patterns"]), re.IGNORECASE),
    )


def _verdict(row: Mapping[str, Any]) -> Verdict:
    return Verdict(FailureKind(row["kind"]), row["type"], row["status"], row.get("http"))


def _verdicts(section: Mapping[str, Any]) -> dict[str, Verdict]:
    return {name: _verdict(row) for name, row in section["rows"].items()}


def of_status(status: int) -> Verdict:
    """Return what an HTTP status outside 200 means; one that is no error is a BAD200."""
    if not _UNPROCESSABLE_FROM <= status < _STATUSES_END:
        return Verdict(FailureKind.BAD200, "api_error", _BAD_GATEWAY)
    table = _table()
    nearest = _UNPROCESSABLE_FROM if status < _SERVER_FROM else _SERVER_FROM
    name = table.statuses.get(status) or table.statuses[nearest]
    return Verdict(table.types[name].kind, name, status)


def of_type(name: str) -> Verdict | None:
    """Return what an Anthropic error type means; None when it is none we know."""
    return _table().types.get(name)


def of_name(platform: str, name: str) -> Verdict | None:
    """Return what a cloud platform's own error name means; None when it is not in the table."""
    return _table().platforms[platform].get(name)


def with_original(verdict: Verdict, status: int | None) -> Verdict:
    """Return what a model's own status says where a platform wraps it in one of its errors.

    Bedrock's ModelErrorException and ModelStreamErrorException carry `originalStatusCode`. One
    about credentials or a path inside the platform says nothing about ours.
    """
    if status is None or not _UNPROCESSABLE_FROM <= status < _STATUSES_END:
        return verdict
    inner = of_status(status)
    if inner.kind in (FailureKind.CREDENTIAL, FailureKind.ABSENT):
        return verdict
    return Verdict(inner.kind, inner.type, inner.status, verdict.http)


def by_words(words: Words) -> Verdict | None:
    """Return what an Anthropic error's code or wording says beyond its status, if anything."""
    table = _table()
    found = table.error_codes.get(words.error_code)
    return found or next(
        (said for begins, said in table.phrases if _says(begins, words.message, said)), None
    )


def _says(begins: re.Pattern[str], message: str, said: Verdict) -> bool:
    """Say whether a message begins with a phrase.

    One about a field (`name: what is wrong`) begins with a name that callers choose.
    """
    of_a_field = said.kind is not FailureKind.CALLER and ": " in message
    return begins.match(message) is not None and not of_a_field


def _begins(part: str) -> re.Pattern[str]:
    """Return what finds words at the start of a message; `*` stands for one name.

    Only there: further on, a message may quote what the caller wrote.
    """
    return re.compile(re.escape(part).replace(r"\*", r"\S+"))


def read(body: bytes) -> Words:
    """Read an error body: an Anthropic envelope, a cloud's own object, or a 1-array of one.

    Anything else gives empty words.
    """
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Words()
    if isinstance(found, list) and found:
        found = found[0]
    if not isinstance(found, dict):
        return Words()
    error = found.get("error")
    if not isinstance(error, dict):
        return _aws_words(found)
    details = error.get("details")
    return Words(
        message=_text(error.get("message")),
        name=next(filter(None, (_text(error.get(key)) for key in _NAMES)), ""),
        error_code=_text(details.get("error_code")) if isinstance(details, dict) else "",
        request_id=_request_id(found.get("request_id")),
        anthropic=found.get("type") == "error" and isinstance(error.get("type"), str),
    )


def _aws_words(found: Mapping[str, Any]) -> Words:
    """Read `{"message": ...}`; some services write `Message`, and name the error in `__type`."""
    said = (_text(found.get(key)) for key in ("originalMessage", "message", "Message"))
    original = found.get("originalStatusCode")
    return Words(
        message=next(filter(None, said), ""),
        name=_text(found.get("__type")).rpartition("#")[2],
        original_status=original if isinstance(original, int) else None,
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _request_id(value: object) -> str | None:
    """Return an id that may stand in a header and a line of a log."""
    text = _text(value)
    return text if _REQUEST_ID.fullmatch(text) else None


def leaks(message: str) -> bool:
    """Say whether a cloud platform's words may name an account, project, host or key."""
    return _table().leaks.search(message) is not None


def own_message(name: str) -> str:
    """Return our words for an Anthropic error type."""
    own = _table().own
    return own.get(name) or own["api_error"]


def wording(message: str) -> str | None:
    """Return the words by which clients know what a message says; None: these are not known."""
    lowered = message.lower()
    return next((say for part, say in _table().wordings if part in lowered), None)


def caller_message(words: Words, name: str, *, trusted: bool) -> str:
    """Return what the caller reads of an error about its own request.

    `trusted` words are those of Anthropic's own API, in its envelope. Others are replaced when
    they may name what is the operator's, and put into the wording that clients know unless they
    come in Anthropic's envelope.
    """
    if words.message and words.anthropic and trusted:
        return words.message
    known = None if words.anthropic else wording(words.message)
    if known is not None:
        return known
    return own_message(name) if not words.message or leaks(words.message) else words.message


def build(
    verdict: Verdict,
    words: Words,
    body: bytes,
    *,
    upstream_status: int | None,
    answer_id: str | None = None,
    wait_s: float | None = None,
    trusted: bool = False,
) -> Failure:
    """Return the failure that `verdict` and `words` make; `body` is what `words` was read from.

    An envelope is kept only for what the caller did, and only when its words may travel.
    """
    about_request = verdict.kind is FailureKind.CALLER
    message = (
        caller_message(words, verdict.type, trusted=trusted)
        if about_request
        else own_message(verdict.type)
    )
    kept = about_request and words.anthropic and message == words.message
    name, status = _table().surfaced.get(verdict.type, (verdict.type, verdict.status))
    return Failure(
        kind=verdict.kind,
        status=status,
        type=name,
        message=message,
        retry_after_s=wait_s,
        upstream_status=upstream_status,
        request_id=answer_id or words.request_id,
        envelope=body if kept else None,
        error_code=words.error_code if _CODE.fullmatch(words.error_code) else None,
        detail=(words.message or body[:DETAIL_CHARS].decode(errors="replace"))[:DETAIL_CHARS],
    )


def http_error(
    status: int,
    headers: Headers,
    body: bytes,
    *,
    trusted: bool,
    platform: str | None = None,
    name: str = "",
) -> Failure:
    """Return what an answer that is not a 200 means.

    `platform` names the table of a cloud's own error names, for bodies that are no Anthropic
    envelope; `name` is one that came in a header. A status that is no error (a redirect, a 204)
    is no answer either.
    """
    if not _UNPROCESSABLE_FROM <= status < _STATUSES_END:
        return bad_answer(f"The status is {status}.", headers=headers, upstream_status=status)
    words = read(body)
    verdict = by_words(words)
    if verdict is None and platform is not None and not words.anthropic:
        certain = status in _table().certain
        verdict = None if certain else of_name(platform, name or words.name)
    if verdict is not None:
        verdict = with_original(verdict, words.original_status)
    if verdict is None:
        verdict = of_status(status)
        if words.anthropic and _is_type(words.name, verdict, trusted=trusted):
            verdict = Verdict(verdict.kind, words.name, status)
    return build(
        verdict,
        words,
        body,
        upstream_status=status,
        answer_id=request_id(headers),
        wait_s=retry_after_s(headers),
        trusted=trusted,
    )


def _is_type(name: str, verdict: Verdict, *, trusted: bool) -> bool:
    """Say whether a name may be handed on as the type of an error with a status.

    Anthropic's may be new. From others it must be known and mean what the status means: a 401
    about our credential under another name would look like one about the caller's.
    """
    if trusted:
        return _CODE.fullmatch(name) is not None
    known = of_type(name)
    return known is not None and known.kind is verdict.kind


def stream_error(data: bytes, *, trusted: bool) -> Failure:
    """Return what the data of an SSE `error` event means; the status on the wire was 200."""
    words = read(data)
    verdict = by_words(words) or of_type(words.name) or of_status(_SERVER_FROM)
    return build(verdict, words, data, upstream_status=200, trusted=trusted)


def bad_answer(detail: str, *, headers: Headers = (), upstream_status: int = 200) -> Failure:
    """Return the failure for a success that is no answer."""
    return Failure(
        kind=FailureKind.BAD200,
        status=_BAD_GATEWAY,
        type="api_error",
        message="The platform's answer was not a valid one.",
        upstream_status=upstream_status,
        request_id=request_id(headers),
        detail=detail[:DETAIL_CHARS],
    )


def half_event() -> Failure:
    """Return the failure for an event whose data is no JSON."""
    return bad_answer("An event's data is not JSON.")


def broken_off(detail: str) -> Failure:
    """Return the failure for an answer that ended before it was whole."""
    return Failure(
        kind=FailureKind.CUT,
        status=_BAD_GATEWAY,
        type="api_error",
        message="The platform's answer broke off before it was complete.",
        upstream_status=200,
        detail=detail[:DETAIL_CHARS],
    )


def request_id(headers: Headers) -> str | None:
    """Return the platform's own request id, if it sent one."""
    return _request_id(
        header(headers, "request-id")
        or header(headers, "x-amzn-requestid")
        or header(headers, "x-goog-request-id")
        or header(headers, "apim-request-id")
        or header(headers, "x-request-id")
    )
