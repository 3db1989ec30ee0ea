"""The AWS policy that fences the same Regions."""

from __future__ import annotations

import json
from typing import Any

from gateway.doctor.fence import fence, unfenced
from gateway.emulator import Emulator
from gateway.policy.places import Where
from tests.doctor.asking import Doctor


def regions(*places: Where) -> list[str]:
    statement: dict[str, Any] = fence(places)["Statement"][0]
    assert statement["Effect"] == "Deny"
    found: list[str] = statement["Condition"]["StringNotEquals"]["aws:RequestedRegion"]
    return found


def test_a_region_without_a_profile_is_the_whole_fence() -> None:
    assert regions(Where("u", "bedrock", "eu-west-1")) == ["eu-west-1"]


def test_destinations_of_profiles_are_within_the_fence() -> None:
    found = regions(Where("u", "bedrock", "us-east-1", "us"))
    assert found == ["us-east-1", "us-east-2", "us-west-1", "us-west-2"]


def test_a_model_with_a_profile_of_its_own_widens_the_fence() -> None:
    models = {"claude-opus-5-5": "jp.anthropic.claude-opus-5-5"}
    found = regions(Where("u", "bedrock", "ap-northeast-1", models=models))
    assert found == ["ap-northeast-1", "ap-northeast-3"]


def test_several_upstreams_have_one_fence() -> None:
    found = regions(
        Where("u", "bedrock", "eu-west-1"),
        Where("v", "bedrock", "eu-west-2"),
        Where("w", "vertex", "europe-west1"),
    )
    assert found == ["eu-west-1", "eu-west-2"]


def test_a_global_profile_is_named_as_what_no_region_fences() -> None:
    where = Where("u", "bedrock", "eu-west-1", "global")
    assert regions(where) == ["eu-west-1", "unspecified"]
    assert "u:" in unfenced([where])[0]


def test_an_arn_is_named_as_what_no_region_fences() -> None:
    arn = "arn:aws:bedrock:eu-west-1:123456789012:application-inference-profile/x"
    where = Where("u", "bedrock", "eu-west-1", models={"claude-opus-5-5": arn})
    assert regions(where) == ["eu-west-1"]
    assert len(unfenced([where])) == 1


def test_without_bedrock_every_region_is_denied() -> None:
    assert "Condition" not in fence([Where("w", "vertex", "europe-west1")])["Statement"][0]


def test_the_fence_is_printed_without_asking_anybody(doctor: Doctor, emulator: Emulator) -> None:
    result = doctor("--scp")
    assert result.exit_code == 0
    printed = json.loads(result.stdout)
    assert "eu-west-3" in json.dumps(printed)
    assert "us-east-1" not in json.dumps(printed)
    assert len(emulator.records) == 0
