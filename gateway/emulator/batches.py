"""Message batches: made, worked on for a while, ended, and read as JSON lines."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from msgspec.json import encode

from gateway.emulator.checks import parse
from gateway.emulator.http import Pairs, Request, Response, plain
from gateway.emulator.kept import Shelf, moment, page
from gateway.emulator.problems import Problem

BATCHES: Final = "/v1/messages/batches"
MAX_BODY_BYTES: Final = 256 * 1024 * 1024
_CUSTOM_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_DAY_S: Final = 86_400
_JSON: Final[Pairs] = (("content-type", "application/json"),)
_LINES: Final[Pairs] = (("content-type", "application/x-jsonl"),)
_LINES_A_FRAME: Final = 8

Answers = Callable[[dict[str, Any], str], dict[str, Any]]
"""The body of one request, and an account -> the message; raises Problem."""


@dataclass(slots=True)
class Batch:
    """One batch."""

    id: str
    requests: list[dict[str, Any]]
    made_s: float
    ends_s: float
    canceled_s: float | None = None
    results: list[dict[str, Any]] | None = None


class Batches:
    """The batches of one platform.

    Args:
        now_s: The clock.
        new_id: Makes ids.
        answers: Answers one request.
    """

    def __init__(
        self, now_s: Callable[[], float], new_id: Callable[[str], str], answers: Answers
    ) -> None:
        self.takes_s = 0.0
        """How long a batch is worked on."""
        self.results_host: str | None = None
        """Where results are said to be; None: at the platform's own address."""
        self._now_s = now_s
        self._new_id = new_id
        self._answers = answers
        self._shelf = Shelf("message_batch_id")

    def clear(self) -> None:
        """Forget all batches."""
        self._shelf.clear()
        self.takes_s, self.results_host = 0.0, None

    def answer(self, request: Request, account: str, here: str, headers: Pairs) -> Response:
        """Answer a request under `/v1/messages/batches`; `here` is the platform's own address."""
        rest = request.path.removeprefix(BATCHES).strip("/")
        name, _, action = rest.partition("/")
        match (request.method, bool(name), action):
            case ("POST", False, _):
                made = self._make(request, account)
                return _shown(self._object(made, here, began=True), headers)
            case ("GET", False, _):
                rows = [self._object(each, here) for _, each in self._shelf.newest_first(account)]
                return _shown(page(rows, request.query), headers)
            case ("GET", True, ""):
                return _shown(self._object(self._shelf.get(account, name), here), headers)
            case ("POST", True, "cancel"):
                return _shown(self._object(self._cancel(account, name), here), headers)
            case ("DELETE", True, ""):
                return _shown(self._delete(account, name), headers)
            case ("GET", True, "results"):
                return self._results(account, name, headers)
        raise Problem(405, "Method Not Allowed", kind="invalid_request_error")

    def _make(self, request: Request, account: str) -> Batch:
        body = parse(request.body, max_bytes=MAX_BODY_BYTES)
        listed = body.get("requests")
        if not isinstance(listed, list) or not listed:
            raise Problem(400, "requests: Input should be a non-empty list")
        seen: set[str] = set()
        for at, each in enumerate(listed):
            named = each.get("custom_id") if isinstance(each, dict) else None
            if not isinstance(named, str) or not _CUSTOM_ID.fullmatch(named):
                raise Problem(400, f"requests.{at}.custom_id: String should match a pattern")
            if named in seen:
                raise Problem(400, f"requests.{at}.custom_id: duplicate custom_id {named!r}")
            if not isinstance(each.get("params"), dict):
                raise Problem(400, f"requests.{at}.params: Field required")
            seen.add(named)
        now_s = self._now_s()
        batch = Batch(self._new_id("msgbatch_"), listed, now_s, now_s + self.takes_s)
        for each in listed:
            each["account"] = account
        self._shelf.put(account, batch.id, batch)
        return batch

    def _cancel(self, account: str, name: str) -> Batch:
        batch: Batch = self._shelf.get(account, name)
        if not self._has_ended(batch) and batch.canceled_s is None:
            batch.canceled_s = batch.ends_s = self._now_s()
        return batch

    def _delete(self, account: str, name: str) -> dict[str, Any]:
        if not self._has_ended(self._shelf.get(account, name)):
            raise Problem(409, "A batch that is in progress cannot be deleted; cancel it first")
        self._shelf.drop(account, name)
        return {"id": name, "type": "message_batch_deleted"}

    def _results(self, account: str, name: str, headers: Pairs) -> Response:
        batch: Batch = self._shelf.get(account, name)
        if not self._has_ended(batch):
            raise Problem(404, "This batch has no results yet")
        lines = [encode(each) + b"\n" for each in self._worked(batch)]
        frames = tuple(
            b"".join(lines[at : at + _LINES_A_FRAME]) for at in range(0, len(lines), _LINES_A_FRAME)
        )
        return Response(200, _LINES + headers, frames)

    def _has_ended(self, batch: Batch) -> bool:
        return self._now_s() >= batch.ends_s

    def _worked(self, batch: Batch) -> list[dict[str, Any]]:
        if batch.results is None:
            batch.results = [self._result(batch, each) for each in batch.requests]
        return batch.results

    def _result(self, batch: Batch, asked: dict[str, Any]) -> dict[str, Any]:
        if batch.canceled_s is not None:
            return {"custom_id": asked["custom_id"], "result": {"type": "canceled"}}
        try:
            message = self._answers(asked["params"], asked["account"])
            message["usage"]["service_tier"] = "batch"
            result: dict[str, Any] = {"type": "succeeded", "message": message}
        except Problem as problem:
            error = {"type": problem.kind, "message": problem.message}
            result = {"type": "errored", "error": {"type": "error", "error": error}}
        return {"custom_id": asked["custom_id"], "result": result}

    def _object(self, batch: Batch, here: str, *, began: bool = False) -> dict[str, Any]:
        ended = not began and self._has_ended(batch)
        counts = dict.fromkeys(("processing", "succeeded", "errored", "canceled", "expired"), 0)
        if ended:
            for each in self._worked(batch):
                counts[each["result"]["type"]] += 1
        else:
            counts["processing"] = len(batch.requests)
        results = f"{self.results_host or here}{BATCHES}/{batch.id}/results"
        status = "ended" if ended else "in_progress"
        return {
            "id": batch.id,
            "type": "message_batch",
            "processing_status": status,
            "request_counts": counts,
            "created_at": moment(batch.made_s),
            "expires_at": moment(batch.made_s + _DAY_S),
            "ended_at": moment(batch.ends_s) if ended else None,
            "cancel_initiated_at": None if batch.canceled_s is None else moment(batch.canceled_s),
            "archived_at": None,
            "results_url": results if ended else None,
        }


def _shown(value: dict[str, Any], headers: Pairs) -> Response:
    return plain(200, _JSON + headers, encode(value))
