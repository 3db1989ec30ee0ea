"""Absolute URLs in answers: those at the upstream become the gateway's own. Pure.

An SDK follows such a URL with the caller's credential, so none may lead past the gateway. All
other bytes of an answer stay as they are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple
from urllib.parse import urlsplit

import msgspec
from msgspec import Raw

from gateway.errors import Refused
from gateway.repeated_keys import is_compact, repeated_key
from gateway.stateful.table import match

_object = msgspec.json.Decoder(dict[str, Raw])
_list = msgspec.json.Decoder(list[Raw])
_text = msgspec.json.Decoder(str)
_API = "/v1/"
_NOTHING = b"null"


class Rewritten(NamedTuple):
    """An answer without a URL that leads past the gateway."""

    body: bytes
    dropped: tuple[str, ...] = ()
    """The members that held a URL that is neither the gateway's nor the upstream's."""


def rewritten(body: bytes, members: Sequence[str], base_url: str, own_url: str | None) -> Rewritten:
    """Return an answer in which URLs lead to the gateway.

    Args:
        body: A JSON object; or a list of them, under `data`.
        members: The members that may hold a URL.
        base_url: The upstream's.
        own_url: The gateway's own address; None: it is not known, and URLs are left out.
    """
    whole = _read(body) if members else None
    if whole is None:
        return Rewritten(body)
    objects = [(body, whole), *_listed(whole)]
    changes = _Changes(base_url, own_url)
    for _, found in objects:
        for name in members:
            changes.look(name, bytes(found.get(name, _NOTHING)))
    plain = changes.are_plain(body) and all(_says_all_once(*each) for each in objects)
    shown = changes.replaced(body) if plain else changes.rebuilt(whole, members)
    return Rewritten(shown, tuple(dict.fromkeys(changes.dropped)))


class _Changes:
    """What becomes of the values of an answer that may be URLs."""

    def __init__(self, base_url: str, own_url: str | None) -> None:
        self._base_url = base_url
        self._own_url = own_url
        self.new: dict[bytes, bytes] = {}
        self.dropped: list[str] = []
        self._times: Counter[bytes] = Counter()

    def look(self, name: str, raw: bytes) -> None:
        """Take one value."""
        if raw == _NOTHING:
            return
        url = _text.decode(raw) if raw.startswith(b'"') else None
        own = None if url is None else _own(url, self._base_url, self._own_url)
        if own is None:
            self.dropped.append(name)
        self.new[raw] = _NOTHING if own is None else msgspec.json.encode(own)
        self._times[raw] += 1

    def are_plain(self, body: bytes) -> bool:
        """Say whether nothing else in an answer is written like one of them."""
        return all(body.count(raw) == times for raw, times in self._times.items())

    def replaced(self, body: bytes) -> bytes:
        """Return an answer with its other bytes as they are."""
        for raw, new in self.new.items():
            body = body.replace(raw, new)
        return body

    def rebuilt(self, whole: Mapping[str, Raw], members: Sequence[str]) -> bytes:
        """Return an answer written anew, where that cannot be."""
        fields = self._with(whole, members)
        rows = _rows(whole)
        if rows is not None:
            read = [(row, _read(bytes(row))) for row in rows]
            shown = [row if found is None else self._with(found, members) for row, found in read]
            fields["data"] = Raw(msgspec.json.encode(shown))
        return msgspec.json.encode(fields)

    def _with(self, found: Mapping[str, Raw], members: Sequence[str]) -> dict[str, Raw]:
        new = {name: self.new.get(bytes(found[name])) for name in members if name in found}
        return {**found, **{name: Raw(raw) for name, raw in new.items() if raw is not None}}


def _read(body: bytes) -> dict[str, Raw] | None:
    try:
        return _object.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return None


def _rows(whole: Mapping[str, Raw]) -> list[Raw] | None:
    try:
        return _list.decode(whole["data"]) if "data" in whole else None
    except (msgspec.DecodeError, RecursionError):
        return None


def _listed(whole: Mapping[str, Raw]) -> Iterator[tuple[bytes, dict[str, Raw]]]:
    """Yield the objects of a list, each with its bytes."""
    for row in _rows(whole) or ():
        text = bytes(row)
        found = _read(text)
        if found is not None:
            yield text, found


def _says_all_once(text: bytes, found: Mapping[str, Raw]) -> bool:
    return is_compact(text, found) or repeated_key(text, found) is None


def _own(url: str, base_url: str, own_url: str | None) -> str | None:
    """Return the gateway's own URL for one of an upstream; None: it has none."""
    path = path_at(url, base_url)
    if path is None or own_url is None:
        return None
    try:
        match("GET", path)
    except Refused:
        return None
    return own_url.rstrip("/") + path


def path_at(url: str, base_url: str) -> str | None:
    """Return the path of the API that a URL of an upstream names; None: it is elsewhere.

    A platform with a prefix of its own may name the API's path behind it, or without.
    """
    try:
        there, here = urlsplit(url), urlsplit(base_url)
        same = (there.scheme, there.hostname, there.port) == (here.scheme, here.hostname, here.port)
    except ValueError:
        return None
    if not same or there.query or there.fragment or there.username is not None:
        return None
    prefix = here.path.rstrip("/")
    rest = there.path.removeprefix(prefix) if there.path.startswith(f"{prefix}/") else there.path
    at = rest.rfind(_API)
    return rest[at:] if at >= 0 else None
