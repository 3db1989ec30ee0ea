"""What one model is on each platform, and at each configured upstream. Pure: the day is told."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec import Struct

from gateway.prices.cost import Context
from gateway.prices.files import Listed
from gateway.prices.pricing import PriceBook
from gateway.prices.scopes import scope_of
from gateway.routing import Upstream
from gateway.support.cells import cells
from gateway.usage import Usage
from providers import capabilities, catalog
from providers.capabilities import Capabilities, ModelRow
from providers.registry import PROVIDERS

_ANYTHING = Usage.of({"usage": {"input_tokens": 1, "output_tokens": 1}})


class Takes(Struct, frozen=True):
    """What a platform takes of a request for one model."""

    all_but: bool
    """It takes all but what is named as refused."""
    betas: tuple[str, ...] = ()
    refused_betas: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    refused_fields: Mapping[str, str] = {}
    tools: tuple[str, ...] = ()
    refused_parts: tuple[str, ...] = ()
    """Parts deep in a body that are refused whatever betas are asked for."""


class Standing(Struct, frozen=True):
    """One model on one platform, or at one upstream."""

    platform: str
    title: str
    upstream: str | None
    """None: on the platform, whatever is configured."""
    served: bool
    why_not: str
    ids: tuple[str, ...]
    """How it is asked for there."""
    version: str | None
    max_input_tokens: int | None
    max_output_tokens: int | None
    body_bytes: int | None
    retires_on: dt.date | None
    no_sooner_than: dt.date | None
    regions: tuple[str, ...]
    geos: tuple[str, ...]
    """What `inference_geo` may say for it; none: it is not taken."""
    takes: Takes
    does: Mapping[str, str]
    """Column of the support table -> `yes`, `unknown` or `no: reason`."""
    prices: tuple[str, ...]
    """The scopes in which its price is known."""
    unpriced: str
    """Why its price is not known; "": it is."""


def on_platforms(model: catalog.Model, files: Sequence[Listed], today: dt.date) -> list[Standing]:
    """Return what a model is on every platform there is."""
    return [_on(platform, model, files, today) for platform in PROVIDERS]


def at_upstreams(
    model: catalog.Model, upstreams: Iterable[Upstream], book: PriceBook, today: dt.date
) -> list[Standing]:
    """Return what a model is at upstreams, by their own ids and prices."""
    return [_at(upstream, model, book, today) for upstream in upstreams]


def _on(platform: str, model: catalog.Model, files: Sequence[Listed], today: dt.date) -> Standing:
    caps = capabilities.load(platform)
    row = caps.models.get(model.id)
    why = _ended(row.retires_on, today) if row else f"{caps.title} is not known to have it"
    if row is None and not caps.models:
        why = "an upstream there names its models itself"
    scopes = tuple(_scopes(platform, model.id, files, today))
    return _standing(
        caps,
        model,
        upstream=None,
        why_not=why,
        ids=() if row is None else _ids(row),
        version=None if row is None else row.version,
        retires_on=None if row is None else row.retires_on,
        prices=scopes,
        unpriced="" if scopes else f"the price book has no row for it on {platform}",
    )


def _at(upstream: Upstream, model: catalog.Model, book: PriceBook, today: dt.date) -> Standing:
    name, endpoint = upstream.provider.name, upstream.endpoint
    caps, served = capabilities.load(name), endpoint.models.get(model.id)
    if served is None:
        why = capabilities.absence(caps, endpoint, model.id) or "it is not among its models"
    else:
        why = _ended(served.retires_on, today)
    scope = scope_of(name, endpoint, model.id)
    at_s = dt.datetime.combine(today, dt.time(), dt.UTC).timestamp()
    context = Context(platform=name, scope=scope, model=model.id, upstream=upstream.name, at_s=at_s)
    cost = book.cost(_ANYTHING, context)
    return _standing(
        caps,
        model,
        upstream=upstream.name,
        why_not=why,
        ids=() if served is None else (served.id,),
        version=None if served is None else served.version,
        retires_on=None if served is None else served.retires_on,
        prices=(scope or "its own",) if cost.net_pico is not None else (),
        unpriced="; ".join(cost.unpriced),
    )


def _standing(
    caps: Capabilities,
    model: catalog.Model,
    *,
    upstream: str | None,
    why_not: str,
    ids: tuple[str, ...],
    version: str | None,
    retires_on: dt.date | None,
    prices: tuple[str, ...],
    unpriced: str,
) -> Standing:
    row = caps.models.get(model.id)
    return Standing(
        platform=caps.platform,
        title=caps.title,
        upstream=upstream,
        served=not why_not,
        why_not=why_not,
        ids=ids,
        version=version,
        max_input_tokens=(row and row.max_input_tokens) or model.max_input_tokens,
        max_output_tokens=(row and row.max_output_tokens) or model.max_output_tokens,
        body_bytes=caps.body_bytes,
        retires_on=retires_on,
        no_sooner_than=None if row is None else row.no_sooner_than,
        regions=() if row is None else (row.regions or row.in_region),
        geos=_geos(caps, model.id),
        takes=_takes(caps, row),
        does={**cells(caps.platform), **_less(row)},
        prices=prices,
        unpriced=unpriced,
    )


def _less(row: ModelRow | None) -> dict[str, str]:
    """Return the cells in which a model does less than its platform."""
    if row is None or row.counted:
        return {}
    return {"count_tokens": "no: not where it is asked for under a profile"}


def _geos(caps: Capabilities, model: str) -> tuple[str, ...]:
    geos = caps.geos
    return () if geos is None or model not in geos.models else tuple(sorted(geos.values))


def _takes(caps: Capabilities, row: ModelRow | None) -> Takes:
    refused = [part for part in caps.parts if not part.betas and part.version is None]
    return Takes(
        all_but=caps.takes_all,
        betas=tuple(sorted(caps.betas)),
        refused_betas=tuple(sorted(caps.refused_betas)),
        fields=tuple(sorted(caps.fields)),
        refused_fields=dict(sorted(caps.why.items())),
        tools=caps.tools,
        refused_parts=tuple(part.path for part in (*refused, *(row.parts if row else ()))),
    )


def _ids(row: ModelRow) -> tuple[str, ...]:
    """Return every id that a platform takes for a model."""
    if not row.profiles:
        return (row.id,)
    bare = (row.id,) if row.in_region else ()
    return (*(f"{profile}.{row.id}" for profile in row.profiles), *bare)


def _ended(day: dt.date | None, today: dt.date) -> str:
    return f"it was retired there on {day}" if day is not None and today > day else ""


def _scopes(platform: str, model: str, files: Sequence[Listed], today: dt.date) -> Iterator[str]:
    """Name each scope in which a model has a price on a day, once."""
    found = {
        row.scope: None
        for listed in files
        if platform in listed.prices.platforms
        for row in listed.prices.rows
        if row.model == model
        and row.effective_from <= today
        and (row.effective_until is None or today < row.effective_until)
    }
    yield from found
