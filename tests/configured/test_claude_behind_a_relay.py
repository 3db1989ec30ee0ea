"""A relay of the Messages API: asked for what it is known to do, and believed nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import anthropic
import pytest
from typer.testing import CliRunner, Result

import gateway
from gateway.boundary.where import where
from gateway.cli import app
from gateway.compose import found
from gateway.config import Config, ConfigError
from gateway.doctor import relay_probes
from gateway.emulator import Emulator
from gateway.engine import Engine
from gateway.policy.attestations import Attestations
from gateway.policy.sheet import fact_sheet
from tests.ledger.bills import folded
from tests.server.serving import BODY

MODEL = BODY["model"]
MODELS = f'models = {{ "{MODEL}" = "vendor/{MODEL}" }}\n'
KEY = 'api_key = "${KEY}"\n'
ALL = "count_tokens = true\nstream = true\ncache_control = true\n"
MARKED: dict[str, Any] = {
    **BODY,
    "system": [{"type": "text", "text": "s", "cache_control": {"type": "ephemeral"}}],
}
PRICES = f"""
schema = 1
[[rows]]
upstreams = ["relay"]
model = "{MODEL}"
scope = "global"
input = "5"
output = "25"
effective_from = 2026-01-01
"""


def config(directory: Path, emulator: Emulator, more: str) -> Config:
    (directory / "environments").mkdir(exist_ok=True)
    (directory / "environments" / "prod.toml").touch()
    (directory / "gateway.toml").write_text(f"""
schema = 1
routing = {{ order = ["relay"] }}
journal = {{ dir = "journal" }}
[upstreams.relay]
provider = "relay"
base_url = "{emulator.relay.base_url}"
{more}
""")
    return found(directory, {"GATEWAY_ENV": "prod", "KEY": emulator.api_key})


def asking(directory: Path, emulator: Emulator, more: str, **options: Any) -> gateway.Anthropic:
    engine = Engine.from_config(config(directory, emulator, more))
    return gateway.Anthropic(gateway=engine, **({"max_retries": 0} | options))


@pytest.mark.parametrize(
    ("credential", "header"),
    [(KEY, "x-api-key"), ('auth_token = "${KEY}"\n', "authorization")],
)
def test_it_is_asked_in_the_oldest_version_and_without_the_callers_headers(
    emulator: Emulator, tmp_path: Path, credential: str, header: str
) -> None:
    with asking(tmp_path, emulator, MODELS + credential + ALL) as client:
        message = client.messages.create(**BODY)
        count = client.messages.count_tokens(model=MODEL, messages=BODY["messages"])
        with client.messages.stream(**BODY) as stream:
            stream.until_done()
    assert count.input_tokens == message.usage.input_tokens
    for record in emulator.records.of("relay"):
        sent = {name.lower() for name, _ in record.headers}
        assert record.header("anthropic-version") == "2023-06-01"
        assert json.loads(record.body)["model"] == f"vendor/{MODEL}"
        assert header in sent
        assert len(sent & {"x-api-key", "authorization"}) == 1
        assert not [name for name in sent if name.startswith("x-stainless")]


def test_a_newer_version_is_the_operators_word(emulator: Emulator, tmp_path: Path) -> None:
    emulator.relay.versions = frozenset({"2026-10-21"})
    with asking(tmp_path, emulator, MODELS + KEY + 'version = "2026-10-21"\n') as client:
        client.messages.create(**BODY)
        with pytest.raises(anthropic.BadRequestError, match="temperature"):
            client.messages.create(
                **BODY,
                extra_body={"temperature": 0.5},
                extra_headers={"anthropic-version": "2023-06-01"},
            )


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda c: c.messages.create(**BODY, stream=True), "stream = true"),
        (lambda c: c.messages.create(**MARKED), "cache_control"),
        (lambda c: c.messages.create(**BODY, output_config={"effort": "low"}), "output_config"),
        (lambda c: c.messages.create(**BODY, extra_body={"inference_geo": "us"}), "where to run"),
        (lambda c: c.beta.messages.create(**BODY, betas=["context-1m-2025-08-07"]), "the beta"),
    ],
)
def test_what_nobody_says_that_it_can_is_not_asked_of_it(
    emulator: Emulator, tmp_path: Path, call: Any, says: str
) -> None:
    with (
        asking(tmp_path, emulator, MODELS + KEY) as client,
        pytest.raises(anthropic.BadRequestError, match=says),
    ):
        call(client)
    assert not emulator.records.of("relay")


def test_without_a_word_that_it_counts_nobody_counts(emulator: Emulator, tmp_path: Path) -> None:
    with (
        asking(tmp_path, emulator, MODELS + KEY) as client,
        pytest.raises(anthropic.InternalServerError) as caught,
    ):
        client.messages.count_tokens(model=MODEL, messages=BODY["messages"])
    assert caught.value.status_code == 501


def test_what_it_is_said_to_take_goes_there(emulator: Emulator, tmp_path: Path) -> None:
    more = MODELS + KEY + 'fields = ["output_config"]\nbetas = ["context-1m-2025-08-07"]\n' + ALL
    with asking(tmp_path, emulator, more) as client:
        client.beta.messages.create(
            **MARKED, output_config={"effort": "low"}, betas=["context-1m-2025-08-07"]
        )
    (record,) = emulator.records.of("relay")
    sent = json.loads(record.body)
    assert sent["output_config"] == {"effort": "low"}
    assert sent["system"] == MARKED["system"]
    assert record.header("anthropic-beta") == "context-1m-2025-08-07"


def test_both_the_model_asked_for_and_the_one_told_are_on_record_and_nothing_is_free(
    emulator: Emulator, tmp_path: Path
) -> None:
    emulator.relay.names_itself = "claude-haiku-4-5"
    emulator.relay.tells_cache = False
    with asking(tmp_path, emulator, MODELS + KEY) as client:
        message = client.messages.create(**BODY)
    assert message.usage.cache_read_input_tokens is None
    (row,) = folded(tmp_path / "journal")
    assert (row.model, row.wire_model) == (MODEL, f"vendor/{MODEL}")
    assert row.served_model == "claude-haiku-4-5"
    assert row.cache_read_tokens is None
    assert row.net_pico is None
    assert row.unpriced


def test_its_price_is_the_operators_own(emulator: Emulator, tmp_path: Path) -> None:
    (tmp_path / "prices.toml").write_text(PRICES)
    with asking(tmp_path, emulator, MODELS + KEY) as client:
        raw = client.messages.with_raw_response.create(**BODY)
    usage = raw.parse().usage
    cost = float(raw.headers["x-gateway-cost-usd"])
    assert cost == pytest.approx((5 * usage.input_tokens + 25 * usage.output_tokens) / 1e6)


def test_a_stream_without_its_end_is_cut(emulator: Emulator, tmp_path: Path) -> None:
    emulator.relay.ends_streams = False
    with (
        asking(tmp_path, emulator, MODELS + KEY + ALL) as client,
        pytest.raises(anthropic.APIStatusError, match="broke off"),
        client.messages.stream(**BODY) as stream,
    ):
        stream.until_done()


@pytest.mark.parametrize("status", [400, 413, 422])
@pytest.mark.parametrize("kind", ["invalid_request_error", "vendor_error"])
def test_its_words_are_not_handed_on_as_anthropics(
    emulator: Emulator, tmp_path: Path, status: int, kind: str
) -> None:
    words = "buy credits at the vendor of tokens"
    emulator.faults.add("status", status=status, type=kind, message=words, platform="relay")
    with (
        asking(tmp_path, emulator, MODELS + KEY) as client,
        pytest.raises(anthropic.APIStatusError) as caught,
    ):
        client.messages.create(**BODY)
    assert caught.value.status_code == status
    assert "vendor" not in str(caught.value.body)
    assert caught.value.request_id


@pytest.mark.parametrize("kind", ["invalid_request_error", "buy_at_the_vendor"])
def test_an_error_is_called_what_its_status_means(
    emulator: Emulator, tmp_path: Path, kind: str
) -> None:
    emulator.faults.add("status", status=429, type=kind, times=3, platform="relay")
    with (
        asking(tmp_path, emulator, MODELS + KEY) as client,
        pytest.raises(anthropic.RateLimitError) as caught,
    ):
        client.messages.create(**BODY)
    assert caught.value.type == "rate_limit_error"
    assert "vendor" not in str(caught.value.body)


def test_its_words_in_a_stream_are_not_either(emulator: Emulator, tmp_path: Path) -> None:
    words = "buy credits at the vendor of tokens"
    fault = {"at": 4, "status": 400, "message": words, "platform": "relay"}
    emulator.faults.add("error_event", **fault)
    with (
        asking(tmp_path, emulator, MODELS + KEY + ALL) as client,
        pytest.raises(anthropic.APIStatusError) as caught,
        client.messages.stream(**BODY) as stream,
    ):
        stream.until_done()
    assert "vendor" not in str(caught.value.body)


def test_a_model_that_nobody_knows_is_passed_on_by_the_callers_word(
    emulator: Emulator, tmp_path: Path
) -> None:
    more = f'passthrough_unknown = true\n{KEY}models = {{ "{MODEL}" = "vendor/{MODEL}" }}\n'
    with asking(tmp_path, emulator, more) as client:
        assert client.messages.create(**BODY)
        with pytest.raises(anthropic.NotFoundError):
            client.messages.create(**BODY | {"model": "vendor-model-1"})
        with pytest.raises(anthropic.NotFoundError):
            client.messages.create(**BODY | {"model": "a model\n"})
        with pytest.raises(anthropic.NotFoundError):
            client.messages.create(**BODY | {"model": "claude-haiku-4-5-20251001"})
    asked = [json.loads(each.body)["model"] for each in emulator.records.of("relay")]
    assert asked[:2] == [f"vendor/{MODEL}", "vendor-model-1"]
    models = [row.model for row in folded(tmp_path / "journal")]
    # One that is known keeps its own name, whatever else is passed on.
    assert models == [MODEL, "vendor-model-1", "claude-haiku-4-5"]


def test_policy_sees_nothing_promised(emulator: Emulator, tmp_path: Path) -> None:
    section = config(tmp_path, emulator, MODELS + KEY).upstreams["relay"]
    (facts,) = fact_sheet([where(section)], Attestations())[0].upstreams
    assert {name: fact.value for name, fact in facts.facts.items()} == {"platform": "relay"}


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (KEY, "'models' is needed"),
        (MODELS, "RELAY_API_KEY"),
        (MODELS + KEY + 'auth_token = "${KEY}"\n', "one credential"),
        (MODELS + KEY + 'version = "2025-01-01"\n', "no version of the API"),
        (MODELS + KEY + 'region = "eu"\n', "region"),
    ],
)
def test_a_mistake_is_named(emulator: Emulator, tmp_path: Path, more: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        config(tmp_path, emulator, more)


def doctor(directory: Path, emulator: Emulator, *options: str) -> Result:
    environ = {"GATEWAY_ENV": "prod", "KEY": emulator.api_key}
    asked = ["doctor", "--config", str(directory), *options]
    return CliRunner().invoke(app, asked, env=environ)


def test_what_the_doctor_finds_may_be_planned(emulator: Emulator, tmp_path: Path) -> None:
    config(tmp_path, emulator, MODELS + KEY)
    result = doctor(tmp_path, emulator, "--write")
    assert result.exit_code == 0, result.output
    assert [each.path for each in emulator.records.of("relay")] == ["/v1/messages/count_tokens"]
    with asking(tmp_path, emulator, MODELS + KEY) as client:
        client.messages.count_tokens(model=MODEL, messages=BODY["messages"])
        with pytest.raises(anthropic.BadRequestError, match="stream = true"):
            client.messages.create(**BODY, stream=True)
    result = doctor(tmp_path, emulator, "--write", "--spend")
    assert result.exit_code == 0, result.output
    with asking(tmp_path, emulator, MODELS + KEY) as client:
        client.messages.create(**MARKED, stream=True).close()
    # The operator's own word stands over a probe, and a probe is void at another place.
    other = f'models = {{ "{MODEL}" = "vendor/other" }}\n'
    for more in (MODELS + KEY + "stream = false\n", other + KEY):
        with (
            asking(tmp_path, emulator, more) as client,
            pytest.raises(anthropic.BadRequestError, match="stream = true"),
        ):
            client.messages.create(**BODY, stream=True)


def test_the_doctor_waits_for_no_answer_without_an_end(
    emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay_probes, "ANSWER_S", 0.0)
    config(tmp_path, emulator, MODELS + KEY)
    told = json.loads(doctor(tmp_path, emulator, "--spend", "--json").output)["findings"]
    assert {each["outcome"] for each in told} == {"unverified"}
    assert all("did not answer" in each["because"] for each in told)


def test_the_doctor_believes_only_what_it_sees(emulator: Emulator, tmp_path: Path) -> None:
    emulator.relay.counts = emulator.relay.tells_cache = emulator.relay.streams_too = False
    config(tmp_path, emulator, MODELS + KEY)
    result = doctor(tmp_path, emulator, "--write", "--spend", "--json")
    told = {each["fact"]: each for each in json.loads(result.output)["findings"]}
    assert {each["outcome"] for each in told.values()} == {"absent"}
    assert "404" in told["count_tokens"]["because"]
    assert "application/json" in told["stream"]["because"]
    assert "does not tell of the cache" in told["cache_control"]["because"]
    emulator.relay.streams_too, emulator.relay.ends_streams = True, False
    result = doctor(tmp_path, emulator, "--spend", "--json")
    told = {each["fact"]: each for each in json.loads(result.output)["findings"]}
    assert "message_stop" in told["stream"]["because"]
    emulator.faults.add("status", status=500, times=3)
    result = doctor(tmp_path, emulator, "--spend", "--json")
    told = {each["fact"]: each for each in json.loads(result.output)["findings"]}
    assert {each["outcome"] for each in told.values()} == {"unverified"}
