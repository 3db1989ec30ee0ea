"""What is asked of a report, read from parameters: options of a command, or a query string."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from gateway.ledger.reports.dimensions import COLUMNS, TAG, Dimension, dimension
from gateway.ledger.reports.period import Period, moment
from gateway.ledger.row import State

FILTERS = tuple(name for name in COLUMNS if name != "day")
"""Parameters that each keep the attempts with one of the values given; beside `tag`."""
BY_MOST = 4
VALUES_MOST = 100
SINCE = "30d"
"""Where a report begins when nobody says."""


class BadParameter(ValueError):
    """A parameter is wrong; `parameter` names it."""

    def __init__(self, parameter: str, message: str) -> None:
        super().__init__(message)
        self.parameter = parameter


@dataclass(frozen=True, slots=True)
class Setting:
    """What holds for all reports of one door."""

    charge_partial: bool = True
    """Whether callers are charged for answers that broke off."""
    top: int | None = None
    """How many groups are told where nobody says; None: all."""
    top_most: int = 10_000
    """How many may be asked for."""
    attempts_most: int = 50_000
    """How many attempts of a session are told one by one."""
    limit_s: float | None = None
    """How long a report may take; None: as long as it likes."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a report is to tell."""

    now_us: int
    by: tuple[Dimension, ...] = ()
    period: Period = field(default_factory=Period)
    filters: tuple[tuple[Dimension, tuple[str, ...]], ...] = ()
    """An attempt counts that has, for each of them, one of the values."""
    top: int | None = None
    """How many groups are told one by one; None: all."""
    setting: Setting = field(default_factory=Setting)

    def values(self, name: str) -> tuple[str, ...]:
        """Return the values that a filter lets through; none: there is no such filter."""
        return next((values for each, values in self.filters if each.name == name), ())


def asked(
    given: Mapping[str, Sequence[str]],
    now_us: int,
    setting: Setting,
    *,
    allowed: Collection[str],
    by: Sequence[str] = (),
    since: str | None = SINCE,
) -> Asked:
    """Return what parameters ask for; raises BadParameter.

    Args:
        given: Parameter -> its values: `by`, `from`, `to`, `top`, `tag`, and those of FILTERS.
        now_us: What `today` and `24h` count from.
        setting: What the door lets through.
        allowed: Which of them the report knows.
        by: What to group by when nobody says.
        since: Where to begin when nobody says; None: at the first attempt.
    """
    for name in given:
        if name not in allowed:
            raise BadParameter(name, "is no parameter of this report")
    begin = _one(given, "from")
    return Asked(
        now_us,
        _by(given.get("by") or by),
        _period(since if begin is None else begin, _one(given, "to"), now_us),
        _filters(given),
        _top(_one(given, "top"), setting),
        setting,
    )


def _one(given: Mapping[str, Sequence[str]], name: str) -> str | None:
    values = given.get(name, ())
    if len(values) > 1:
        raise BadParameter(name, "is given more than once")
    return values[0] if values else None


def _by(names: Sequence[str]) -> tuple[Dimension, ...]:
    each = list(dict.fromkeys(name.strip() for given in names for name in given.split(",")))
    if len(each) > BY_MOST:
        raise BadParameter("by", f"names more than {BY_MOST}")
    return tuple(_dimension("by", name) for name in each)


def _dimension(parameter: str, name: str) -> Dimension:
    try:
        return dimension(name)
    except ValueError as error:
        raise BadParameter(parameter, f"{name[:100]!r} {error}") from None


def _period(since: str | None, until: str | None, now_us: int) -> Period:
    from_us = None if since is None else _moment("from", since, now_us)
    to_us = None if until is None else _moment("to", until, now_us)
    if from_us is not None and to_us is not None and from_us >= to_us:
        raise BadParameter("to", "is not after the beginning: it is the first moment left out")
    return Period(from_us, to_us)


def _moment(parameter: str, text: str, now_us: int) -> int:
    try:
        return moment(text, now_us)
    except ValueError as error:
        raise BadParameter(parameter, f"{text[:100]!r} {error}") from None


def _filters(
    given: Mapping[str, Sequence[str]],
) -> tuple[tuple[Dimension, tuple[str, ...]], ...]:
    wanted = {name: list(given[name]) for name in FILTERS if given.get(name)}
    for pair in given.get("tag", ()):
        name, sign, value = pair.partition("=")
        if not sign:
            raise BadParameter("tag", f"{pair[:100]!r} is no NAME=VALUE")
        wanted.setdefault(f"{TAG}{name}", []).append(value)
    for value in wanted.get("state", ()):
        if value not in set(State):
            raise BadParameter("state", f"{value[:100]!r} is none of: {', '.join(State)}")
    if sum(map(len, wanted.values())) > VALUES_MOST:
        raise BadParameter(next(iter(wanted)), f"filters by more than {VALUES_MOST} values")
    return tuple(_filter(name, values) for name, values in wanted.items())


def _filter(name: str, values: Sequence[str]) -> tuple[Dimension, tuple[str, ...]]:
    parameter = "tag" if name.startswith(TAG) else name
    for value in values:
        if not value.isprintable():
            raise BadParameter(parameter, "has a character that cannot be printed")
    return _dimension(parameter, name), tuple(dict.fromkeys(values))


def _top(text: str | None, setting: Setting) -> int | None:
    if text is None:
        return setting.top
    most = setting.top_most
    number = int(text) if text.isascii() and text.isdigit() and len(text) <= len(str(most)) else 0
    if not 1 <= number <= most:
        raise BadParameter("top", f"{text[:100]!r} is no number from 1 to {most}")
    return number
