"""`gateway import litellm`: configurations in the shape that litellm's documentation shows."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from gateway.cli import app
from gateway.config.upstreams import UPSTREAMS

SECRETS = (
    "sk-ant-IN-CLEAR",
    "AKIAINCLEAR",
    "aws-IN-CLEAR",
    "sk-master-IN-CLEAR",
    "sk-two-IN-CLEAR",
)
COMPANY = """\
model_list:
  - model_name: claude-opus-5-5
    litellm_params:
      model: anthropic/claude-opus-5-5
      api_key: os.environ/ANTHROPIC_API_KEY
      rpm: 500
      order: 2
  - model_name: claude-opus-5-5
    litellm_params:
      model: bedrock/eu.anthropic.claude-opus-5-5
      aws_region_name: eu-central-1
      aws_access_key_id: AKIAINCLEAR
      aws_secret_access_key: aws-IN-CLEAR
      order: 1
  - model_name: sonnet
    litellm_params: &vertex
      model: vertex_ai/claude-sonnet-4-6
      vertex_project: os.environ/GCP_PROJECT
      vertex_location: europe-west1
  - model_name: haiku
    litellm_params:
      <<: *vertex
      model: vertex_ai/claude-haiku-4-5@20251001
      timeout: 30
  - model_name: opus-of-billing
    litellm_params:
      model: bedrock/converse/arn:aws:bedrock:eu-west-1:123456789012:inference-profile/ab
      aws_region_name: eu-west-1
    model_info:
      base_model: claude-opus-5-5
      input_cost_per_token: 0.000004
  - model_name: gpt-4o
    litellm_params:
      model: azure/gpt-4o
      api_key: sk-two-IN-CLEAR
  - model_name: relay
    litellm_params:
      model: anthropic/claude-opus-5-5
      api_base: https://relay.example.com/v1
      api_key: sk-ant-IN-CLEAR
router_settings:
  routing_strategy: simple-shuffle
  num_retries: 2
  timeout: 120
  allowed_fails: 3
  cooldown_time: 30
  fallbacks:
    - claude-opus-5-5: [relay]
    - claude-opus-5-5: [sonnet]
litellm_settings:
  drop_params: true
  request_timeout: 600
  callbacks: [prometheus]
general_settings:
  master_key: sk-master-IN-CLEAR
  max_parallel_requests: 100
"""

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Import a text in an empty directory; further arguments are options."""
    monkeypatch.chdir(tmp_path)
    for name in ("GATEWAY_CONFIG", "GATEWAY_ENV", "AWS_REGION", "VERTEXAI_PROJECT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GCP_PROJECT", "my-project")

    def invoke(text: str, *arguments: str) -> Result:
        (tmp_path / "litellm.yaml").write_text(text, "utf-8")
        return CliRunner().invoke(app, ["import", "litellm", "litellm.yaml", *arguments])

    return invoke


def written(directory: Path = Path("config")) -> dict[str, Any]:
    return tomllib.loads((directory / "gateway.toml").read_text("utf-8"))


def checked(environ: Mapping[str, str]) -> dict[str, Any]:
    """Return what `gateway check` says of what was written."""
    told = CliRunner().invoke(app, ["check", "--json", "--env", "prod"], env=dict(environ))
    assert told.exit_code == 0, told.output
    report: dict[str, Any] = json.loads(told.stdout)
    return report


def models(*params: str) -> str:
    """Return a configuration of deployments, each given as lines of its `litellm_params`."""
    rows = [f"  - model_name: m{n}\n    litellm_params:\n" for n, _ in enumerate(params)]
    inner = ("".join(f"      {line}\n" for line in each.splitlines()) for each in params)
    return "model_list:\n" + "".join(row + more for row, more in zip(rows, inner, strict=True))


ENVIRON = dict.fromkeys(
    (
        "ANTHROPIC_API_KEY",
        "CLAUDE_OPUS_5_5_AWS_ACCESS_KEY_ID",
        "CLAUDE_OPUS_5_5_AWS_SECRET_ACCESS_KEY",
        "RELAY_API_KEY",
        "GATEWAY_MASTER_KEY",
    ),
    "taken-from-the-vault",
)


def test_a_company_of_five_places(run: Run) -> None:
    assert run(COMPANY).exit_code == 0
    found = written()
    assert found["routing"]["order"] == [
        "bedrock-eu-eu-central-1",
        "anthropic",
        "vertex-europe-west1",
        "bedrock-eu-west-1",
        "anthropic-2",
    ]
    upstreams = found["upstreams"]
    assert upstreams["anthropic"] == {
        "provider": "anthropic",
        "api_key": "${ANTHROPIC_API_KEY}",
        "fidelity": "lenient",
    }
    assert upstreams["bedrock-eu-eu-central-1"]["profile"] == "eu"
    assert upstreams["vertex-europe-west1"]["project"] == "my-project"
    arn = "arn:aws:bedrock:eu-west-1:123456789012:inference-profile/ab"
    assert upstreams["bedrock-eu-west-1"]["models"] == {"claude-opus-5-5": arn}
    assert upstreams["anthropic-2"]["base_url"] == "https://relay.example.com"
    assert found["timeouts"] == {"call_unstreamed_s": 120}
    assert found["retries"] == {"attempts": 3}
    assert found["breaker"] == {"consecutive": 4, "ejection_s": 30, "ejection_cap_s": 300.0}
    assert found["server"] == {"keys": ["${GATEWAY_MASTER_KEY}"], "in_flight_per_key": 100}


def test_what_is_written_passes_the_check(run: Run) -> None:
    run(COMPANY)
    report = checked(ENVIRON)
    served = {each["name"]: each["models"] for each in report["upstreams"]}
    assert served["bedrock-eu-eu-central-1"]["claude-opus-5-5"] == "eu.anthropic.claude-opus-5-5"
    assert served["vertex-europe-west1"]["claude-haiku-4-5"] == "claude-haiku-4-5@20251001"
    assert len(served["bedrock-eu-west-1"]) == 1


def test_no_secret_is_written_or_shown(run: Run) -> None:
    shown = [run(COMPANY).output, run(COMPANY, "--json", "--to", "other").output]
    shown += [path.read_text("utf-8") for path in Path().rglob("*.toml")]
    assert len(shown) == 6
    assert not [secret for secret in SECRETS for text in shown if secret in text]


def test_each_secret_in_clear_is_told_with_the_variable_to_set(run: Run) -> None:
    told = json.loads(run(COMPANY, "--json").stdout)
    assert told["to_set"] == {
        "CLAUDE_OPUS_5_5_AWS_ACCESS_KEY_ID": "model_list[1].litellm_params.aws_access_key_id",
        "CLAUDE_OPUS_5_5_AWS_SECRET_ACCESS_KEY": (
            "model_list[1].litellm_params.aws_secret_access_key"
        ),
        "RELAY_API_KEY": "model_list[6].litellm_params.api_key",
        "GATEWAY_MASTER_KEY": "general_settings.master_key",
    }
    text = Path("config/gateway.toml").read_text("utf-8")
    assert all(f"#   {name}: {path}\n" in text for name, path in told["to_set"].items())


def test_what_has_no_counterpart_is_listed_with_path_and_line(run: Run) -> None:
    told = json.loads(run(COMPANY, "--json").stdout)
    found = {each["path"]: each["line"] for each in told["left_out"]}
    assert found == {
        "model_list[0].litellm_params.rpm": 6,
        "model_list[3].litellm_params.timeout": 24,
        "model_list[4].model_info.input_cost_per_token": 31,
        "model_list[5].litellm_params.model": 34,
        "router_settings.fallbacks[1].claude-opus-5-5": 49,
        "router_settings.routing_strategy": 42,
        "litellm_settings.callbacks": 53,
    }
    assert all(each["why"] for each in told["left_out"])
    lines = COMPANY.splitlines()
    for path, line in found.items():
        assert path.rsplit(".", 1)[-1] in lines[line - 1]
    text = Path("config/gateway.toml").read_text("utf-8")
    assert "#   model_list[0].litellm_params.rpm (line 6): " in text


def test_names_that_only_litellm_knew_are_told(run: Run) -> None:
    told = json.loads(run(COMPANY, "--json").stdout)
    assert told["renamed"] == {
        "sonnet": "claude-sonnet-4-6",
        "haiku": "claude-haiku-4-5",
        "opus-of-billing": "claude-opus-5-5",
        "relay": "claude-opus-5-5",
    }


def test_two_keys_of_one_name_get_two_variables(run: Run) -> None:
    one = "model: anthropic/claude-opus-5-5\napi_base: https://a.example.com\napi_key: {}"
    text = models(one.format("sk-1"), one.format("sk-2"), one.format("sk-1")).replace("m1", "m0")
    assert run(text.replace("m2", "m0")).exit_code == 0
    keys = [each["api_key"] for each in written()["upstreams"].values()]
    assert keys == ["${M0_API_KEY}", "${M0_API_KEY_2}"]


def test_a_variable_that_is_referred_to_is_not_taken_for_another_secret(run: Run) -> None:
    text = models(
        "model: anthropic/claude-opus-5-5\napi_key: sk-1",
        "model: anthropic/claude-opus-5-5\napi_key: os.environ/M0_API_KEY",
    )
    assert run(text).exit_code == 0
    keys = [each["api_key"] for each in written()["upstreams"].values()]
    assert keys == ["${M0_API_KEY_2}", "${M0_API_KEY}"]


PLACES: list[tuple[str, str, dict[str, Any]]] = [
    ("model: claude-opus-5-5", "anthropic", {"api_key": "${ANTHROPIC_API_KEY}"}),
    (
        "model: anthropic/claude-sonnet-4-5-20250929\napi_base: https://api.anthropic.com/v1/messages",
        "anthropic",
        {"api_key": "${ANTHROPIC_API_KEY}"},
    ),
    ("model: anthropic/*", "anthropic", {"api_key": "${ANTHROPIC_API_KEY}"}),
    (
        "model: bedrock/us-gov-west-1/anthropic.claude-opus-5-5",
        "bedrock",
        {"region": "us-gov-west-1"},
    ),
    (
        "model: global.anthropic.claude-opus-5-5\naws_region_name: us-east-1\naws_profile_name: p",
        "bedrock",
        {"region": "us-east-1", "profile": "global", "aws_profile": "p"},
    ),
    (
        "model: bedrock/anthropic.claude-opus-5-5\naws_region_name: eu-west-1",
        "bedrock",
        {"region": "eu-west-1", "models": {"claude-opus-5-5": "anthropic.claude-opus-5-5"}},
    ),
    (
        (
            "model: bedrock_mantle/anthropic.claude-opus-5-5\naws_region_name: eu-west-1\n"
            "api_key: os.environ/AWS_BEARER_TOKEN_BEDROCK"
        ),
        "bedrock_mantle",
        {"region": "eu-west-1", "api_key": "${AWS_BEARER_TOKEN_BEDROCK}"},
    ),
    (
        (
            "model: bedrock/claude_platform/claude-opus-5-5\naws_region_name: us-east-1\n"
            "aws_workspace_id: wrkspc_1"
        ),
        "aws",
        {"region": "us-east-1", "workspace": "wrkspc_1"},
    ),
    (
        "model: vertex_ai/claude-opus-4-5@20251101\nvertex_project: p\nvertex_location: global",
        "vertex",
        {"project": "p", "region": "global"},
    ),
    (
        "model: anthropic/claude-opus-5-5\ndrop_params: true",
        "anthropic",
        {"api_key": "${ANTHROPIC_API_KEY}", "fidelity": "lenient"},
    ),
    (
        "model: anthropic/my-name\napi_base: http://127.0.0.1:4000",
        "anthropic",
        {
            "api_key": "${ANTHROPIC_API_KEY}",
            "base_url": "http://127.0.0.1:4000",
            "models": {"claude-haiku-5-5": "my-name"},
        },
    ),
]


@pytest.mark.parametrize(("params", "provider", "expected"), PLACES, ids=lambda v: str(v)[:60])
def test_a_place(run: Run, params: str, provider: str, expected: dict[str, Any]) -> None:
    result = run(
        models(params) + "    model_info: {base_model: claude-haiku-5-5}\n" * ("my-name" in params)
    )
    assert result.exit_code == 0, result.output
    (found,) = written()["upstreams"].values()
    assert found == {"provider": provider, **expected}
    checked({"ANTHROPIC_API_KEY": "x", "AWS_BEARER_TOKEN_BEDROCK": "x"})


@pytest.mark.parametrize(
    ("params", "provider"),
    [
        (
            (
                "model: azure_ai/claude-opus-5-5\napi_base: https://r.services.ai.azure.com\n"
                "api_key: os.environ/KEY"
            ),
            "foundry",
        ),
        (
            "model: openrouter/anthropic/claude-opus-5.5\napi_key: os.environ/KEY",
            "openai_relay",
        ),
    ],
)
def test_a_platform_is_imported_once_the_gateway_has_it(
    run: Run, params: str, provider: str
) -> None:
    result = run(models(params, "model: anthropic/claude-opus-5-5"))
    assert result.exit_code == 0, result.output
    found = {each["provider"] for each in written()["upstreams"].values()}
    assert found == {"anthropic", *({provider} & UPSTREAMS.keys())}
    assert ("has no provider" in result.output) is (provider not in UPSTREAMS)
    checked({"ANTHROPIC_API_KEY": "x", "KEY": "x"})


def test_named_credentials_are_shared(run: Run) -> None:
    text = models(
        "model: bedrock/us.anthropic.claude-opus-5-5\nlitellm_credential_name: work",
        "model: bedrock/us.anthropic.claude-sonnet-5-5\nlitellm_credential_name: work",
    )
    text += "credential_list:\n  - credential_name: work\n    credential_values:\n"
    text += "      aws_region_name: us-east-1\n      aws_access_key_id: AKIAINCLEAR\n"
    text += "      aws_secret_access_key: aws-IN-CLEAR\n"
    assert run(text).exit_code == 0
    (upstream,) = written()["upstreams"].values()
    assert upstream["aws_access_key_id"] == "${M0_AWS_ACCESS_KEY_ID}"


def test_one_id_there_is_not_two_models_of_one_upstream(run: Run) -> None:
    shared = "model: azure_ai/my-deployment\n      api_base: https://r.services.ai.azure.com\n"
    text = "model_list:\n" + "".join(
        f"  - model_name: {name}\n    litellm_params:\n      {shared}"
        for name in ("claude-opus-5-5", "claude-sonnet-5-5")
    )
    assert run(text).exit_code == 0
    assert [each["models"] for each in written()["upstreams"].values()] == [
        {"claude-opus-5-5": "my-deployment"},
        {"claude-sonnet-5-5": "my-deployment"},
    ]
    checked({"AZURE_AI_API_KEY": "taken-from-the-vault"})


def test_a_key_where_a_model_should_be_is_not_shown(run: Run) -> None:
    result = run(models("model: sk-ant-IN-CLEAR/claude-opus-5-5"))
    assert result.exit_code == 2
    assert "IN-CLEAR" not in result.output
    assert "it is no prefix" in result.output


def test_a_group_goes_before_what_stands_in_for_it(run: Run) -> None:
    text = models(
        "model: bedrock/us.anthropic.claude-opus-5-5\naws_region_name: us-east-1",
        "model: anthropic/claude-opus-5-5",
    )
    assert run(text + "litellm_settings:\n  fallbacks: [{m1: [m0]}]\n").exit_code == 0
    assert written()["routing"]["order"] == ["anthropic", "bedrock-us-us-east-1"]


def test_fallbacks_that_go_in_a_ring_are_told(run: Run) -> None:
    text = models(
        "model: bedrock/us.anthropic.claude-opus-5-5\naws_region_name: us-east-1",
        "model: anthropic/claude-opus-5-5",
    )
    result = run(text + "router_settings:\n  fallbacks: [{m1: [m0]}, {m0: [m1]}, {m0: [nobody]}]\n")
    assert result.exit_code == 0
    assert "fallbacks[0].m1 (line 10): one order holds for all models" in result.output
    assert "fallbacks[2].m0 (line 10): names a group of models that has no" in result.output


@pytest.mark.parametrize(
    ("settings", "section", "expected"),
    [
        ("router_settings: {num_retries: 0}", "retries", {"attempts": 1}),
        ("router_settings: {num_retries: 99}", "retries", {"attempts": 20}),
        ("litellm_settings: {num_retries: 3}", "retries", {"attempts": 4}),
        ("router_settings: {retry_after: 20}", "retries", {"base_s": 20, "max_s": 20}),
        ("router_settings: {cooldown_time: 0}", "breaker", {"enabled": False}),
        ("router_settings: {disable_cooldowns: true}", "breaker", {"enabled": False}),
        ("router_settings: {stream_timeout: 45}", "timeouts", {"first_content_s": 45}),
        ("litellm_settings: {request_timeout: 99}", "timeouts", {"call_unstreamed_s": 99}),
        ("litellm_settings: {json_logs: true}", "logs", {"format": "json"}),
        ("general_settings: {max_request_size_mb: 900}", "server", {"body_limit_mb": 256}),
        ("general_settings: {global_max_parallel_requests: 7}", "server", {"in_flight": 7}),
        (
            "general_settings: {master_key: os.environ/MASTER}",
            "server",
            {"keys": ["${MASTER}"]},
        ),
    ],
)
def test_a_setting(run: Run, settings: str, section: str, expected: dict[str, Any]) -> None:
    assert run(models("model: anthropic/claude-opus-5-5") + settings + "\n").exit_code == 0
    assert written()[section] == expected
    checked({"ANTHROPIC_API_KEY": "x", "MASTER": "x"})


WRONG: list[tuple[str, str]] = [
    ("model_list: [\n", "litellm.yaml:2: is no YAML"),
    ("- a\n- b\n", "has no model_list"),
    ("models: []\n", "has no model_list"),
    ("", "has no model_list"),
    ("model_list: []\n", "litellm.yaml:1: model_list: names no deployment of Claude"),
    ("model_list: 3\n", "litellm.yaml:1: model_list: should be a list"),
    ("model_list:\n  - x\n", "litellm.yaml:2: model_list[0]: should be a mapping"),
    (models("rpm: 3"), "litellm.yaml:3: model_list[0].litellm_params.model: is missing"),
    (models("model: NO"), "litellm.yaml:4: model_list[0].litellm_params.model: should be a text"),
    (
        models("model: anthropic/claude-opus-5-5", "model: antropic/claude-opus-5-5"),
        (
            "litellm.yaml:7: model_list[1].litellm_params.model: antropic/ is no prefix of a "
            "provider that is known (did you mean anthropic/?)"
        ),
    ),
    (
        models("model: anthropic/claude-opus-5-5\nmodel: anthropic/claude-opus-5-5"),
        "litellm.yaml:5: model_list[0].litellm_params.model: stands here a second time",
    ),
    (
        models("model: anthropic/claude-opus-5-5\napi_key: os.environ/NOT A NAME"),
        "litellm.yaml:5: model_list[0].litellm_params.api_key: names no environment variable",
    ),
    (
        models("model: anthropic/claude-opus-5-5") + "router_settings: {num_retries: many}\n",
        "litellm.yaml:5: router_settings.num_retries: should be a number",
    ),
    (
        models("model: anthropic/claude-opus-5-5") + "router_settings: {cooldown_time: .inf}\n",
        "router_settings.cooldown_time: should be a number",
    ),
    (
        models("model: anthropic/claude-opus-5-5\nlitellm_credential_name: nobody"),
        "litellm.yaml:5: model_list[0].litellm_params.litellm_credential_name: names no credential",
    ),
    (
        models("model: anthropic/claude-opus-9-9"),
        "names no deployment of Claude that this gateway reaches",
    ),
    (
        models("model: bedrock/eu.anthropic.claude-opus-5-5"),
        "its region is not told: write aws_region_name, or set AWS_REGION",
    ),
    (
        models("model: anthropic/claude-opus-5-5\napi_base: http://relay.example.com"),
        "would send prompts and credentials without TLS",
    ),
    (
        models("model: vertex_ai/claude-opus-5-5\nvertex_project: p\nvertex_location: mars"),
        "there is no such upstream: region: 'mars' is no location",
    ),
]


@pytest.mark.parametrize(("text", "expected"), WRONG, ids=lambda v: v[:50])
def test_what_is_wrong_is_told_with_its_line_and_nothing_is_written(
    run: Run, text: str, expected: str
) -> None:
    result = run(text)
    assert result.exit_code == 2, result.output
    assert expected in result.output
    assert "Traceback" not in result.output
    assert not Path("config").exists()


def test_a_file_that_is_not_there_or_no_text(run: Run, tmp_path: Path) -> None:
    gone = CliRunner().invoke(app, ["import", "litellm", "nothing.yaml"])
    assert (gone.exit_code, "nothing.yaml" in gone.output) == (2, True)
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    binary = CliRunner().invoke(app, ["import", "litellm", "binary.yaml"])
    assert (binary.exit_code, "is not UTF-8" in binary.output) == (2, True)


def test_nothing_is_overwritten(run: Run) -> None:
    text = models("model: anthropic/claude-opus-5-5")
    assert run(text).exit_code == 0
    before = Path("config/gateway.toml").read_bytes()
    again = run(text + "litellm_settings: {json_logs: true}\n")
    assert (again.exit_code, "nothing was written" in again.output) == (2, True)
    assert Path("config/gateway.toml").read_bytes() == before
    assert run(text, "--to", "other", "--env", "staging").exit_code == 0
    assert Path("other/environments/staging.toml").is_file()


def test_files_count_from_the_configuration_and_must_be_there(run: Run, tmp_path: Path) -> None:
    (tmp_path / "google.json").write_text("{}")
    params = "model: vertex_ai/claude-opus-5-5\nvertex_project: p\nvertex_location: eu\n"
    result = run(
        models(
            params + "vertex_credentials: google.json",
            params + "vertex_credentials: nothing.json",
            params + 'vertex_credentials: \'{"private_key": "sk-ant-IN-CLEAR"}\'',
        )
    )
    assert result.exit_code == 0
    named = [each.get("credentials_file") for each in written()["upstreams"].values()]
    assert named == [str(tmp_path / "google.json"), None]
    assert "there is no such file here" in result.output
    assert "write the credential to a file" in result.output
    assert "IN-CLEAR" not in result.output


def test_what_a_name_holds_stays_in_its_comment(run: Run) -> None:
    params = "model: bedrock/us.anthropic.claude-opus-5-5\naws_region_name: us-east-1"
    text = models(f'{params}\naws_profile_name: "p\\x7f\\e"')
    result = run(text.replace("model_name: m0", r'model_name: "a\n[upstreams.b]\e[31m"'))
    assert result.exit_code == 0
    assert "\x1b" not in result.output
    found = written()
    assert list(found["upstreams"]) == ["bedrock-us-us-east-1"]
    assert found["upstreams"]["bedrock-us-us-east-1"]["aws_profile"] == "p\x7f\x1b"


def test_a_truth_value_in_disguise_is_told(run: Run) -> None:
    result = run(
        models("model: anthropic/claude-opus-5-5") + "litellm_settings:\n  json_logs: on\n"
    )
    assert result.exit_code == 0
    assert "look at litellm.yaml:6: litellm_settings.json_logs: on means true" in result.output


def test_without_yaml_the_extra_is_named(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "yaml", None)
    monkeypatch.delitem(__import__("sys").modules, "gateway.importing.yaml_source", raising=False)
    monkeypatch.delitem(__import__("sys").modules, "gateway.importing.litellm", raising=False)
    result = run(models("model: anthropic/claude-opus-5-5"))
    assert result.exit_code == 1
    assert "pip install 'tidegate[import]'" in result.output
