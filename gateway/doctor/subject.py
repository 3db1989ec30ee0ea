"""Who is asked about an upstream, and whether its answers are about that upstream at all."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from urllib.parse import SplitResult, urlsplit

import msgspec

from gateway.boundary.where import where
from gateway.config import Upstream
from gateway.doctor.finding import MODEL_ACCESS, Finding, Outcome
from gateway.policy.places import Where
from providers.data_files import Table
from providers.registry import PROVIDERS

TIMEOUT_S = 10.0
"""How long one question may take to connect, and how long its answer may be silent."""


class _DomainTable(Table, kw_only=True):
    rows: dict[str, tuple[str, ...]]


class _ModeTable(Table, kw_only=True):
    rows: dict[str, int]


class _ProbeFile(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    domains: _DomainTable
    retention_modes: _ModeTable


@cache
def probe_data() -> _ProbeFile:
    """Return `gateway/data/probes.toml`."""
    text = (resources.files("gateway") / "data" / "probes.toml").read_text("utf-8")
    return msgspec.convert(tomllib.loads(text), _ProbeFile)


@dataclass(frozen=True, slots=True)
class Subject:
    """One upstream that a platform is asked about."""

    section: Upstream
    where: Where

    @classmethod
    def of(cls, section: Upstream) -> Subject:
        """Return the subject that a configured upstream is."""
        return cls(section, where(section))

    @property
    def name(self) -> str:
        """The upstream's name."""
        return self.section.name

    @property
    def place(self) -> Where:
        """Where the platform has it: that of an upstream about which there is no doubt."""
        return replace(self.where, relay=False)

    @property
    def control_url(self) -> str:
        """Where its platform is asked: as configured, else the platform's own host."""
        if self.section.control_url is not None:
            return self.section.control_url
        own = replace(self.section.place(), base_url=None)
        return PROVIDERS[self.section.provider].endpoint(own).base_url

    def silent(self, probe: str, because: str, *facts: str) -> Iterator[Finding]:
        """Yield one finding for each fact that could not be verified."""
        for fact in facts:
            yield Finding(
                self.name, fact, Outcome.UNVERIFIED, probe, self.where.region or "", because
            )

    def models_told(
        self, probe: str, found: Mapping[tuple[Outcome, str], Sequence[str]]
    ) -> Iterator[Finding]:
        """Yield which models the account may use: one finding for each answer there was."""
        asked = self.where.region or ""
        for (outcome, because), models in found.items():
            told = tuple(models)
            yield Finding(self.name, MODEL_ACCESS, outcome, probe, asked, because, None, told)

    def doubt(self) -> str:
        """Return why the platform's word is not about this upstream; empty when it is."""
        base_url = self.section.base_url
        if base_url is None:
            return ""
        at = urlsplit(base_url)
        if _own(at.hostname or "", probe_data().domains.rows[self.section.provider]):
            return ""
        if self.section.control_url is not None and _same(at, urlsplit(self.section.control_url)):
            return ""
        return (
            "its base_url is no host of the platform, so what the platform says need not hold "
            "there (control_url at the same host and port would say that it is)"
        )


def _own(host: str, domains: tuple[str, ...]) -> bool:
    return any(host == domain or host.endswith(f".{domain}") for domain in domains)


def _same(one: SplitResult, other: SplitResult) -> bool:
    return (one.scheme, one.hostname, one.port) == (other.scheme, other.hostname, other.port)
