"""Fault scripts as data: what goes wrong, with which requests, and how often.

A `Fault` is a value; `broken` turns a good response into the one the fault asks for. Frames are
counted from 0: a fault `at=3` lets three events pass whole and strikes before the fourth. A JSON
answer is one frame.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from enum import StrEnum
from types import UnionType
from typing import Any, Final

from gateway.emulator.http import End, Response, plain
from gateway.emulator.problems import Problem, error_type


class Action(StrEnum):
    """What a fault does."""

    STATUS = "status"
    """Answer with a status, headers and a body, without looking at the request."""
    ERROR_EVENT = "error_event"
    """Send an error event in the platform's framing at `at`, then end."""
    CUT = "cut"
    """Close the connection at `at`."""
    RESET = "reset"
    """Reset the connection at `at`, or before the head when `before_head`."""
    STALL = "stall"
    """Go silent at `at` or before the head, for `for_s` seconds or until the client goes."""
    DRIP = "drip"
    """Send the answer byte by byte, `every_s` apart, head included."""
    PING = "ping"
    """From `at` on, send nothing but pings, `every_s` apart."""
    END = "end"
    """End cleanly at `at`, as if all had been said."""


class FaultError(ValueError):
    """A fault script that cannot be; the message says which key and what would be right."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong, `times` times, with the requests it matches."""

    action: Action
    times: int = 1
    """How many requests it strikes; -1 for every one."""
    platform: str | None = None
    path: str | None = None
    """A part of the path."""
    model: str | None = None
    """The model as the platform is asked for it."""
    at: int = 0
    extra_bytes: int = 0
    """Bytes of frame `at` that still go out before the fault."""
    before_head: bool = False
    status: int = 529
    """For `status`, and the kind of error for `error_event`."""
    headers: tuple[tuple[str, str], ...] = ()
    body: str | bytes | None = None
    """For `status`: the raw body; by default the platform's own error for that status."""
    type: str | None = None
    """The error type (or exception name) instead of the status's usual one."""
    message: str | None = None
    for_s: float | None = None
    every_s: float = 0.005

    def matches(self, platform: str, path: str, model: Callable[[], str | None]) -> bool:
        """Say whether a request is one this fault strikes; `model` is asked only if needed."""
        if self.platform is not None and self.platform != platform:
            return False
        if self.path is not None and self.path not in path:
            return False
        return self.model is None or self.model == model()

    def problem(self) -> Problem:
        """Return the error this fault stands for."""
        kind = self.type or error_type(self.status)
        return Problem(self.status, self.message or f"A scripted {kind}.", kind=kind)


_NUMBER = int | float
_KINDS: Final[Mapping[str, type | UnionType]] = {
    "times": int,
    "at": int,
    "extra_bytes": int,
    "status": int,
    "before_head": bool,
    "for_s": _NUMBER,
    "every_s": _NUMBER,
    "body": str | bytes,
    **dict.fromkeys(("platform", "path", "model", "type", "message"), str),
}


def fault(data: Mapping[str, Any]) -> Fault:
    """Return a fault from a mapping (TOML, JSON); raises FaultError naming the wrong key."""
    known = {f.name for f in fields(Fault)}
    for key in data:
        if key not in known:
            raise FaultError(f"{key}: no such key in a fault; known are {', '.join(sorted(known))}")
    try:
        action = Action(data.get("action", ""))
    except ValueError:
        raise FaultError(f"action: should be one of {', '.join(Action)}") from None
    for key, kind in _KINDS.items():
        value = data.get(key)
        odd_bool = isinstance(value, bool) and kind is not bool
        if value is not None and (odd_bool or not isinstance(value, kind)):
            raise FaultError(f"{key}: should be of type {getattr(kind, '__name__', kind)}")
    return Fault(**{**data, "action": action, "headers": _pairs(data.get("headers", ()))})


def _pairs(headers: Any) -> tuple[tuple[str, str], ...]:
    rows = headers.items() if isinstance(headers, Mapping) else headers
    try:
        return tuple((str(name), str(value)) for name, value in rows)
    except (TypeError, ValueError):
        raise FaultError("headers: should be a table, or a list of [name, value]") from None


def as_dict(one: Fault) -> dict[str, Any]:
    """Return a fault as `fault` takes it."""
    return asdict(one)


@dataclass(slots=True)
class Faults:
    """The faults still to come, in order; the first that matches a request is taken."""

    _queue: list[Fault] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, action: Fault | Action | str | Mapping[str, Any], **options: Any) -> None:
        """Add a fault: a `Fault`, a mapping, or an action with its options.

        Raises FaultError for an unknown action or option.
        """
        if isinstance(action, Fault):
            one = action
        elif isinstance(action, Mapping):
            one = fault(action)
        else:
            one = fault({"action": str(action), **options})
        with self._lock:
            self._queue.append(one)

    def load(self, script: Iterable[Mapping[str, Any]]) -> None:
        """Add every fault of a script; none if one of them is wrong."""
        parsed = [fault(row) for row in script]
        with self._lock:
            self._queue.extend(parsed)

    def take(
        self,
        platform: str,
        path: str,
        model: Callable[[], str | None],
        *,
        named: bool = False,
    ) -> Fault | None:
        """Return the fault that strikes this request, and count it as used.

        With `named`, only a fault that names a platform or a path strikes.
        """
        if not self._queue:
            return None
        with self._lock:
            for index, one in enumerate(self._queue):
                if named and one.platform is None and one.path is None:
                    continue
                if one.matches(platform, path, model):
                    self._use(index, one)
                    return one
        return None

    def _use(self, index: int, one: Fault) -> None:
        if one.times == 1:
            del self._queue[index]
        elif one.times > 0:
            self._queue[index] = replace(one, times=one.times - 1)

    def pending(self) -> list[Fault]:
        """Return the faults still to come."""
        with self._lock:
            return list(self._queue)

    def clear(self) -> None:
        """Forget every fault."""
        with self._lock:
            self._queue.clear()


@dataclass(frozen=True, slots=True)
class Words:
    """How a platform frames what a fault puts into a stream."""

    error: Callable[[Problem], bytes]
    """An error in the middle of a stream."""
    ping: bytes


def broken(one: Fault, good: Response, words: Words) -> Response:
    """Return the response that `one` makes of a good one."""
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
            kept = replace(good, frames=good.frames[: one.at], length=None, end=End.STALL)
            return replace(kept, repeat=words.ping, repeat_s=one.every_s)
        case Action.END:
            return _cleanly(one, good)
        case Action.DRIP:
            return replace(good, drip_s=one.every_s)
        case Action.STATUS:
            return good


def status_response(one: Fault, default: Response) -> Response:
    """Return a `status` fault's answer; `default` is the platform's own for that status."""
    if one.body is None:
        return replace(default, headers=default.headers + one.headers)
    headers = one.headers or (("content-type", "application/json"),)
    body = one.body.encode() if isinstance(one.body, str) else one.body
    return plain(one.status, headers, body)


def _ended(one: Fault, good: Response, end: End) -> Response:
    if one.before_head:
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
