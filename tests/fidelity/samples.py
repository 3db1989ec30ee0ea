"""Recorded Claude Code requests, and what is left of one without its named losses."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from gateway.call import Call, read_call
from providers.contract import Headers, Kind

FOLDER = Path(__file__).parent.parent / "data" / "claude-code"
NAMES = tuple(sorted(path.stem for path in FOLDER.glob("*.json")))
WEB_SEARCH = "claude-code-2.1.330-09-m1-t1-0k"
BETA = "anthropic-beta: "
WRITTEN: dict[str, dict[str, Any]] = {
    "compact": {"separators": (",", ":"), "ensure_ascii": False},
    "spaced": {"indent": 2, "ensure_ascii": False},
    "in ASCII": {"ensure_ascii": True},
}
"""Ways to write the same JSON."""
_STEP = re.compile(r"([^.\[\]]+)|\[([^\[\]]*)\]")


@cache
def _sample(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_bytes())
    return found


def headers(name: str) -> Headers:
    return tuple((key.lower(), value) for key, value in _sample(name)["headers"].items())


def body(name: str, written: str = "compact") -> bytes:
    """Return the body as a client writes it; Claude Code writes it compact."""
    document = json.dumps(_sample(name)["body"], **WRITTEN[written])
    return document.encode()


def call(name: str, written: str = "compact") -> Call:
    return read_call(Kind.MESSAGES, headers(name), body(name, written))


def betas(name: str) -> list[str]:
    return dict(headers(name))["anthropic-beta"].split(",")


def without(document: Any, names: Iterable[str]) -> Any:
    """Return a copy of a JSON value without the parts named; each name must take something away.

    A list or an object that a removal leaves empty goes too. Written apart from the gateway's
    own reading of these paths.
    """
    left = json.loads(json.dumps(document))
    for name in names:
        steps = [key or f"[{kind}]" for key, kind in _STEP.findall(name)]
        assert _remove(left, steps), f"{name} is named as dropped and was not there"
    return left


def _remove(value: Any, steps: list[str]) -> int:
    """Take away what `steps` lead to; return how many parts that were."""
    step, rest = steps[0], steps[1:]
    if step.startswith("["):
        chosen = [each for each in value if step[1:-1] in {"", each.get("type"), each.get("role")}]
        if not rest:
            value[:] = [each for each in value if each not in chosen]
            return len(chosen)
        return sum(_remove(each, rest) for each in chosen)
    if not isinstance(value, dict) or step not in value:
        return 0
    count = _remove(value[step], rest) if rest else 1
    if not rest or (count and not value[step]):
        del value[step]
    return count
