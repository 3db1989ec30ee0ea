"""Absolute URLs in answers: those at the upstream become the gateway's own. Pure.

An SDK follows such a URL with the caller's credential, so none may lead past the gateway. All
other bytes of an answer stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple
from urllib.parse import urlsplit

import msgspec
from msgspec import Raw

from gateway.errors import Refused
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
    if not members:
        return Rewritten(body)
    dropped: list[str] = []
    for name, raw in _urls(body, members):
        url = _text.decode(raw)
        own = _own(url, base_url, own_url)
        if own is None:
            dropped.append(name)
        # A JSON text with its quotes stands for one value: nothing else in the body is like it.
        new = _NOTHING if own is None else msgspec.json.encode(own)
        body = body.replace(raw, new)
    return Rewritten(body, tuple(dict.fromkeys(dropped)))


def _urls(body: bytes, members: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    """Yield the members that hold a text, each with its bytes."""
    for found in _objects(body):
        for name in members:
            raw = bytes(found.get(name, b""))
            if raw.startswith(b'"'):
                yield name, raw


def _objects(body: bytes) -> Iterator[dict[str, Raw]]:
    try:
        whole = _object.decode(body)
        yield whole
        listed = whole.get("data")
        if listed is not None and bytes(listed).startswith(b"["):
            yield from (_object.decode(each) for each in _list.decode(listed))
    except (msgspec.DecodeError, RecursionError):
        return


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
