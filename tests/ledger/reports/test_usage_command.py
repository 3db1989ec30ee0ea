"""`gateway usage`: the same figures in each form, and what it says to who asks wrongly."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from typer.testing import CliRunner, Result

from gateway.cli import app
from gateway.ledger.row import State
from gateway.ledger.store import Ledger
from tests.ledger.reports.rows import BEGIN_US, DAY_US, fill, row

CONFIG = """\
schema = 1
[routing]
order = ["direct"]
[upstreams.direct]
provider = "anthropic"
api_key = "${KEY}"
"""
JOURNAL = '[journal]\ndir = "journal"\n'
SINCE = ("--from", "2026-11-01")
ROWS = [
    row(1, team="red", session="s", tags={"job": "=1+1"}, cache_read_tokens=7, price_pico=10**12),
    row(2, team="red", session="s", agent="a", price_pico=44_403_200_000),
    row(3, team="blue", session="t", started_us=BEGIN_US + DAY_US, price_pico=None, unpriced="?"),
    row(4, won=False, outcome="ill", state=State.UNKNOWN, net_pico=None, low_pico=0),
    row(5, team="blue", open=True, won=False, outcome="", state=State.UNKNOWN, net_pico=None),
    row(6, session="t\x1b[2J", tags={"job": "x,y"}, price_pico=1),
]

Usage = Callable[..., Result]


@pytest.fixture
def configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Return what writes a configuration and goes where it is found."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GATEWAY_ENV", "dev")
    monkeypatch.setenv("KEY", "made-up")
    directory = tmp_path / "config"
    (directory / "environments").mkdir(parents=True)
    (directory / "environments" / "dev.toml").touch()

    def write(more: str) -> Path:
        (directory / "gateway.toml").write_text(CONFIG + more)
        return directory

    return write


@pytest.fixture
def usage() -> Usage:
    def run(*arguments: str) -> Result:
        return CliRunner().invoke(app, ["usage", *arguments])

    return run


@pytest.fixture
def filled(
    configured: Callable[[str], Path], url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Ledger]:
    monkeypatch.setenv("LEDGER_URL", url)
    directory = configured(f'{JOURNAL}[ledger]\nurl = "${{LEDGER_URL}}"\n')
    ledger = Ledger.open(url, directory)
    fill(ledger, ROWS)
    yield ledger
    ledger.close()


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.replace("┃", "│")[1:-1].split("│")]


@pytest.mark.parametrize(
    "by", ["day", "team", "session", "tag:job", "state,team", "day,upstream,model"]
)
def test_a_table_json_and_csv_say_the_same(filled: Ledger, usage: Usage, by: str) -> None:
    asked = (*SINCE, "--by", by)
    report = json.loads(usage(*asked, "--json").stdout)
    names = by.split(",")
    rows = list(csv.DictReader(io.StringIO(usage(*asked, "--csv").stdout)))
    lines = [
        cells(line) for line in usage(*asked).stdout.splitlines() if "│" in line or "┃" in line
    ]
    head, *body, total = lines
    assert len(rows) == len(report["groups"]) == len(body)
    for group, row_, line in zip(report["groups"], rows, body, strict=True):
        key = [group["key"][name] for name in names]
        shown = dict(zip(head, line, strict=True))
        assert [shown[name] for name in names] == [seen(text) for text in key]
        assert shown["net USD"] == row_["net_usd"] == group["net_usd"]
        assert shown["list USD"] == row_["list_usd"] == group["list_usd"]
        for name in ("attempts", "input", "output"):
            full = name if name == "attempts" else f"{name}_tokens"
            assert int(shown[name]) == int(row_[full]) == group[full]
        assert {name: str(each) for name, each in group.items() if name != "key"}.items() <= (
            row_.items()
        )
    assert total[0] == "total"
    assert dict(zip(head, total, strict=True))["net USD"] == report["total"]["net_usd"]
    assert report["total"]["attempts"] == sum(int(row_["attempts"]) for row_ in rows) == 6


def seen(text: str) -> str:
    return {"": "(none)", "t\x1b[2J": "t\\x1b[2J"}.get(text, text)


def test_what_others_wrote_runs_nowhere(filled: Ledger, usage: Usage) -> None:
    table, values = (
        usage(*SINCE, "--by", "tag:job,session", *form).stdout for form in ((), ("--csv",))
    )
    assert "\x1b" not in table + values
    assert "'=1+1,s," in values
    assert '"x,y",t\\x1b[2J,' in values


def test_only_what_is_asked_for(filled: Ledger, usage: Usage) -> None:
    asked = (*SINCE, "--team", "red", "--team", "green", "--tag", "job==1+1", "--json")
    report = json.loads(usage(*asked).stdout)
    assert report["filters"] == {"team": ["red", "green"], "tag:job": ["=1+1"]}
    assert report["total"]["net_usd"] == "1"


def test_the_groups_with_the_most(filled: Ledger, usage: Usage) -> None:
    asked = (*SINCE, "--by", "session", "--top", "1")
    assert "(others: 3)" in usage(*asked).stdout
    first, others = list(csv.reader(io.StringIO(usage(*asked, "--csv").stdout)))[1:]
    assert (first[0], others[0]) == ("s", "(others)")


def test_notes_follow_the_table(filled: Ledger, usage: Usage) -> None:
    shown = usage(*SINCE).stdout.splitlines()
    assert shown[0] == "usage by day, from 2026-11-01T00:00:00Z"
    assert shown[-2:] == [
        "note: 1 attempt has no price: nothing of it is in these amounts",
        "note: 1 attempt has no end on record: still running, or its process died",
    ]


def test_what_nothing_bounds_is_so_much_or_more(filled: Ledger, usage: Usage) -> None:
    fill(filled, [row(9, won=False, state=State.UNKNOWN, net_pico=None, high_pico=None)])
    lines = [cells(line) for line in usage(*SINCE).stdout.splitlines() if line[:1] in "┃│"]
    last = dict(zip(lines[0], lines[-1], strict=True))
    assert (last["unbounded"], last["waste USD"]) == ("1", "1 or more")
    assert last["between USD"].endswith(" or more")
    assert "or more" not in last["charged USD"]
    assert usage("waste", *SINCE).stdout.splitlines()[-1].endswith("unknown, 1 or more USD")


def test_the_tree(filled: Ledger, usage: Usage) -> None:
    done = usage("tree", "--session", "s")
    assert done.exit_code == 0
    lines = [cells(line) for line in done.stdout.splitlines() if "│" in line]
    assert [line[0] for line in lines] == [
        "the session itself",
        "2026-11-22T00:01:00Z claude-opus-5-5 at direct",
        "a",
        "2026-11-22T00:02:00Z claude-opus-5-5 at direct",
        "total",
    ]
    assert [line[-1] for line in lines] == ["1.0444032", "", "0.0444032", "", "1.0444032"]
    report = json.loads(usage("tree", "--session", "s", "--json").stdout)
    assert report["agents"][0]["with_agents"]["net_usd"] == "1.0444032"


def test_the_cache(filled: Ledger, usage: Usage) -> None:
    done = usage("cache", *SINCE, "--by", "team")
    assert done.exit_code == 0
    report = json.loads(usage("cache", *SINCE, "--by", "team", "--json").stdout)
    assert [group["hit_rate"] for group in report["groups"]] == ["0.0338", "0.0000", "0.0000"]
    assert "0.0338" in done.stdout


def test_where_nothing_was_wasted_it_says_so(filled: Ledger, usage: Usage) -> None:
    shown = usage("waste", "--from", "2026-11-28").stdout.splitlines()
    assert shown[1:] == ["nothing was wasted"]


def test_waste(filled: Ledger, usage: Usage) -> None:
    shown = usage("waste", *SINCE).stdout.splitlines()
    assert shown[-2:] == [
        "2026-11-22T00:04:00Z dec_4 claude-opus-5-5: 0 - 1 USD, not answered",
        "  dec_4.1 direct: ill, unknown, 0 - 1 USD",
    ]
    assert (
        usage("waste", *SINCE, "--csv").stdout.splitlines()[1].startswith("direct,ill,unknown,1,")
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--by", "hour"), "--by 'hour' is none of: day, model"),
        (("--from", "2026-11-02", "--to", "2026-11-01"), "--to is not after the beginning"),
        (("--from", "soon"), "--from 'soon' is no time"),
        (("--tag", "x"), "--tag 'x' is no NAME=VALUE"),
        (("--top", "no"), "--top 'no' is no number"),
        (("tree",), "--session is needed"),
        (("tree", "--session", "nobody"), "--session 'nobody' has no attempt"),
        (("--json", "--csv"), "one of --json and --csv"),
        (("--team", "red", "waste"), "stand behind `waste`"),
    ],
    ids=str,
)
def test_a_wrong_option_is_named(
    filled: Ledger, usage: Usage, arguments: tuple[str, ...], words: str
) -> None:
    done = usage(*arguments)
    assert done.exit_code == 2
    assert words in _unboxed(done.stderr)


def _unboxed(text: str) -> str:
    return " ".join(text.replace("│", " ").split())


@pytest.mark.parametrize("command", [(), ("tree", "--session", "s"), ("cache",), ("waste",)])
def test_without_a_ledger(
    configured: Callable[[str], Path], usage: Usage, command: tuple[str, ...]
) -> None:
    configured("")
    done = usage(*command)
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == "the configuration names no ledger: write its `url` in [ledger]\n"


def test_a_ledger_without_a_journal(configured: Callable[[str], Path], usage: Usage) -> None:
    configured('[ledger]\nurl = "sqlite:///ledger.sqlite3"\n')
    done = usage()
    assert (done.exit_code, done.stdout) == (1, "")
    assert "ledger.url: needs a journal" in done.stderr


def sqlite_at(configured: Callable[[str], Path]) -> Path:
    directory = configured(f'{JOURNAL}[ledger]\nurl = "sqlite:///ledger.sqlite3"\n')
    return directory / "ledger.sqlite3"


def test_a_ledger_that_is_not_there_is_not_made(
    configured: Callable[[str], Path], usage: Usage
) -> None:
    file = sqlite_at(configured)
    done = usage()
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == (
        f"the ledger sqlite:///{file} cannot be used: it is not there: `gateway ledger fold` makes "
        "it from the journal\n"
    )
    assert not file.exists()


def test_a_ledger_with_nothing_in_it(configured: Callable[[str], Path], usage: Usage) -> None:
    file = sqlite_at(configured)
    Ledger.open(f"sqlite:///{file}", file.parent).close()
    done = usage(*SINCE)
    assert done.exit_code == 0
    assert done.stdout.splitlines()[1:] == [
        "note: no attempt of this kind is on record for this period"
    ]


def test_what_is_no_ledger(configured: Callable[[str], Path], usage: Usage) -> None:
    file = sqlite_at(configured)
    file.write_text("This is no database, but a text that is long enough to be looked at." * 20)
    done = usage()
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.endswith("cannot be used: the file is no SQLite database\n")


def test_a_ledger_of_a_later_version(filled: Ledger, usage: Usage) -> None:
    with filled.writing() as writing:
        writing.connection.execute(text("UPDATE ledger_version SET version_num = '9999'"))
    done = usage()
    assert (done.exit_code, done.stdout) == (1, "")
    assert "are of version 9999" in done.stderr


def test_a_ledger_that_another_process_holds(
    configured: Callable[[str], Path], usage: Usage
) -> None:
    file = sqlite_at(configured)
    ledger = Ledger.open(f"sqlite:///{file}", file.parent)
    fill(ledger, ROWS)
    ledger.close()
    writer = sqlite3.connect(file, isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    try:
        assert usage(*SINCE).exit_code == 0
    finally:
        writer.close()


def test_help_names_what_one_can_group_by(usage: Usage) -> None:
    shown: Any = CliRunner().invoke(app, ["usage", "--help"], env={"COLUMNS": "300"}).stdout
    from gateway.ledger.reports.dimensions import NAMES  # noqa: PLC0415

    assert NAMES in shown
