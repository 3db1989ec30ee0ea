"""What is decided and done, as records of the journal. No content, no credential, no address.

The kinds of records and what each holds are listed in docs/audit.md.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec
from msgspec import Raw

from gateway.asking import asked, asked_by, unsized_in
from gateway.boundary import Reload
from gateway.call import Call
from gateway.dispatch.attempts import Attempt
from gateway.dispatch.kinds import bill
from gateway.dispatch.stream import Facts
from gateway.errors import NotReady, Refused
from gateway.journal import Journal, JournalBroken
from gateway.judging import Judgement
from gateway.policy.decision import Decision, Verdict
from gateway.policy.facts import NEVER
from gateway.policy.in_force import InForce
from gateway.policy.observed import Violation
from gateway.recordable import NO_NAME, attempt_id, bounded, kept_usage, short
from gateway.routing import Cause, Plan, Rejection
from providers.contract import Failure, Loss

_LOG = logging.getLogger("gateway.audit")
_encode = msgspec.json.Encoder().encode

NOTHING: Mapping[str, Any] = MappingProxyType({})
MAX_TEXT = 1024
MAX_VERDICTS = 4096
"""How many sets of verdicts are remembered as written."""


class Unrecorded(NotReady):
    """The journal is required and cannot be written, so nothing is sent."""

    reason = "no_journal"

    def __init__(self) -> None:
        super().__init__("The journal cannot be written, and nothing is sent without it.")


class Audit:
    """The records of one engine; without a journal nothing is written."""

    def __init__(
        self,
        journal: Journal | None = None,
        *,
        required: bool = False,
        environment: str | None = None,
    ) -> None:
        self._journal = journal
        self.required = required
        self.environment = environment
        self._file: Path | None = None
        self._written: dict[int, tuple[tuple[Verdict, ...], str]] = {}
        """By identity: a set of verdicts is made once and kept by whoever decides."""
        self.broken: str | None = None
        """Why the last record could not be written."""

    @property
    def state(self) -> str:
        """Whether there is a journal, and can be written: `none`, `ok` or `broken`."""
        if self._journal is None:
            return "none"
        return "ok" if self.broken is None else "broken"

    def opened(self) -> bool:
        """Record that an engine begins; return whether that could be written."""
        return self.write("engine", {})

    def in_force(self, found: InForce | None) -> None:
        """Record what is in force from now on."""
        if found is not None:
            files = [each.source.sources[0].file for each in found.files]
            self.write("policy", {**_digests(found), "files": files})

    def reloaded(self, reload: Reload) -> None:
        """Record that changed files were taken, or why they were not."""
        if reload.taken is not None:
            self.in_force(reload.taken)
            return
        mistakes = [str(mistake) for mistake in reload.mistakes]
        self.write("reload", {"ok": False, "mistakes": mistakes})

    def decided(self, call: Call, plan: Plan, more: Mapping[str, Any] = NOTHING) -> Trail:
        """Record a decision and the plan it led to; raises Unrecorded.

        `more` says what is asked for where that is no model's answer.
        """
        judgement = plan.judgement
        if judgement is None and self._journal is None:
            return Trail(self, None)
        trail = Trail(self, f"dec_{secrets.token_hex(12)}")
        if self._journal is not None:
            data = self._begun(trail, call)
            data["model"] = plan.operation.model
            if judgement is not None:
                texts = _texts(call, judgement)
                data |= _judged(judgement, self._verdicts(judgement.decision, texts))
            data["plan"] = [leg.upstream.name for leg in plan.legs]
            if plan.legs:
                data |= unsized_in(call)
            if plan.warm is not None:
                data["warm"] = plan.warm
            data["rejected"] = [_rejection(each) for each in plan.rejected]
            self.must("decision", {**data, **more})
        return trail

    def turned_away(self, call: Call, error: Refused) -> Trail:
        """Record a call that was refused before any upstream was looked at."""
        if self._journal is None:
            return Trail(self, None)
        trail = Trail(self, f"dec_{secrets.token_hex(12)}")
        data = {**self._begun(trail, call), "plan": [], "rejected": []}
        label = call.labels.data_class
        told = error.message if label is None or short(label) == label else NO_NAME
        self.must("decision", {**data, "refused": told})
        return trail

    def _begun(self, trail: Trail, call: Call) -> dict[str, Any]:
        return {"decision": trail.decision, "environment": self.environment, **asked(call)}

    def must(self, kind: str, data: Mapping[str, Any]) -> None:
        """Write a record that a request waits for; raises Unrecorded where one is required."""
        if not self.write(kind, data) and self.required:
            raise Unrecorded

    def write(self, kind: str, data: Mapping[str, Any]) -> bool:
        """Write a record; return whether it is written."""
        if self._journal is None:
            return True
        try:
            self._journal.append(kind, data)
        except JournalBroken as error:
            if self.broken is None:
                _LOG.error("the journal cannot be written: %s", error)
            self.broken = str(error)
            return False
        self.broken = None
        return True

    def _verdicts(self, decision: Decision, texts: tuple[str, ...]) -> str:
        """Return the id of a set of verdicts, written once before it is first referred to."""
        candidates = decision.candidates
        self._same_file()
        known = self._written.get(id(candidates))
        if known is not None:
            return known[1]
        written = Raw(_encode([_verdict(each, texts) for each in candidates]))
        name = hashlib.sha256(written).hexdigest()[:32]
        self.must("verdicts", {"id": name, "candidates": written})
        self._same_file()
        if len(self._written) >= MAX_VERDICTS:
            self._written.clear()
        self._written[id(candidates)] = (candidates, name)
        return name

    def _same_file(self) -> None:
        """Forget what was written to another file, so that a file can be read by itself."""
        path = self._journal.path if self._journal is not None else None
        if path != self._file:
            self._file = path
            self._written.clear()


class Trail:
    """The records of one call."""

    __slots__ = ("_audit", "decision")

    def __init__(self, audit: Audit, decision: str | None) -> None:
        self._audit = audit
        self.decision = decision
        """The id that the answer names; None: there is neither policy nor journal."""

    @contextmanager
    def ending(self) -> Iterator[None]:
        """Record the end of what nobody waits for any more, or of what broke."""
        try:
            yield
        except BaseException as error:
            self.finished(None, "broken" if isinstance(error, Exception) else "left")
            raise

    def name_of(self, attempt: Attempt) -> str | None:
        """Return the id of an attempt, which its platform gets where it takes one."""
        return None if self.decision is None else attempt_id(self.decision, attempt.number)

    def started(self, attempt: Attempt, host: str, model: str, scope: str | None) -> None:
        """Record an attempt before a byte of it leaves; raises Unrecorded."""
        upstream = attempt.leg.upstream
        data = {
            "platform": upstream.provider.name,
            "account": upstream.name,
            "region": upstream.endpoint.region,
            "scope": scope,
            "host": host,
            "model": model,
        }
        self._audit.must("started", {**self._of(attempt), **data})

    def used(self, attempt: Attempt, told: Facts) -> None:
        """Record what a streamed answer says of itself when it begins: its input is known now."""
        if told.id is not None or told.usage:
            self._audit.write("usage", {**self._of(attempt), **_said(told)})

    def failed(self, attempt: Attempt, failure: Failure, told: Facts) -> None:
        """Record an attempt that failed; its words stay out, for they may quote the caller."""
        begun = _said(told) if told.usage else NOTHING
        data = {
            "kind": failure.kind.value,
            "state": bill(failure).value,
            "status": failure.upstream_status,
            "type": failure.type,
            "platform_request_id": failure.request_id,
            **begun,
        }
        self._audit.write("failed", {**self._of(attempt), **data})

    def withdrawn(self, attempt: Attempt) -> None:
        """Record an attempt that policy stopped before a byte of it left."""
        self._audit.write("withdrawn", self._of(attempt))

    def finished(
        self,
        attempt: Attempt | None,
        state: str,
        request_id: str | None = None,
        answer: Mapping[str, Any] = NOTHING,
    ) -> None:
        """Record how a call ended; without an attempt no upstream answered it."""
        of = {"decision": self.decision} if attempt is None else self._of(attempt)
        self._audit.write("finished", {**of, "state": state, "request_id": request_id, **answer})

    def pinned(self, state: str, name: str, upstream: str, owner: str, *, durable: bool) -> None:
        """Record that an upstream has made something, which is there and nowhere else."""
        data = {"state": state, "id": name, "upstream": upstream, "owner": owner}
        self._audit.write("pinned", {"decision": self.decision, **data, "kept": durable})

    def used_in_batch(self, number: int, data: dict[str, Any]) -> None:
        """Record what one request of a batch has used, as its results tell."""
        if self.decision is not None:
            self._audit.write("batch_result", {"decision": f"{self.decision}-{number}", **data})

    @property
    def written(self) -> bool:
        """Whether all that was to be recorded so far is."""
        return self._audit.broken is None

    def asked(self, call: Call) -> dict[str, Any]:
        """Return who asks, as records of other kinds repeat it."""
        return {"environment": self._audit.environment, **asked_by(call)}

    def violation(self, upstream: str, found: Violation) -> None:
        """Record that an answer shows something other than what was planned."""
        data = {"what": found.what, "planned": found.planned, "observed": found.observed}
        self._audit.write("violation", {"decision": self.decision, "upstream": upstream, **data})

    def _of(self, attempt: Attempt) -> dict[str, Any]:
        name = attempt.leg.upstream.name
        return {"decision": self.decision, "attempt": attempt.number, "upstream": name}


def _said(told: Facts) -> dict[str, Any]:
    return {
        "message_id": bounded(told.id),
        "model": bounded(told.model),
        **kept_usage(told.usage).told,
    }


def _digests(found: InForce) -> dict[str, Any]:
    return {
        "environment": found.environment,
        "policy_digest": found.compiled.digest,
        "facts_digest": found.facts.digest,
    }


def _judged(judgement: Judgement, verdicts: str) -> dict[str, Any]:
    request, decision, asked = judgement.request, judgement.decision, judgement.asked
    return {
        "classes": [short(each) for each in decision.data_classes],
        "models_inside": [short(each) for each in judgement.models],
        "features": sorted(request.features),
        "unread": sorted(asked.unread),
        "checks": sorted(request.checks),
        "hatches": {
            name: short(value) for name, value in asdict(asked.hatches).items() if value is not None
        },
        "policy_digest": decision.policy_digest,
        "facts_digest": decision.facts_digest,
        "verdicts": verdicts,
        "until": None if decision.until_s == NEVER else int(decision.until_s),
    }


def _rejection(rejection: Rejection) -> dict[str, str]:
    """Return why an upstream is not in the plan; what policy says is in the verdicts."""
    found = {"upstream": rejection.upstream, "cause": rejection.cause.name.lower()}
    return found if rejection.cause is Cause.POLICY else {**found, "reason": _reason(rejection)}


def _reason(rejection: Rejection) -> str:
    """Return why an upstream does not take a request; names of its parts are the caller's."""
    if rejection.cause is not Cause.FIDELITY:
        return rejection.reason[:MAX_TEXT]
    return "; ".join(map(_lost, rejection.lost))[:MAX_TEXT]


def _lost(loss: Loss) -> str:
    own = loss.name.removeprefix("anthropic-beta: ")
    return f"{loss.name}: {loss.reason}" if short(own) == own else NO_NAME


def _texts(call: Call, judgement: Judgement) -> tuple[str, ...]:
    """Return what a caller made up that reasons may repeat, and that could be a text."""
    said = (call.labels.data_class, call.asked, *call.fields.betas, *judgement.models)
    hatches = asdict(judgement.asked.hatches).values()
    return tuple(each for each in (*said, *hatches) if each is not None and short(each) is NO_NAME)


def _verdict(verdict: Verdict, texts: tuple[str, ...]) -> dict[str, Any]:
    def told(words: str) -> str:
        for text in texts:
            words = words.replace(text, NO_NAME)
        return words[:MAX_TEXT]

    return {
        "upstream": verdict.upstream,
        "allowed": verdict.allowed,
        **({"exceptions": verdict.lifted} if verdict.lifted else {}),
        "reasons": [
            {
                "rule": reason.rule,
                "kind": reason.kind.value,
                "fact": reason.fact,
                "text": told(reason.text),
                "wants": told(reason.wants),
            }
            for reason in verdict.reasons
        ],
    }
