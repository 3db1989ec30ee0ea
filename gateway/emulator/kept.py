"""What a platform keeps for one account: batches with their results, files, skills."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import HTTP
from typing import Any, Final
from urllib.parse import parse_qs

from gateway.emulator.http import Request
from gateway.emulator.problems import Problem

_MAX_PAGE: Final = 1000
_NAME: Final = re.compile(r'name="([^"]*)"')


@dataclass(slots=True)
class Shelf:
    """Things of one kind, by account and id, oldest first."""

    kind: str
    things: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Account -> id -> thing."""

    def put(self, account: str, name: str, thing: Any) -> None:
        """Keep a thing."""
        self.things.setdefault(account, {})[name] = thing

    def get(self, account: str, name: str) -> Any:
        """Return a thing; raises Problem (404) where this account has none of that id."""
        found = self.things.get(account, {}).get(name)
        if found is None:
            raise Problem(404, f"{self.kind}: {name!r} was not found")
        return found

    def has(self, account: str, name: str) -> bool:
        """Say whether an account has a thing."""
        return name in self.things.get(account, {})

    def drop(self, account: str, name: str) -> None:
        """Delete a thing; raises Problem (404)."""
        self.get(account, name)
        del self.things[account][name]

    def newest_first(self, account: str) -> list[tuple[str, Any]]:
        """Return the things of an account."""
        return list(reversed(self.things.get(account, {}).items()))

    def clear(self) -> None:
        """Forget all."""
        self.things.clear()


def moment(at_s: float) -> str:
    """Return a time as the API writes it (RFC 3339)."""
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def page(rows: list[dict[str, Any]], query: str) -> dict[str, Any]:
    """Return the page of a list that a query asks for; raises Problem (400)."""
    given = {name: values[-1] for name, values in parse_qs(query).items()}
    limit = given.get("limit", "20")
    if not limit.isdigit() or not 1 <= int(limit) <= _MAX_PAGE:
        raise Problem(400, f"limit: Input should be a valid integer from 1 to {_MAX_PAGE}")
    ids = [row["id"] for row in rows]
    start = ids.index(given["after_id"]) + 1 if given.get("after_id") in ids else 0
    shown = rows[start : start + int(limit)]
    return {
        "data": shown,
        "has_more": len(rows) > start + len(shown),
        "first_id": shown[0]["id"] if shown else None,
        "last_id": shown[-1]["id"] if shown else None,
    }


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a form."""

    name: str
    filename: str | None
    kind: str
    data: bytes


def form(request: Request) -> list[Part]:
    """Return the parts of a multipart body; raises Problem (400)."""
    kind = request.header("content-type") or ""
    if not kind.lower().startswith("multipart/form-data"):
        raise Problem(400, "the body must be multipart/form-data")
    whole = message_from_bytes(
        b"content-type: " + kind.encode("latin-1") + b"\r\n\r\n" + request.body, policy=HTTP
    )
    if not whole.is_multipart():
        raise Problem(400, "the body is no multipart/form-data with this boundary")
    return [_part(each) for each in whole.iter_parts()]


def _part(each: Any) -> Part:
    found = _NAME.search(str(each.get("content-disposition", "")))
    data = each.get_payload(decode=True)
    return Part(
        found[1] if found else "",
        each.get_filename(),
        each.get_content_type(),
        data if isinstance(data, bytes) else b"",
    )


def field_of(parts: list[Part], name: str) -> Part:
    """Return the part of a name; raises Problem (400) where there is none."""
    for part in parts:
        if part.name == name:
            return part
    raise Problem(400, f"{name}: Field required")


def texts(parts: list[Part]) -> Mapping[str, str]:
    """Return the parts that are plain fields."""
    return {part.name: part.data.decode() for part in parts if part.filename is None}
