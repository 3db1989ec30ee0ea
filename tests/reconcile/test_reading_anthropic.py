"""The Admin API's reports: what is read, and what is refused."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from copy import deepcopy
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from gateway.reconcile.keeping import Selection
from gateway.reconcile.reading import read
from gateway.reconcile.spans import Span
from gateway.reconcile.statement import BadStatement, Statement

DATA = Path(__file__).parent / "data"
USAGE, COST = DATA / "usage-pages.json", DATA / "cost-by-description.json"
DAY = 20759  # 2026-11-02
FIRST = Span(DAY * 24, DAY * 24 + 24)


def one(*paths: Path, only: tuple[str, ...] = (), form: str | None = None) -> Statement:
    (statement,) = read(paths, Selection(only), form)
    return statement


def pages(path: Path) -> Any:
    return json.loads(path.read_text())


def put(path: Path, content: Any) -> Path:
    path.write_text(json.dumps(content))
    return path


def sums(statement: Statement) -> dict[tuple[object, ...], tuple[Decimal | None, Decimal | None]]:
    return {
        (each.model, each.kind, each.what, each.scope, each.tier): (each.quantity, each.amount)
        for each in statement.charges
    }


def test_a_usage_report_is_tokens_by_model_geography_and_tier() -> None:
    statement = one(USAGE)
    opus = ("claude-opus-5-5", "global", "standard")
    haiku = ("claude-haiku-4-5", "regional", "batch")
    told = {
        (model, kind, scope, tier): quantity
        for (model, kind, _, scope, tier), (quantity, _) in sums(statement).items()
    }
    assert told == {
        (opus[0], "input", *opus[1:]): 1500,
        (opus[0], "output", *opus[1:]): 700,
        (opus[0], "cache_write_5m", *opus[1:]): 2000,
        (opus[0], "cache_read", *opus[1:]): 30000,
        (opus[0], "web_search", *opus[1:]): 3,
        (haiku[0], "input", *haiku[1:]): 90,
        (haiku[0], "output", *haiku[1:]): 40,
    }
    assert {each.period for each in statement.charges} == {FIRST}
    assert statement.spans == (Span(FIRST.start, FIRST.end + 24),)  # The empty day counts.
    assert statement.measures == ("tokens",)


def test_a_cost_report_is_dollars_from_cents() -> None:
    statement = one(COST)
    told = {(kind, what): amount for (_, kind, what, _, _), (_, amount) in sums(statement).items()}
    assert told == {
        ("input", ""): Decimal("1.2378912"),
        ("cache_write_1h", ""): Decimal("0.005"),
        ("web_search", ""): Decimal("0.03"),
        ("other", "code_execution"): Decimal("2.5"),
    }
    assert statement.leaves_out_tiers == ("priority",)
    assert any("priority" in note for note in statement.notes)


def test_a_cost_report_without_groups_is_one_sum(tmp_path: Path) -> None:
    content = pages(COST)
    row = {"amount": "500.5", "currency": "USD", "description": None, "model": None}
    content["data"][0]["results"] = [row]
    statement = one(put(tmp_path / "cost.json", content))
    assert sums(statement) == {(None, "all", "", None, ""): (None, Decimal("5.005"))}


def test_an_analytics_report_is_read_as_well(tmp_path: Path) -> None:
    row = {
        "amount": "12.5", "list_amount": "15", "currency": "USD", "model": "claude-sonnet-5-5",
        "cost_type": "tokens", "token_type": None, "requests": 4, "product": "claude_code",
    }  # fmt: skip
    content = pages(COST)
    content["data"][0]["results"] = [row]
    statement = one(put(tmp_path / "cost.json", content))
    expected = {("claude-sonnet-5-5", "tokens", "", None, ""): (None, Decimal("0.125"))}
    assert sums(statement) == expected


@pytest.mark.parametrize(
    "arranged",
    [
        lambda two: [json.dumps(two)],
        lambda two: [json.dumps(page) for page in two],
        lambda two: ["\n".join(json.dumps(page) for page in two)],
        lambda two: ["\n".join(json.dumps(b) for page in reversed(two) for b in page["data"])],
        lambda two: [json.dumps([bucket for page in two for bucket in page["data"]])],
        lambda two: ["\ufeff" + json.dumps(two, indent=4), json.dumps(two[1])],
    ],
    ids=["list", "files", "lines", "buckets on lines", "list of buckets", "a page twice"],
)
def test_pages_may_come_in_any_arrangement(
    arranged: Callable[[Any], list[str]], tmp_path: Path
) -> None:
    files = []
    for at, text in enumerate(arranged(pages(USAGE))):
        files.append(tmp_path / f"{at}.json")
        files[-1].write_text(text)
    # A page without rows could be of either report.
    statement = one(*files, form="anthropic-usage")
    assert sums(statement) == sums(one(USAGE))
    assert statement.spans == one(USAGE).spans


def test_minutes_count_for_their_hour_and_only_whole_hours_are_spoken_of(tmp_path: Path) -> None:
    page = deepcopy(pages(USAGE)[0])
    bucket, *_ = page["data"]
    times = [f"2026-11-02T{minute // 60:02}:{minute % 60:02}:00Z" for minute in range(50, 131)]
    page["data"] = [
        {**bucket, "starting_at": start, "ending_at": end}
        for start, end in itertools.pairwise(times)
    ]
    statement = one(put(tmp_path / "minutes.json", page))
    hour = FIRST.start
    assert statement.spans == (Span(hour + 1, hour + 2),)
    outputs = {
        each.period.start - hour: each for each in statement.charges if each.quantity == 700 * 60
    }
    assert set(outputs) == {1}


def test_a_page_that_has_a_next_one_is_named() -> None:
    assert one(USAGE).notes == ("usage-pages.json: there are more pages after one of these",)


def test_a_report_may_be_narrowed_to_a_workspace() -> None:
    models = {each.model for each in one(USAGE, only=("workspace=*_prod",)).charges}
    assert models == {"claude-opus-5-5"}
    with pytest.raises(BadStatement, match="no line tells its api_key"):
        one(USAGE, only=("api_key=apikey_1",))


def test_a_full_bucket_of_an_analytics_report_is_named(tmp_path: Path) -> None:
    content = deepcopy(pages(USAGE)[0])
    row = content["data"][0]["results"][0]
    content["data"][0]["results"] = [
        {**row, "requests": 1, "workspace_id": f"w{at}"} for at in range(100)
    ]
    notes = one(put(tmp_path / "usage.json", content)).notes
    assert any("as many groups as are shown at most" in note for note in notes)


Edit = Callable[[dict[str, Any]], object]


def _row(page: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = page["data"][0]["results"][0]
    return found


@pytest.mark.parametrize(
    ("path", "edit", "says"),
    [
        (USAGE, lambda p: _row(p).update(output_tokens=-1), r"data\[0\].results\[0\].*>= 0"),
        (USAGE, lambda p: _row(p).update(output_tokens=True), r"Expected `int`, got `bool`"),
        (USAGE, lambda p: _row(p).update(output_tokens=1.5), r"Expected `int`, got `float`"),
        (USAGE, lambda p: _row(p).update(output_tokens=2**60), r"<= 9007199254740992"),
        (USAGE, lambda p: _row(p).pop("output_tokens"), r"missing required field `output_tokens`"),
        (USAGE, lambda p: _row(p).update(rbac_group_id="g"), r"grouped by rbac_group_id"),
        (USAGE, lambda p: p["data"][0]["results"].append(_row(p)), r"the same as results\[0\]"),
        (USAGE, lambda p: p["data"][0].update(starting_at="soon"), r"'soon' is no time"),
        (USAGE, lambda p: p["data"][0].update(ending_at="2026-11-03"), r"has no time zone"),
        (USAGE, lambda p: p["data"][0].update(ending_at="2026-11-01T00:00:00Z"), r"ends before"),
        (USAGE, lambda p: p["data"][0].pop("results"), r"in no format that is read"),
        (COST, lambda p: _row(p).update(currency="EUR"), r"results\[0\]: is in EUR"),
        (COST, lambda p: _row(p).update(amount="12,5"), r"'12,5' is not a decimal number"),
        (COST, lambda p: _row(p).update(amount=12.5), r"Expected `str`, got `float`"),
        (COST, lambda p: _row(p).pop("amount"), r"is a row of another report"),
    ],
)  # fmt: skip
def test_what_cannot_be_counted_on_is_refused_by_its_place(
    path: Path, edit: Edit, says: str, tmp_path: Path
) -> None:
    content = pages(path)
    page = content[0] if isinstance(content, list) else content
    edit(page)
    with pytest.raises(BadStatement, match=says):
        one(put(tmp_path / "report.json", page))


def test_two_words_about_one_bucket_are_refused(tmp_path: Path) -> None:
    page = deepcopy(pages(USAGE)[0])
    _row(page)["output_tokens"] += 1
    other = put(tmp_path / "later.json", page)
    with pytest.raises(BadStatement, match=r"says something else about 2026-11-02.* than "):
        one(USAGE, other)


def test_buckets_of_two_widths_that_overlap_are_refused(tmp_path: Path) -> None:
    page = deepcopy(pages(USAGE)[0])
    page["data"][0] |= {"starting_at": "2026-11-02T05:00:00Z", "ending_at": "2026-11-02T06:00:00Z"}
    with pytest.raises(BadStatement, match="give reports of one bucket width"):
        one(USAGE, put(tmp_path / "hour.json", page))


def test_a_report_of_the_other_kind_is_refused_where_one_was_named() -> None:
    with pytest.raises(BadStatement, match="is a row of another report"):
        one(COST, form="anthropic-usage")


def test_what_is_no_report_is_refused(tmp_path: Path) -> None:
    for text in ("{}", "[]", "hello", '{"amount": 1', '{"data": [], "output_tokens": 1}'):
        path = tmp_path / "x.json"
        path.write_text(text)
        with pytest.raises(BadStatement, match=r"in no format|is no report"):
            one(path)


def test_both_kinds_of_report_are_two_statements() -> None:
    assert [each.format for each in read([COST, USAGE])] == ["anthropic-usage", "anthropic-cost"]
