from __future__ import annotations

from pathlib import Path

import pytest

from gateway.policy.compiling import Compiled, compile_policies
from gateway.policy.facts import FactSheet
from gateway.policy.files import read_policy
from gateway.policy.scenarios import Scenarios, read_scenarios

EXAMPLES = Path(__file__).parents[3] / "config" / "policies"


@pytest.fixture
def bank() -> Compiled:
    return compile_policies([read_policy("eu-bank.toml", (EXAMPLES / "eu-bank.toml").read_text())])


@pytest.fixture
def bank_tests() -> Scenarios:
    return read_scenarios("eu-bank_test.toml", (EXAMPLES / "eu-bank_test.toml").read_text())


@pytest.fixture
def bank_facts(bank_tests: Scenarios) -> FactSheet:
    assert bank_tests.facts is not None
    return bank_tests.facts
