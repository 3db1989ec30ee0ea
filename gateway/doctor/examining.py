"""Asks the platforms of the configured upstreams, one upstream after the other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from gateway.config import (
    AnthropicUpstream,
    AwsUpstream,
    BedrockMantleUpstream,
    BedrockUpstream,
    FoundryUpstream,
    GoogleCloudUpstream,
    OpenaiRelayUpstream,
    RelayUpstream,
    VertexUpstream,
)
from gateway.doctor.finding import FACTS, Finding
from gateway.doctor.subject import Subject


def examined(subjects: Iterable[Subject], *, spend: bool = False) -> tuple[Finding, ...]:
    """Return what the platforms say of the upstreams; blocks.

    No model is run, unless `spend` lets relays be asked for a word.
    """
    return tuple(finding for subject in subjects for finding in _examined(subject, spend=spend))


def _examined(subject: Subject, *, spend: bool) -> Iterator[Finding]:
    if isinstance(subject.section, RelayUpstream):
        from gateway.doctor.relay_probes import probe_relay  # noqa: PLC0415 - loads httpx2

        yield from probe_relay(subject, subject.section, spend=spend)
        return
    doubt = subject.doubt()
    if doubt:
        yield from subject.silent("none", doubt, *FACTS[subject.section.provider])
        return
    match subject.section:
        case BedrockUpstream() as section:
            from gateway.doctor.bedrock_probes import probe_bedrock  # noqa: PLC0415 - loads boto3

            yield from probe_bedrock(subject, section)
        case (
            AwsUpstream()
            | BedrockMantleUpstream()
            | FoundryUpstream()
            | GoogleCloudUpstream()
            | OpenaiRelayUpstream()
        ):
            # No operation is known that tells a fact of these platforms.
            return
        case VertexUpstream() as section:
            from gateway.doctor.vertex_probes import probe_vertex  # noqa: PLC0415 - google-auth

            yield from probe_vertex(subject, section)
        case AnthropicUpstream() as section:
            from gateway.doctor.anthropic_probes import probe_anthropic  # noqa: PLC0415 - the SDK

            yield from probe_anthropic(subject, section)
