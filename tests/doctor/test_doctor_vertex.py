"""What Vertex AI says, asked by google-cloud-aiplatform at the emulator."""

from __future__ import annotations

import builtins
from collections.abc import Iterator
from typing import Any

import pytest

from gateway.emulator import Emulator
from tests.doctor.asking import Doctor, row

HERE = ("--upstream", "belgium")


@pytest.fixture
def _project(emulator: Emulator) -> Iterator[None]:
    emulator.vertex.project = "another"
    yield
    emulator.vertex.project = None


def test_a_location_that_is_what_it_is_called_is_verified(
    doctor: Doctor, emulator: Emulator
) -> None:
    told = doctor.told(*HERE)
    assert row(told, "belgium", "processing_in")["before"] == "BE (org)"
    assert row(told, "belgium", "processing_in")["after"] == "BE (verified)"
    assert row(told, "belgium", "model_access")["after"] == "usable"
    assert {record.method for record in emulator.records} == {"GET"}
    assert {record.header("authorization") for record in emulator.records} == {
        f"Bearer {emulator.api_key}"
    }


def test_a_location_that_is_another_is_dropped(doctor: Doctor, emulator: Emulator) -> None:
    emulator.vertex.garden.location = "us-east5"
    told = doctor.told(*HERE)
    assert not told["ok"]
    assert row(told, "belgium", "processing_in")["after"] == "unknown"


@pytest.mark.parametrize("location", ["eu", "us", "global"])
def test_several_regions_under_one_name_are_not_verified(doctor: Doctor, location: str) -> None:
    doctor.edit('region = "europe-west1"', f'region = "{location}"')
    found = row(doctor.told(*HERE), "belgium", "processing_in")
    assert found["outcome"] == "unverified"
    assert found["before"] == found["after"]


def test_a_model_that_is_not_there_is_told(doctor: Doctor, emulator: Emulator) -> None:
    emulator.vertex.garden.withheld.add("claude-opus-5-5")
    told = doctor.told(*HERE)
    words = "belgium: model_access for claude-opus-5-5: Vertex AI answered 404"
    assert words in told["unverified"]


@pytest.mark.usefixtures("_project")
def test_a_project_without_permission_verifies_nothing(doctor: Doctor) -> None:
    found = row(doctor.told(*HERE), "belgium", "processing_in")
    assert (found["outcome"], found["because"]) == ("unverified", "Vertex AI answered 403")


@pytest.mark.parametrize("body", ["", "[]", "<html>", '{"locationId": 7}', '{"locationId": {}}'])
def test_garbage_from_vertex_verifies_nothing(
    doctor: Doctor, emulator: Emulator, body: str
) -> None:
    emulator.faults.add("status", status=200, body=body, times=-1, platform="vertex")
    found = row(doctor.told(*HERE), "belgium", "processing_in")
    assert found["outcome"] != "verified"
    assert "(verified)" not in found["after"]


def test_a_redirect_of_vertex_is_not_followed(doctor: Doctor, emulator: Emulator) -> None:
    there = (("location", f"{emulator.direct.base_url}/stolen"),)
    emulator.faults.add("status", status=302, headers=there, times=-1, platform="vertex")
    assert row(doctor.told(*HERE), "belgium", "processing_in")["outcome"] == "unverified"
    assert emulator.records.of("anthropic") == []


def test_without_the_extra_it_says_how_to_get_it(
    doctor: Doctor, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def without(name: str, *more: Any) -> Any:
        if name == "gateway.doctor.vertex_client":
            raise ModuleNotFoundError(name="google.cloud")
        return real(name, *more)

    monkeypatch.setattr(builtins, "__import__", without)
    result = doctor(*HERE)
    assert result.exit_code == 0
    assert "could not verify: belgium: processing_in: " in result.output
    assert "pip install 'tidegate[vertex]'" in result.output
    assert len(emulator.records) == 0
