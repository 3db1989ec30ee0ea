"""One request that tries to reach what policy does not allow, or to leave its words behind."""

from __future__ import annotations

import pytest

from gateway.config import ConfigError
from gateway.policy.files import read_policy

HEAD = """schema = 1
name = "org"
unlabelled = "a"
[classes]
a = "one"
[[permit]]
classes = ["a"]
environments = ["prod"]
"""


def rule(demand: str) -> str:
    return f"{HEAD}[[rule]]\nid = 'x'\n{demand}\n"


@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("claude-haiku-4-5-20251001", "claude-haiku-4-5"),
        ("claude-haiku-4-5-2025*", "claude-haiku"),
        ("anthropic.claude-opus-5-5", "claude-opus-5-5"),
        ("eu.anthropic.claude-opus-4-5-20251101-v1:0", "claude-opus-4-5"),
        ("claude-opus-5-5[1m]", "claude-opus-5-5"),
        ("claude-opsu-5-5", "claude-opus-5-5"),
        ("claude-nothing-*", ""),
    ],
)
def test_a_model_that_is_forbidden_by_a_name_nobody_judges_is_a_mistake(
    name: str, right: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        read_policy("org.toml", rule(f"forbid.models = ['{name}']"))
    assert "is not known" in str(caught.value)
    assert right in caught.value.mistakes[0].suggestion


@pytest.mark.parametrize("name", ["claude-opus-5-5", "claude-mythos-*", "*", "claude-[fm]*"])
def test_a_model_may_be_forbidden_by_its_own_name_and_by_a_glob(name: str) -> None:
    assert read_policy("org.toml", rule(f"forbid.models = ['{name}']"))
