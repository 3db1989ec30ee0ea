"""Where the way a request was written keeps it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Within:
    """The countries that a model id or a location of a caller's own platform stands for."""

    written: str
    """What the caller wrote (`eu.anthropic.claude-opus-5-5`, `europe-west1`)."""
    countries: frozenset[str]
    """ISO 3166-1 alpha-2."""

    def admits(self, reached: frozenset[str] | None) -> bool:
        """Say whether an upstream that may use these countries keeps it; none: nobody knows."""
        if not reached:
            return False
        return reached <= self.countries
