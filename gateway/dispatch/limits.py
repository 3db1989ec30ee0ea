"""How long and how often: the numbers of one call."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Limits:
    """Clocks in seconds and counts, for one call. Defaults are the configuration's."""

    connect_s: float = 5.0
    first_content_s: float = 120.0
    """How long an attempt may take to its first content."""
    idle_s: float = 120.0
    """The longest gap between two pieces of content; pings do not count as content."""
    call_s: float = 3600.0
    call_unstreamed_s: float = 600.0
    hold_s: float = 20.0
    """How long a begun answer is held back waiting for its first content."""
    ping_s: float = 15.0
    """A caller gets a ping of ours after a gap this long."""
    attempts: int = 3
    per_upstream: int = 2
    retry_after_cap_s: float = 60.0
    """A longer `retry-after` is not waited for."""
    base_s: float = 0.5
    max_s: float = 8.0
    """Backoff before a retry grows from `base_s` to `max_s`, with jitter."""
    warm_wait_s: float = 0.0
    """How long a throttled upstream that holds the call's prompt cache is waited for."""
    bears_s: float = float("inf")
    """How long the caller waits for an answer to begin, over all attempts."""
    full_s: float | None = None
    """How long the operator lets an attempt take, where the caller bears less; None: the same."""
    full_idle_s: float | None = None
    """The same of the longest gap."""

    @property
    def narrowed(self) -> bool:
        """Whether the caller bears less than the operator would, before the first content."""
        return self.full_s is not None and self.first_content_s < self.full_s

    @property
    def narrowed_idle(self) -> bool:
        """Whether the caller bears less than the operator would, between two pieces of content."""
        return self.full_idle_s is not None and self.idle_s < self.full_idle_s

    def for_call(
        self, stream: bool, silence_s: float | None, retry_count: int, attempts: int | None
    ) -> Limits:
        """Return these limits narrowed by what one caller brings; a caller never widens.

        The caller's timeout is the longest silence it bears. An answer that is not streamed is
        one silence from request to answer.
        """
        bears_s = silence_s if silence_s is not None else float("inf")
        call_s = self.call_s if stream else min(self.call_unstreamed_s, bears_s)
        return replace(
            self,
            full_s=self.first_content_s if stream else self.call_unstreamed_s,
            full_idle_s=self.idle_s,
            bears_s=bears_s,
            call_s=call_s,
            first_content_s=min(self.first_content_s, bears_s) if stream else call_s,
            idle_s=min(self.idle_s, bears_s) if stream else call_s,
            attempts=max(1, min(self.attempts - retry_count, attempts or self.attempts)),
        )
