"""The inference profiles that this gateway serves, as Bedrock's control plane lists them.

A profile is listed where an upstream serves its model and is known to stay where the profile does.
The shapes are those of botocore's service model `bedrock` (2023-04-20).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from urllib.parse import parse_qsl, unquote

import msgspec
from msgspec import Struct

from gateway.errors import JSON, Malformed, UnknownModel, quoted
from gateway.formats.bedrock import answering, naming
from gateway.formats.contract import Offer, Reply
from gateway.policy import places
from providers import capabilities, catalog
from providers.contract import Headers

_PLATFORM = "bedrock"
_TYPES = ("SYSTEM_DEFINED", "APPLICATION")
_MOST = 1000
_FEW_DIGITS = re.compile(r"[0-9]{1,4}")
_MOST_MODELS = 5
"""The most `models` that a profile has (botocore `InferenceProfileModels`)."""
_GOV = "us-gov"


class Profiles(Struct, frozen=True):
    """`GET /inference-profiles`, and with an id `GET /inference-profiles/{id}`."""

    asked: str | None = None
    """As the path has it; None: all."""

    def told(self, headers: Headers, query: str, offers: Sequence[Offer], request_id: str) -> Reply:
        """Return the answer; raises Refused."""
        region = naming.signed_region(headers)
        known = None if region == naming.UNREADABLE else region
        found = _one(self.asked, offers, known) if self.asked else _page(query, offers, known)
        told = (*JSON, ("request-id", request_id), ("x-amzn-requestid", request_id))
        return Reply(200, told, msgspec.json.encode(found))

    def refused(self, reply: Reply) -> Reply:
        """Return an error; any other answer as it is."""
        return reply if reply.status < answering.ERRORS else answering.unread(reply)


def _page(query: str, offers: Sequence[Offer], region: str | None) -> dict[str, object]:
    given = dict(parse_qsl(query, keep_blank_values=True))
    kind = given.get("type")
    if kind is not None and kind not in _TYPES:
        raise Malformed(f"type: Input should be one of {', '.join(_TYPES)}.")
    ids = [] if kind == "APPLICATION" else list(served(offers))
    start = _start(given.get("nextToken"), ids)
    end = start + _limit(given.get("maxResults"))
    page: dict[str, object] = {
        "inferenceProfileSummaries": [_summary(each, region) for each in ids[start:end]]
    }
    return page | {"nextToken": ids[end - 1]} if end < len(ids) else page


def _limit(given: str | None) -> int:
    if given is None:
        return _MOST
    # Python refuses to read thousands of digits.
    limit = int(given) if _FEW_DIGITS.fullmatch(given) else 0
    if not 1 <= limit <= _MOST:
        raise Malformed(f"maxResults: Input should be an integer from 1 to {_MOST}.")
    return limit


def _start(token: str | None, ids: Sequence[str]) -> int:
    """Return where a page begins; a token is the last id of the page before."""
    if token is None:
        return 0
    if token not in ids:
        raise Malformed("nextToken: it is not one that this list gave.")
    return ids.index(token) + 1


def _one(asked: str, offers: Sequence[Offer], region: str | None) -> dict[str, object]:
    name = unquote(asked).rpartition("/")[2]
    if name not in set(served(offers)):
        raise UnknownModel(f"The inference profile {quoted(name)} is not served here.")
    return _summary(name, region)


def served(offers: Sequence[Offer]) -> Iterator[str]:
    """Yield the ids of the profiles that an upstream serves, the newest models first."""
    rows = capabilities.load(_PLATFORM).models
    for model in catalog.models():
        row = rows.get(model.id)
        here = [offer for offer in offers if offer.model == model.id]
        if row is None or not here:
            continue
        for profile in row.profiles:
            name = f"{profile}.{row.id}"
            named = naming.read(name, None)
            if any(_keeps(named, offer) for offer in here):
                yield name


def _keeps(named: naming.Named, offer: Offer) -> bool:
    if named.within is not None:
        return named.within.admits(offer.countries)
    narrow = catalog.resolve(named.model).narrow
    return narrow is None or narrow.admits(offer.platform, offer.endpoint)


def _summary(name: str, region: str | None) -> dict[str, object]:
    profile, _, base = name.partition(".")
    partition = f"aws-{_GOV}" if profile == _GOV else "aws"
    regions = places.regions_of_profile(profile)[:_MOST_MODELS] or ("",)
    models = [
        {"modelArn": f"arn:{partition}:bedrock:{each}::foundation-model/{base}"} for each in regions
    ]
    title = catalog.model(catalog.resolve(name).canonical).display_name.replace(".", "-")
    return {
        "inferenceProfileName": f"{profile.upper()} {title}",
        "inferenceProfileArn": f"arn:{partition}:bedrock:{region or ''}::inference-profile/{name}",
        "inferenceProfileId": name,
        "models": models,
        "status": "ACTIVE",
        "type": _TYPES[0],
    }
