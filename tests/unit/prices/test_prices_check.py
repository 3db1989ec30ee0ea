"""`gateway prices check`, over copies of the shipped files with something wrong in them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

import gateway
from gateway.cli import app

DATA = Path(gateway.__file__).parent / "data"
DAY = "2026-11-28"
OPUS = """{ model = "claude-opus-5-5", scope = "global", tiers = ["standard", "priority"], \
input = "4", output = "20","""
NOBODY_HAS = """
[[rows]]
witness = "genai-prices"
platforms = ["vertex"]
models = ["claude-opus-5-5"]
ratios = ["3"]
why = "made up"
checked_on = 2026-11-28
"""


@pytest.fixture
def prices(tmp_path: Path) -> Path:
    return Path(shutil.copytree(DATA / "prices", tmp_path / "prices"))


@pytest.fixture
def disagreements(tmp_path: Path) -> Path:
    return Path(shutil.copy(DATA / "price_disagreements.toml", tmp_path / "explained.toml"))


def check(*args: object, day: str = DAY) -> Result:
    return CliRunner().invoke(app, ["prices", "check", "--day", day, *map(str, args)])


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")


def map_of(tmp_path: Path, **entries: Any) -> Path:
    path = tmp_path / "map.json"
    path.write_text(json.dumps(entries))
    return path


def test_the_shipped_prices_pass() -> None:
    result = check()
    assert result.exit_code == 0, result.output
    assert "genai-prices 0." in result.output
    assert f"{DAY}: 0 disagreements to look at, 60 explained, 0 explanations out of date" in (
        result.output
    )


@pytest.mark.parametrize("day", ["2026-12-01", "2028-02-29"])
def test_they_pass_as_days_go_by(day: str) -> None:
    assert check(day=day).exit_code == 0


def test_a_wrong_rate_fails(prices: Path) -> None:
    change(prices / "anthropic.toml", OPUS, OPUS.replace('"20"', '"21"'))
    result = check("--prices", prices)
    assert result.exit_code == 1
    assert (
        "disagrees: anthropic global claude-opus-5-5: output: ours 21, "
        "genai-prices has 20 (20/21 of ours) in anthropic/claude-opus-5-5\n"
    ) in result.output


def test_a_threshold_that_was_forgotten_fails(prices: Path) -> None:
    path = prices / "anthropic.toml"
    lines = path.read_text("utf-8").splitlines(keepends=True)
    path.write_text("".join(each for each in lines if "over_input_tokens = 100_000" not in each))
    result = check("--prices", prices)
    assert result.exit_code == 1
    assert "anthropic global claude-haiku-5-5 over 100000 tokens: input: ours 0.1" in result.output


def test_a_price_on_another_day_is_not_that_of_today(prices: Path) -> None:
    change(prices / "anthropic.toml", OPUS, OPUS.replace('"20"', '"21"'))
    assert "anthropic global claude-opus-5-5: output" in check("--prices", prices).output
    before = check("--prices", prices, day="2026-09-01")
    assert "anthropic global claude-opus-5-5" not in before.output


def test_a_disagreement_that_nobody_explains_fails(disagreements: Path) -> None:
    change(disagreements, '"claude-haiku-5-5", "claude-sonnet-5-5", "claude-sonnet-5",', "")
    result = check("--disagreements", disagreements)
    assert result.exit_code == 1
    assert (
        "disagrees: bedrock government claude-sonnet-5: input: ours 2.4, genai-prices has 2.2"
        in (result.output)
    )


def test_an_explanation_by_another_amount_explains_nothing(disagreements: Path) -> None:
    change(disagreements, 'ratios = ["11/12"]', 'ratios = ["10/12"]')
    result = check("--disagreements", disagreements)
    assert result.exit_code == 1
    assert "bedrock government claude-haiku-4-5: output" in result.output
    assert "explained, but genai-prices: bedrock government" in result.output


def test_an_explanation_of_nothing_fails(disagreements: Path) -> None:
    with disagreements.open("a") as file:
        file.write(NOBODY_HAS)
    result = check("--disagreements", disagreements)
    assert result.exit_code == 1
    assert (
        "explained, but genai-prices: vertex: claude-opus-5-5: 3 of ours: no longer disagrees\n"
    ) in result.output


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        (
            '"claude-haiku-5-5", "cl',
            '"claude-opus-5-5", "claude-haiku-5-5", "cl',
            "models claude-opus-5-5",
        ),
        (
            'scopes = ["global", "geo", "in_region"]\nmodels = ["claude-sonnet-4-5"]',
            'scopes = ["global", "geo", "in_region", "x"]\nmodels = ["claude-sonnet-4-5"]',
            "scopes x",
        ),
        ('ratios = ["2", "3/2"]', 'ratios = ["2", "3/2", "9"]', "9"),
        ("over = [200_000]", "over = [200_000, 5]", "over 5"),
    ],
)
def test_a_part_of_an_explanation_that_is_out_of_date_fails(
    disagreements: Path, old: str, new: str, what: str
) -> None:
    text = disagreements.read_text("utf-8")
    own = text.partition('witness = "genai-prices"')
    assert old in own[2]
    disagreements.write_text(own[0] + own[1] + own[2].replace(old, new, 1))
    result = check("--disagreements", disagreements)
    assert result.exit_code == 1
    assert f"{what}\n" in result.output
    assert "1 explanations out of date" in result.output


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ('ratios = ["10/11"]', "", "rows[0]: give either ratios or theirs"),
        ('ratios = ["10/11"]', 'ratios = ["x"]', "rows[0]: 'x' is no number, such as 10/11"),
        ('ratios = ["10/11"]', 'ratios = ["1/0"]', "rows[0]: '1/0' is no number"),
        ('witness = "litellm"', 'witness = "nobody"', "Invalid enum value 'nobody'"),
        ("[[rows]]", "[rows]", "explained.toml: "),
    ],
)
def test_a_list_of_explanations_that_is_none_is_named(
    disagreements: Path, old: str, new: str, what: str
) -> None:
    change(disagreements, old, new)
    result = check("--disagreements", disagreements)
    assert result.exit_code == 1
    assert what in result.stderr
    assert str(disagreements) in result.stderr


def test_litellms_map_is_asked_too(tmp_path: Path) -> None:
    entry = {"input_cost_per_token": 5e-06, "output_cost_per_token": 2e-05}
    none = tmp_path / "none.toml"
    none.write_text("rows = []")
    found = map_of(tmp_path, **{"claude-opus-5-5": entry})
    result = check("--litellm", found, "--disagreements", none)
    assert result.exit_code == 1
    assert (
        "disagrees: anthropic global claude-opus-5-5: input: ours 4, "
        "litellm has 5 (5/4 of ours) in claude-opus-5-5\n"
    ) in result.output
    assert "litellm: prices 1 of " in result.output


def test_without_its_map_litellms_explanations_are_left_alone(disagreements: Path) -> None:
    assert 'witness = "litellm"' in disagreements.read_text("utf-8")
    assert check("--disagreements", disagreements).exit_code == 0


def test_a_broken_map_is_one_line(tmp_path: Path) -> None:
    broken = tmp_path / "map.json"
    broken.write_text('{"claude-opus-5-5": {"input_cost_per_token": ')
    result = check("--litellm", broken)
    assert result.exit_code == 1
    assert result.stderr == (
        f"{broken}: is no JSON "
        "(take model_prices_and_context_window_backup.json of litellm's wheel)\n"
    )
    result = check("--litellm", tmp_path / "nowhere.json", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["mistakes"][0]["message"].startswith("cannot be read: No such")


def test_a_broken_price_file_is_named(prices: Path) -> None:
    change(prices / "vertex.toml", 'input = "8"', "input = 8.0")
    result = check("--prices", prices)
    assert result.exit_code == 1
    assert "vertex.toml" in result.stderr
    assert "rows[0].input" in result.stderr


def test_a_folder_without_prices_is_named(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "nowhere"):
        result = check("--prices", folder)
        assert result.exit_code == 1
        assert result.stderr.startswith(f"{folder}: ")


def test_json_has_every_disagreement_with_its_reason() -> None:
    result = check("--json")
    report = json.loads(result.stdout)
    assert (result.exit_code, report["ok"], report["day"]) == (0, True, DAY)
    assert report["witnesses"][0]["name"] == "genai-prices"
    first = report["disagreements"][0]
    assert (first["model"], first["over_input_tokens"]) == ("claude-sonnet-4-5", 200_000)
    assert (first["ours"], first["theirs"], first["ratio"]) == ("3", "6", "2")
    assert all(each["why"] and "\n" not in each["why"] for each in report["disagreements"])
    assert "claude-opus-4-7" in {each["model"] for each in report["theirs_only"]}


def test_without_genai_prices_there_is_a_hint() -> None:
    code = (
        "import sys; sys.modules['genai_prices'] = None; from gateway.cli import app; "
        "app(['prices', 'check'])"
    )
    done = subprocess.run(  # noqa: S603 - this interpreter
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr == (
        "genai_prices is not installed; it comes with the development packages "
        "(pip install genai-prices)\n"
    )


def test_nothing_but_the_check_loads_genai_prices() -> None:
    code = (
        "import sys, gateway, gateway.cli, gateway.prices.files, gateway.prices.witness_genai; "
        "assert 'genai_prices' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)  # noqa: S603 - this interpreter
