"""What a row of the Admin API's reports is about, apart from its sums. Pure."""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct

from gateway.reconcile.anthropic_pages import Row, converted
from gateway.reconcile.statement import Charge, Kind, Routing
from gateway.reconcile.terms import terms
from providers import catalog


class _Grouped(Struct):
    model: str | None = None
    service_tier: str | None = None
    speed: str | None = None
    inference_geo: str | None = None
    workspace_id: str | None = None
    api_key_id: str | None = None


class About(Struct, frozen=True):
    """A row's groups, and where it stands."""

    row: Row
    grouped: _Grouped
    model: str | None
    scope: Routing | None

    def charge(
        self,
        kind: Kind,
        *,
        what: str = "",
        quantity: Decimal | None = None,
        amount: Decimal | None = None,
    ) -> Charge:
        """Return a line of the statement."""
        named = self.grouped.model or ""
        return Charge(
            platform="anthropic",
            period=self.row.period,
            model=self.model,
            named="" if self.model else named,
            kind=kind,
            what=what,
            scope=self.scope,
            tier=self.grouped.service_tier or "",
            speed=self.grouped.speed or "",
            quantity=quantity,
            amount=amount,
            workspace=self.grouped.workspace_id or "",
            api_key=self.grouped.api_key_id or "",
            first=f"{self.row.source.name} {self.row.where}",
        )


def about(row: Row) -> About:
    """Return what a row is about; raises BadStatement."""
    grouped: _Grouped = converted(row, _Grouped)
    geo = grouped.inference_geo
    # A geography that nobody has listed yet is one: it is not the world.
    scope = None if geo is None else terms().anthropic.geos.get(geo, "regional")
    model = None if grouped.model is None else catalog.canonical(grouped.model)
    return About(row, grouped, model, scope)
