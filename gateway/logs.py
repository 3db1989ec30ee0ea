"""What the operator is told: a line for each call and each failed attempt, and what else matters.

No content, no credential, and nothing that a caller or a platform could have written a text into.
"""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

from gateway.dispatch.attempts import Attempt
from gateway.policy.observed import Violation
from gateway.recordable import short
from gateway.telemetry import AttemptReport, CallReport, Silent
from providers.contract import Failure, FailureKind

Format = Literal["text", "json"]

_attempts = logging.getLogger("gateway.attempts")
# In an application that set up no logging, failed attempts are silent: its exceptions have them.
_attempts.addHandler(logging.NullHandler())
_requests = logging.getLogger("gateway.requests")
_encode = msgspec.json.Encoder().encode


def attempt_failed(attempt: Attempt, model: str, failure: Failure) -> None:
    """Tell of a failed attempt.

    The words of an error about the caller's own request are left out: they may quote it.
    """
    quotes_the_caller = failure.kind is FailureKind.CALLER
    _attempts.warning(
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


class RequestLog(Silent):
    """An observer that writes one line for each call, with all that is known of it."""

    def ended(self, report: CallReport) -> None:
        """Write the line."""
        if _requests.isEnabledFor(logging.INFO):
            _requests.info("%s", _Sentence(report), extra={"report": report})


class JsonLines(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line; of a call it has the fields of its report, else a message."""
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line: dict[str, Any] = {
            "time": moment.replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
        }
        report = getattr(record, "report", None)
        if isinstance(report, CallReport):
            line.update(fields(report))
        else:
            line["message"] = record.getMessage()
        return _encode(line).decode()


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
        "dropped": [short(name) for name in report.dropped],
        "policy": report.policy,
    }


def to_stderr(style: Format = "text") -> None:
    """Write the gateway's log to standard error, a line each, as the server does."""
    handler = logging.StreamHandler(sys.stderr)
    text = logging.Formatter("%(asctime)s %(levelname)s %(message)s")
    handler.setFormatter(JsonLines() if style == "json" else text)
    ours = logging.getLogger("gateway")
    ours.addHandler(handler)
    ours.setLevel(logging.INFO)
    ours.propagate = False


class _Sentence:
    """A report in words, put together when somebody reads them."""

    __slots__ = ("_report",)

    def __init__(self, report: CallReport) -> None:
        self._report = report

    def __str__(self) -> str:
        report = self._report
        status = "" if report.status is None else f" {report.status}"
        why = "" if report.refused is None else f" ({report.refused})"
        at = "" if report.upstream is None else f" at {report.upstream}"
        asked = f" for {report.model}" if report.model else ""
        by = f" by {report.caller}" if report.caller else ""
        parts = [f"{report.state}{status}{why}{at}", *self._amounts()]
        request_id = short(report.request_id) or "without an id"
        return f"request {request_id}: {report.kind}{asked}{by}: {', '.join(parts)}"

    def _amounts(self) -> list[str]:
        report = self._report
        found = [f"{_ms(report.took_s)} ms"]
        if report.first_content_s is not None:
            found.append(f"first content after {_ms(report.first_content_s)} ms")
        if len(report.attempts) > 1:
            tried = "; ".join(f"{each.upstream} {each.outcome}" for each in report.attempts)
            found.append(f"{len(report.attempts)} attempts ({tried})")
        for key, word in (("input_tokens", "in"), ("output_tokens", "out")):
            if isinstance(count := report.usage.get(key), int):
                found.append(f"{count} tokens {word}")
        return found


def _attempt(attempt: AttemptReport) -> dict[str, Any]:
    return {
        "upstream": attempt.upstream,
        "kind": attempt.outcome,
        "status": attempt.status,
        "took_ms": _ms(attempt.took_s),
    }


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 1)
