"""Upstreams behind somebody's relay of the Messages API."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, Strict

from gateway.config.upstream_section import KeyedUpstreamSection
from providers.contract import Place, Relay

ABILITIES = ("count_tokens", "stream", "cache_control")
"""What a relay of the Messages API is asked whether it can do."""
Name = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9_-]+$")]
"""A field or a beta."""


class RelayUpstream(KeyedUpstreamSection):
    """Somebody's relay that speaks the Messages API."""

    provider: Literal["relay"]
    version: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")] = "2023-06-01"
    """The API version that it is told."""
    count_tokens: bool | None = None
    """Whether it counts tokens; None: as `gateway doctor` found, else no. So are the next two."""
    stream: bool | None = None
    cache_control: bool | None = None
    """Whether it reads marks of the cache, and tells what they did."""
    fields: Annotated[tuple[Name, ...], Strict(strict=False)] = ()
    """Top-level fields that it takes beyond those of the oldest version."""
    betas: Annotated[tuple[Name, ...], Strict(strict=False)] = ()
    passthrough_unknown: bool = False
    """Whether it is asked for models that nobody here knows, by the caller's word."""

    def place(self, found: frozenset[str] = frozenset()) -> Place:
        """Return where it is, in the provider's words; `found` is what a probe found it to do."""
        able = {name: _said(getattr(self, name), name in found) for name in ABILITIES}
        return Place(
            auth=self.auth,
            base_url=self.base_url,
            models=dict(self.models),
            relay=Relay(
                version=self.version,
                fields=frozenset(self.fields),
                betas=frozenset(self.betas),
                passthrough_unknown=self.passthrough_unknown,
                **able,
            ),
        )


def _said(said: bool | None, found: bool) -> bool:
    return found if said is None else said
