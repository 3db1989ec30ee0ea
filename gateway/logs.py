"""What the operator is told: one line for each failed attempt. No content, no credential."""

from __future__ import annotations

import logging
import sys

from gateway.dispatch.attempts import Attempt
from gateway.policy.observed import Violation
from providers.contract import Failure, FailureKind

_attempts = logging.getLogger("gateway.attempts")
# In an application that set up no logging, failed attempts are silent: its exceptions have them.
_attempts.addHandler(logging.NullHandler())


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
        failure.request_id or "unknown",
        failure.type if quotes_the_caller else failure.message,
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


def to_stderr() -> None:
    """Write the gateway's log to standard error, a line each, as the server does."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    ours = logging.getLogger("gateway")
    ours.addHandler(handler)
    ours.propagate = False
