"""Usage types of Amazon Bedrock: each documented form, and no guesses."""

from __future__ import annotations

import pytest

from gateway.reconcile.aws_usage_types import model, parsed


@pytest.mark.parametrize(
    ("usage_type", "named", "kind", "scope", "tier"),
    [
        ("USE1-Claude4.6Sonnet-input-tokens", "Claude4.6Sonnet", "input", "regional", "standard"),
        (
            "USE1-Claude4.6Sonnet-cache-read-input-token-count",
            "Claude4.6Sonnet", "cache_read", "regional", "standard",
        ),
        (
            "USE1-Claude4.6Sonnet-cache-write-input-token-count",
            "Claude4.6Sonnet", "cache_write_5m", "regional", "standard",
        ),
        (
            "USE1-Claude4.6Sonnet-cache-write-1h-input-token-count",
            "Claude4.6Sonnet", "cache_write_1h", "regional", "standard",
        ),
        (
            "USE1-Claude4.6Sonnet-output-tokens-cross-region-global",
            "Claude4.6Sonnet", "output", "global", "standard",
        ),
        (
            "USE1-Claude4.6Opus-cache-read-input-token-count-cross-region-geo",
            "Claude4.6Opus", "cache_read", "regional", "standard",
        ),
        ("Claude4.5Haiku-input-tokens-batch", "Claude4.5Haiku", "input", "regional", "batch"),
        ("USE1-Claude4.5Haiku-output-tokens-flex", "Claude4.5Haiku", "output", "regional", "flex"),
        (
            "USW2-anthropic.claude-opus-4-8-mantle-cache-write-tokens-standard",
            "anthropic.claude-opus-4-8", "cache_write_5m", "regional", "standard",
        ),
        (
            "USW2-anthropic.claude-opus-4-8-mantle-cache-write-tokens-global-standard",
            "anthropic.claude-opus-4-8", "cache_write_5m", "global", "standard",
        ),
        (
            "UGW1-anthropic.claude-opus-5-5-mantle-input-tokens-standard",
            "anthropic.claude-opus-5-5", "input", "government", "standard",
        ),
        ("USE1-MP:USE1_InputTokenCount-Units", "", "input", "regional", "standard"),
        ("USE1-MP:USE1_InputTokenCount_Global_Batch-Units", "", "input", "global", "batch"),
        ("USE1-MP:USE1_CacheReadInputTokenCount-Units", "", "cache_read", "regional", "standard"),
        (
            "USE1-MP:USE1_CacheWrite1hInputTokenCount_Global-Units",
            "", "cache_write_1h", "global", "standard",
        ),
        ("USE1-MP:USE1_OutputTokenCount-Units", "", "output", "regional", "standard"),
        (
            "USE1-MP:USE1_cache_write_tokens_1h_global_standard-Units",
            "", "cache_write_1h", "global", "standard",
        ),
        ("USE1_output_tokens_standard-Units", "", "output", "regional", "standard"),
    ],
)  # fmt: skip
def test_each_documented_form_is_understood(
    usage_type: str, named: str, kind: str, scope: str, tier: str
) -> None:
    found = parsed(usage_type)
    assert found is not None
    assert (found.named, found.kind, found.scope, found.tier) == (named, kind, scope, tier)


@pytest.mark.parametrize(
    "usage_type",
    [
        "USE1-Claude4.6Sonnet-input-image-count",
        "USE1-Claude4.6Sonnet-cache-write-30m-input-token-count",
        "USE1-Claude4.6Sonnet-input-tokens-cross-region-lunar",
        "APN1-MP:APN1_MillionBatchInputTokens-Units",
        "USW2-BoxUsage:m5.large",
        "",
    ],
)
def test_a_word_that_nobody_knows_is_not_passed_over(usage_type: str) -> None:
    assert parsed(usage_type) is None


def test_reserved_throughput_is_no_usage() -> None:
    found = parsed("USE1-MP:USE1_Reserved_1Month_InputTPM_Geo-Units")
    assert found is not None
    assert found.kind == "reserved"


@pytest.mark.parametrize(
    ("named", "canonical"),
    [
        ("Claude4.6Sonnet", "claude-sonnet-4-6"),
        ("Claude5Opus", "claude-opus-5"),
        ("Claude Opus 5.5 (Amazon Bedrock Edition)", "claude-opus-5-5"),
        ("Claude Haiku 4.5 (Amazon Bedrock Edition)", "claude-haiku-4-5"),
        ("anthropic.claude-opus-4-8", "claude-opus-4-8"),
        ("Claude Opus 60 (Amazon Bedrock Edition)", None),
        ("Claude5.55Opus", None),
        ("NovaLite", None),
        ("", None),
    ],
)
def test_a_model_is_known_by_its_exact_name_or_not_at_all(
    named: str, canonical: str | None
) -> None:
    assert model(named) == canonical
