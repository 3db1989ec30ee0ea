"""The models of Claude and every way their ids are spelled."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase
from functools import cache, lru_cache

from providers import data_files
from providers.contract import Endpoint

_ID = re.compile(r"[A-Za-z0-9._:@/\[\]-]{1,200}")
_REGION = re.compile(r"[a-z]{2,4}(-[a-z]+)+-\d")
_VENDOR = "anthropic."
"""What Bedrock puts before a model id (`anthropic.claude-opus-5-5`)."""
_SUFFIX = re.compile(r"-v1(:0)?(:\d+k)?$")
"""What Bedrock puts after the ids of older models (`-v1:0`)."""
_LONG_CONTEXT = "[1m]"
"""How Claude Code asks for the window of a million tokens."""
MAX_NAMED = 256
"""How many characters the name of a model in an answer may have."""
_SNAPSHOT = re.compile(r"[-@]\d{8}$")


@dataclass(frozen=True, slots=True)
class Model:
    """One model under its canonical id; None is what is not known."""

    id: str
    display_name: str
    line: str
    """`opus`, `sonnet`, ..."""
    sampling: bool
    """Whether it takes `temperature`, `top_p`, `top_k`."""
    lifecycle: str
    """`active`, `deprecated` or `retired` on the Claude API."""
    created_at: dt.date | None = None
    retires_on: dt.date | None = None
    max_input_tokens: int | None = None
    max_output_tokens: int | None = None
    aliases: tuple[str, ...] = ()
    """Other ids the Claude API knows it by."""


@dataclass(frozen=True, slots=True)
class Narrowing:
    """What the spelling of an id says about where the request may go."""

    platform: str
    model: str
    """The canonical id."""
    profile: str | None = None
    """The inference-profile prefix; None when the id carries none that promises anything."""
    region: str | None = None
    """The one region, when the id names it."""

    def admits(self, platform_name: str, endpoint: Endpoint) -> bool:
        """Say whether an endpoint keeps what the id promises; what cannot be told does not."""
        if platform_name != self.platform:
            return False
        if self.region is not None and endpoint.region != self.region:
            return False
        if self.profile is None and self.region is None:
            return True
        served = _served_under(self.model, endpoint)
        if served == self.profile:
            return True
        return served is None and _within(endpoint.region, self.profile)


@dataclass(frozen=True, slots=True)
class Resolved:
    """What an asked id means."""

    canonical: str
    narrow: Narrowing | None = None
    long_context: bool = False
    """The id ended in `[1m]`."""


class UnknownModel(LookupError):
    """No model has this id."""

    def __init__(self, asked: str, near: tuple[str, ...]) -> None:
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        super().__init__(f"no model is called {asked[:200]!r}{hint}")
        self.asked = asked
        self.near = near


@cache
def _file() -> data_files.ModelFile:
    return data_files.read("models", data_files.ModelFile)


@cache
def models() -> tuple[Model, ...]:
    """Return every model, newest first, retired ones too."""
    return tuple(
        Model(
            id=name,
            display_name=row.display_name,
            line=row.line,
            sampling=row.sampling,
            lifecycle=row.lifecycle,
            created_at=row.created_on,
            retires_on=row.retires_on,
            max_input_tokens=row.max_input_tokens,
            max_output_tokens=row.max_output_tokens,
            aliases=row.aliases,
        )
        for name, row in _file().models.rows.items()
    )


@cache
def versions() -> tuple[str, ...]:
    """Return the values of `anthropic-version` whose meaning is known."""
    return _file().versions.known


@cache
def _names() -> dict[str, Model]:
    """Return the models by canonical id and alias."""
    return {name: model for model in models() for name in (model.id, *model.aliases)}


@cache
def _profile_id() -> re.Pattern[str]:
    prefixes = "|".join(map(re.escape, _file().profiles.rows))
    return re.compile(rf"(?P<profile>{prefixes})\.(?={re.escape(_VENDOR)})")


def model(name: str) -> Model:
    """Return the model with a canonical id or alias; raises UnknownModel."""
    try:
        return _names()[name]
    except KeyError:
        raise UnknownModel(name, near(name)) from None


def is_known(name: str) -> bool:
    """Say whether a name is a canonical id or an alias of one."""
    return name in _names()


def near(asked: str) -> tuple[str, ...]:
    """Return at most three ids that look like `asked`, the nearest first."""
    tail = asked.rsplit("/", 1)[-1].rsplit(_VENDOR, 1)[-1].split("@", 1)[0]
    return tuple(get_close_matches(tail[:100], _names(), n=3))


@lru_cache(maxsize=1024)
def resolve(asked: str) -> Resolved:
    """Return what a model id means, in any of its spellings.

    An id with a platform's spelling narrows: `anthropic.…` means Bedrock, `…@20251001` Vertex,
    `eu.anthropic.…` Bedrock under the profile `eu` or in a region within it. Raises UnknownModel.
    """
    if asked in _names():
        return Resolved(_names()[asked].id)
    if not _ID.fullmatch(asked):
        raise UnknownModel(asked, ())
    name = asked.removesuffix(_LONG_CONTEXT)
    spelled = _spelled(name)
    if len(spelled.platforms) > 1 or spelled.name not in _names():
        raise UnknownModel(asked, near(name))
    canonical = _names()[spelled.name].id
    narrow = None
    for platform in spelled.platforms:
        narrow = Narrowing(platform, canonical, spelled.profile, spelled.region)
    return Resolved(canonical, narrow, long_context=name != asked)


def canonical(named: str) -> str | None:
    """Return the canonical id of a model as an answer names it; None: nobody knows it.

    A dated snapshot of a model that is not listed here is still that model.
    """
    # What an answer says may be of any length, and is not kept.
    return _canonical(named) if len(named) <= MAX_NAMED else None


@lru_cache(maxsize=1024)
def _canonical(named: str) -> str | None:
    for name in (named, _SNAPSHOT.sub("", named)):
        try:
            return resolve(name).canonical
        except UnknownModel:
            continue
    return None


@dataclass(frozen=True, slots=True)
class _Spelling:
    """An id taken apart."""

    name: str
    platforms: frozenset[str]
    profile: str | None
    region: str | None


def _spelled(name: str) -> _Spelling:
    platforms: set[str] = set()
    wrapper, name = _unwrapped(name)
    if wrapper:
        platforms.add(wrapper)
    region, name = _region_path(wrapper, name)
    profile, name = _unprefixed(name)
    if name.startswith(_VENDOR):
        platforms.add(_file().profiles.platform)
        name = _SUFFIX.sub("", name.removeprefix(_VENDOR))
    name, at, tag = name.partition("@")
    if at:
        platforms.add(_file().wrappers.at_sign)
        name = name if tag == "default" else f"{name}-{tag}"
    return _Spelling(name, frozenset(platforms), profile, region)


def _unwrapped(name: str) -> tuple[str, str]:
    for prefix, platform in _file().wrappers.rows.items():
        if name.startswith(prefix):
            return platform, name.removeprefix(prefix)
    return "", name


def _region_path(wrapper: str, name: str) -> tuple[str | None, str]:
    region, slash, rest = name.partition("/")
    if slash and wrapper == _file().profiles.platform and _REGION.fullmatch(region):
        return region, rest
    return None, name


def _unprefixed(name: str) -> tuple[str | None, str]:
    match = _profile_id().match(name)
    if match is None:
        return None, name
    profile = match["profile"]
    promises = not _file().profiles.rows[profile].anywhere
    return profile if promises else None, name[match.end() :]


def _served_under(canonical: str, endpoint: Endpoint) -> str | None:
    """Return the profile an endpoint serves a model under; "" when its id does not tell."""
    served = endpoint.models.get(canonical)
    if served is None:
        return endpoint.profile
    tail = served.id.rsplit("/", 1)[-1]
    match = _profile_id().match(tail)
    if match is not None:
        return match["profile"]
    return None if tail.startswith(_VENDOR) else ""


def geography(region: str) -> str | None:
    """Return the narrowest inference profile that keeps a request around an AWS region."""
    for profile, row in _file().profiles.rows.items():
        if any(fnmatchcase(region, pattern) for pattern in row.regions):
            return profile
    return None


def _within(region: str | None, profile: str | None) -> bool:
    if profile is None:
        return True
    patterns = _file().profiles.rows[profile].regions
    return region is not None and any(fnmatchcase(region, pattern) for pattern in patterns)
