"""`gateway capabilities`: what it says is what routing does."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from gateway.cli import app
from gateway.prices.files import shipped_files
from gateway.routing import Upstream, plan
from gateway.support.cells import YES
from gateway.support.model import Standing, on_platforms
from providers import capabilities, catalog
from providers.contract import Kind
from providers.registry import PROVIDERS
from tests.fuzz.samples import PLACES
from tests.unit.test_routing_limits import call

Run = Callable[..., Result]
CONFIG = """
schema = 1
[routing]
order = ["direct", "tokyo"]
[upstreams.direct]
provider = "anthropic"
api_key = "${KEY}"
[upstreams.tokyo]
provider = "bedrock"
region = "ap-northeast-1"
profile = "jp"
[upstreams.google]
provider = "google_cloud"
project = "p"
workspace = "wrkspc_1"
"""


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the command in an empty directory, without variables."""
    monkeypatch.chdir(tmp_path)
    for name in ("GATEWAY_CONFIG", "GATEWAY_ENV", "ANTHROPIC_API_KEY", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)

    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(app, ["capabilities", *arguments], env={"KEY": "sk-secret"})

    return invoke


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "own" / "environments").mkdir(parents=True)
    (tmp_path / "own" / "environments" / "prod.toml").touch()
    (tmp_path / "own" / "gateway.toml").write_text(CONFIG, "utf-8")
    return tmp_path / "own"


def told(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_every_platform_is_told_of_without_a_configuration(run: Run) -> None:
    found = told(run("claude-opus-5-5", "--json"))
    assert [row["platform"] for row in found["platforms"]] == list(PROVIDERS)
    assert found["upstreams"] == []
    assert found["model"] == "claude-opus-5-5"


def test_any_spelling_means_its_model(run: Run) -> None:
    for spelled in ("eu.anthropic.claude-opus-5-5", "vertex_ai/claude-opus-5-5"):
        assert told(run(spelled, "--json"))["model"] == "claude-opus-5-5"


def test_an_unknown_model_has_near_names(run: Run) -> None:
    result = run("claude-opus-5.5")
    assert result.exit_code == 2
    assert "no model is called 'claude-opus-5.5'; did you mean claude-opus-5-5" in result.output
    as_json = run("claude-opus-5.5", "--json")
    assert as_json.exit_code == 2
    assert "claude-opus-5-5" in json.loads(as_json.stdout)["mistakes"][0]["message"]


def test_configured_upstreams_are_told_of_too(run: Run, config: Path) -> None:
    found = told(run("claude-fable-5-1", "--json", "--config", str(config), "--env", "prod"))
    direct, tokyo, google = found["upstreams"]
    assert (direct["upstream"], direct["served"], direct["prices"]) == ("direct", True, ["global"])
    assert not tokyo["served"]
    assert tokyo["why_not"].startswith("Amazon Bedrock has it under the profiles global, us, eu")
    assert google["prices"] == []
    assert "google_cloud" in google["unpriced"]


def test_a_configuration_with_a_mistake_is_told(run: Run, config: Path) -> None:
    (config / "gateway.toml").write_text(CONFIG.replace('"anthropic"', '"antropic"'), "utf-8")
    result = run("claude-opus-5-5", "--config", str(config), "--env", "prod")
    assert result.exit_code == 1
    assert "upstreams.direct.provider: is no provider" in result.output
    assert "Traceback" not in result.output


def test_a_configuration_that_is_named_must_be_there(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATEWAY_CONFIG", "nowhere")
    result = run("claude-opus-5-5")
    assert result.exit_code == 1
    assert "there is no nowhere" in result.output


def test_words_and_data_say_the_same(run: Run, config: Path) -> None:
    arguments = ("claude-sonnet-4-6", "--config", str(config), "--env", "prod")
    lines = run(*arguments).output.splitlines()
    assert lines[0] == "claude-sonnet-4-6 (Claude Sonnet 4.6), active on the Claude API"
    assert "upstream tokyo (bedrock): served as jp.anthropic.claude-sonnet-4-6" in lines
    assert "  context: 1,000,000 tokens; output: 64,000; body: 20,000,000 bytes" in lines
    assert "  files: no: uploaded files exist on the Claude API only" in lines
    assert "sk-secret" not in "\n".join(lines)


def test_the_end_of_a_model_is_that_of_the_day(run: Run) -> None:
    def served(day: str) -> dict[str, bool]:
        rows = told(run("claude-sonnet-4-5", "--json", "--on", day))["platforms"]
        return {row["platform"]: row["served"] for row in rows}

    assert served("2026-11-30")["anthropic"]
    later = served("2026-12-01")
    assert not later["anthropic"]
    assert later["bedrock"]
    assert run("claude-opus-5-5", "--on", "tomorrow").exit_code == 2


def standing(platform: str, model: str, day: dt.date) -> Standing:
    rows = on_platforms(catalog.model(model), shipped_files(), day)
    return next(row for row in rows if row.platform == platform)


DAYS = (dt.date(2026, 11, 29), dt.date(2027, 6, 1))


@pytest.mark.parametrize("day", DAYS, ids=str)
@pytest.mark.parametrize("platform", PROVIDERS)
def test_what_is_served_is_what_is_planned(platform: str, day: dt.date) -> None:
    provider = PROVIDERS[platform]
    endpoint = provider.endpoint(PLACES[platform])
    for model in catalog.models():
        row = standing(platform, model.id, day)
        found = plan(call(model.id), [Upstream("it", provider, endpoint)], today=day)
        if not capabilities.load(platform).models:
            assert row.why_not == "an upstream there names its models itself"
        elif found.legs:
            assert row.served, model.id
            assert endpoint.models[model.id].id in row.ids
            assert endpoint.models[model.id].max_output_tokens == row.max_output_tokens
        elif row.served:
            assert "under the profiles" in found.rejected[0].reason


@pytest.mark.parametrize("platform", PROVIDERS)
def test_what_is_counted_is_what_is_planned(platform: str) -> None:
    provider = PROVIDERS[platform]
    endpoint = provider.endpoint(PLACES[platform])
    for name in endpoint.models:
        row = standing(platform, name, DAYS[0])
        found = plan(call(name, kind=Kind.COUNT_TOKENS), [Upstream("it", provider, endpoint)])
        assert bool(found.legs) is (row.does["count_tokens"] == YES)
