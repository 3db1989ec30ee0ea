from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.affinity import marks
from tests.unit.affinity.conversations import HOUR, MARK, WRITTEN, bodies, marked

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "b", "cache_control", "text"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(
    st.lists(
        st.dictionaries(st.sampled_from(["a", "b", "text"]), values, max_size=3),
        min_size=1,
        max_size=2,
    ),
    st.data(),
    st.sampled_from(sorted(WRITTEN)),
)
def test_what_is_left_is_what_stood_there_before_it_was_marked(
    parts: list[dict[str, Any]], data: st.DataObject, written: str
) -> None:
    with_marks = [
        marked(part, data.draw(st.sampled_from([MARK, HOUR])), data.draw(st.booleans()))
        for part in parts
    ]
    bare, longest_s = marks.unmarked(json.dumps(with_marks, **WRITTEN[written]).encode())
    assert json.loads(bare) == json.loads(json.dumps(_without(parts)))
    assert longest_s == (3600 if any(each["cache_control"] == HOUR for each in with_marks) else 300)


def _without(value: Any) -> Any:
    """Take away what is written like a mark, but is a value: nobody can tell it from one."""
    if isinstance(value, list):
        return [_without(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        key: _without(each)
        for key, each in value.items()
        if not (key == "cache_control" and each is None)
    }


@given(bodies())
def test_a_text_that_reads_like_a_mark_is_none(body: dict[str, Any]) -> None:
    raw = json.dumps(body).encode()
    assert marks.unmarked(raw) == (raw, marks.NO_MARK_S)
    assert marks.longest_s(raw) == marks.NO_MARK_S


@pytest.mark.parametrize(
    "part",
    [
        b'{"cache_control"' + b" " * (8 << 20) + b":{}}",
        b'"cache_control":{' * (1 << 19),
        b'{"a":1' + b" " * (8 << 20) + b',"cache_control":{"type":"ephemeral"}}',
        (b" " * 4096 + b'"cache_control":{"type":"ephemeral"}') * 2048,
    ],
)
def test_no_body_makes_the_search_long(part: bytes) -> None:
    begun_s = time.process_time()
    marks.longest_s(part)
    marks.unmarked(part)
    assert time.process_time() - begun_s < 1.0, "a bound against minutes, no measurement"
