"""What a row adds to the sums by day and by tag, and the difference that changed rows make."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from operator import itemgetter
from typing import Any

import msgspec

from gateway.ledger.schema import AMOUNTS, DIMENSIONS, MEASURES, NAME_LENGTH
from gateway.ledger.values import held
from gateway.money import split

Values = Mapping[str, Any]
"""A row of the table `attempts`, or of a table of sums, by column."""

TAG_DIMENSIONS = ("day", "environment", "tag", "value", "state", "won")
COUNT_MAX = 10**12
"""The most tokens of one row that are summed: no answer has so many, and a platform that makes
counts up cannot make a sum too large for the database."""
_TOKENS = [name for name in MEASURES if name not in {"attempts", "unpriced", "unbounded"}]
_HIGH = AMOUNTS.index("high")
_SUMMED = (*MEASURES, *AMOUNTS)
_key = itemgetter(*DIMENSIONS)
_tags = msgspec.json.Decoder(dict[str, str]).decode


class Sums:
    """Sums by the values of some dimensions; what comes to nothing is kept as such."""

    def __init__(self, dimensions: tuple[str, ...]) -> None:
        self.dimensions = dimensions
        self._by_key: dict[tuple[Any, ...], list[int]] = {}

    def add(self, key: tuple[Any, ...], counts: Iterable[int], sign: int) -> None:
        """Add (1) or take away (-1) what one row counts."""
        found = self._by_key.get(key)
        if found is None:
            found = self._by_key[key] = [0] * len(_SUMMED)
        for place, count in enumerate(counts):
            found[place] += sign * count

    def rows(self) -> list[dict[str, Any]]:
        """Return the rows of a table of sums; those where nothing changed are left out."""
        return [
            {**dict(zip(self.dimensions, key, strict=True)), **_columns(counts)}
            for key, counts in sorted(self._by_key.items())
            if any(counts)
        ]


class Differences:
    """What rows that were written change in both tables of sums."""

    def __init__(self) -> None:
        self.by_day = Sums(DIMENSIONS)
        self.by_tag = Sums(TAG_DIMENSIONS)

    def book(self, values: Values, sign: int = 1) -> None:
        """Add (1) or take away (-1) a row of attempts; one that is open is in no sum."""
        if values["open"]:
            return
        counts = _counts(values)
        self.by_day.add(_key(values), counts, sign)
        for tag, value in _tags(values["tags"]).items():
            named = held(tag, NAME_LENGTH), held(value, NAME_LENGTH)
            key = (values["day"], values["environment"], *named, values["state"], values["won"])
            self.by_tag.add(key, counts, sign)


def _counts(values: Values) -> list[int]:
    """Return what a row counts; of a message that is charged elsewhere only the attempt."""
    if values["duplicate_of"] is not None:
        return [1] + [0] * (len(_SUMMED) - 1)
    tokens = [min(values[name] or 0, COUNT_MAX) for name in _TOKENS]
    amounts = [values[f"{name}_pico"] or 0 for name in AMOUNTS]
    unbounded = values["high_pico"] is None and values["low_pico"] is not None
    if unbounded:
        # It counts with what it cost for all that is known: no sum may end below its beginning.
        amounts[_HIGH] = values["net_pico"] or values["low_pico"]
    return [1, *tokens, int(values["unpriced"] is not None), int(unbounded), *amounts]


def _columns(counts: list[int]) -> dict[str, int]:
    found: dict[str, int] = dict(zip(MEASURES, counts, strict=False))
    for name, amount_pico in zip(AMOUNTS, counts[len(MEASURES) :], strict=True):
        found[f"{name}_usd"], found[f"{name}_rest_pico"] = split(amount_pico)
    return found
