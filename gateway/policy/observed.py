"""After an answer: is what it says of itself what was planned?

Pure. What an answer does not say is no violation, but it is named: it was not observed. The
data has left by then; this only tells.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from gateway.errors import quoted
from gateway.policy.facts import EVERYWHERE
from gateway.policy.places import geography, profile_of
from providers import catalog
from providers.shapes import ready

NOT_SAID = frozenset({"", "not_available"})
"""What stands in `usage.inference_geo` where a platform does not tell."""

MAX_ITERATIONS = 64
"""How many models of one answer are compared: more than a request may name."""


class Violation(NamedTuple):
    """One thing about an answer that is not as planned."""

    what: str
    """`model`, `inference_geo`, `usage.iterations.model`, `workspace`."""
    planned: str
    observed: str


class Expected(Struct, frozen=True):
    """What was planned for the upstream that answered."""

    model: str
    """The canonical id."""
    wire_model: str | None = None
    """The id it was asked for by there (`PlatformModel.id`)."""
    models_inside: tuple[str, ...] = ()
    """Canonical ids of the models inside the body that were allowed there too."""
    geo: str | None = None
    """The `inference_geo` that the upstream forces."""
    countries: frozenset[str] | None = None
    """Its `processing_in` for the model; None: unknown, so there is nothing to compare with."""
    workspace: str | None = None
    """The workspace that the upstream forces."""


class Served(Struct, frozen=True):
    """What an answer says of itself; None where it does not say."""

    model: str | None = None
    inference_geo: str | None = None
    iterations: tuple[str, ...] = ()
    """The models that `usage.iterations` names."""
    workspace: str | None = None


@ready
class Said(Struct, frozen=True):
    """What an answer says of itself; anything may stand there, and None where nothing does."""

    id: Any = None
    model: Any = None
    stop_reason: Any = None
    usage: Any = None
    stop_details: Any = None

    @property
    def refusal_category(self) -> Any:
        """The category in which it refused; None: it did not, or in none that has a name."""
        details = self.stop_details
        return details.get("category") if isinstance(details, dict) else None

    @property
    def counts(self) -> dict[str, Any]:
        """Its usage; empty where it has none, or none that is an object."""
        return self.usage if isinstance(self.usage, dict) else {}


NOTHING_SAID = Said()
_decode = msgspec.json.Decoder(Said).decode


def served(
    model: object, usage: Mapping[str, object] | None, workspace: str | None = None
) -> Served:
    """Return what an answer says, from its model, its usage and its workspace header.

    What is not of the type it should be is taken as not said.
    """
    told = usage or {}
    geo = told.get("inference_geo")
    return Served(
        model=model if isinstance(model, str) else None,
        inference_geo=geo if isinstance(geo, str) and geo not in NOT_SAID else None,
        iterations=tuple(_iterations(told.get("iterations"))),
        workspace=workspace,
    )


def whole(body: bytes) -> Said:
    """Return what an unstreamed answer says of itself; its content is not looked into.

    What cannot be read says nothing.
    """
    try:
        return _decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return NOTHING_SAID


def violations(expected: Expected, told: Served) -> tuple[Violation, ...]:
    """Return what of an answer is not as planned, in the order of `Violation.what`."""
    return (*_model(expected, told), *_geo(expected, told), *_workspace(expected, told))


def unobserved(expected: Expected, told: Served) -> tuple[str, ...]:
    """Return what was planned and the answer does not say."""
    located = expected.geo is not None or expected.countries not in (None, EVERYWHERE)
    missing = {
        "model": told.model is None,
        "inference_geo": located and told.inference_geo is None,
        "workspace": expected.workspace is not None and told.workspace is None,
    }
    return tuple(name for name, is_missing in missing.items() if is_missing)


def _iterations(found: object) -> Iterator[str]:
    for each in found if isinstance(found, list) else ():
        model = each.get("model") if isinstance(each, dict) else None
        if isinstance(model, str):
            yield model


def _model(expected: Expected, told: Served) -> Iterator[Violation]:
    planned = {expected.model, *expected.models_inside}
    words = " or ".join(dict.fromkeys((expected.model, *expected.models_inside)))
    for what, models in (
        ("model", (told.model,)),
        ("usage.iterations.model", islice(dict.fromkeys(told.iterations), MAX_ITERATIONS)),
    ):
        for model in models:
            if model is None or model == expected.wire_model:
                continue
            if catalog.canonical(model) not in planned:
                yield Violation(what, words, quoted(model))
            elif _other_profile(model, expected.wire_model):
                yield Violation(what, str(expected.wire_model), quoted(model))


def _geo(expected: Expected, told: Served) -> Iterator[Violation]:
    geo = told.inference_geo
    if geo is None:
        return
    if expected.geo is not None:
        if geo != expected.geo:
            yield Violation("inference_geo", expected.geo, quoted(geo))
        return
    held = expected.countries
    if held is None or held == EVERYWHERE:
        return
    ran_in = geography(geo)
    if ran_in is None or not ran_in <= held:
        yield Violation("inference_geo", ", ".join(sorted(held)), quoted(geo))


def _workspace(expected: Expected, told: Served) -> Iterator[Violation]:
    if expected.workspace is None or told.workspace in (None, expected.workspace):
        return
    yield Violation("workspace", expected.workspace, quoted(str(told.workspace)))


def _other_profile(model: str, asked: str | None) -> bool:
    """Say whether an id names an inference profile, and another one than was asked for."""
    profile = profile_of(model)
    planned = "" if asked is None else profile_of(asked)
    return bool(profile) and planned not in ("", profile)
