"""What figures can be grouped by and filtered by."""

from __future__ import annotations

import re
from dataclasses import dataclass

TAG = "tag:"
_TAG_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]{1,256}", re.ASCII)
"""What stands behind `x-gateway-tag-` in the name of a header."""

COLUMNS = {
    "day": "day",
    "model": "model",
    "upstream": "upstream",
    "platform": "platform",
    "team": "team",
    "caller": "caller",
    "session": "session",
    "agent": "agent",
    "class": "data_class",
    "environment": "environment",
    "outcome": "outcome",
    "state": "state",
}
"""As users write it -> the column."""


@dataclass(frozen=True, slots=True)
class Dimension:
    """One of them: a column of attempts, or a tag."""

    name: str
    """As users write it: `class`, `tag:project`."""
    column: str | None = None
    tag: str | None = None


NAMES = ", ".join((*COLUMNS, f"{TAG}NAME"))


def dimension(name: str) -> Dimension:
    """Return the dimension that a user names; raises ValueError that lists those there are."""
    if name in COLUMNS:
        return Dimension(name, column=COLUMNS[name])
    tag = name.removeprefix(TAG)
    if tag != name and _TAG_NAME.fullmatch(tag):
        return Dimension(name, tag=tag)
    raise ValueError(f"is none of: {NAMES}")
