"""`gateway reconcile`: what it exits with, and what it tells who uses it wrongly."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.journal import Journal
from gateway.ledger.one_folder import one_folder
from tests.reconcile.billing import cost_report, usage_report
from tests.reconcile.house import House, built, yesterday

DATA = Path(__file__).parent / "data"
OPUS = "claude-opus-5-5"
TOKENS = {(OPUS, "input"): 1_000_000, (OPUS, "output"): 1000}
USAGE = {"input_tokens": 1_000_000, "output_tokens": 1000}


def _call(number: int, **finished: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    named = {"decision": f"dec_{number:024x}", "attempt": 1, "upstream": "direct"}
    asked = {"call": "messages", "model": OPUS, "max_tokens": 2000, "plan": ["direct"]}
    yield "decision", {"decision": named["decision"], "bytes": 4_000_000, **asked}
    place = {"platform": "anthropic", "account": "direct", "scope": "global", "model": OPUS}
    yield "started", {**named, **place}
    told = {"state": "complete", "whole": True, "counted": True, "model": OPUS, "usage": USAGE}
    yield "finished", {**named, **told, "message_id": f"msg_{number}", **finished}


def _written(house: House, *, calls: int = 1, hour: int = 12) -> None:
    at_s = (yesterday() + timedelta(hours=hour)).timestamp()
    journal = Journal.open(house.journal, fsync="never", now=lambda: at_s)
    for number in range(calls):
        for kind, data in _call(number):
            journal.append(kind, data)
    journal.close()


@pytest.fixture
def house(tmp_path: Path) -> House:
    made = built(tmp_path / "house")
    _written(made)
    return made


@pytest.fixture
def usage(tmp_path: Path) -> Path:
    return usage_report(tmp_path / "usage.json", yesterday(), TOKENS)


@pytest.fixture
def cost(tmp_path: Path) -> Path:
    return cost_report(tmp_path / "cost.json", yesterday(), TOKENS)


def since() -> str:
    return yesterday().date().isoformat()


def test_all_that_matches_exits_with_0(house: House, usage: Path, cost: Path) -> None:
    result = house.reconcile(usage, cost, "--from", since())
    assert result.exit_code == 0, result.output
    assert result.output.count("all of it matches") == 2
    assert "match: 1\n" in result.output


def test_what_differs_exits_with_1(house: House, tmp_path: Path) -> None:
    more = usage_report(tmp_path / "more.json", yesterday(), TOKENS | {(OPUS, "output"): 1001})
    result = house.reconcile(more, "--from", since())
    assert result.exit_code == 1
    assert "the ledger has less than the statement: 1\n" in result.output


def test_a_tolerance_is_a_share(house: House, tmp_path: Path) -> None:
    more = usage_report(tmp_path / "more.json", yesterday(), TOKENS | {(OPUS, "output"): 1009})
    assert house.reconcile(more, "--from", since(), "--tolerance", "0.8%").exit_code == 1
    assert house.reconcile(more, "--from", since(), "--tolerance", "1%").exit_code == 0


def test_a_platform_may_be_chosen(house: House, usage: Path) -> None:
    cur = DATA / "cur-hourly.csv"
    assert house.reconcile(usage, cur, "--from", since(), "--platform", "anthropic").exit_code == 0
    refused = house.reconcile(usage, "--platform", "bedrock")
    assert (refused.exit_code, refused.stderr) == (
        2, "none of the files is a statement of bedrock\n",
    )  # fmt: skip


def test_upstreams_may_be_chosen(house: House, usage: Path) -> None:
    assert house.reconcile(usage, "--from", since(), "--upstream", "direct").exit_code == 0
    assert (
        house.reconcile(usage, "--from", since(), "--upstream", "bedrock-frankfurt").exit_code == 1
    )


def test_a_time_in_which_nothing_is_compared_is_told(house: House, usage: Path) -> None:
    code, (told,) = house.held(usage, "--from", since(), "--to", f"{since()}T05:00:00Z")
    assert (code, told["groups"]) == (1, [])
    assert [each["why"] for each in told["not_compared"]] == [
        "only a part of that time was asked for"
    ]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nowhere.json"], "nowhere.json: No such file or directory"),
        ([DATA / "README.md"], "is in no format that is read here"),
        ([DATA / "usage-pages.json", "--format", "pdf"], "--format 'pdf' is none of"),
        ([DATA / "usage-pages.json", "--format", "anthropic-cost"], "is a row of another report"),
        ([DATA / "usage-pages.json", "--from", "soon"], "--from 'soon' is no time"),
        ([DATA / "usage-pages.json", "--to", "2026-11-01", "--from", "2026-11-02"], "not before"),
        ([DATA / "usage-pages.json", "--tolerance", "wide"], "is no share"),
        ([DATA / "usage-pages.json", "--tolerance", "0.5"], "write one such as 0.5%"),
        ([DATA / "usage-pages.json", "--upstream", "paris"], "has no such upstream"),
        ([DATA / "usage-pages.json", "--only", "colour=red"], "write FIELD=VALUE"),
        ([DATA / "usage-pages.json", "--only", "api_key=a"], "no line tells its api_key"),
        ([DATA / "usage-pages.json", "--write"], "a usage report has none"),
    ],
)
def test_bad_input_exits_with_2_and_one_line(
    house: House, arguments: list[str | Path], says: str
) -> None:
    result = house.reconcile(*arguments)
    assert result.exit_code == 2, result.output
    assert says in result.stderr
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1


def _edited(house: House, before: str, after: str) -> None:
    path = house.directory / "gateway.toml"
    path.write_text(path.read_text().replace(before, after))


def test_without_a_ledger_there_is_nothing_to_compare(house: House, usage: Path) -> None:
    _edited(house, 'url = "sqlite:///ledger.sqlite3"', "")
    result = house.reconcile(usage)
    assert (result.exit_code, "write its `url` in [ledger]" in result.stderr) == (2, True)


def test_a_journal_that_is_not_there_is_named(house: House, usage: Path) -> None:
    shutil.rmtree(house.journal)
    result = house.reconcile(usage)
    assert result.exit_code == 2
    assert "journal: No such file or directory" in result.stderr


def test_a_ledger_of_somebody_else_is_not_touched(house: House, usage: Path) -> None:
    (house.directory / "ledger.sqlite3").write_text("this is a diary")
    result = house.reconcile(usage)
    assert result.exit_code == 2
    assert result.stderr.startswith("the ledger cannot be used: ")


def test_a_mistake_in_the_configuration_exits_with_2(house: House, usage: Path) -> None:
    _edited(house, "schema = 1", "schema = 1\nwhat = 2")
    assert house.reconcile(usage).exit_code == 2


def _damaged(house: House) -> None:
    (file,) = house.journal.glob("journal-*.jsonl")
    file.write_bytes(file.read_bytes().replace(b'"max_tokens":2000', b'"max_tokens":2001'))


def test_a_damaged_journal_is_compared_up_to_there_and_not_written_to(
    house: House, cost: Path
) -> None:
    _damaged(house)
    result = house.reconcile(cost, "--from", since(), "--write")
    assert result.exit_code == 2
    assert "--write needs a ledger that has all of the journal: " in result.stderr
    # It is said where nothing is written, too.
    assert "attempts may be missing in the ledger: " in house.reconcile(cost).stderr
    assert len(list(house.journal.glob("journal-*.jsonl"))) == 1


def test_nothing_is_written_without_being_asked(house: House, tmp_path: Path) -> None:
    more = cost_report(tmp_path / "more.json", yesterday(), TOKENS | {(OPUS, "output"): 2000})
    before = sorted(house.journal.iterdir())
    code, (told,) = house.held(more, "--from", since())
    assert (code, told["written"], len(told["adjustments"])) == (1, False, 1)
    assert [each for each in house.journal.iterdir() if each.suffix == ".jsonl"] == [
        each for each in before if each.suffix == ".jsonl"
    ]


def test_another_choice_that_was_adjusted_before_is_refused(house: House, tmp_path: Path) -> None:
    more = cost_report(tmp_path / "more.json", yesterday(), TOKENS | {(OPUS, "output"): 2000})
    assert house.reconcile(more, "--from", since(), "--write").exit_code == 1
    only = ("--upstream", "direct")
    refused = house.reconcile(more, "--from", since(), "--write", *only)
    assert refused.exit_code == 2
    assert "was adjusted before for another choice" in refused.stderr
    # Without --write it is only told.
    _, (told,) = house.held(more, "--from", since(), *only)
    assert "was adjusted before" in told["conflict"]


def test_what_another_process_folds_is_waited_for(house: House, usage: Path) -> None:
    with ThreadPoolExecutor() as pool:
        with one_folder(house.journal) as mine:
            assert mine
            waiting = pool.submit(house.reconcile, usage, "--from", since())
            with pytest.raises(TimeoutError):
                waiting.result(timeout=0.5)
        assert waiting.result().exit_code == 0


def test_where_neither_side_has_anything_all_of_it_matches(house: House, tmp_path: Path) -> None:
    nothing = usage_report(tmp_path / "nothing.json", yesterday() - timedelta(days=3), {})
    result = house.reconcile(nothing, "--format", "anthropic-usage", "--from", "9d")
    assert result.exit_code == 0
    assert result.output.rstrip().endswith("there is nothing to compare")


def test_money_that_differs_on_a_day_in_part_is_named(house: House) -> None:
    cur = DATA / "cur-hourly.csv"
    whole = house.reconcile(cur, "--from", "2026-11-02")
    assert "no adjustment: " not in whole.output
    part = house.reconcile(cur, "--from", "2026-11-02T10:00:00Z")
    assert "no adjustment: " in part.output
    assert "USD, a part of its days was not compared" in part.output
