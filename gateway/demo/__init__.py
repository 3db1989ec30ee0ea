"""A tour of the gateway over emulated platforms: no account, no network, nothing left behind."""

from __future__ import annotations

import time

__all__ = ["UnknownStep", "run"]


class UnknownStep(ValueError):
    """There is no step of that name; the message says which there are."""


def run(broken: str | None = None) -> int:
    """Play every step and print the report; return 0 when every claim held, else 1.

    Args:
        broken: A step to break, so that its claims fail: a check of the checks.

    Raises:
        UnknownStep: `broken` names no step.
    """
    began_s = time.monotonic()
    from gateway.demo.tour import tour  # noqa: PLC0415 - the SDK and the server are slow to import

    return tour(broken, began_s)
