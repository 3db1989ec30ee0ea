"""Asks Bedrock how long an account keeps requests, and where its models send them.

No model is ever run. Importing this module loads boto3.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import msgspec
from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as AwsConnectionError

from gateway.compose import credential
from gateway.config import BedrockUpstream
from gateway.credentials.contract import CredentialError
from gateway.doctor import bedrock_answers as answers
from gateway.doctor.bedrock_client import control_plane
from gateway.doctor.bedrock_places import Seen, located
from gateway.doctor.finding import FACTS, Finding, Outcome
from gateway.doctor.subject import Subject, probe_data
from gateway.errors import quoted

RETENTION = "bedrock.get_account_data_retention"
PROFILE = "bedrock.get_inference_profile"
MODEL = "bedrock.get_foundation_model"
AVAILABILITY = "bedrock.get_foundation_model_availability"

_CODE = re.compile(r"[A-Za-z0-9]{1,64}\Z")
_PROFILED = re.compile(r"[a-z-]+\.anthropic\.|arn:[^:]+:bedrock:[^/]*inference-profile/")
_DENIED = "AccessDeniedException"
_ABSENT = frozenset({"ResourceNotFoundException"})

A = TypeVar("A")


class NoAnswer(Exception):
    """There is no answer that settles anything; the message says why."""

    def __init__(self, message: str, *, unreachable: bool = False, absent: bool = False) -> None:
        super().__init__(message)
        self.unreachable = unreachable
        self.absent = absent


def probe_bedrock(subject: Subject, section: BedrockUpstream) -> Iterator[Finding]:
    """Yield what Bedrock says of an upstream's account, Region, profiles and models."""
    region = subject.where.region or ""
    try:
        client = control_plane(section, credential(section), region)
    except CredentialError as error:
        yield from subject.silent("bedrock", error.message, *FACTS["bedrock"])
        return
    try:
        yield _retention(subject, client, region)
        seen = [_seen(client, model, wire) for model, wire in subject.where.models.items()]
    except NoAnswer as error:
        yield from subject.silent("bedrock", str(error), *FACTS["bedrock"])
        return
    yield from located(subject, seen)
    yield from _access(subject, client, seen)


def _retention(subject: Subject, client: Any, region: str) -> Finding:
    def found(outcome: Outcome, because: str, days: int | None = None) -> Finding:
        return Finding(
            subject.name, "retention_days", outcome, RETENTION, region, because, value=days
        )

    try:
        mode = _asked(client.get_account_data_retention, answers.Retention).mode
    except NoAnswer as error:
        if error.unreachable:
            raise
        return found(Outcome.UNVERIFIED, str(error))
    days = probe_data().retention_modes.rows.get(mode)
    words = f"Bedrock {region} retention mode is `{quoted(mode, 40)}`"
    if days is None:
        return found(Outcome.DROPPED, f"{words}; only `none` keeps nothing")
    return found(Outcome.VERIFIED, words, days)


def _seen(client: Any, model: str, wire_id: str) -> Seen:
    profiled = _PROFILED.match(wire_id) is not None
    probe = PROFILE if profiled else MODEL
    try:
        reach = _of_profile(client, wire_id) if profiled else _of_model(client, wire_id)
    except NoAnswer as error:
        if error.unreachable:
            raise
        return Seen(model, wire_id, probe, None, str(error), error.absent)
    except answers.UnreadableArn:
        return Seen(model, wire_id, probe, None, "the answer names no foundation model")
    return Seen(model, wire_id, probe, reach)


def _of_profile(client: Any, wire_id: str) -> answers.Reach:
    found = _asked(
        client.get_inference_profile, answers.Profile, inferenceProfileIdentifier=wire_id
    )
    return answers.reach([each.modelArn for each in found.models])


def _of_model(client: Any, wire_id: str) -> answers.Reach:
    asked = client.get_foundation_model
    found = _asked(asked, answers.FoundationModel, modelIdentifier=wire_id).modelDetails
    if "ON_DEMAND" not in found.inferenceTypesSupported:
        raise NoAnswer("the model is not served there without a profile", absent=True)
    return answers.reach([found.modelArn])


def _access(subject: Subject, client: Any, seen: list[Seen]) -> Iterator[Finding]:
    """Yield which models the account may use; Bedrock runs none for that."""
    found: dict[tuple[Outcome, str], list[str]] = {}
    for each in seen:
        if each.reach is not None:
            found.setdefault(_usable(client, each.reach.base), []).append(each.model)
    yield from subject.models_told(AVAILABILITY, found)


def _usable(client: Any, base: str) -> tuple[Outcome, str]:
    asked = client.get_foundation_model_availability
    try:
        found = _asked(asked, answers.Availability, modelId=base)
    except NoAnswer as error:
        return Outcome.UNVERIFIED, str(error)
    wrong = [
        words
        for words, good in (
            ("its agreement is not signed", found.agreementAvailability.status == "AVAILABLE"),
            ("the account is not authorized", found.authorizationStatus == "AUTHORIZED"),
            ("the account has no entitlement", found.entitlementAvailability == "AVAILABLE"),
            ("it is not in the Region", found.regionAvailability == "AVAILABLE"),
        )
        if not good
    ]
    return (Outcome.UNVERIFIED if wrong else Outcome.VERIFIED), "; ".join(wrong)


def _asked(operation: Callable[..., Any], shape: type[A], **parameters: str) -> A:
    """Return the answer to one question; raises NoAnswer, quoting nothing of what came."""
    try:
        return msgspec.convert(operation(**parameters), shape)
    except ClientError as error:
        raise _refused(error, operation) from None
    except (AwsConnectionError, HTTPClientError) as error:
        words = f"Bedrock's control plane did not answer ({type(error).__name__})"
        raise NoAnswer(words, unreachable=True) from None
    except Exception as error:  # noqa: BLE001 - whatever broke, nothing was verified
        raise NoAnswer(f"the answer could not be read ({type(error).__name__})") from None


def _refused(error: ClientError, operation: Callable[..., Any]) -> NoAnswer:
    code = str(error.response.get("Error", {}).get("Code", ""))
    shown = code if _CODE.match(code) else "an unknown error"
    if code == _DENIED:
        action = operation.__name__.title().replace("_", "")
        return NoAnswer(f"{shown}: the credential needs bedrock:{action}")
    return NoAnswer(f"Bedrock answered {shown}", absent=code in _ABSENT)
