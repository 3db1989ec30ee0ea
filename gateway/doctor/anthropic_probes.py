"""Asks Anthropic's Admin API where a workspace's data is, and where it may be processed."""

from __future__ import annotations

from collections.abc import Iterator

import httpx2
import msgspec
from anthropic import (
    Anthropic,
    APIConnectionError,
    APIStatusError,
    AuthenticationError,
    PermissionDeniedError,
)
from msgspec import Struct

from gateway.config import AnthropicUpstream
from gateway.doctor.finding import FACTS, Finding, Outcome
from gateway.doctor.subject import TIMEOUT_S, Subject
from gateway.errors import quoted
from gateway.policy import places
from gateway.policy.facts import EVERYWHERE
from gateway.wire.contract import Route, WireError
from gateway.wire.tls import tls_context

WORKSPACE = "anthropic.workspaces.retrieve"


class Residency(Struct):
    """`data_residency` of a workspace."""

    workspace_geo: str
    default_inference_geo: str
    allowed_inference_geos: list[str] | str


class Workspace(Struct):
    """What is read of a workspace."""

    data_residency: Residency
    external_key_id: str | None = None


class NoAnswer(Exception):
    """There is no answer that settles anything; the message says why."""


def probe_anthropic(subject: Subject, section: AnthropicUpstream) -> Iterator[Finding]:
    """Yield what the Admin API says of the workspace that an upstream's requests are in."""
    try:
        found = _workspace(subject, section)
    except (NoAnswer, WireError) as error:
        yield from subject.silent(WORKSPACE, str(error), *FACTS["anthropic"])
        return
    yield _processing(subject, found.data_residency)
    yield _storage(subject, found.data_residency)
    has_key = found.external_key_id is not None
    words = "" if has_key else "the workspace has no key of the customer's"
    yield Finding(
        subject.name, "cmek", Outcome.VERIFIED, WORKSPACE, _asked(section), words, value=has_key
    )


def _workspace(subject: Subject, section: AnthropicUpstream) -> Workspace:
    if section.admin_key is None or section.workspace is None:
        lacks = "admin_key" if section.admin_key is None else "workspace"
        raise NoAnswer(f"the upstream names no {lacks}; only the Admin API tells")
    proxy = section.proxy.reveal() if section.proxy is not None else None
    files = (section.ca_file, section.client_cert)
    route = Route(subject.name, "https", "", 443, ca_file=files[0], client_cert=files[1])
    # Not the SDK's own client: it takes proxies from the environment whatever it is told.
    with httpx2.Client(
        follow_redirects=False,
        trust_env=False,
        proxy=proxy,
        verify=tls_context(route),
    ) as http:
        key = section.admin_key.reveal()
        client = Anthropic(
            api_key=key,
            # Said here, so that no token of the environment stands in for it.
            default_headers={"Authorization": f"Bearer {key}"},
            base_url=subject.control_url,
            max_retries=0,
            timeout=TIMEOUT_S,
            http_client=http,
        )
        return _retrieved(client, section.workspace)


def _retrieved(client: Anthropic, workspace: str) -> Workspace:
    try:
        answer = client.organization.workspaces.retrieve(workspace)
        return msgspec.convert(answer.to_dict(), Workspace)
    except (AuthenticationError, PermissionDeniedError) as error:
        words = f"Anthropic answered {error.status_code}: admin_key must be an Admin API key"
        raise NoAnswer(words) from None
    except APIStatusError as error:
        raise NoAnswer(f"Anthropic answered {error.status_code}") from None
    except APIConnectionError as error:
        raise NoAnswer(f"the Admin API did not answer ({type(error).__name__})") from None
    except Exception as error:  # noqa: BLE001 - whatever broke, nothing was verified
        raise NoAnswer(f"the answer could not be read ({type(error).__name__})") from None


def _processing(subject: Subject, told: Residency) -> Finding:
    """Return where the workspace lets requests be processed.

    What it allows beyond the upstream's own geography proves nothing of a single request.
    """
    allowed = told.allowed_inference_geos
    geos = allowed if isinstance(allowed, list) else [allowed]
    shown = ", ".join(quoted(geo, 40) for geo in geos) or "nothing"
    words = f"the workspace allows inference_geo {shown}"
    reached = _countries(geos)
    held = places.derived(subject.place).get("processing_in")
    outcome, value = Outcome.UNVERIFIED, None
    if held is None or held.value in (EVERYWHERE, reached):
        outcome, value = Outcome.VERIFIED, reached
    elif subject.where.geo not in {*geos, None} and "unrestricted" not in geos:
        outcome = Outcome.DROPPED
        words = f"{words}, and the upstream is set to {subject.where.geo}"
    return _finding(subject, "processing_in", outcome, words, value)


def _storage(subject: Subject, told: Residency) -> Finding:
    stored = places.geography(told.workspace_geo)
    words = f"the workspace's geography is {quoted(told.workspace_geo, 40)}"
    outcome = Outcome.DROPPED if stored is None else Outcome.VERIFIED
    return _finding(subject, "storage_in", outcome, words, stored)


def _countries(geos: list[str]) -> frozenset[str]:
    """Return the countries of geographies; one that is not known may be anywhere."""
    found = [places.geography(geo) or EVERYWHERE for geo in geos]
    return EVERYWHERE if EVERYWHERE in found or not found else frozenset().union(*found)


def _finding(
    subject: Subject, fact: str, outcome: Outcome, because: str, value: frozenset[str] | None
) -> Finding:
    asked = subject.section.name
    if isinstance(subject.section, AnthropicUpstream):
        asked = _asked(subject.section)
    return Finding(subject.name, fact, outcome, WORKSPACE, asked, because, value)


def _asked(section: AnthropicUpstream) -> str:
    return section.workspace or ""
