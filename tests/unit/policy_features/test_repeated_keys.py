"""No two readings of one accepted body give different features."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import Malformed
from gateway.policy.features import Asked
from tests.unit.policy_features.asking import asked_by

KINDS = [
    "custom",
    "text",
    "image",
    "document",
    "tool_result",
    "tool_addition",
    "server_tool_use",
    "compaction",
    "web_search_20250305",
    "advisor_20260301",
    "file",
    "url",
    "content",
    "direct",
    "tool_definition",
    "code_execution_20260120",
    "clear_thinking_20251015",
    "compact_20260112",
    "hologram",
]
KEYS = [
    "type",
    "name",
    "model",
    "strict",
    "defer_loading",
    "input_schema",
    "allowed_callers",
    "content",
    "source",
    "file_id",
    "caller",
    "tool",
    "definition",
    "cache_control",
    "scope",
    "tool_changes",
    "edits",
    "format",
    "schema",
    "properties",
    "enum",
    "effort",
    "output_config",
    "skills",
    "bill_to",
    "input",
    "text",
    "role",
    "été",
]
FIELDS = [
    "tools",
    "messages",
    "system",
    "output_config",
    "output_format",
    "context_management",
    "container",
    "fallbacks",
    "speed",
    "inference_geo",
    "billing_policy",
    "cache_control",
    "thread",
]
LEAVES = st.sampled_from(
    ["default", "fast", "web_search", "user_profile", True, False, None, 1, 1.5, 1e300, *KINDS]
)


class Pairs(list[tuple[str, Any]]):
    """An object as it is written: a key may stand in it twice."""


def _objects(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    pair = st.tuples(st.sampled_from(KEYS), inner)
    kind = st.tuples(st.just("type"), st.sampled_from(KINDS))
    pairs = st.tuples(st.lists(pair, max_size=3), st.lists(kind, max_size=1))
    return pairs.map(lambda both: Pairs([*both[1], *both[0]]))


VALUES = st.recursive(
    LEAVES, lambda inner: _objects(inner) | st.lists(inner, max_size=3), max_leaves=8
)
LISTS = st.lists(_objects(VALUES), max_size=3)
MESSAGES = st.lists(
    LISTS.map(lambda blocks: Pairs([("role", "user"), ("content", blocks)])), max_size=2
)
BODIES = st.dictionaries(st.sampled_from(FIELDS), VALUES | LISTS, max_size=3).flatmap(
    lambda fields: MESSAGES.map(
        lambda messages: Pairs([("model", "m"), ("messages", messages),
                                *((k, v) for k, v in fields.items() if k != "messages")])
    )
)  # fmt: skip

SEEDS = st.integers(0, 2**32)
"""Of the small choices: which key, how it is written. A drawn value for each would be slow."""


def written(value: Any, draw: Callable[[int], int]) -> str:
    """Write JSON with white space and escaped keys where `draw` says so."""
    space = ("", "", " ", "\n\t")[draw(3)]
    if isinstance(value, Pairs):
        inner = ("," + space).join(
            f"{_key(key, draw)}{space}:{space}{written(each, draw)}" for key, each in value
        )
        return "{" + space + inner + "}"
    if isinstance(value, list):
        return "[" + ("," + space).join(written(each, draw) for each in value) + space + "]"
    return json.dumps(value, ensure_ascii=bool(draw(1)))


def _key(key: str, draw: Callable[[int], int]) -> str:
    if draw(7):
        return json.dumps(key, ensure_ascii=False)
    at = draw(len(key) - 1)
    return '"' + key[:at] + f"\\u{ord(key[at]):04x}" + key[at + 1 :] + '"'


def with_repeats(value: Any, draw: Callable[[int], int], other: Any) -> Any:
    """Return a value with some keys of its objects, below the top, once more."""
    if isinstance(value, Pairs):
        pairs = Pairs((key, with_repeats(each, draw, other)) for key, each in value)
        if pairs and not draw(5):
            pairs.insert(draw(len(pairs)), (pairs[draw(len(pairs) - 1)][0], other))
        return pairs
    if isinstance(value, list):
        return [with_repeats(each, draw, other) for each in value]
    return value


def unique(value: Any) -> Any:
    """Return a value whose objects have each key once."""
    if isinstance(value, Pairs):
        return Pairs((key, unique(each)) for key, each in dict(value).items())
    if isinstance(value, list):
        return [unique(each) for each in value]
    return value


def first_wins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    return dict(reversed(pairs))


def told(asked: Asked) -> tuple[Any, ...]:
    return asked.features, set(asked.models_inside), asked.hatches, set(asked.doubts)


def readings(text: str) -> list[Asked]:
    """Return what a reader that takes the first key and one that takes the last would see."""
    read = [json.loads(text, object_pairs_hook=hook) for hook in (first_wins, dict)]
    return [asked_by(json.dumps(each)) for each in read]


@settings(max_examples=500, deadline=None)
@given(body=BODIES, other=VALUES, seed=SEEDS)
def test_every_reading_of_an_accepted_body_asks_for_the_same(
    body: Pairs, other: Any, seed: int
) -> None:
    draw = partial(Random(seed).randint, 0)
    whole = with_repeats(unique(body), draw, unique(other))
    text = written(Pairs(dict(whole).items()), draw)
    try:
        found = asked_by(text)
    except Malformed:
        return
    first, last = readings(text)
    assert told(first) == told(found) == told(last)


@settings(max_examples=300, deadline=None)
@given(body=BODIES, seed=SEEDS)
def test_how_a_body_is_written_changes_nothing(body: Pairs, seed: int) -> None:
    whole = unique(body)
    plain = json.dumps(json.loads(written(whole, lambda _: 1)), separators=(",", ":"))
    odd = written(whole, partial(Random(seed).randint, 0))
    assert told(asked_by(odd)) == told(asked_by(plain))


IN_A_BLOCK = [
    (".type", '"type":"text","type":"mcp_tool_use"'),
    (".content[0].type", '"type":"tool_result","content":[{"type":"image","type":"text"}]'),
    (".source.type", '"type":"image","source":{"type":"base64","type":"file"}'),
    (".caller.type", '"type":"tool_use","caller":{"type":"direct","type":"x"}'),
    (
        ".tool.definition.model",
        '"tool":{"type":"tool_definition","definition":{"model":"a","model":"b"}}',
    ),
    (".cache_control.type", '"cache_control":{"type":"ephemeral","type":"x"}'),
]
IN_A_FIELD = [
    ("messages[0].role", '"messages":[{"role":"user","content":"x","role":"user"}]'),
    ("messages[1].content", '"messages":[{},{"content":[],"content":"x"}]'),
    ("messages[0].output_config.format", '"messages":[{"output_config":{"format":1,"format":2}}]'),
    ("system[0].type", '"system":[{"type":"text","type":"image"}]'),
    ("tools[1].type", '"tools":[{},{"type":"custom","type":"advisor_20260301"}]'),
    ("tools[0].strict", '"tools":[{"strict":true,"input_schema":{},"strict":false}]'),
    ("tools[0].input_schema.enum", '"tools":[{"strict":true,"input_schema":{"enum":1,"enum":2}}]'),
    ("tools[0].cache_control.ttl", '"tools":[{"cache_control":{"ttl":"5m","ttl":"1h"}}]'),
    ("output_config.format", '"output_config":{"format":null,"format":{}}'),
    ("output_config.format.const", '"output_config":{"format":{"items":{"const":1,"const":2}}}'),
    ("container.skills", '"container":{"skills":null,"skills":[]}'),
    ("context_management.edits", '"context_management":{"edits":[],"edits":[{}]}'),
    ("context_management.edits[0].x", '"context_management":{"edits":[{"x":"a","x":"b"}]}'),
    ("fallbacks[0].model", '"fallbacks":[{"model":"a","model":"b"}]'),
    ("billing_policy.bill_to", '"billing_policy":{"bill_to":"self","bill_to":"user_profile"}'),
    ("cache_control.scope", '"cache_control":{"scope":1,"scope":2}'),
]
REPEATED = [
    *IN_A_FIELD,
    *(
        (
            "messages[0].content[1]" + path,
            '"messages":[{"content":[{"type":"text"},{' + text + "}]}]",
        )
        for path, text in IN_A_BLOCK
    ),
]


@pytest.mark.parametrize(("path", "text"), REPEATED, ids=[path for path, _ in REPEATED])
@pytest.mark.parametrize("spelled", ["plain", "escaped", "spaced"])
def test_a_repeated_key_is_refused_by_name(path: str, text: str, spelled: str) -> None:
    key = path.rpartition(".")[2]
    before, _, after = text.rpartition(f'"{key}":')
    again = {
        "plain": f'"{key}":',
        "escaped": f'"\\u{ord(key[0]):04x}{key[1:]}":',
        "spaced": f' "{key}" : ',
    }[spelled]
    messages = "" if '"messages"' in text else '"messages":[],'
    with pytest.raises(Malformed) as caught:
        asked_by('{"model":"m",' + messages + before + again + after + "}")
    assert caught.value.message == f"{path}: this key is in one object twice."


def test_a_repeated_key_that_nobody_reads_is_left_to_the_platform() -> None:
    block = '{"type":"tool_use","id":"t","name":"n","input":{"a":1,"a":2}}'
    text = '{"model":"m","messages":[{"role":"assistant","content":[' + block + "]}]}"
    assert asked_by(text).features == frozenset()


def test_long_numbers_and_odd_floats_hide_no_repeated_key() -> None:
    schema = '{"minimum":1E2,"maximum":' + "9" * 5000 + ',"const":1,"const":2}'
    with pytest.raises(Malformed, match="const: this key"):
        asked_by('{"model":"m","messages":[],"output_format":{"schema":' + schema + "}}")


def test_a_number_that_is_written_longer_hides_no_repeated_key() -> None:
    schema = '{"minimum":1E5,"maximum":1E5,"const":1,"const":2}'
    assert len(json.dumps(json.loads(schema), separators=(",", ":"))) == len(schema)
    with pytest.raises(Malformed, match="const: this key"):
        asked_by('{"model":"m","messages":[],"output_format":{"schema":' + schema + "}}")
