"""Calls through the gateway, the platforms' own bills of them, and the ledger between the two."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import anthropic
import pytest
from typer.testing import CliRunner

from gateway import Anthropic
from gateway.cli import app
from gateway.compose import found
from gateway.emulator import Emulator
from gateway.journal.read import records
from tests.reconcile.billing import Billed, billed, cost_report, cur, summed, usage_report
from tests.reconcile.house import House, built, moved, yesterday

OPUS, SONNET = "claude-opus-5-5", "claude-sonnet-5-5"
LONG = "A text that is long enough to be worth keeping in a cache. " * 400


class Day(NamedTuple):
    """A day of calls, and what the platforms bill for it."""

    house: House
    day: datetime
    direct: list[Billed]
    bedrock: list[Billed]

    def usage(self, lines: list[Billed] | None = None) -> Path:
        told = summed(self.direct if lines is None else lines)
        return usage_report(self.house.directory / "usage.json", self.day, told)

    def cost(self, lines: list[Billed] | None = None) -> Path:
        told = summed(self.direct if lines is None else lines)
        return cost_report(self.house.directory / "cost.json", self.day, told)

    def cur(self, lines: list[Billed] | None = None) -> Path:
        told = self.bedrock if lines is None else lines
        return cur(self.house.directory / "cur.csv", self.day, told)

    @property
    def since(self) -> str:
        return self.day.date().isoformat()


def _calls(client: Anthropic, platforms: Emulator) -> None:
    def ask(model: str, text: str, **more: Any) -> None:
        message: Any = {"role": "user", "content": f"{text} [[words:300]]"}
        client.messages.create(model=model, max_tokens=2000, messages=[message], **more)

    def stream(text: str) -> None:
        message: Any = {"role": "user", "content": f"{text} [[words:100]]"}
        with client.messages.stream(model=OPUS, max_tokens=2000, messages=[message]) as events:
            events.until_done()

    cached: Any = [{"type": "text", "text": LONG, "cache_control": {"type": "ephemeral"}}]
    hour: Any = [
        {"type": "text", "text": LONG, "cache_control": {"type": "ephemeral", "ttl": "1h"}}
    ]
    for _ in range(3):
        ask(OPUS, "Hello", system=cached)
        ask(SONNET, "Hello", system=hour)
        stream("Tell me more")
    client.messages.count_tokens(model=OPUS, messages=[{"role": "user", "content": "Hello"}])
    # Two of these go to Bedrock, where the direct API has no room.
    for _ in range(2):
        platforms.faults.add("status-529", platform="anthropic", times=-1)
        ask(OPUS, "Elsewhere")
        ask(SONNET, "Elsewhere")
        platforms.faults.clear()
    # An answer that breaks off: the platform knows how much it made, the gateway does not.
    platforms.faults.add("cut-after-events", at=8)
    with suppress(anthropic.APIError):
        stream("And then")


@pytest.fixture(scope="module")
def a_day(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Day]:
    directory = tmp_path_factory.mktemp("end-to-end")
    with Emulator() as platforms:
        urls = {"direct": platforms.direct.base_url, "bedrock": platforms.bedrock.base_url}
        # What happens today is in no ledger: it is moved to yesterday first.
        today = built(directory / "today", key=platforms.api_key, ledger=False, **urls)
        with Anthropic(gateway=found(today.directory, today.environ)) as client:
            _calls(client, platforms)
        house = built(directory / "house", key=platforms.api_key)
        day = yesterday()
        back = datetime.now(UTC) - (day + timedelta(hours=12))
        moved(today.journal, house.journal, back)
        records = list(platforms.records)
        yield Day(house, day, billed(records, "anthropic", back), billed(records, "bedrock", back))


def classes(statement: dict[str, Any]) -> dict[str, int]:
    found: dict[str, int] = {}
    for group in statement["groups"]:
        found[group["class"]] = found.get(group["class"], 0) + 1
    return found


def test_every_platforms_bill_is_what_the_ledger_has(a_day: Day) -> None:
    code, told = a_day.house.held(a_day.usage(), a_day.cost(), a_day.cur(), "--from", a_day.since)
    assert code == 0
    assert [each["format"] for each in told] == ["anthropic-usage", "anthropic-cost", "aws-cur"]
    for statement in told:
        assert set(classes(statement)) == {"match"}
        assert statement["groups"]
        assert statement["not_compared"] == []
    exact = [each for each in told[2]["groups"] if not each["within_bounds"]]
    assert len(exact) == len(told[2]["groups"])
    assert {each["scope"] for each in told[2]["groups"]} == {"regional"}
    # Two models, each category that was used, and an answer that broke off.
    kinds = {(each["model"], each["kind"]) for each in told[0]["groups"]}
    assert {(OPUS, "cache_write_5m"), (SONNET, "cache_write_1h"), (OPUS, "cache_read")} <= kinds
    broken = [each for each in told[0]["groups"] if each["within_bounds"]]
    assert [(each["model"], each["kind"]) for each in broken] == [(OPUS, "output")]


Change = Callable[[list[Billed]], list[Billed]]


def _without(model: str) -> Change:
    return lambda lines: [line for line in lines if line.model != model]


def _times(factor: int) -> Change:
    def changed(lines: list[Billed]) -> list[Billed]:
        return [
            line
            if (line.model, line.category) != (SONNET, "output")
            else Billed(line.at, line.model, line.category, line.tokens * factor // 10)
            for line in lines
        ]

    return changed


def _one_more(lines: list[Billed]) -> list[Billed]:
    return [*lines, Billed(lines[0].at, SONNET, "cache_read", 9)]


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (_without(SONNET), "missing_there"),
        (_times(30), "we_low"),
        (_times(4), "we_high"),
    ],
    ids=["a model is dropped", "a line is raised", "a line is lowered"],
)
def test_each_change_of_a_bill_is_seen_for_what_it_is(
    a_day: Day, change: Change, kind: str
) -> None:
    files = (
        a_day.usage(change(a_day.direct)), a_day.cost(change(a_day.direct)),
        a_day.cur(change(a_day.bedrock)),
    )  # fmt: skip
    code, told = a_day.house.held(*files, "--from", a_day.since)
    assert code == 1
    for statement in told:
        assert set(classes(statement)) == {"match", kind}
        wrong = {each["model"] for each in statement["groups"] if each["class"] == kind}
        assert wrong == {SONNET}


def test_a_line_that_nobody_made_is_missing_here(a_day: Day) -> None:
    code, (told,) = a_day.house.held(a_day.cur(_one_more(a_day.bedrock)), "--from", a_day.since)
    (missing,) = [each for each in told["groups"] if each["class"] == "missing_here"]
    assert (code, missing["kind"], missing["theirs"], missing["ours"]) == (
        1,
        "cache_read",
        "9",
        None,
    )


def test_written_adjustments_make_the_ledgers_total_that_of_the_bill(a_day: Day) -> None:
    lines = _times(30)(a_day.bedrock)
    before = len(_records(a_day, "adjustment"))
    code, (told,) = a_day.house.held(a_day.cur(lines), "--from", a_day.since, "--write")
    assert code == 1
    assert told["written"] is True
    (adjustment,) = told["adjustments"]
    assert adjustment["model"] == SONNET
    (record,) = _records(a_day, "adjustment")[before:]
    assert Decimal(record["amount_pico"]).scaleb(-12) == Decimal(adjustment["usd"])
    assert "sha256:" in record["source"]
    assert str(a_day.house.directory) not in json.dumps(record)
    # The same statement again: its money matches, and nothing is added.
    code, (again,) = a_day.house.held(a_day.cur(lines), "--from", a_day.since, "--write")
    money = [each for each in again["groups"] if each["measure"] == "usd"]
    assert {each["class"] for each in money} == {"match"}
    assert all(each["difference"] == "0" for each in money)
    assert again["adjustments"] == []
    assert _total(a_day, "bedrock") == _bill(a_day.cur(lines))
    # A corrected one takes its place, with the difference alone.
    code, (corrected,) = a_day.house.held(a_day.cur(), "--from", a_day.since, "--write")
    (back,) = corrected["adjustments"]
    assert Decimal(back["usd"]) == -Decimal(adjustment["usd"])
    code, (settled,) = a_day.house.held(a_day.cur(), "--from", a_day.since)
    assert (code, settled["adjustments"]) == (0, [])
    assert _total(a_day, "bedrock") == _bill(a_day.cur())


def _total(a_day: Day, platform: str) -> Decimal:
    """Return what reports of usage say that a platform costs."""
    day = ("--from", a_day.since, "--to", "today", "--platform", platform, "--json")
    command = ["usage", "--by", "platform", *day]
    result = CliRunner().invoke(app, command, env=a_day.house.environ)
    total = json.loads(result.stdout)["total"]
    return Decimal(total["net_usd"]) + Decimal(total["adjusted_usd"])


def _bill(path: Path) -> Decimal:
    with path.open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if "Bedrock" in row["line_item_product_code"]]
    return sum((Decimal(row["line_item_unblended_cost"]) for row in rows), Decimal())


def _records(a_day: Day, kind: str) -> list[dict[str, Any]]:
    return [
        json.loads(bytes(placed.record.data))
        for placed in records(a_day.house.journal)
        if placed.record.kind == kind
    ]


def test_a_table_is_printed_for_each_class(a_day: Day) -> None:
    path = a_day.cur(_times(30)(_without(OPUS)(a_day.bedrock)))
    result = a_day.house.reconcile(path, "--from", a_day.since)
    assert result.exit_code == 1
    assert "only the ledger has" in result.output
    assert "the ledger has less than the statement" in result.output
    assert "adjustment with --write" in result.output
    assert result.output.rstrip().endswith("DIFFERENT")


def test_the_first_day_is_not_compared_unless_somebody_says_that_it_is_whole(a_day: Day) -> None:
    result = a_day.house.reconcile(a_day.usage())
    assert result.exit_code == 1
    assert "the ledger has only a part of that time" in result.output
    assert result.output.rstrip().endswith("NOTHING COMPARED")
