"""What a run of the doctor comes to: each fact before and after, and what no longer holds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gateway.doctor.finding import MODEL_ACCESS, Finding, Outcome
from gateway.policy.attestations import Attestations
from gateway.policy.facts import Assurance, Fact, FactSheet, plain
from gateway.policy.places import Where
from gateway.policy.sheet import Contradiction, fact_sheet
from gateway.policy.verified import Verified

UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Row:
    """One finding, with what was known of the fact and what is known now."""

    upstream: str
    fact: str
    models: tuple[str, ...]
    """Empty: all of the upstream's models."""
    before: str
    after: str
    outcome: str
    probe: str
    asked: str
    because: str


@dataclass(frozen=True, slots=True)
class Report:
    """What a run comes to."""

    rows: tuple[Row, ...]
    drift: tuple[str, ...]
    """What was held to be so and is not, in plain words; empty: nothing was dropped."""
    unverified: tuple[str, ...]
    """What could not be verified, and why."""

    @property
    def ok(self) -> bool:
        """Whether nothing that was known was dropped or contradicted."""
        return not self.drift


def reported(
    findings: Sequence[Finding],
    upstreams: Sequence[Where],
    attestations: Attestations,
    verified: tuple[Verified, Verified],
    now_s: float,
) -> Report:
    """Return what findings come to.

    Args:
        findings: What the probes found.
        upstreams: All upstreams that facts are known of.
        attestations: What people vouch for.
        verified: What was verified before, and what is now.
        now_s: Unix time.
    """
    prior, new = verified
    before = fact_sheet(upstreams, attestations, prior)[0]
    after, contradictions = fact_sheet(upstreams, attestations, new)
    claimed = fact_sheet(upstreams, attestations, Verified(prior.facts))[0]
    already = fact_sheet(upstreams, attestations)[1]
    fresh = [each for each in contradictions if each not in already]
    rows = tuple(_row(each, before, after, now_s) for each in findings)
    drift = (*_dropped(findings, claimed, now_s), *_contradicted(fresh))
    return Report(rows, tuple(dict.fromkeys(drift)), tuple(dict.fromkeys(_open(findings))))


def _row(finding: Finding, before: FactSheet, after: FactSheet, now_s: float) -> Row:
    model = finding.models[0] if finding.models else ""
    told = finding.fact == MODEL_ACCESS
    usable = "usable" if finding.outcome is Outcome.VERIFIED else UNKNOWN
    return Row(
        finding.upstream,
        finding.fact,
        finding.models,
        UNKNOWN if told else _shown(_fact(before, finding, model), now_s),
        usable if told else _shown(_fact(after, finding, model), now_s),
        finding.outcome.value,
        finding.probe,
        finding.asked,
        finding.because,
    )


def _fact(sheet: FactSheet, finding: Finding, model: str) -> Fact | None:
    for each in sheet.upstreams:
        if each.name == finding.upstream:
            return each.get(finding.fact, model)
    return None


def _shown(fact: Fact | None, now_s: float) -> str:
    if fact is None:
        return UNKNOWN
    fact = fact.at(now_s)
    if now_s >= fact.until_s:
        return f"{UNKNOWN} (expired)"
    value = plain(fact.value)
    words = ", ".join(value) if isinstance(value, list) else str(value).lower()
    return f"{words} ({fact.assurance.word})"


def _dropped(findings: Sequence[Finding], claimed: FactSheet, now_s: float) -> Iterator[str]:
    """Yield what somebody signed off, or a probe once found, and the platform denies."""
    for each in findings:
        known = [_fact(claimed, each, model) for model in each.models or ("",)]
        held = [fact.at(now_s) for fact in known if fact is not None]
        if each.outcome is Outcome.DROPPED and any(_signed(fact, now_s) for fact in held):
            yield f"{each.upstream}: {each.fact} is dropped: {each.because}"


def _signed(fact: Fact, now_s: float) -> bool:
    return fact.assurance >= Assurance.ORG and now_s < fact.until_s


def _contradicted(found: Sequence[Contradiction]) -> Iterator[str]:
    for each in found:
        yield f"{each.upstream}: {each.fact}: {each.message}"


def _open(findings: Sequence[Finding]) -> Iterator[str]:
    for each in findings:
        if each.outcome in {Outcome.UNVERIFIED, Outcome.ABSENT}:
            models = f" for {', '.join(each.models)}" if each.models else ""
            yield f"{each.upstream}: {each.fact}{models}: {each.because}"
