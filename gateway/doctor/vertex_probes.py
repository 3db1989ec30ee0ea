"""Asks Vertex AI whether a location is what it is called, and which models are there."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

from gateway.compose import credential
from gateway.config import VertexUpstream
from gateway.credentials.contract import CredentialError
from gateway.credentials.google_tokens import fetch_token
from gateway.credentials.settings import CredentialKind
from gateway.doctor.finding import FACTS, Finding, Outcome
from gateway.doctor.subject import TIMEOUT_S, Subject
from gateway.errors import quoted
from gateway.policy import places

LOCATION = "vertex.get_location"
MODEL = "vertex.get_publisher_model"
EXTRA = "google-cloud-aiplatform is not installed: pip install 'tidegate[vertex]'"

_MANY = frozenset({"us", "eu", "global"})
"""Locations that are several regions; no call tells which."""


class NoAnswer(Exception):
    """There is no answer that settles anything; the message says why."""

    def __init__(self, message: str, *, absent: bool = False) -> None:
        super().__init__(message)
        self.absent = absent


def probe_vertex(subject: Subject, section: VertexUpstream) -> Iterator[Finding]:
    """Yield what Vertex AI says of an upstream's location and models."""
    try:
        # Imported here: its import takes seconds, and it is an extra.
        from gateway.doctor.vertex_client import model_garden  # noqa: PLC0415 - see above
    except ModuleNotFoundError:
        yield from subject.silent(LOCATION, EXTRA, *FACTS["vertex"])
        return
    try:
        client = model_garden(section, subject.control_url, _token(section))
    except CredentialError as error:
        yield from subject.silent(LOCATION, error.message, *FACTS["vertex"])
        return
    yield _location(subject, section, client)
    yield from _models(subject, client)


def _token(section: VertexUpstream) -> str:
    settings = credential(section)
    if settings.kind is CredentialKind.GOOGLE_TOKEN:
        return settings.token or ""
    return fetch_token(settings, time.time()).value


def _location(subject: Subject, section: VertexUpstream, client: Any) -> Finding:
    region = subject.where.region or ""

    def found(outcome: Outcome, because: str, value: frozenset[str] | None = None) -> Finding:
        return Finding(subject.name, "processing_in", outcome, LOCATION, region, because, value)

    if region in _MANY:
        return found(Outcome.UNVERIFIED, f"no call tells in which countries {region} runs")
    name = f"projects/{section.project}/locations/{region}"
    try:
        told = _asked(client.get_location, request={"name": name}).location_id
    except NoAnswer as error:
        return found(Outcome.UNVERIFIED, str(error))
    if told != region:
        shown = quoted(str(told), 40)
        return found(Outcome.DROPPED, f"the location {region} says that it is {shown}")
    held = places.country_of_location(region)
    if held is None:
        return found(Outcome.UNVERIFIED, f"no table says in which country {region} is")
    return found(Outcome.VERIFIED, "", held)


def _models(subject: Subject, client: Any) -> Iterator[Finding]:
    found: dict[tuple[Outcome, str], list[str]] = {}
    for model, wire_id in subject.where.models.items():
        told = Outcome.VERIFIED, ""
        try:
            _asked(client.get_publisher_model, name=f"publishers/anthropic/models/{wire_id}")
        except NoAnswer as error:
            told = Outcome.ABSENT if error.absent else Outcome.UNVERIFIED, str(error)
        found.setdefault(told, []).append(model)
    yield from subject.models_told(MODEL, found)


def _asked(operation: Callable[..., Any], **parameters: Any) -> Any:
    """Return the answer to one question; raises NoAnswer, quoting nothing of what came."""
    from google.api_core.exceptions import (  # noqa: PLC0415 - part of the extra
        GoogleAPICallError,
        NotFound,
    )

    try:
        return operation(**parameters, retry=None, timeout=TIMEOUT_S)
    except NotFound:
        raise NoAnswer("Vertex AI answered 404", absent=True) from None
    except GoogleAPICallError as error:
        raise NoAnswer(f"Vertex AI answered {int(error.code or 0)}") from None
    except Exception as error:  # noqa: BLE001 - whatever broke, nothing was verified
        raise NoAnswer(f"Vertex AI gave no readable answer ({type(error).__name__})") from None
