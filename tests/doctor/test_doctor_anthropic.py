"""What Anthropic's Admin API says of a workspace, asked by the SDK at the emulator."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.emulator import Emulator
from gateway.emulator.organization import WORKSPACE
from tests.doctor.asking import Doctor, row

HERE = ("--upstream", "direct")


def residency(emulator: Emulator, **changed: Any) -> None:
    emulator.direct.organization.residency[WORKSPACE].update(changed)


def test_a_workspace_held_to_a_geography_is_verified(doctor: Doctor, emulator: Emulator) -> None:
    told = doctor.told(*HERE)
    assert row(told, "direct", "processing_in")["after"] == "US (verified)"
    assert row(told, "direct", "storage_in")["after"] == "US (verified)"
    assert row(told, "direct", "cmek")["after"] == "false (verified)"
    assert [record.method for record in emulator.records] == ["GET"]


def test_a_key_of_the_customer_is_verified(doctor: Doctor, emulator: Emulator) -> None:
    emulator.direct.organization.external_keys[WORKSPACE] = "key_1"
    assert row(doctor.told(*HERE), "direct", "cmek")["after"] == "true (verified)"


@pytest.mark.parametrize("allowed", [["global", "us"], "unrestricted"])
def test_a_workspace_that_allows_more_proves_nothing(
    doctor: Doctor, emulator: Emulator, allowed: Any
) -> None:
    residency(emulator, allowed_inference_geos=allowed)
    found = row(doctor.told(*HERE), "direct", "processing_in")
    assert (found["outcome"], found["after"]) == ("unverified", "US (org)")


def test_a_workspace_that_does_not_allow_the_geography_drops_it(
    doctor: Doctor, emulator: Emulator
) -> None:
    residency(emulator, allowed_inference_geos=["global"])
    told = doctor.told(*HERE)
    assert not told["ok"]
    assert row(told, "direct", "processing_in")["after"] == "unknown"


def test_a_geography_that_no_table_knows_is_dropped(doctor: Doctor, emulator: Emulator) -> None:
    residency(emulator, workspace_geo="moon")
    assert row(doctor.told(*HERE), "direct", "storage_in")["after"] == "unknown"


def test_a_key_that_the_platform_contradicts_is_drift(doctor: Doctor) -> None:
    path = doctor.directory / "attestations.toml"
    entry = '\n[[attest]]\nupstream = "direct"\nfact = "cmek"\nvalue = true\n'
    more = 'assurance = "org"\nevidence = "ticket 8"\n'
    path.write_text(path.read_text("utf-8") + entry + more, "utf-8")
    told = doctor.told(*HERE)
    assert row(told, "direct", "cmek")["after"] == "unknown"
    assert [line for line in told["drift"] if "cmek" in line]


@pytest.mark.parametrize("setting", ["admin_key", "workspace"])
def test_what_only_the_admin_api_tells_needs_its_settings(
    doctor: Doctor, emulator: Emulator, setting: str
) -> None:
    lines = (doctor.directory / "gateway.toml").read_text("utf-8").splitlines()
    kept = [line for line in lines if not line.startswith(f"{setting} =")]
    (doctor.directory / "gateway.toml").write_text("\n".join(kept), "utf-8")
    told = doctor.told(*HERE)
    assert {each["outcome"] for each in told["findings"]} == {"unverified"}
    assert setting in told["unverified"][0]
    assert len(emulator.records) == 0


def test_an_ordinary_key_may_not_read_workspaces(
    doctor: Doctor, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCTOR_ADMIN", emulator.api_key)
    told = doctor.told(*HERE)
    assert "must be an Admin API key" in told["unverified"][0]


@pytest.mark.parametrize(
    "body", ["", "[]", "{}", '{"data_residency": {"workspace_geo": 7}}', "<p>"]
)
def test_garbage_from_the_admin_api_verifies_nothing(
    doctor: Doctor, emulator: Emulator, body: str
) -> None:
    emulator.faults.add("status", status=200, body=body, times=-1, platform="anthropic")
    told = doctor.told(*HERE)
    assert {each["outcome"] for each in told["findings"]} == {"unverified"}


def test_the_environment_has_no_say(
    doctor: Doctor, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_BASE_URL", emulator.vertex.base_url)
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", "another")
    monkeypatch.setenv("HTTP_PROXY", emulator.vertex.base_url)
    assert row(doctor.told(*HERE), "direct", "storage_in")["outcome"] == "verified"
    assert emulator.records.of("vertex") == []
    assert {record.header("authorization") for record in emulator.records} == {
        f"Bearer {emulator.direct.organization.admin_key}"
    }


def test_a_redirect_of_the_admin_api_is_not_followed(doctor: Doctor, emulator: Emulator) -> None:
    there = (("location", f"{emulator.vertex.base_url}/stolen"),)
    emulator.faults.add("status", status=302, headers=there, times=-1, platform="anthropic")
    told = doctor.told(*HERE)
    assert {each["outcome"] for each in told["findings"]} == {"unverified"}
    assert emulator.records.of("vertex") == []
