"""What Bedrock's control plane says, asked by boto3 at the emulator."""

from __future__ import annotations

import pytest

from gateway.config import BedrockUpstream
from gateway.credentials.settings import CredentialKind, CredentialSettings
from gateway.doctor import bedrock_client
from gateway.emulator import Emulator
from tests.doctor.asking import Doctor, row

HERE = ("--upstream", "frankfurt")
EUROPE = "DE, ES, FR, IE, IT, SE (verified)"


def test_what_bedrock_confirms_is_verified(doctor: Doctor, emulator: Emulator) -> None:
    told = doctor.told(*HERE)
    assert row(told, "frankfurt", "retention_days")["before"] == "0 (org)"
    assert row(told, "frankfurt", "retention_days")["after"] == "0 (verified)"
    assert row(told, "frankfurt", "processing_in")["after"] == EUROPE
    assert row(told, "frankfurt", "storage_in")["after"] == EUROPE
    assert row(told, "frankfurt", "partition")["after"] == "aws (verified)"
    assert row(told, "frankfurt", "model_access")["after"] == "usable"
    assert told["drift"] == []
    assert {record.method for record in emulator.records} == {"GET"}
    assert not any("invoke" in record.path for record in emulator.records)


def test_a_mode_other_than_none_drops_the_retention(doctor: Doctor, emulator: Emulator) -> None:
    emulator.bedrock.account.retention_modes["eu-central-1"] = "inherit"
    told = doctor.told(*HERE)
    assert not told["ok"]
    assert row(told, "frankfurt", "retention_days")["after"] == "unknown"
    words = "Bedrock eu-central-1 retention mode is `inherit`; only `none` keeps nothing"
    assert told["drift"] == [f"frankfurt: retention_days is dropped: {words}"]


def test_the_mode_is_that_of_the_region(doctor: Doctor, emulator: Emulator) -> None:
    emulator.bedrock.account.retention_modes["us-east-1"] = "provider_data_share"
    assert doctor.told(*HERE)["ok"]


def test_a_profile_that_leaves_the_zone_is_dropped(doctor: Doctor, emulator: Emulator) -> None:
    emulator.bedrock.account.destinations["eu"] = ("eu-central-1", "us-east-1")
    told = doctor.told(*HERE)
    assert not told["ok"]
    found = row(told, "frankfurt", "processing_in")
    assert found["after"] == "unknown"
    words = "requests may go to us-east-1, which is outside what it is held to"
    assert f"frankfurt: processing_in is dropped: {words}" in told["drift"]


def test_a_destination_that_no_table_knows_is_dropped(doctor: Doctor, emulator: Emulator) -> None:
    emulator.bedrock.account.destinations["eu"] = ("eu-central-1", "eu-moon-1")
    assert not doctor.told(*HERE)["ok"]


def test_a_global_profile_is_never_verified_to_be_somewhere(
    doctor: Doctor, emulator: Emulator
) -> None:
    doctor.edit('profile = "eu"', 'profile = "global"')
    emulator.bedrock.account.destinations["global"] = ("eu-central-1",)
    told = doctor.told(*HERE)
    assert row(told, "frankfurt", "processing_in")["outcome"] == "unverified"
    assert row(told, "frankfurt", "processing_in")["after"] == "* (org)"


def test_a_profile_that_may_go_anywhere_is_verified_as_that(doctor: Doctor) -> None:
    doctor.edit('profile = "eu"', 'profile = "global"')
    assert row(doctor.told(*HERE), "frankfurt", "processing_in")["after"] == "* (verified)"


def test_an_application_profile_is_asked_for_its_destinations(doctor: Doctor) -> None:
    arn = "arn:aws:bedrock:eu-central-1:123456789012:application-inference-profile/tidegate0eu1"
    doctor.edit(
        "[upstreams.belgium]",
        f'[upstreams.frankfurt.models]\nclaude-opus-5-5 = "{arn}"\n[upstreams.belgium]',
    )
    told = doctor.told(*HERE)
    found = [each for each in told["findings"] if each["fact"] == "processing_in"]
    assert {each["after"] for each in found} == {EUROPE}
    assert any("claude-opus-5-5" in each["models"] for each in found)


def test_a_region_without_a_profile_is_verified_by_its_models(
    doctor: Doctor, emulator: Emulator
) -> None:
    doctor.edit('region = "eu-central-1"\nprofile = "eu"', 'region = "us-gov-west-1"')
    told = doctor.told(*HERE)
    assert row(told, "frankfurt", "processing_in")["after"] == "US (verified)"
    assert row(told, "frankfurt", "processing_in")["probe"] == "bedrock.get_foundation_model"
    assert row(told, "frankfurt", "partition")["after"] == "aws-us-gov (verified)"
    assert all("inference-profiles" not in record.path for record in emulator.records)


def test_a_model_without_access_is_told(doctor: Doctor, emulator: Emulator) -> None:
    emulator.bedrock.account.no_access.add("anthropic.claude-opus-5-5")
    told = doctor.told(*HERE)
    assert any(
        "claude-opus-5-5" in line and "not authorized" in line for line in told["unverified"]
    )


@pytest.mark.parametrize("body", ["", "[]", '{"mode": 7}', "<html>", '{"mode": null}', "\x00"])
def test_garbage_verifies_nothing(doctor: Doctor, emulator: Emulator, body: str) -> None:
    emulator.faults.add("status", status=200, body=body, times=-1, platform="bedrock")
    told = doctor.told(*HERE)
    assert {each["outcome"] for each in told["findings"]} == {"unverified"}
    assert row(told, "frankfurt", "retention_days")["after"] == "0 (org)"


def test_a_refusal_names_the_permission(doctor: Doctor, emulator: Emulator) -> None:
    emulator.faults.add("status", status=403, times=-1, path="/data-retention")
    told = doctor.told(*HERE)
    assert (
        "frankfurt: retention_days: AccessDeniedException: the credential needs "
        "bedrock:GetAccountDataRetention" in told["unverified"]
    )
    assert row(told, "frankfurt", "processing_in")["outcome"] == "verified"


def test_a_signature_that_is_not_known_verifies_nothing(
    doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCTOR_SECRET", "another")
    told = doctor.told(*HERE)
    assert {each["outcome"] for each in told["findings"]} == {"unverified"}


def test_a_platform_that_does_not_answer_is_asked_once(doctor: Doctor, emulator: Emulator) -> None:
    emulator.faults.add("reset", times=-1, platform="bedrock", before_head=True)
    told = doctor.told(*HERE)
    assert {each["outcome"] for each in told["findings"]} == {"unverified"}
    assert len(emulator.records) == 1


def test_a_redirect_is_not_followed(doctor: Doctor, emulator: Emulator) -> None:
    there = (("location", f"{emulator.direct.base_url}/stolen"),)
    emulator.faults.add("status", status=302, headers=there, times=-1, platform="bedrock")
    told = doctor.told(*HERE)
    assert {each["outcome"] for each in told["findings"]} == {"unverified"}
    assert emulator.records.of("anthropic") == []


def test_an_api_key_of_bedrock_is_sent_as_it_is(doctor: Doctor, emulator: Emulator) -> None:
    doctor.edit(
        'aws_access_key_id = "${DOCTOR_KEY_ID}"\naws_secret_access_key = "${DOCTOR_SECRET}"',
        'api_key = "${DOCTOR_TOKEN}"',
    )
    emulator.bedrock.door.region = "eu-central-1"
    try:
        assert row(doctor.told(*HERE), "frankfurt", "retention_days")["outcome"] == "verified"
    finally:
        emulator.bedrock.door.region = None
    sent = {record.header("authorization") for record in emulator.records}
    assert sent == {f"Bearer {emulator.api_key}"}


def test_the_environment_does_not_move_the_question(
    doctor: Doctor, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_BEDROCK", "HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, emulator.direct.base_url)
    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", "another")
    assert doctor.told(*HERE)["ok"]
    assert emulator.records.of("anthropic") == []


@pytest.mark.parametrize(
    ("settings", "host"),
    [
        ({}, "bedrock.eu-central-1.amazonaws.com"),
        ({"fips": True}, "bedrock-fips.us-east-1.amazonaws.com"),
        ({"dualstack": True}, "bedrock.eu-central-1.api.aws"),
    ],
)
def test_the_host_is_that_of_the_region(
    settings: dict[str, bool], host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://elsewhere.example.com")
    monkeypatch.setenv("AWS_ENDPOINT_URL_BEDROCK", "https://elsewhere.example.com")
    region = "us-east-1" if "fips" in settings else "eu-central-1"
    named = {"name": "u", "provider": "bedrock", "region": region}
    section = BedrockUpstream.model_validate({**named, **settings})
    keys = CredentialSettings(CredentialKind.AWS_KEYS, access_key_id="a", secret_access_key="b")
    client = bedrock_client.control_plane(section, keys, region)
    assert client.meta.endpoint_url == f"https://{host}"


def test_settings_of_aws_that_cannot_be_used_are_told(
    doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    told = doctor.told(*HERE)
    assert "ProfileNotFound" in told["unverified"][0]


def test_behind_another_address_the_platform_proves_nothing(
    doctor: Doctor, emulator: Emulator
) -> None:
    doctor.edit(
        'region = "eu-central-1"',
        'region = "eu-central-1"\nbase_url = "https://relay.example.com"',
    )
    told = doctor.told(*HERE)
    assert {each["outcome"] for each in told["findings"]} == {"unverified"}
    assert len(emulator.records) == 0


def test_a_platform_that_is_silent_is_not_waited_for(
    doctor: Doctor, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bedrock_client, "TIMEOUT_S", 0.1)
    emulator.faults.add("stall", times=-1, platform="bedrock", before_head=True)
    told = doctor.told(*HERE)
    assert {each["outcome"] for each in told["findings"]} == {"unverified"}
    assert "ReadTimeoutError" in told["unverified"][0]
