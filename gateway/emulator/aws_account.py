"""Emulates what Bedrock's control plane says of an account: retention, profiles, models.

Paths and members follow botocore's bedrock service model (API version 2023-04-20). It is reached
on the port of bedrock-runtime, with the same signatures.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import unquote

from gateway.emulator.bedrock_models import (
    BedrockModel,
    bedrock_table,
    callable_from,
    local,
    split,
)
from gateway.emulator.problems import Problem

_UPDATED: Final = "2026-09-01T08:00:00Z"
_PATHS: Final = frozenset(
    {"data-retention", "inference-profiles", "foundation-models", "foundation-model-availability"}
)
_GOV: Final = "us-gov-"


@dataclass(slots=True)
class AwsAccount:
    """An account's settings, to be changed before or between requests."""

    retention_mode: str = "none"
    """The mode in regions that `retention_modes` does not name."""
    retention_modes: dict[str, str] = field(default_factory=dict)
    """Region -> `default`, `none`, `aws_review`, `provider_data_share` or `inherit`."""
    destinations: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Profile prefix -> other regions than usual."""
    no_access: set[str] = field(default_factory=set)
    """Base ids of models that the account may not use."""

    def reset(self) -> None:
        """Return to what an account is at first."""
        self.retention_mode = "none"
        self.retention_modes.clear()
        self.destinations.clear()
        self.no_access.clear()

    def knows(self, path: str) -> bool:
        """Say whether a path is one of the control plane."""
        return path.split("/")[1] in _PATHS

    def answer(self, path: str, region: str | None) -> dict[str, Any]:
        """Return what a request reads; raises Problem."""
        here = region or "us-east-1"
        match path.split("/"):
            case ["", "data-retention"]:
                mode = self.retention_modes.get(here, self.retention_mode)
                return {"mode": mode, "updatedAt": _UPDATED}
            case ["", "inference-profiles", profile]:
                return self._profile(unquote(profile), here)
            case ["", "foundation-models", model]:
                return {"modelDetails": _details(_model(unquote(model)), here)}
            case ["", "foundation-model-availability", model]:
                return self._availability(_model(unquote(model)), here)
        raise Problem(404, "The requested operation is not known.", kind="UnknownOperation")

    def _profile(self, identifier: str, region: str) -> dict[str, Any]:
        known = bedrock_table()
        inside = local(identifier, region, known)
        prefix, base = split(inside, known)
        model = known.models.get(base)
        if prefix is None or model is None or prefix not in model.profiles:
            raise Problem(404, "Inference profile not found.", kind="ResourceNotFoundException")
        if not callable_from(prefix, region, known):
            raise Problem(404, "Inference profile not found.", kind="ResourceNotFoundException")
        reached = self.destinations.get(prefix, known.destinations[prefix])
        applied = ":application-inference-profile/" in identifier
        return {
            "inferenceProfileName": f"{prefix} {base}",
            "inferenceProfileArn": identifier if applied else _profile_arn(region, inside),
            "inferenceProfileId": identifier.rpartition("/")[2] if applied else inside,
            "models": [{"modelArn": _model_arn(each, region, base)} for each in reached],
            "status": "ACTIVE",
            "type": "APPLICATION" if applied else "SYSTEM_DEFINED",
            "createdAt": _UPDATED,
            "updatedAt": _UPDATED,
        }

    def _availability(self, model: BedrockModel, region: str) -> dict[str, Any]:
        free = model.base not in self.no_access
        there = region in model.on_demand or bool(model.profiles)
        return {
            "modelId": model.base,
            "agreementAvailability": {"status": "AVAILABLE" if free else "NOT_AVAILABLE"},
            "authorizationStatus": "AUTHORIZED" if free else "NOT_AUTHORIZED",
            "entitlementAvailability": "AVAILABLE" if free else "NOT_AVAILABLE",
            "regionAvailability": "AVAILABLE" if there else "NOT_AVAILABLE",
        }


def _model(identifier: str) -> BedrockModel:
    model = bedrock_table().models.get(identifier)
    if model is None:
        words = "The provided model identifier is invalid."
        raise Problem(404, words, kind="ResourceNotFoundException")
    return model


def _details(model: BedrockModel, region: str) -> dict[str, Any]:
    on_demand = ["ON_DEMAND"] if region in model.on_demand else []
    return {
        "modelArn": _model_arn(region, region, model.base),
        "modelId": model.base,
        "modelName": model.name,
        "providerName": "Anthropic",
        "inferenceTypesSupported": [*on_demand, "INFERENCE_PROFILE"],
        "modelLifecycle": {"status": "ACTIVE"},
    }


def _partition(region: str) -> str:
    return "aws-us-gov" if region.startswith(_GOV) else "aws"


def _model_arn(reached: str, region: str, base: str) -> str:
    return f"arn:{_partition(region)}:bedrock:{reached}::foundation-model/{base}"


def _profile_arn(region: str, profile: str) -> str:
    account = bedrock_table().account
    return f"arn:{_partition(region)}:bedrock:{region}:{account}:inference-profile/{profile}"
