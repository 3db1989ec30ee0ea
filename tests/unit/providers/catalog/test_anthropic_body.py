from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import Raw

from providers import capabilities
from providers.codecs.anthropic_body import edit, take_betas
from providers.contract import Loss

LAW = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
JSON = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(),
    ),
    lambda inner: st.one_of(
        st.lists(inner), st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=6,
)


def decode(raw: bytes) -> dict[str, Raw]:
    return msgspec.json.decode(raw, type=dict[str, Raw])


@LAW
@given(
    st.dictionaries(st.text(max_size=4), JSON, max_size=4),
    st.sampled_from([None, 1]),
    st.booleans(),
)
def test_an_edit_of_nothing_keeps_values_and_order(
    value: dict[str, Any], indent: int | None, ascii_only: bool
) -> None:
    body = decode(json.dumps(value, indent=indent, ensure_ascii=ascii_only).encode())
    again = decode(edit(body, (), {}, ()))
    assert list(again) == list(body)
    assert [bytes(item) for item in again.values()] == [bytes(item) for item in body.values()]


def test_set_keeps_the_place_of_a_field_and_adds_new_ones_last() -> None:
    body = decode(b'{"model":"a","stream":true,"x": 1.50}')
    assert edit(body, (), {"v": "1", "model": "b"}, ["stream"]) == b'{"model":"b","x":1.50,"v":"1"}'
    assert set(body) == {"model", "stream", "x"}


def test_removing_what_is_not_there_changes_nothing() -> None:
    body = decode(b'{"a":{"b":1}}')
    losses = [Loss("c", ""), Loss("a.c", ""), Loss("a.b.c", ""), Loss("a[x]", "")]
    assert edit(body, losses, {}, ["d"]) == b'{"a":{"b":1}}'


def test_a_loss_that_changes_the_meaning_is_never_left_out() -> None:
    with pytest.raises(ValueError, match="thread may not be left out"):
        edit(decode(b'{"thread":{}}'), [Loss("thread", "", droppable=False)], {}, ())


def test_betas_are_renamed_once_and_without_the_losses() -> None:
    caps = capabilities.load("bedrock")
    asked = (
        "advanced-tool-use-2025-11-20",
        "tool-search-tool-2025-10-19",
        "claude-code-20250219",
        "effort-2025-11-24",
        "effort-2025-11-24",
    )
    lost = [Loss("anthropic-beta: claude-code-20250219", "")]
    assert take_betas(asked, caps, lost) == ("tool-search-tool-2025-10-19", "effort-2025-11-24")
