"""What each platform takes and under which ids it serves the models, read from its data file."""

from __future__ import annotations

import datetime as dt
from collections.abc import Container, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from fnmatch import fnmatchcase
from functools import cache

from providers import catalog, data_files
from providers.codecs import json_paths
from providers.contract import Area, Endpoint, Place, PlaceError, PlatformModel
from providers.data_files import Support

SUPPORTS = tuple(
    name
    for name in data_files.SupportTable.__struct_fields__
    if name not in data_files.Table.__struct_fields__
)
"""What is told of every platform, whether it does it."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part deep in a body that a platform refuses, always or without a beta."""

    path: str
    top: str
    """The top-level field it lies in."""
    steps: json_paths.Steps
    """The way from there."""
    droppable: bool
    value: str | None = None
    """Only this value is refused."""
    why: str = ""
    version: str | None = None
    """Refused only by this API version."""
    betas: frozenset[str] = frozenset()
    """Any of these unlocks it; empty: nothing does."""


@dataclass(frozen=True, slots=True)
class ModelRow:
    """One canonical model in a platform's table."""

    id: str
    version: str
    profiles: tuple[str, ...] = ()
    """The inference-profile prefixes it is offered under."""
    in_region: tuple[str, ...] = ()
    """Regions where the id is taken without a profile, on a platform that has profiles."""
    regions: tuple[str, ...] = ()
    """The only regions it is offered in, `*` for any rest; empty: not known to be bounded."""
    max_input_tokens: int | None = None
    max_output_tokens: int | None = None
    """None: as the catalog says."""
    retires_on: dt.date | None = None
    """The last day it is served there."""
    no_sooner_than: dt.date | None = None
    """A day that its end was only said not to come before; nothing is decided by it."""
    counted: bool = True
    """False: its tokens are not counted where it needs a profile."""
    parts: tuple[Part, ...] = ()
    """What this model refuses there beyond what the platform refuses."""


@dataclass(frozen=True, slots=True)
class Geos:
    """The geographies that a request can ask to be processed in."""

    values: frozenset[str]
    anywhere: frozenset[str]
    """Those that hold a request to no place."""
    models: frozenset[str]
    """The canonical models that take the field; for any other a request may run anywhere."""


@dataclass(frozen=True, slots=True, eq=False)
class Capabilities:
    """What one platform takes. There is one object a platform; it is equal only to itself."""

    platform: str
    title: str
    """The platform's name in a sentence."""
    takes_all: bool
    """Whatever the caller sends goes there unchanged, but for what `why` and `refused_betas` name;
    what else is taken is not listed."""
    version: str
    """The API version for a model that no row names."""
    models: Mapping[str, ModelRow]
    body_bytes: int | None = None
    """The largest body; None: not known."""
    fields: frozenset[str] = frozenset()
    sampling: frozenset[str] = frozenset()
    droppable: frozenset[str] = frozenset()
    """Top-level fields that may be left out; any other that is not taken may not."""
    why: Mapping[str, str] = field(default_factory=dict)
    betas: frozenset[str] = frozenset()
    renamed: Mapping[str, str] = field(default_factory=dict)
    header_only: frozenset[str] = frozenset()
    """Betas that work in the header and not in a body's `anthropic_beta`."""
    refused_betas: frozenset[str] = frozenset()
    """Betas known not to be taken; unknown ones are not taken either."""
    tools: tuple[str, ...] = ()
    """Tool types taken; `*` at the end stands for any rest."""
    parts: tuple[Part, ...] = ()
    geos: Geos | None = None
    """None: a request cannot ask where it is processed."""
    supports: Mapping[str, Support] = field(default_factory=dict)
    """What it does: True, or why not; a name that is not there is not known."""
    longer_output: frozenset[str] = frozenset()
    """Betas with which a model may answer more tokens than its limit says."""
    areas: frozenset[Area] = frozenset()
    """The endpoints that keep state which it has."""


@cache
def load(platform: str) -> Capabilities:
    """Return the capabilities in a platform's data file, or raise LookupError."""
    try:
        file = data_files.read(platform, data_files.PlatformFile)
    except (FileNotFoundError, ValueError) as error:
        raise LookupError(f"no usable data file for the platform {platform!r}: {error}") from error
    if file.platform != platform:
        raise LookupError(f"no usable data file for the platform {platform!r}")
    raises = data_files.read("betas", data_files.BetaFile).raises
    loaded = Capabilities(
        platform=file.platform,
        title=file.title,
        takes_all=file.takes_all,
        version=file.models.version,
        models={name: _row(row, file.models.version) for name, row in file.models.rows.items()},
        body_bytes=file.limits.body_bytes,
        geos=_geos(file.geos),
        supports=_supports(file.supports),
        longer_output=raises.output,
        areas=_areas(file),
    )
    return _all_but(loaded, file) if file.takes_all else _bounded(loaded, file)


def _all_but(loaded: Capabilities, file: data_files.PlatformFile) -> Capabilities:
    """Add what a platform does not take that takes all else.

    With a beta goes what only it unlocks.
    """
    named = file.except_for
    if named is None:
        return loaded
    unlocks = data_files.read("betas", data_files.BetaFile).unlocks.rows
    return replace(
        loaded,
        why=named.fields,
        droppable=named.droppable,
        refused_betas=named.betas,
        parts=tuple(_part(row) for row in unlocks if row.betas <= named.betas),
    )


def _bounded(loaded: Capabilities, file: data_files.PlatformFile) -> Capabilities:
    """Add what a platform takes that does not take all."""
    if file.fields is None or file.betas is None or file.tools is None or file.nested is None:
        raise LookupError(f"{file.platform}.toml needs fields, betas, tools and nested")
    unlocks = data_files.read("betas", data_files.BetaFile).unlocks
    return replace(
        loaded,
        fields=file.fields.taken,
        sampling=file.fields.sampling,
        droppable=file.fields.droppable,
        why=file.fields.why,
        betas=file.betas.taken | file.betas.renamed.keys(),
        renamed=file.betas.renamed,
        header_only=file.betas.header_only,
        refused_betas=file.betas.refused,
        tools=file.tools.taken,
        parts=tuple(_part(row) for row in (*file.nested.rows, *unlocks.rows)),
    )


def _areas(file: data_files.PlatformFile) -> frozenset[Area]:
    """Return the endpoints that keep state which a platform is known to have."""
    told = _supports(file.supports)
    found = {area for area in (Area.BATCHES, Area.FILES) if told.get(area) is True}
    if file.skills is not None and file.skills.kept:
        found.add(Area.SKILLS)
    return frozenset(found)


def _geos(table: data_files.GeoTable | None) -> Geos | None:
    return None if table is None else Geos(table.values, table.anywhere, table.models)


def _supports(table: data_files.SupportTable | None) -> dict[str, Support]:
    if table is None:
        return {}
    told = {name: getattr(table, name) for name in SUPPORTS}
    return {name: value for name, value in told.items() if value is not None}


def _row(row: data_files.PlatformModelRow, version: str) -> ModelRow:
    return ModelRow(
        id=row.id,
        version=row.version or version,
        profiles=row.profiles,
        in_region=row.in_region,
        regions=row.regions,
        max_input_tokens=row.max_input_tokens,
        max_output_tokens=row.max_output_tokens,
        retires_on=row.retires_on,
        no_sooner_than=row.no_sooner_than,
        counted=row.counted,
        parts=tuple(_part(data_files.PartRow(path=p, droppable=False)) for p in row.not_taken),
    )


def _part(row: data_files.PartRow) -> Part:
    top, *steps = json_paths.parse(row.path)
    return Part(
        path=row.path,
        top=top.name if isinstance(top, json_paths.Key) else "",
        steps=tuple(steps),
        droppable=row.droppable,
        value=row.value,
        why=row.why,
        version=row.version,
        betas=row.betas,
    )


def platform_models(caps: Capabilities, place: Place) -> Mapping[str, PlatformModel]:
    """Return the models an endpoint serves: canonical id -> how each is asked for there.

    On a platform with inference profiles the id carries the place's prefix; without one, only
    the ids that the place's region takes as they are remain. `place.models` goes over the table:
    its keys may be any spelling the catalog knows, its values ARNs or deployment names. At a
    place with a geography only the models that can be held to one remain.
    Raises PlaceError for a profile, a geography or a model that is not known.
    """
    _check_profile(caps, place.profile)
    served = _served(caps, place)
    if place.geo is None:
        return served
    geos = _geos_with(caps, place.geo)
    return only(served, place, geos.models, "does not take inference_geo")


def only(
    served: Mapping[str, PlatformModel], place: Place, models: Container[str], lacks: str
) -> Mapping[str, PlatformModel]:
    """Return those of an endpoint's models that are in `models`.

    Raises PlaceError where the operator names another: it `lacks` what the place promises.
    """
    for asked in place.models:
        if _canonical(asked) not in models:
            raise PlaceError("models", f"{asked} {lacks}; leave it out")
    return {name: model for name, model in served.items() if name in models}


def _served(caps: Capabilities, place: Place) -> dict[str, PlatformModel]:
    served = {
        name: replace(_platform_model(caps, name, wire_id, place), retires_on=row.retires_on)
        for name, row in caps.models.items()
        if (wire_id := _wire_id(row, place)) is not None
    }
    return served | {
        name: _platform_model(caps, name, _same(asked, name, wire_id), place)
        for name, (asked, wire_id) in _named(place).items()
    }


def _named(place: Place) -> dict[str, tuple[str, str]]:
    """Return what the operator names: canonical id -> how it is spelled, and its id there.

    Raises PlaceError where one model has two ids, or one id is to be two models.
    """
    named: dict[str, tuple[str, str]] = {}
    meant: dict[str, str] = {}
    for asked, wire_id in place.models.items():
        name = _canonical(asked)
        if name in named:
            raise PlaceError("models", f"{asked} and {named[name][0]} are one model: keep one")
        if wire_id in meant:
            told = f"{wire_id!r} cannot be both {meant[wire_id]} and {asked}"
            raise PlaceError("models", told)
        named[name], meant[wire_id] = (asked, wire_id), asked
    return named


def _same(asked: str, name: str, wire_id: str) -> str:
    """Return a platform's id for a model; raises PlaceError when it is another model's.

    What an ARN or a deployment's name stands for is the operator's word.
    """
    try:
        told = catalog.resolve(wire_id.rsplit("/", 1)[-1]).canonical
    except catalog.UnknownModel:
        return wire_id
    if told != name:
        raise PlaceError("models", f"{asked} = {wire_id!r} would be asked of {told}")
    return wire_id


def _wire_id(row: ModelRow, place: Place) -> str | None:
    if not _offered_in(row, place.region):
        return None
    if not row.profiles:
        return row.id
    if place.profile is None:
        return row.id if place.region in row.in_region else None
    return f"{place.profile}.{row.id}" if place.profile in row.profiles else None


def _offered_in(row: ModelRow, region: str | None) -> bool:
    """Say whether a model may be in a region; where none is named, nothing is said against it."""
    if not row.regions or region is None:
        return True
    return any(fnmatchcase(region, pattern) for pattern in row.regions)


def _platform_model(caps: Capabilities, name: str, wire_id: str, place: Place) -> PlatformModel:
    """Return how a model is asked for; what an operator names has the end that operator knows."""
    row, known = caps.models.get(name), catalog.model(name)
    return PlatformModel(
        id=wire_id,
        version=caps.version if row is None else row.version,
        sampling=known.sampling,
        max_output_tokens=(row and row.max_output_tokens) or known.max_output_tokens,
        body_bytes=caps.body_bytes,
        counted=row is None or row.counted or place.region in row.in_region,
    )


def absence(caps: Capabilities, endpoint: Endpoint, canonical: str) -> str:
    """Return why an endpoint has no id for a model, as far as its platform's table tells."""
    row = caps.models.get(canonical)
    if row is None:
        return f"{caps.title} is not known to have it" if caps.models else ""
    if not _offered_in(row, endpoint.region):
        return f"{caps.title} has it in {', '.join(row.regions)} only"
    if row.profiles and endpoint.profile not in row.profiles:
        under = f"under the profiles {', '.join(row.profiles)}"
        bare = f", or without one in {', '.join(row.in_region)}" if row.in_region else ""
        return f"{caps.title} has it {under}{bare}"
    if endpoint.geo is not None and caps.geos is not None and canonical not in caps.geos.models:
        return "it does not take inference_geo there"
    return ""


def _canonical(asked: str) -> str:
    try:
        return catalog.resolve(asked).canonical
    except catalog.UnknownModel as error:
        raise PlaceError("models", str(error)) from error


def _geos_with(caps: Capabilities, geo: str) -> Geos:
    """Return a platform's geographies; raises PlaceError when `geo` is none of them."""
    if caps.geos is not None and geo in caps.geos.values:
        return caps.geos
    known = ", ".join(sorted(caps.geos.values)) if caps.geos else "none"
    raise PlaceError("geo", f"{geo!r} is no inference_geo of {caps.title}; it has {known}")


def _check_profile(caps: Capabilities, profile: str | None) -> None:
    known = {name for row in caps.models.values() for name in row.profiles}
    if profile is None or profile in known:
        return
    if not known:
        raise PlaceError("profile", f"{caps.title} has no inference profiles; leave it out")
    near = get_close_matches(profile, known, n=1) or sorted(known)
    raise PlaceError(
        "profile", f"{profile!r} is no inference profile of {caps.title}; try {', '.join(near)}"
    )


def takes_tool(caps: Capabilities, kind: str) -> bool:
    """Say whether a platform takes tools of a type."""
    return any(fnmatchcase(kind, pattern) for pattern in caps.tools)
