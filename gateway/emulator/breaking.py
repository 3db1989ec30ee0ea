"""Turns a good response into the one that a fault asks for."""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from email.utils import formatdate
from typing import Final

from gateway.emulator.faults import Action, Fault, Moment, Part
from gateway.emulator.framing import Words
from gateway.emulator.http import Drip, End, Pairs, Response, plain
from gateway.emulator.mangling import mangled

_DATE: Final = re.compile(r"\{date([+-]\d+)\}")


def filled(one: Fault, elsewhere: str, now_s: float) -> Fault:
    """Return a fault whose headers name a true date and a true other host."""
    if not one.headers:
        return one

    def value(text: str) -> str:
        dated = _DATE.sub(lambda found: formatdate(now_s + int(found[1]), usegmt=True), text)
        return dated.replace("{elsewhere}", elsewhere)

    return replace(one, headers=tuple((name, value(text)) for name, text in one.headers))


def broken(one: Fault, good: Response, words: Words) -> Response:
    """Return the response that `one` makes of a good one."""
    if one.action is not Action.STATUS:
        good = replace(good, headers=_over(one.headers, good.headers))
    if one.at < 0:
        one = replace(one, at=max(0, _frames(good) + one.at))
    return mangled(one, _acted(one, good, words), words)


def status_response(one: Fault, default: Response) -> Response:
    """Return a `status` fault's answer; `default` is the platform's own for that status."""
    if one.body is None:
        return replace(default, headers=default.headers + one.headers)
    headers = one.headers or (("content-type", "application/json"),)
    body = one.body.encode() if isinstance(one.body, str) else one.body
    return plain(one.status, headers, body)


def _acted(one: Fault, good: Response, words: Words) -> Response:
    match one.action:
        case Action.ERROR_EVENT:
            frames = (*good.frames[: one.at], words.error(one.problem()))
            return replace(good, frames=frames, length=None)
        case Action.CUT:
            return _ended(one, good, End.CUT)
        case Action.RESET:
            return _ended(one, good, End.RESET)
        case Action.STALL:
            return _stalled(one, good)
        case Action.PING:
            return _pinging(one, good, words.ping)
        case Action.END:
            return _cleanly(one, good)
        case Action.DRIP:
            parts = {"head": one.part is not Part.BODY, "body": one.part is not Part.HEAD}
            return replace(good, drip=Drip(one.every_s, one.for_s, **parts))
        case Action.STATUS | Action.MANGLE:
            return good


def _over(own: Pairs, given: Pairs) -> Pairs:
    names = {name.lower() for name, _ in own}
    return (*((name, value) for name, value in given if name.lower() not in names), *own)


def _frames(good: Response) -> int:
    """Return how many frames a stream has; a refusal counts as one that has no end."""
    return len(good.frames) if good.length is None else sys.maxsize


def _ended(one: Fault, good: Response, end: End) -> Response:
    if one.before_head or one.moment is not Moment.ANSWER:
        return replace(good, head=False, frames=(), end=end)
    frames = good.frames[: one.at]
    if one.extra_bytes and one.at < len(good.frames):
        frames = (*frames, good.frames[one.at][: one.extra_bytes])
    return replace(good, frames=frames, end=end)


def _cleanly(one: Fault, good: Response) -> Response:
    kept = _ended(one, good, End.CLEAN)
    if kept.length is None:
        return kept
    return replace(kept, length=sum(map(len, kept.frames)))


def _stalled(one: Fault, good: Response) -> Response:
    if one.for_s is None:
        return _ended(one, good, End.STALL)
    if one.before_head:
        return replace(good, delay_s=one.for_s)
    return replace(good, pause_s=one.for_s, pause_at=one.at)


def _pinging(one: Fault, good: Response, ping: bytes) -> Response:
    pinging = replace(good, length=None, repeat=ping, repeat_s=one.every_s)
    if one.for_s is None:
        return replace(pinging, frames=good.frames[: one.at], end=End.STALL)
    return replace(pinging, pause_s=one.for_s, pause_at=one.at)
