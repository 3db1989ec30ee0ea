from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec import structs

from gateway.affinity.key import EVERY_BYTES, OPENING_BYTES, Keys, keys
from gateway.call import Caller
from providers.contract import Kind
from tests.fidelity import samples
from tests.unit.affinity.conversations import (
    HOUR,
    MARK,
    SEAL,
    WRITTEN,
    bodies,
    call,
    contents,
    tools,
    with_mark,
)

CLAUDE_CODE = "claude-code-2.1.330-00-m2-t12-48k"
HELLO: dict[str, Any] = {
    "model": "claude-opus-5-5",
    "system": [{"type": "text", "text": "the rules"}],
    "tools": [{"name": "read", "input_schema": {"type": "object"}}],
    "messages": [{"role": "user", "content": [{"type": "text", "text": "hello"}]}],
}


def known(body: dict[str, Any], **how: Any) -> Keys:
    found = keys(call(body, **how), SEAL)
    assert found is not None
    return found


@given(bodies(), st.data(), st.booleans(), st.sampled_from(sorted(WRITTEN)))
def test_it_is_the_same_for_every_turn_wherever_the_mark_stands(
    body: dict[str, Any], data: st.DataObject, first: bool, written: str
) -> None:
    last = len(body["messages"])
    seen = {
        known(
            with_mark(
                {**body, "messages": body["messages"][:turn]},
                "messages",
                data.draw(st.integers(0, turn - 1)),
                first=first,
            ),
            written=written,
        ).conversation
        for turn in range(1, last + 1)
    }
    assert len(seen) == 1


@given(bodies(), st.booleans(), st.sampled_from(sorted(WRITTEN)))
def test_what_is_marked_in_tools_or_system_does_not_change_it(
    body: dict[str, Any], first: bool, written: str
) -> None:
    body = {**HELLO, **body, "system": [{"type": "text", "text": "a"}], "tools": HELLO["tools"]}
    seen = [
        known(with_mark(body, place, first=first), written=written)
        for place in ("tools", "system", "messages")
    ]
    assert len({each.conversation for each in seen}) == 1
    assert seen[0].prefix == seen[1].prefix
    assert seen[2].prefix is None, "nothing of what others share is cached"


@given(contents, contents)
def test_another_first_message_is_another_conversation_with_the_same_prefix(
    one: Any, other: Any
) -> None:
    assume(_said(one) != _said(other))
    first, second = (
        known(with_mark({**HELLO, "messages": [{"role": "user", "content": said}]}, "system"))
        for said in (one, other)
    )
    assert first.prefix == second.prefix
    assert first.conversation != second.conversation


def _said(content: Any) -> Any:
    """Return a content as it says something: these words alone are taken for its form."""
    blocks = content if isinstance(content, list) else [{"type": "text", "text": content}]
    said = [block["text"] for block in blocks]
    return said[1:] if said[0] in {"role", "user", "content", "type", "text"} else said


@given(tools, tools, contents, contents)
def test_other_tools_or_another_system_are_another_prefix(
    tools_a: Any, tools_b: Any, system_a: Any, system_b: Any
) -> None:
    assume((tools_a, system_a) != (tools_b, system_b))
    assume(tools_a and tools_b)
    first, second = (
        known(with_mark({**HELLO, "tools": each, "system": system}, "tools"))
        for each, system in ((tools_a, system_a), (tools_b, system_b))
    )
    assert first.prefix != second.prefix
    assert first.conversation != second.conversation


def test_tenants_and_models_are_kept_apart() -> None:
    body = with_mark(HELLO, "system")
    own = structs.replace(call(body), account="0123")
    found = [
        known(body),
        known(body, caller=Caller("red")),
        known(body, caller=Caller("blue")),
        known({**body, "model": "claude-haiku-5-5"}),
        known({**body, "model": "claude-haiku-5-5"}, caller=Caller("red")),
        keys(own, SEAL),
        keys(call(body), b"t" * 32),
    ]
    assert None not in found
    assert len({each.prefix for each in found if each}) == len(found)
    assert len({each.conversation for each in found if each}) == len(found)


@pytest.mark.parametrize(
    ("body", "ttl_s"),
    [
        (with_mark(HELLO, "system"), 300),
        (with_mark(HELLO, "system", mark={"type": "ephemeral", "ttl": "5m"}), 300),
        (with_mark(HELLO, "system", mark=HOUR), 3600),
        (with_mark(with_mark(HELLO, "system", mark=HOUR), "messages"), 3600),
        (with_mark(with_mark(HELLO, "tools"), "messages", mark=HOUR), 3600),
        ({**HELLO, "cache_control": MARK}, 300),
        ({**HELLO, "cache_control": HOUR}, 3600),
        ({**with_mark(HELLO, "system"), "cache_control": HOUR}, 3600),
    ],
)
def test_it_lasts_as_long_as_the_longest_mark(body: dict[str, Any], ttl_s: float) -> None:
    assert known(body).ttl_s == ttl_s


@pytest.mark.parametrize(
    "body",
    [
        HELLO,
        {**HELLO, "cache_control": None},
        with_mark(HELLO, "system", mark=None),
        {**HELLO, "system": '"cache_control":{"type":"ephemeral"}'},
        {**HELLO, "tools": [{"name": "a", "input_schema": {"cache_control": {"type": "string"}}}]},
    ],
)
def test_without_a_mark_there_is_none(body: dict[str, Any]) -> None:
    assert keys(call(body), SEAL) is None


def test_counting_tokens_caches_nothing() -> None:
    assert keys(call(with_mark(HELLO, "system"), kind=Kind.COUNT_TOKENS), SEAL) is None


@pytest.mark.parametrize("form", [lambda block: block, lambda block: dict(reversed(block.items()))])
def test_the_block_that_claude_code_changes_with_every_request_is_left_out(form: Any) -> None:
    def with_count(count: str, rules: str = "the rules") -> Keys:
        text = f'x-anthropic-billing-header: cc_version=2.1.330.{count}; said="{{}}";'
        system = [form({"type": "text", "text": text}), {"type": "text", "text": rules}]
        return known(with_mark({**HELLO, "system": system}, "system"))

    assert with_count("929") == with_count("d89x") == known(with_mark(HELLO, "system"))
    assert with_count("929") != with_count("929", "other rules")


@pytest.mark.parametrize("written", sorted(samples.WRITTEN))
def test_claude_codes_own_turns(written: str) -> None:
    """The recorded body, and a later turn of it: its second message becomes a text, unmarked."""
    body = json.loads(samples.body(CLAUDE_CODE))
    later = json.loads(samples.body(CLAUDE_CODE))
    later["system"][0]["text"] = "x-anthropic-billing-header: cc_version=2.1.330.d89;"
    later["messages"][1]["content"] = later["messages"][1]["content"][0]["text"]
    answer = {"role": "assistant", "content": [{"type": "text", "text": "done"}]}
    newest = {"type": "text", "text": "more", "cache_control": MARK}
    later["messages"] += [answer, {"role": "user", "content": [newest]}]
    found = [keys(call(each, written="compact"), SEAL) for each in (body, later)]
    assert found[0] == found[1] != None  # noqa: E711 - both are there
    assert keys(samples.call(CLAUDE_CODE, written), SEAL) is not None


def test_a_first_message_as_long_as_a_book_is_known_by_its_beginning() -> None:
    def book(text: str, *, is_marked: bool) -> Keys:
        content = [{"type": "text", "text": "read this"}, {"type": "text", "text": text}]
        body = {**HELLO, "messages": [{"role": "user", "content": content}]}
        if is_marked:
            content[0]["cache_control"] = MARK  # type: ignore[assignment]
        return known({**body, "cache_control": MARK})

    long = "the tide turns " * OPENING_BYTES
    assert book(long, is_marked=True) == book(long, is_marked=False)
    assert book(long, is_marked=True) != book(f"no, {long}", is_marked=True)


def test_a_change_in_the_middle_of_a_long_part_is_another_prefix() -> None:
    tide = "the tide turns " * 200
    first, second = (
        known(with_mark({**HELLO, "system": f"{tide}{middle * EVERY_BYTES}{tide}"}, "system"))
        for middle in "ab"
    )
    assert first.prefix != second.prefix
