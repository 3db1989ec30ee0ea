"""An observer that notes what it is told, and holds it to its promises."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

from gateway.telemetry import CallReport


class Noted:
    """What an observer was told of one engine's calls, in order."""

    def __init__(self) -> None:
        self.words: list[tuple[str, ...]] = []
        self.reports: list[CallReport] = []
        self.first_content_s: list[float] = []

    def began(self, door: str, kind: str) -> None:
        self.words.append(("began", door, kind))

    def attempt_began(self, upstream: str, model: str) -> None:
        self.words.append(("attempt", upstream, model))

    def attempt_ended(self, upstream: str, model: str, outcome: str) -> None:
        self.words.append(("over", upstream, model, outcome))

    def moved(self, origin: str, to: str, reason: str) -> None:
        self.words.append(("moved", origin, to, reason))

    def first_content(self, upstream: str, model: str, after_s: float) -> None:
        self.words.append(("content", upstream, model))
        self.first_content_s.append(after_s)

    def violated(self, upstream: str, what: str) -> None:
        self.words.append(("violated", upstream, what))

    def refused(self, reason: str) -> None:
        self.words.append(("refused", reason))

    def ended(self, report: CallReport) -> None:
        self.words.append(("ended", report.state))
        self.reports.append(report)

    @property
    def only(self) -> CallReport:
        """The report of the one call there was."""
        (report,) = self.reports
        return report

    def holds(self) -> None:
        """Assert of one call what holds of every call."""
        told = Counter(word for word, *_ in self.words)
        assert told["began"] == told["ended"] == 1, self.words
        assert (self.words[0][0], self.words[-1][0]) == ("began", "ended")
        assert told["attempt"] == told["over"] == len(self.only.attempts)
        assert told["content"] <= 1
        tried = [each[1] for each in self.words if each[0] == "attempt"]
        over = [each[1::2] for each in self.words if each[0] == "over"]
        assert over == [(each.upstream, each.outcome) for each in self.only.attempts]
        moves = [(one, other) for one, other in pairwise(tried) if one != other]
        assert [each[1:3] for each in self.words if each[0] == "moved"] == moves
        assert self.only.upstream == (tried[-1] if tried else None)
        assert sum(each.took_s for each in self.only.attempts) <= self.only.took_s
