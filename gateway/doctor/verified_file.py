"""Writes `verified.toml`: whole or not at all."""

from __future__ import annotations

import datetime as dt
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gateway.policy.facts import plain
from gateway.policy.reading import SCHEMA
from gateway.policy.verified import Able, Drop, Probed, Verified

_HEAD = "# `gateway doctor --write` wrote this, and the next run replaces it. Do not edit it.\n"
_DELETE = "\x7f"
_MODE = 0o644


def written(verified: Verified) -> str:
    """Return the text of `verified.toml`; reading it gives the same again, to the second."""
    tables = [_table("attest", _attest(each)) for each in verified.facts]
    tables += [_table("drop", _drop(each)) for each in verified.drops]
    tables += [_table("able", _able(each)) for each in verified.abilities]
    return "\n".join([f"{_HEAD}schema = {SCHEMA}\n", *tables])


def write(path: Path, verified: Verified) -> None:
    """Put a file in the place of `path` at once; a reader sees the old one or the new one.

    Raises OSError, and then leaves the old one.
    """
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    new = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(written(verified))
            stream.flush()
            os.fsync(stream.fileno())
        new.chmod(_MODE)
        new.replace(path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise


def _attest(each: Probed) -> dict[str, Any]:
    return {
        "upstream": each.upstream,
        "fact": each.fact,
        "value": plain(each.value),
        "assurance": "verified",
        "probe": each.probe,
        "place": each.place,
        **({"models": list(each.models)} if each.models else {}),
        "checked_at": _moment(each.checked_s),
        "expires": _moment(each.until_s),
    }


def _drop(each: Drop) -> dict[str, Any]:
    return {
        "upstream": each.upstream,
        "fact": each.fact,
        "probe": each.probe,
        "because": each.because,
        "checked_at": _moment(each.checked_s),
    }


def _able(each: Able) -> dict[str, Any]:
    return {
        "upstream": each.upstream,
        "does": each.does,
        "probe": each.probe,
        "place": each.place,
        "checked_at": _moment(each.checked_s),
        "expires": _moment(each.until_s),
    }


def _moment(seconds: float) -> dt.datetime:
    return dt.datetime.fromtimestamp(int(seconds), dt.UTC)


def _table(name: str, fields: Mapping[str, Any]) -> str:
    return "\n".join([f"[[{name}]]", *_lines(fields)]) + "\n"


def _lines(fields: Mapping[str, Any]) -> Iterator[str]:
    for key, value in fields.items():
        yield f"{key} = {_value(value)}"


def _value(value: Any) -> str:
    if isinstance(value, dt.datetime):
        return value.isoformat()
    # What JSON writes of these is TOML too, but for DEL, which only TOML wants escaped.
    return json.dumps(value, ensure_ascii=False).replace(_DELETE, "\\u007f")
