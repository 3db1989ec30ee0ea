from __future__ import annotations

import pytest

from gateway.policy.features import features
from tests.fidelity import samples

EXPECTED = {
    "claude-code-2.1.197-02-m6-t24-75k": {"context_editing"},
    "claude-code-2.1.330-00-m2-t12-48k": {"context_editing", "tool_search"},
    "claude-code-2.1.330-06-m10-t12-162k": {"context_editing", "tool_search"},
    "claude-code-2.1.330-09-m1-t1-0k": {"web_search"},
}


@pytest.mark.parametrize("name", samples.NAMES)
@pytest.mark.parametrize("written", samples.WRITTEN)
def test_what_claude_code_asks_for_is_known(name: str, written: str) -> None:
    found = features(samples.call(name, written).fields)
    assert found.features == EXPECTED[name]
    assert found.doubts == ()
    assert found.models_inside == ()


def test_every_sample_is_here() -> None:
    assert set(samples.NAMES) == set(EXPECTED)
