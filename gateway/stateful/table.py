"""The endpoints that keep state, from `data/stateful.toml`: which one a request means."""

from __future__ import annotations

import datetime as dt
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Literal

import msgspec

from gateway.errors import Malformed, NotServed, WrongMethod, quoted
from providers.contract import Area
from providers.shapes import ready

ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,199}")
"""What an id looks like. No platform promises that; but nothing else goes into a path."""
MAX_QUERY_CHARACTERS = 8192
_QUERY = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:@/?%\[\]-]*")


class Endpoint(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One endpoint; the head of the file says what each member means."""

    area: Area
    method: str
    path: str
    does: Literal["create", "use", "delete", "list"]
    makes: str | None = None
    repeatable: bool = False
    answer: Literal["json", "download"] = "json"
    tap: Literal["results"] | None = None
    urls: tuple[str, ...] = ()
    body: Literal["requests"] | None = None

    @property
    def safe(self) -> bool:
        """Whether doing it twice does no more than doing it once."""
        return self.repeatable or self.does == "list"


class Reference(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A member of a message's body that names a state."""

    path: str
    state: str
    except_where: dict[str, str] = {}
    """An object with one of these members names none."""
    soft: bool = False


class NotServedRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Endpoints that are known and not served."""

    prefix: str
    what: str


@ready
class File(msgspec.Struct, forbid_unknown_fields=True):
    """`stateful.toml`."""

    source: str
    checked_on: dt.date
    verified: bool
    areas: tuple[Area, ...]
    keep_days: dict[str, int]
    endpoints: tuple[Endpoint, ...]
    references: tuple[Reference, ...]
    not_served: tuple[NotServedRow, ...]


@dataclass(frozen=True, slots=True)
class Match:
    """The endpoint that a request means."""

    endpoint: Endpoint
    path: str
    ids: Mapping[str, str]
    """State -> the id in the path."""

    @property
    def pinned(self) -> tuple[str, str] | None:
        """The state that it goes to, and its id; None: it goes to none."""
        return next(iter(self.ids.items()), None)


@cache
def table() -> File:
    """Return the table; raises msgspec.ValidationError when the file has another shape."""
    text = (resources.files("gateway") / "data" / "stateful.toml").read_text("utf-8")
    return msgspec.convert(tomllib.loads(text), File)


def area_of(path: str) -> Area | None:
    """Return the area that a path lies in; None: in none."""
    for endpoint in table().endpoints:
        root = endpoint.path.partition("/{")[0]
        if path == root or path.startswith(f"{root}/"):
            return endpoint.area
    return None


def is_known(path: str) -> bool:
    """Say whether the tables name an area that a path lies in."""
    return any(path == root or path.startswith(f"{root}/") for root in _roots())


def match(method: str, path: str) -> Match:
    """Return the endpoint that a request means.

    Args:
        method: Its method.
        path: Its path as it stood on the request line, percent-encoded.

    Raises:
        WrongMethod: The path takes other methods.
        Malformed: What should be an id in the path cannot be one.
        NotServed: No endpoint has this path.
    """
    parts = path.split("/")
    verbs: list[str] = []
    for endpoint, pattern in _patterns():
        ids = _fitting(pattern, parts)
        if ids is None:
            continue
        if endpoint.method != method:
            verbs.append(endpoint.method)
            continue
        for name, value in ids.items():
            if not ID.fullmatch(value):
                raise Malformed(f"{name.removeprefix('+')}: {quoted(value)} cannot be an id.")
        known = {name: value for name, value in ids.items() if not name.startswith("+")}
        return Match(endpoint, path, known)
    if verbs:
        raise WrongMethod(method, quoted(path, 200), ", ".join(dict.fromkeys(verbs)))
    raise _unserved(method, path)


def checked_query(query: str) -> str:
    """Return a query that may stand on a request line; raises Malformed for any other."""
    if len(query) > MAX_QUERY_CHARACTERS or not _QUERY.fullmatch(query):
        raise Malformed("The query of the URL is too long, or not percent-encoded.")
    return query


def _unserved(method: str, path: str) -> NotServed:
    for row in table().not_served:
        if path == row.prefix or path.startswith(f"{row.prefix}/"):
            return NotServed(
                f"This gateway does not serve {quoted(path, 200)} ({row.what}); beside calls there "
                f"are {', '.join(table().areas)} and models."
            )
    return NotServed(f"This gateway does not serve {method[:20]} {quoted(path, 200)}.")


@cache
def _roots() -> frozenset[str]:
    file = table()
    makes = {each.path for each in file.endpoints if "{" not in each.path}
    return frozenset(makes | {row.prefix for row in file.not_served})


@cache
def _patterns() -> tuple[tuple[Endpoint, tuple[str, ...]], ...]:
    return tuple((each, tuple(each.path.split("/"))) for each in table().endpoints)


def _fitting(pattern: tuple[str, ...], parts: list[str]) -> dict[str, str] | None:
    """Return the ids in a path that fits; None: it does not."""
    if len(pattern) != len(parts):
        return None
    ids: dict[str, str] = {}
    for wanted, part in zip(pattern, parts, strict=True):
        if wanted.startswith("{"):
            ids[wanted[1:-1]] = part
        elif wanted != part:
            return None
    return ids
