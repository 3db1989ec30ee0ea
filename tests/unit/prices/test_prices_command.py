"""`gateway prices explain`, and what `gateway check` says of prices."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from gateway.cli import app

MAIN = """schema = 1
[routing]
order = ["direct"]
[upstreams.direct]
provider = "anthropic"
api_key = "${KEY}"
[upstreams.bedrock-eu]
provider = "bedrock"
region = "eu-central-1"
profile = "eu"
[upstreams.own-profile]
provider = "bedrock"
region = "eu-central-1"
[upstreams.own-profile.models]
claude-opus-5-5 = "arn:aws:bedrock:eu-central-1:111122223333:application-inference-profile/x"
"""
CONTRACTS = """schema = 1
[[contracts]]
name = "acme"
upstreams = ["bedrock-*"]
multiplier = "0.5"
effective_from = 2026-01-01
[[contracts]]
name = "ended"
platforms = ["anthropic"]
models = ["claude-opus-*"]
multiplier = "0.9"
effective_from = 2025-01-01
effective_until = 2026-01-01
"""
USAGE = {"input_tokens": 1000, "output_tokens": 100, "cache_read_input_tokens": 5000}
Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run `gateway` where `config/` has two contracts."""
    for name in list(os.environ):
        if name.startswith(("ANTHROPIC_", "AWS_", "GATEWAY_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config" / "environments").mkdir(parents=True)
    (tmp_path / "config" / "environments" / "dev.toml").touch()
    (tmp_path / "config" / "gateway.toml").write_text(MAIN)
    (tmp_path / "config" / "prices.toml").write_text(CONTRACTS)
    (tmp_path / "u.json").write_text(json.dumps(USAGE))

    def command(*args: str, stdin: str | None = None) -> Result:
        env = {"KEY": "made-up", "GATEWAY_ENV": "dev", "COLUMNS": "200"}
        return CliRunner().invoke(app, list(args), env=env, input=stdin)

    return command


def explain(
    run: Run, *more: str, target: str = "bedrock-eu", stdin: str | None = None, **at: str
) -> Result:
    day = at.get("at", "2026-11-22")
    model = at.get("model", "claude-opus-5-5")
    file = "u.json" if stdin is None else "-"
    options = ("--target", target, "--model", model, "--usage", file, "--at", day)
    return run("prices", "explain", *options, *more, stdin=stdin)


def test_each_line_has_its_rate_row_and_contract(run: Run) -> None:
    told = explain(run)
    assert told.exit_code == 0, told.output
    lines = told.stdout.splitlines()
    assert lines[0] == "bedrock-eu (bedrock, geo): claude-opus-5-5, prices of 2026-11-22"
    assert lines[1].startswith(
        "message claude-opus-5-5 input: 1000 at 4.4 USD/MTok = 0.0044, 0.0022 by contract acme "
        "(row bedrock/claude-opus-5-5/geo@"
    )
    assert [line.split()[2] for line in lines[1:4]] == ["input:", "cache_read:", "output:"]
    assert lines[4].startswith("row bedrock/claude-opus-5-5/geo@")
    assert lines[5:8] == ["list: 0.0077 USD", "net: 0.00385 USD", "without caching: 0.0143 USD"]


def test_as_json_every_amount_is_decimal_text(run: Run) -> None:
    message = {
        "type": "message",
        "model": "claude-haiku-5-5",
        "stop_reason": "end_turn",
        "usage": USAGE,
    }
    told = explain(run, "--json", target="direct", stdin=json.dumps(message))
    found = json.loads(told.stdout)
    assert (found["platform"], found["scope"]) == ("anthropic", "global")
    assert (found["list"], found["net"], found["without_caching"]) == (
        "0.0002",
        "0.0002",
        "0.00065",
    )
    assert [line["model"] for line in found["lines"]] == ["claude-haiku-5-5"] * 3
    assert [line["net"] for line in found["lines"]] == ["0.0001", "0.00005", "0.00005"]
    assert found["lines"][0]["rate"] == "0.1"
    assert not any("pico" in name for line in found["lines"] for name in line)


def test_contracts_hold_for_the_day_that_is_asked_for(run: Run) -> None:
    told = explain(run, target="direct", at="2025-12-31T23:59:59")
    assert told.exit_code == 1
    assert "no price: claude-opus-5-5 has no price on anthropic that day" in told.stdout


def test_a_refusal_in_a_message_is_seen(run: Run) -> None:
    def refused(category: str | None) -> Any:
        message = {
            "type": "message",
            "stop_reason": "refusal",
            "stop_details": {"type": "refusal", "category": category},
            "usage": {**USAGE, "output_tokens": 0},
        }
        stdin = json.dumps(message)
        return json.loads(explain(run, "--json", target="direct", stdin=stdin).stdout)

    assert refused("cyber")["net"] == "0"
    assert refused("cyber")["flags"] == ["waived_refusal"]
    assert refused("bio")["net"] == "0.005"


def test_a_profile_that_names_no_scope_has_no_price(run: Run) -> None:
    told = explain(run, target="own-profile")
    assert told.exit_code == 1
    assert told.stdout.splitlines() == [
        "own-profile (bedrock, scope unknown): claude-opus-5-5, prices of 2026-11-22",
        "no price: nothing tells in which scope claude-opus-5-5 runs at own-profile",
    ]


@pytest.mark.parametrize(
    ("options", "stdin", "told"),
    [
        (
            {"target": "bedrock-us"},
            None,
            "there is no upstream bedrock-us (did you mean bedrock-eu?)",
        ),
        (
            {"model": "claude-opus-55"},
            None,
            "--model: no model is called 'claude-opus-55'; did you",
        ),
        (
            {"target": "bedrock-eu", "model": "claude-mythos-5-2"},
            None,
            "--model: bedrock-eu does not serve claude-mythos-5-2",
        ),
        ({}, '{"input_tokens": 1,\n oops}', "standard input:2: is no JSON: "),
        ({}, "[1]", "standard input: is no JSON object"),
        ({}, "[" * 100_000, "standard input: is nested too deeply"),
        ({}, "{}", "standard input: tells no tokens"),
        ({}, '{"input_tokens": "9"}', "tells no tokens: input_tokens: not an integer"),
        ({}, '{"type": "message"}', "standard input: tells no tokens"),
    ],
)
def test_what_cannot_be_explained_is_said(
    run: Run, options: dict[str, str], stdin: str | None, told: str
) -> None:
    refused = explain(run, stdin=stdin, **options)
    assert refused.exit_code == 2
    assert told in refused.stderr
    assert "made-up" not in refused.output


def test_a_usage_file_that_is_not_there_is_said(run: Run) -> None:
    refused = run(
        *("prices", "explain", "--target", "direct", "--model", "claude-opus-5-5"),
        *("--usage", "gone.json"),
    )
    assert refused.exit_code == 2
    assert "gone.json: cannot be read: No such file or directory" in refused.stderr


def test_check_says_which_contracts_are_in_force(run: Run) -> None:
    told = run("check").stdout
    assert "(config/prices.toml)" in told
    assert "contract: acme, 0.5 of list on bedrock-*\n" in told
    assert (
        "note: contract ended does not hold today: it is from 2025-01-01 until 2026-01-01\n" in told
    )
    found = json.loads(run("check", "--json").stdout)["prices"]
    assert [each["name"] for each in found["contracts"]] == ["acme"]
    assert len(found["digest"]) == 64


def test_check_names_mistakes_in_prices(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "config" / "prices.toml"
    file.write_text(CONTRACTS.replace('"0.5"', "0.5").replace('"anthropic"', '"anthropik"'))
    told = run("check")
    assert told.exit_code == 1
    assert "config/prices.toml:5: contracts[0].multiplier: should be text" in told.stderr
    file.unlink()
    (tmp_path / "config" / "gateway.toml").write_text(f'{MAIN}[prices]\nfile = "mine.toml"\n')
    gone = run("check", "--json")
    assert gone.exit_code == 1
    assert json.loads(gone.stdout)["mistakes"][0]["key"] == "prices.file"


def test_what_can_be_read_in_two_ways_lies_between_two_sums(run: Run) -> None:
    usage = {"input_tokens": 1, "output_tokens": 1, "cache_creation_input_tokens": 1000}
    told = explain(run, target="direct", stdin=json.dumps(usage)).stdout.splitlines()
    sums = ["list: 0.005024 USD", "net: 0.005024 USD", "low: 0.005024 USD", "high: 0.008024 USD"]
    assert [line for line in told if line in sums] == sums
    exact = explain(run)
    assert "low: " not in exact.stdout
