"""The command itself: its words, its exit status, what it never prints."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import boto3
import botocore
import msgspec
import pytest
from typer.testing import CliRunner

from gateway.cli import app
from gateway.doctor import bedrock_answers
from gateway.doctor.finding import FACTS
from gateway.doctor.subject import probe_data
from gateway.emulator import Emulator
from gateway.emulator.aws_account import AwsAccount
from providers.registry import PROVIDERS
from tests.doctor.asking import Doctor

HERE = ("--upstream", "frankfurt")


def test_lines_say_what_was_and_what_is(doctor: Doctor, emulator: Emulator) -> None:
    emulator.bedrock.account.retention_mode = "aws_review"
    result = doctor(*HERE)
    assert result.exit_code == 1
    assert "frankfurt: retention_days: 0 (org) -> unknown [dropped, " in result.output
    assert "drift: frankfurt: retention_days is dropped: Bedrock eu-central-1" in result.output


def test_an_upstream_that_is_not_there_is_a_mistake(doctor: Doctor) -> None:
    result = doctor("--upstream", "frankfort")
    assert result.exit_code == 1
    assert "frankfort is no upstream" in result.output
    assert "frankfurt" in result.output


def test_a_directory_that_cannot_be_written_is_told(doctor: Doctor) -> None:
    doctor.verified.mkdir()
    result = doctor("--write", *HERE)
    assert result.exit_code == 1
    assert "verified.toml" in result.output
    assert "Traceback" not in result.output


def test_without_files_nothing_is_read_or_written_in_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("GATEWAY_CONFIG", "GATEWAY_ENV", "AWS_REGION", "CLOUD_ML_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-test")
    (tmp_path / "verified.toml").write_text("this is no TOML", "utf-8")
    looked = CliRunner().invoke(app, ["doctor"])
    assert (looked.exit_code, looked.exception) == (0, None)
    written = CliRunner().invoke(app, ["doctor", "--write"])
    assert written.exit_code == 1
    assert "no configuration to write verified.toml beside" in written.output


def test_no_secret_is_printed_or_kept(doctor: Doctor, emulator: Emulator) -> None:
    echo = json.dumps({"message": emulator.bedrock.door.identity.secret_key})
    emulator.faults.add("status", status=500, body=echo, times=2)
    told = doctor("--write", "--json").output + doctor().output
    told += doctor.verified.read_text("utf-8")
    for secret in (
        emulator.bedrock.door.identity.secret_key,
        emulator.api_key,
        emulator.direct.organization.admin_key,
    ):
        assert secret not in told


def _service() -> dict[str, Any]:
    root = Path(botocore.__file__).parent / "data" / "bedrock" / "2023-04-20"
    found: dict[str, Any] = json.loads(gzip.decompress((root / "service-2.json.gz").read_bytes()))
    return found


def test_every_mode_of_the_service_model_is_known_to_keep_or_not() -> None:
    modes = set(_service()["shapes"]["DataRetentionMode"]["enum"])
    assert set(probe_data().retention_modes.rows) == {"none"}
    assert {"none", "inherit", "default"} <= modes


def test_every_platform_has_hosts_of_its_own_or_none() -> None:
    assert set(probe_data().domains.rows) == set(FACTS) == set(PROVIDERS)


@pytest.mark.parametrize(
    ("operation", "shape"),
    [
        ("GetAccountDataRetention", bedrock_answers.Retention),
        ("GetInferenceProfile", bedrock_answers.Profile),
        ("GetFoundationModel", bedrock_answers.FoundationModel),
        ("GetFoundationModelAvailability", bedrock_answers.Availability),
    ],
)
def test_what_is_read_is_what_the_service_model_has(
    operation: str, shape: type[msgspec.Struct]
) -> None:
    client = boto3.client(
        "bedrock", region_name="eu-west-1", aws_access_key_id="a", aws_secret_access_key="b"
    )
    model = client.meta.service_model.operation_model(operation)
    assert set(shape.__struct_fields__) <= set(model.output_shape.members)


@pytest.mark.parametrize(
    ("operation", "path"),
    [
        ("GetAccountDataRetention", "/data-retention"),
        ("GetInferenceProfile", "/inference-profiles/eu.anthropic.claude-opus-5-5"),
        ("GetFoundationModel", "/foundation-models/anthropic.claude-opus-5-5"),
        (
            "GetFoundationModelAvailability",
            "/foundation-model-availability/anthropic.claude-opus-5-5",
        ),
    ],
)
def test_the_emulator_answers_as_the_service_model_has_it(operation: str, path: str) -> None:
    client = boto3.client(
        "bedrock", region_name="eu-west-1", aws_access_key_id="a", aws_secret_access_key="b"
    )
    model = client.meta.service_model.operation_model(operation)
    answer = AwsAccount().answer(path, "eu-central-1")
    assert (
        set(model.output_shape.required_members) <= set(answer) <= set(model.output_shape.members)
    )
    assert path.startswith(str(model.http["requestUri"]).partition("{")[0])
