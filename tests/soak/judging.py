"""What one caller saw, held against the outcome rules (N1 to N11). Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec

from tests.soak.asking import Ask

MOST_ATTEMPTS = 3
SECRETS = (
    *(b"127.0.0.1", b"localhost", b"<html", b"Traceback", b"Errno", b"arn:", b"sk-ant", b"AKIA"),
    *(b"soak-project", b"googleapis", b"amazonaws", b"caller-key"),
)
_decode = msgspec.json.Decoder(dict[str, Any]).decode


@dataclass(slots=True)
class Seen:
    """What a caller got of one call."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    whole: bool = False
    """The HTTP answer is complete."""
    left: bool = False
    """The caller went away before that."""
    why: str = ""
    """How the connection ended where the answer is not complete."""

    @property
    def attempts(self) -> int:
        """How many attempts the answer says it took; 0 where it does not say."""
        found = self.headers.get("x-gateway-attempts", "")
        return int(found) if found.isdigit() else 0


def judged(ask: Ask, seen: Seen) -> tuple[str, list[str]]:
    """Return the kind of outcome, and what breaks the rules."""
    if not seen.whole and not seen.left:
        return "broken", [f"the connection ended ({seen.why}) at status {seen.status}"]
    wrong = [f"it tells {each!r}" for each in SECRETS if each in seen.body]
    if not seen.status:
        return "left", wrong
    if not 1 <= seen.attempts <= MOST_ATTEMPTS:
        wrong.append(f"attempts: {seen.headers.get('x-gateway-attempts')!r}")
    if "request-id" not in seen.headers:
        wrong.append("no request-id")
    if seen.status != 200:
        return _refused(ask, seen, wrong)
    if seen.headers.get("x-gateway-upstream") not in ask.upstreams:
        wrong.append(f"served by {seen.headers.get('x-gateway-upstream')}")
        return "astray", wrong
    try:
        return _streamed(ask, seen, wrong)
    except (ValueError, KeyError) as error:
        return "odd", [*wrong, f"not a stream of events: {error!r}"]


def _refused(ask: Ask, seen: Seen, wrong: list[str]) -> tuple[str, list[str]]:
    kind = f"http {seen.status}"
    if seen.left:
        return "left", wrong
    if not 400 <= seen.status <= 599 or seen.status == 401:
        wrong.append(f"the status is {seen.status}")
    if ask.harmless:
        wrong.append(f"no answer although nothing was wrong: {seen.body[:300]!r}")
    try:
        told = _decode(seen.body)
    except msgspec.DecodeError:
        return kind, [*wrong, f"no envelope: {seen.body[:300]!r}"]
    wrong += _not_an_envelope(told, seen.headers.get("request-id"))
    return kind, wrong


def _not_an_envelope(told: dict[str, Any], request_id: str | None) -> list[str]:
    error = told.get("error")
    good = (
        told.get("type") == "error"
        and isinstance(error, dict)
        and isinstance(error.get("type"), str)
        and isinstance(error.get("message"), str)
        # An error in Anthropic's own words is handed on word for word, id or not.
        and told.get("request_id") in {request_id, None}
    )
    return [] if good else [f"no envelope of this request: {told}"]


def _streamed(ask: Ask, seen: Seen, wrong: list[str]) -> tuple[str, list[str]]:
    if not seen.headers.get("content-type", "").startswith("text/event-stream"):
        wrong.append("not an event stream")
    stream = seen.body.replace(b"\r\n", b"\n")
    events = _events(stream if seen.whole else stream[: stream.rfind(b"\n\n") + 2])
    names = [each["type"] for each in events if each["type"] != "ping"]
    text = "".join(
        each["delta"].get("text", "") for each in events if each["type"] == "content_block_delta"
    )
    mine = ask.text(_ident(events))
    if not mine.startswith(text):
        wrong.append(f"a text of another: {text[:200]!r}")
    if names and (names[0] != "message_start" or names.count("message_start") != 1):
        wrong.append(f"it begins {names[:3]}, with {names.count('message_start')} starts")
    if seen.left:
        return "left", wrong
    last = names[-1] if names else ""
    if last == "error":
        return _ended(ask, seen, events, wrong)
    if last != "message_stop" or names.count("message_stop") != 1 or "error" in names:
        wrong.append(f"it ends {names[-3:]}")
    if text != mine:
        wrong.append(f"{len(text)} of {len(mine)} characters came")
    return ("whole" if seen.attempts == 1 else "whole after failover"), wrong


def _ident(events: list[dict[str, Any]]) -> str:
    """Return the id of the answer, which its text carries too."""
    return next((str(each["message"]["id"]) for each in events if "message" in each), "")


def _ended(
    ask: Ask, seen: Seen, events: list[dict[str, Any]], wrong: list[str]
) -> tuple[str, list[str]]:
    error = events[-1]
    wrong += _not_an_envelope(error, seen.headers.get("request-id"))
    if any(each["type"] in {"message_stop", "error"} for each in events[:-1]):
        wrong.append("it ends twice")
    if ask.harmless:
        wrong.append(f"broken off although nothing was wrong: {error}")
    return f"error event {error['error']['type']}", wrong


def _events(stream: bytes) -> list[dict[str, Any]]:
    """Return the data of whole events, each named as its data says; raises ValueError."""
    if not stream:
        return []
    if not stream.endswith(b"\n\n"):
        raise ValueError(f"half an event: {stream[-100:]!r}")
    found = []
    for block in stream.removesuffix(b"\n\n").split(b"\n\n"):
        name, _, data = block.partition(b"\ndata: ")
        event = _decode(data)
        if name != b"event: " + event["type"].encode():
            raise ValueError(f"{name!r} is a {event['type']}")
        found.append(event)
    return found
