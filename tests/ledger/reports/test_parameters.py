"""What may be asked of a report, and what is said of what may not."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.ledger.reports.asked import Asked, BadParameter, Setting, asked
from gateway.ledger.reports.catalog import REPORTS
from gateway.ledger.reports.period import DAY_US, Period, moment, written

NOW = datetime(2026, 11, 25, 12, 30, tzinfo=UTC)
NOW_US = int(NOW.timestamp()) * 10**6
ALL = REPORTS["usage"].parameters


def read(**given: str | list[str]) -> Asked:
    parameters = {
        name.rstrip("_"): [each] if isinstance(each, str) else each for name, each in given.items()
    }
    return asked(parameters, NOW_US, Setting(top_most=500), allowed=ALL, by=("day",))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("today", "2026-11-25T00:00:00Z"),
        ("1d", "2026-11-25T00:00:00Z"),
        ("7d", "2026-11-19T00:00:00Z"),
        ("24h", "2026-11-24T12:30:00Z"),
        ("99999d", "1970-01-01T00:00:00Z"),
        ("2026-11-01", "2026-11-01T00:00:00Z"),
        ("2026-11-01T06:00:00Z", "2026-11-01T06:00:00Z"),
        ("2026-11-01T06:00:00", "2026-11-01T06:00:00Z"),
        ("2026-11-01T06:00:00+02:00", "2026-11-01T04:00:00Z"),
        ("2026-11-01T06:00:00.25", "2026-11-01T06:00:00.250000Z"),
    ],
)
def test_moments(text: str, expected: str) -> None:
    assert written(moment(text, NOW_US)) == expected


@pytest.mark.parametrize(
    "text",
    ["", "soon", "7", "0d", "-1d", "7D", "7w", "1969-12-31", "2026-13-01", "\u0667d", "24h "],
)
def test_what_is_no_moment(text: str) -> None:
    with pytest.raises(BadParameter, match="write a day") as caught:
        read(from_=text)
    assert caught.value.parameter == "from"


@pytest.mark.parametrize(
    ("given", "parameter", "words"),
    [
        ({"by": "hour"}, "by", "'hour' is none of: day, model, upstream"),
        ({"by": "day,"}, "by", "'' is none of"),
        ({"by": "tag:"}, "by", "'tag:' is none of"),
        ({"by": 'tag:a"b'}, "by", "is none of"),
        ({"by": "day,model,team,caller,state"}, "by", "names more than 4"),
        ({"from_": "2026-11-02", "to": "2026-11-01"}, "to", "is not after the beginning"),
        ({"from_": "today", "to": "today"}, "to", "is not after the beginning"),
        ({"from_": ["7d", "8d"]}, "from", "is given more than once"),
        ({"state": "done"}, "state", "'done' is none of: not_sent, rejected, unknown"),
        ({"tag": "team"}, "tag", "'team' is no NAME=VALUE"),
        ({"tag": "=red"}, "tag", "is none of"),
        ({"team": "a\0b"}, "team", "a character that cannot be printed"),
        ({"team": "a\ud800b"}, "team", "a character that cannot be printed"),
        ({"team": [str(each) for each in range(101)]}, "team", "filters by more than 100 values"),
        ({"top": "0"}, "top", "no number from 1 to 500"),
        ({"top": "501"}, "top", "no number from 1 to 500"),
        ({"top": "\u0663"}, "top", "no number from 1 to 500"),
        ({"top": "9" * 5000}, "top", "no number from 1 to 500"),
        ({"key": "x"}, "key", "is no parameter of this report"),
        ({"day": "2026-11-22"}, "day", "is no parameter of this report"),
    ],
    ids=str,
)
def test_what_may_not_be_asked(
    given: dict[str, str | list[str]], parameter: str, words: str
) -> None:
    with pytest.raises(BadParameter) as caught:
        read(**given)
    assert caught.value.parameter == parameter
    assert words in str(caught.value)
    assert len(str(caught.value)) < 300


def test_what_is_asked() -> None:
    found = read(
        by=["day", "tag:job,model", "day"], tag=["job=a=b", "job=c"], team=["red", "red"], top="5"
    )
    assert [each.name for each in found.by] == ["day", "tag:job", "model"]
    filters = {each.name: values for each, values in found.filters}
    assert filters == {"team": ("red",), "tag:job": ("a=b", "c")}
    assert (found.top, found.period.to_us) == (5, None)
    assert found.period.from_us == NOW_US // DAY_US * DAY_US - 29 * DAY_US


@given(
    st.none() | st.integers(0, 10 * DAY_US) | st.integers(0, 10).map(lambda day: day * DAY_US),
    st.none() | st.integers(0, 10 * DAY_US) | st.integers(0, 10).map(lambda day: day * DAY_US),
    st.integers(0, 11 * DAY_US),
)
def test_a_period_is_its_days_and_its_edges(
    from_us: int | None, to_us: int | None, at_us: int
) -> None:
    period = Period(from_us, to_us)
    if from_us is not None and to_us is not None and from_us >= to_us:
        return
    day = written(at_us // DAY_US * DAY_US)
    assert day is not None
    places = [
        (span.from_us is None or span.from_us <= at_us)
        and (span.to_us is None or at_us < span.to_us)
        for span in period.edges
    ]
    if period.days is not None:
        first, end = period.days
        places.append((first is None or first <= day[:10]) and (end is None or day[:10] < end))
    whole = (from_us is None or from_us <= at_us) and (to_us is None or at_us < to_us)
    assert sum(places) == whole
