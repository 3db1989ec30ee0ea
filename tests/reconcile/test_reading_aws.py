"""Cost and usage reports of AWS: what is read, what is left out, and what is refused."""

from __future__ import annotations

import csv
import gzip
import random
import tracemalloc
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from gateway.reconcile.keeping import Selection
from gateway.reconcile.reading import read
from gateway.reconcile.spans import Span
from gateway.reconcile.statement import BadStatement, Charge, Statement

DATA = Path(__file__).parent / "data"
HOURLY = DATA / "cur-hourly.csv"
DAY = 20759  # 2026-11-02
Row = dict[str, str]


def one(*paths: Path, only: tuple[str, ...] = ()) -> Statement:
    (statement,) = read(paths, Selection(only))
    return statement


def rows() -> list[Row]:
    with HOURLY.open(newline="") as file:
        return list(csv.DictReader(file))


def written(path: Path, content: list[Row]) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows()[0]))
        writer.writeheader()
        writer.writerows(content)
    return path


def changed(tmp_path: Path, number: int, **cells: str) -> Path:
    content = rows()
    content[number] |= cells
    return written(tmp_path / "changed.csv", content)


def sums(statement: Statement) -> dict[tuple[object, ...], tuple[Decimal | None, Decimal | None]]:
    return {
        (each.model or each.named, each.kind, each.what, each.scope): (each.quantity, each.amount)
        for each in statement.charges
    }


def test_rows_of_claude_are_read_with_their_model_tokens_and_route() -> None:
    statement = one(HOURLY)
    assert statement.platform == "bedrock"
    assert sums(statement) == {
        ("claude-sonnet-4-6", "input", "", "regional"): (Decimal(17330), Decimal("0.0572")),
        ("claude-sonnet-4-6", "output", "", "regional"): (Decimal(68580), Decimal("1.13157")),
        ("claude-sonnet-4-6", "cache_read", "", "global"): (Decimal(100000), Decimal("0.03")),
        ("claude-opus-5-5", "input", "", "regional"): (Decimal(1000000), Decimal("4.4")),
        ("claude-opus-5-5", "cache_write_1h", "", "global"): (Decimal(100000), Decimal("0.8")),
        ("USW2-Claude4.6Sonnet-holograms", "not_understood", "", None): (None, Decimal("0.7")),
        ("", "other", "credit", None): (None, Decimal("-0.25")),
        ("", "other", "tax", None): (None, Decimal("0.11")),
    }
    hours = {each.period for each in statement.charges if each.kind == "input"}
    assert hours == {Span(DAY * 24 + 10, DAY * 24 + 11), Span(DAY * 24 + 12, DAY * 24 + 13)}
    assert statement.notes == ("rows of Bedrock about other models than Claude: 1",)


def test_a_report_reaches_from_the_first_to_the_last_use_of_anything(tmp_path: Path) -> None:
    assert one(HOURLY).spans == (Span(DAY * 24, DAY * 24 + 24),)  # Not as far as the month's tax.
    later = {
        "line_item_usage_start_date": "2026-11-05T00:00:00Z",
        "line_item_usage_end_date": "2026-11-06T00:00:00Z",
    }
    credit = changed(tmp_path, 7, **later)
    assert one(credit).spans == one(HOURLY).spans
    bucket = changed(tmp_path, 6, **later)  # Another service's use: the report goes as far as that.
    assert one(bucket).spans == (Span(DAY * 24 + 10, DAY * 24 + 96),)
    by_month = [
        row
        | {
            "line_item_usage_start_date": "2026-11-01T00:00:00Z",
            "line_item_usage_end_date": "2026-12-01T00:00:00Z",
        }
        for row in rows()
    ]
    november = Span((DAY - 1) * 24, (DAY + 29) * 24)
    assert one(written(tmp_path / "month.csv", by_month)).spans == (november,)


def test_neither_the_order_of_rows_nor_files_matter(tmp_path: Path) -> None:
    content = rows()
    random.Random(7).shuffle(content)
    parts = [written(tmp_path / f"{at}.csv", content[at::3]) for at in range(3)]
    assert sums(one(*parts)) == sums(one(HOURLY))
    assert one(*parts).spans == one(HOURLY).spans


def test_gzip_is_unpacked(tmp_path: Path) -> None:
    packed = tmp_path / "cur.csv.gz"
    packed.write_bytes(gzip.compress(HOURLY.read_bytes()))
    assert sums(one(packed)) == sums(one(HOURLY))


def test_a_row_in_two_files_counts_once(tmp_path: Path) -> None:
    again = written(tmp_path / "again.csv", rows()[:3])
    statement = one(HOURLY, again)
    assert sums(statement) == sums(one(HOURLY))
    assert "rows that stand in two files, and are counted once: 3" in statement.notes


def test_a_discount_is_money_of_the_same_group_and_no_tokens(tmp_path: Path) -> None:
    discount = rows()[0] | {
        "identity_line_item_id": "madeup0099",
        "line_item_line_item_type": "EdpDiscount",
        "line_item_unblended_cost": "-0.0072",
    }
    statement = one(written(tmp_path / "cur.csv", [*rows(), discount]))
    found = sums(statement)["claude-sonnet-4-6", "input", "", "regional"]
    assert found == (Decimal(17330), Decimal("0.05"))


def test_the_net_cost_goes_before_the_unblended_one(tmp_path: Path) -> None:
    lines = HOURLY.read_text().splitlines()
    net = ["line_item_net_unblended_cost", "0.05", *[""] * (len(lines) - 2)]
    path = tmp_path / "net.csv"
    path.write_text("\n".join(f"{line},{cell}" for line, cell in zip(lines, net, strict=True)))
    found = sums(one(path))
    assert found["claude-sonnet-4-6", "input", "", "regional"][1] == Decimal("0.05")
    assert found["claude-sonnet-4-6", "output", "", "regional"][1] == Decimal("1.13157")


@pytest.mark.parametrize(
    ("only", "kinds"),
    [
        ("principal=*gateway-prod*", {"input", "output", "cache_read"}),
        ("tag.user_team=search", {"input", "output"}),
        ("account=111122223333", None),
        ("account=999999999999", set()),
    ],
)
def test_lines_are_chosen_by_what_they_tell(only: str, kinds: set[str] | None) -> None:
    statement = one(HOURLY, only=(only,))
    if kinds is None:
        assert sums(statement) == sums(one(HOURLY))
    else:
        assert {each.kind for each in statement.charges} == kinds


def test_lines_are_chosen_by_all_that_was_asked_for() -> None:
    both = ("account=999999999999", "principal=*gateway-prod*")
    assert one(HOURLY, only=both).charges == one(HOURLY, only=both[::-1]).charges == ()


def test_a_field_that_no_line_tells_chooses_nothing() -> None:
    with pytest.raises(BadStatement, match="no line tells its workspace"):
        one(HOURLY, only=("workspace=w",))


Broken = Callable[[Path], Path]


def _text(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("made", "says"),
    [
        (lambda at: changed(at, 0, line_item_currency_code="CNY"), r"row 2: is in 'CNY'"),
        (lambda at: changed(at, 1, line_item_usage_amount="-3"), r"row 3: is a usage below zero"),
        (lambda at: changed(at, 1, line_item_usage_amount="many"), r"row 3: line_item_usage_amo"),
        (lambda at: changed(at, 1, line_item_usage_amount="NaN"), r"row 3: line_item_usage_amount"),
        (lambda at: changed(at, 1, line_item_unblended_cost="1e99"), r"row 3: .*too large"),
        (lambda at: changed(at, 2, pricing_unit="Hrs"), r"row 4: pricing_unit 'Hrs' is no unit"),
        (lambda at: changed(at, 2, line_item_usage_start_date="soon"), r"row 4: 'soon' to"),
        (
            lambda at: changed(
                at, 1, identity_line_item_id="madeup0001",
                line_item_usage_type=rows()[0]["line_item_usage_type"],
            ),
            r"row 3: line item madeup0001 stands in another place with other numbers",
        ),
        (lambda at: _text(at / "a.csv", HOURLY.read_text() + "one,cell\n"), r"row 12: has 2 cells"),
        (
            lambda at: _text(at / "a.csv", HOURLY.read_text().replace("pricing_unit", "unit")),
            "has no column pricing_unit; add it to the export",
        ),
        (lambda at: _text(at / "a.csv", HOURLY.read_text() + '"open'), "row 12"),
        (lambda at: _text(at / "a.csv", "lineItem/UsageType,x\n"), "legacy cost and usage report"),
        (lambda at: _text(at / "a.csv", ""), "in no format"),
        (lambda at: _text(at / "a.csv", "PAR1xxxx"), "is Parquet"),
        (lambda at: at / "nowhere.csv", "No such file"),
    ],
)  # fmt: skip
def test_what_cannot_be_counted_on_is_refused_by_its_row(
    made: Broken, says: str, tmp_path: Path
) -> None:
    with pytest.raises(BadStatement, match=says):
        one(made(tmp_path))


def test_a_gzip_that_ends_early_is_refused(tmp_path: Path) -> None:
    packed = tmp_path / "cur.csv.gz"
    packed.write_bytes(gzip.compress(HOURLY.read_bytes())[:-200])
    with pytest.raises(BadStatement, match="ends early, or is damaged"):
        one(packed)


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "cur.csv"
    path.write_bytes(HOURLY.read_bytes().replace(b"NovaLite", b"\xff\xfe"))
    with pytest.raises(BadStatement, match="is not UTF-8"):
        one(path)


def test_the_same_file_twice_is_refused(tmp_path: Path) -> None:
    again = tmp_path / "copy.csv"
    again.write_bytes(HOURLY.read_bytes())
    with pytest.raises(BadStatement, match="is the same file as"):
        one(HOURLY, again)


def test_a_line_names_where_it_stands() -> None:
    charge: Charge = next(each for each in one(HOURLY).charges if each.kind == "output")
    assert charge.first.endswith("cur-hourly.csv row 3")


def test_a_large_file_is_read_row_by_row(tmp_path: Path) -> None:
    content, path = rows(), tmp_path / "large.csv.gz"
    with gzip.open(path, "wt", newline="") as file:
        writer = csv.DictWriter(file, list(content[0]))
        writer.writeheader()
        for number in range(60_000):
            row = content[0] if number % 100 == 0 else content[6]
            writer.writerow(row | {"identity_line_item_id": f"made{number}"})
    one(HOURLY)  # What is loaded once does not count.
    tracemalloc.start()
    try:
        statement = one(path)
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert [(each.lines, each.quantity) for each in statement.charges] == [
        (600, Decimal(17330 * 600))
    ]
    assert peak_bytes < 4 * 1024 * 1024  # The file has 20 MB.
