"""What the operator is told: a line for each call and each failed attempt, and what else matters.

No content, no credential, and nothing that a caller or a platform could have written a text into.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, Literal, Protocol

import msgspec

from gateway.dispatch.attempts import Attempt
from gateway.money import usd
from gateway.policy.observed import Violation
from gateway.recordable import short
from gateway.telemetry import AttemptReport, CallReport, Silent
from providers.contract import Failure, FailureKind

Format = Literal["text", "json"]

_attempts = logging.getLogger("gateway.attempts")
# In an application that set up no logging, failed attempts are silent: its exceptions have them.
_attempts.addHandler(logging.NullHandler())
_encode = msgspec.json.Encoder().encode


def attempt_failed(attempt: Attempt, model: str, failure: Failure) -> None:
    """Tell of a failed attempt.

    The words of an error about the caller's own request are left out: they may quote it.
    """
    quotes_the_caller = failure.kind is FailureKind.CALLER
    # Only an operator can mend a credential, and calls may go on elsewhere unseen.
    alarming = failure.kind is FailureKind.CREDENTIAL
    _attempts.log(
        logging.ERROR if alarming else logging.WARNING,
        "attempt %d at %s for %s failed: %s, status %s, request %s: %s",
        attempt.number,
        attempt.leg.upstream.name,
        model,
        failure.kind.value,
        failure.upstream_status or "none",
        short(failure.request_id) or "unknown",
        short(failure.type) if quotes_the_caller else failure.message,
    )


def violation(upstream: str, found: Violation) -> None:
    """Tell that an answer is not what was planned."""
    _attempts.error(
        "policy violation at %s: %s is %s, planned %s",
        upstream,
        found.what,
        found.observed,
        found.planned,
    )


class Lines(Protocol):
    """Where lines are written."""

    def write(self, line: str, /) -> int:
        """Take a line with its end."""
        ...

    def flush(self) -> None:
        """Write what is still kept back."""
        ...


class RequestLog(Silent):
    """An observer that writes one line for each call, with all that is known of it.

    It does without `logging`, whose records cost as much as half a call.

    Args:
        style: How the line is written.
        write: Takes a line with its end; else it goes to standard error.
    """

    def __init__(
        self, style: Format = "text", write: Callable[[str], object] | None = None
    ) -> None:
        self._line = _json_line if style == "json" else _text_line
        self._write = write or _to_stderr

    def ended(self, report: CallReport) -> None:
        """Write the line."""
        self._write(self._line(report, time.time()))


class JsonLines(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        head = _head(record.created, record.levelname.lower(), record.name)
        return _encode({**head, "message": record.getMessage()}).decode()


def fields(report: CallReport) -> dict[str, Any]:
    """Return what the line of a call says, by name."""
    return {
        "request_id": short(report.request_id),
        "decision": report.decision,
        "door": report.door,
        "caller": report.caller,
        "class": report.data_class,
        "tags": report.tags,
        "model": report.model,
        "kind": report.kind,
        "stream": report.stream,
        "status": report.status,
        "state": report.state,
        "refused": report.refused,
        "upstream": report.upstream,
        "region": report.region,
        "attempts": [_attempt(attempt) for attempt in report.attempts],
        "first_content_ms": _ms(report.first_content_s),
        "took_ms": _ms(report.took_s),
        "bytes_in": report.bytes_in,
        "usage": dict(report.usage),
        "cost_usd": _cost(report),
        "dropped": [short(name) for name in report.dropped],
        "policy": report.policy,
    }


def to_stream(stream: Lines, style: Format = "text") -> None:
    """Write the gateway's log to a stream, a line each, as the server does."""
    handler = logging.StreamHandler(stream)
    text = logging.Formatter("%(asctime)s %(levelname)s %(message)s")
    handler.setFormatter(JsonLines() if style == "json" else text)
    ours = logging.getLogger("gateway")
    ours.addHandler(handler)
    ours.setLevel(logging.INFO)
    ours.propagate = False


def _to_stderr(line: str) -> None:
    sys.stderr.write(line)


def _json_line(report: CallReport, now_s: float) -> str:
    head = _head(now_s, "info", "gateway.requests")
    return _encode({**head, **fields(report)}).decode() + "\n"


def _text_line(report: CallReport, now_s: float) -> str:
    # `strftime` looks at the time zone's file each time.
    moment = datetime.fromtimestamp(now_s).isoformat(" ", "milliseconds").replace(".", ",")  # noqa: DTZ006 - as `logging` writes it
    return f"{moment} INFO {sentence(report)}\n"


def _head(now_s: float, level: str, logger: str) -> dict[str, Any]:
    moment = datetime.fromtimestamp(now_s, UTC).isoformat(timespec="milliseconds")
    return {"time": moment.replace("+00:00", "Z"), "level": level, "logger": logger}


def sentence(report: CallReport) -> str:
    """Return what the line of a call says, in words."""
    status = "" if report.status is None else f" {report.status}"
    why = "" if report.refused is None else f" ({report.refused})"
    at = "" if report.upstream is None else f" at {report.upstream}"
    asked = f" for {report.model}" if report.model else ""
    by = f" by {report.caller}" if report.caller else ""
    parts = (f"{report.state}{status}{why}{at}", *_amounts(report))
    request_id = short(report.request_id) or "without an id"
    return f"request {request_id}: {report.kind}{asked}{by}: {', '.join(parts)}"


def _amounts(report: CallReport) -> Iterator[str]:
    yield f"{_ms(report.took_s)} ms"
    if report.first_content_s is not None:
        yield f"first content after {_ms(report.first_content_s)} ms"
    if len(report.attempts) > 1:
        tried = "; ".join(f"{each.upstream} {each.outcome}" for each in report.attempts)
        yield f"{len(report.attempts)} attempts ({tried})"
    for key, word in (("input_tokens", "in"), ("output_tokens", "out")):
        if isinstance(count := report.usage.get(key), int):
            yield f"{count} tokens {word}"
    if (cost := _cost(report)) is not None:
        yield f"{cost} USD"


def _attempt(attempt: AttemptReport) -> dict[str, Any]:
    return {
        "upstream": attempt.upstream,
        "kind": attempt.outcome,
        "status": attempt.status,
        "took_ms": _ms(attempt.took_s),
    }


def _cost(report: CallReport) -> str | None:
    cost = report.cost
    return None if cost is None or cost.net_pico is None else usd(cost.net_pico)


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 1)
