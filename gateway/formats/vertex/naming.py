"""What a location and a model id of Vertex AI name.

Who speaks Vertex AI's format is not bound to Vertex AI: a location stands for its countries.
"""

from __future__ import annotations

import re
from difflib import get_close_matches

from gateway.errors import Malformed, UnknownModel, quoted
from gateway.policy import places
from gateway.policy.facts import EVERYWHERE
from gateway.within import Within
from providers import catalog

_PLATFORM = "vertex"
_ID = re.compile(r"[A-Za-z0-9._@\[\]-]{1,200}")


def within(location: str) -> Within | None:
    """Return where a location keeps a request; None: anywhere. Raises Malformed."""
    countries = places.country_of_location(location)
    if countries is None:
        near = get_close_matches(location[:100], places.locations(), 3)
        hint = f" Near names: {', '.join(near)}." if near else ""
        raise Malformed(f"locations/{quoted(location)}: there is no such location.{hint}")
    return None if countries == EVERYWHERE else Within(location, countries)


def model(written: str) -> str:
    """Return the canonical id of a model as Vertex AI spells it; raises Refused."""
    if not _ID.fullmatch(written):
        raise Malformed(f"models/{quoted(written)}: this is no model id.")
    try:
        found = catalog.resolve(written)
    except catalog.UnknownModel as error:
        near = f" Near names: {', '.join(error.near)}." if error.near else ""
        raise UnknownModel(f"model: {quoted(written)} is not known.{near}") from None
    if found.narrow is not None and found.narrow.platform != _PLATFORM:
        raise UnknownModel(
            f"model: {quoted(written)} is an id of another platform; use {found.canonical}."
        )
    return found.canonical
