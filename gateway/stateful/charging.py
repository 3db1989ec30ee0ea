"""What a batch has used, as records of the journal, one for each request that succeeded.

Its usage is known only when its results are read; each result is charged to whoever made the
batch. A download that is read again is recorded once more only while no earlier one came to its
end, and the ledger knows a message by its id: it is charged once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from gateway.audit import Trail
from gateway.policy import observed
from gateway.policy.observed import Expected, Said
from gateway.recordable import bounded, kept_usage, short
from gateway.routing import Upstream
from gateway.stateful.pins import Pin
from gateway.stateful.results import Results, Used
from providers import catalog

_LOG = logging.getLogger("gateway.stateful")

Scopes = Callable[[Upstream, str], str | None]
"""How far a request for a model may travel at an upstream, as platforms price it."""
Places = Callable[[str, str], frozenset[str] | None]
"""Where policy holds an upstream to process a model."""


class Charging:
    """Records the usage of one download of results.

    Args:
        trail: The records of the download.
        upstream: Where the batch is.
        made: What is recorded of whoever made it.
        pin: The batch, where it is known; None: it was made elsewhere.
        scopes: How far requests may travel there.
        countries: Where policy holds the upstream to process a model.
        violated: Told what of an answer is not what was planned.
    """

    def __init__(
        self,
        trail: Trail,
        upstream: Upstream,
        made: dict[str, Any],
        *,
        scopes: Scopes,
        countries: Places,
        violated: Callable[[observed.Violation], None],
    ) -> None:
        self.results = Results()
        self._trail = trail
        self._upstream = upstream
        self._made = made
        self._scopes = scopes
        self._countries = countries
        self._violated = violated
        self._told: set[str] = set()

    @property
    def complete(self) -> bool:
        """Whether there were lines, and every one was read: a batch has one at least."""
        found = self.results
        return found.lines > 0 and not found.unread and not found.pending

    def feed(self, data: bytes) -> None:
        """Take bytes of the download."""
        for used in self.results.feed(data):
            self._record(used)

    def end(self) -> None:
        """Take its clean end."""
        for used in self.results.end():
            self._record(used)
        if self.results.unread:
            _LOG.error(
                "%d of %d results of a batch at %s could not be read, and are not in the ledger",
                self.results.unread,
                self.results.lines,
                self._upstream.name,
            )

    def _record(self, used: Used) -> None:
        said = used.said
        model, served = self._models(said)
        endpoint = self._upstream.endpoint
        self._compare(said, model)
        self._trail.used_in_batch(
            used.number,
            {
                **self._made,
                "platform": self._upstream.provider.name,
                "account": self._upstream.name,
                "upstream": self._upstream.name,
                "region": endpoint.region,
                "scope": self._scopes(self._upstream, model),
                "model": model,
                "served_model": served,
                "custom_id": short(used.custom_id),
                "message_id": bounded(said.id),
                "stop_reason": bounded(said.stop_reason),
                "refusal_category": bounded(said.refusal_category),
                **kept_usage(said.counts).told,
            },
        )

    def _models(self, said: Said) -> tuple[str, str | None]:
        """Return the canonical model that answered, and its name as the answer has it."""
        named = said.model if isinstance(said.model, str) else None
        if named is None:
            return str(self._made.get("asked_model") or ""), None
        for name, model in self._upstream.endpoint.models.items():
            if model.id == named:
                return name, bounded(named)
        return str(bounded(catalog.canonical(named) or named) or ""), bounded(named)

    def _compare(self, said: Said, model: str) -> None:
        endpoint = self._upstream.endpoint
        planned = endpoint.models.get(model)
        expected = Expected(
            model=model,
            wire_model=None if planned is None else planned.id,
            geo=endpoint.geo,
            countries=self._countries(self._upstream.name, model),
        )
        told = observed.served(None, said.counts)
        for found in observed.violations(expected, told):
            if found.what not in self._told:
                # One of a kind is enough: a batch may have a hundred thousand.
                self._told.add(found.what)
                self._violated(found)


def made_by(pin: Pin | None, asked: dict[str, Any]) -> dict[str, Any]:
    """Return what is recorded of whoever made a batch; of one made elsewhere, of who reads it."""
    if pin is None:
        return asked
    known = pin.asked
    return {
        **asked,
        "batch": pin.id,
        "made_by": pin.decision,
        "key": pin.owner or None,
        "class": None if known is None else short(known.data_class),
        "asked_model": None if known is None else short(known.model),
        "tags": dict(pin.tags),
        "payer": short(pin.payer),
    }
