from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from msgspec import Raw

from providers.codecs.anthropic_body import edit, take_betas
from providers.contract import Fields, Loss
from providers.fidelity import losses

Request = Callable[..., Fields]
Ask = Callable[..., Any]

GONE_EVERYWHERE = {"claude-code-20250219", "thinking-token-count-2026-05-13"}
BEDROCK = {*GONE_EVERYWHERE, "interleaved-thinking-2025-05-14"}
VERTEX = {*GONE_EVERYWHERE, "effort-2025-11-24"}
OLD_CLIENT = {"prompt-caching-scope-2026-01-05", "mid-conversation-system-2026-04-07"}
CLEAR_THINKING = "context_management.edits[clear_thinking_20251015]"
CONTEXT = "context-management-2025-06-27"
TURN = "per-turn-control-2026-07-01"

EXPECTED = [
    ("197-02", "bedrock", {CLEAR_THINKING}, {*BEDROCK, *OLD_CLIENT, CONTEXT}),
    ("330-00", "bedrock", {CLEAR_THINKING, "messages[].output_config"}, {*BEDROCK, CONTEXT, TURN}),
    ("330-06", "bedrock", {CLEAR_THINKING, "messages[].output_config"}, {*BEDROCK, CONTEXT, TURN}),
    ("330-09", "bedrock", {"tools[web_search_20250305]"}, {*BEDROCK, TURN}),
    ("197-02", "vertex", set(), {*VERTEX, *OLD_CLIENT}),
    ("330-00", "vertex", set(), VERTEX),
    ("330-06", "vertex", set(), VERTEX),
    ("330-09", "vertex", set(), VERTEX),
    ("197-02", "anthropic", set(), set()),
    ("330-09", "anthropic", set(), set()),
]


def names(found: tuple[Loss, ...]) -> set[str]:
    return {loss.name for loss in found}


@pytest.mark.parametrize(("name", "platform", "parts", "betas"), EXPECTED)
def test_strict_names_each_field_and_beta_of_claude_code(
    *, name: str, platform: str, parts: set[str], betas: set[str], sample: Request, ask: Ask
) -> None:
    found = losses(*ask(platform, sample(name)))
    assert names(found) == parts | {f"anthropic-beta: {beta}" for beta in betas}
    assert len(found) == len(names(found))
    assert {loss.name for loss in found if not loss.droppable} <= {"tools[web_search_20250305]"}


@pytest.mark.parametrize(
    ("name", "platform", "parts", "betas"), [row for row in EXPECTED if row[0] != "330-09"]
)
def test_lenient_leaves_exactly_the_rest(
    *, name: str, platform: str, parts: set[str], betas: set[str], sample: Request, ask: Ask
) -> None:
    operation, fields, caps, model = ask(platform, sample(name))
    found = losses(operation, fields, caps, model)
    left = json.loads(edit(fields.body, found, {}, ()))
    expected = json.loads(fields.raw)
    if CLEAR_THINKING in parts:
        del expected["context_management"]
    if "messages[].output_config" in parts:
        for message in expected["messages"]:
            message.pop("output_config", None)
    assert left == expected
    kept = [beta for beta in fields.betas if beta not in betas]
    sent = take_betas(fields.betas, caps, found)
    assert sent == tuple(caps.renamed.get(beta, beta) for beta in kept)


def test_what_is_left_keeps_its_bytes(sample: Request, ask: Ask) -> None:
    operation, fields, caps, model = ask("bedrock", sample("330-06"))
    found = losses(operation, fields, caps, model)
    left = msgspec.json.decode(edit(fields.body, found, {}, ()), type=dict[str, Raw])
    for name in left.keys() - {"messages"}:
        assert bytes(left[name]) == bytes(fields.body[name])
    before, after = (
        msgspec.json.decode(body["messages"], type=list[dict[str, Raw]])
        for body in (fields.body, left)
    )
    for old, new in zip(before, after, strict=True):
        assert {k: bytes(v) for k, v in new.items()} == {
            k: bytes(v) for k, v in old.items() if k != "output_config"
        }


@pytest.mark.parametrize("platform", ["bedrock", "vertex"])
@pytest.mark.parametrize("name", ["197-02", "330-00", "330-06"])
def test_nothing_is_lost_twice(platform: str, name: str, sample: Request, ask: Ask) -> None:
    operation, fields, caps, model = ask(platform, sample(name))
    found = losses(operation, fields, caps, model)
    raw = edit(fields.body, found, {}, ())
    gone = names(found)
    betas = tuple(b for b in fields.betas if f"anthropic-beta: {b}" not in gone)
    body = msgspec.json.decode(raw, type=dict[str, Raw])
    assert losses(operation, Fields(raw, body, fields.version, betas), caps, model) == ()


ONE_PART: list[tuple[str, dict[str, Any], str, bool]] = [
    ("bedrock", {"inference_geo": "eu"}, "inference_geo", False),
    ("vertex", {"inference_geo": "us"}, "inference_geo", False),
    ("bedrock", {"inference_geo": None}, "inference_geo", True),
    ("vertex", {"service_tier": "auto"}, "service_tier", True),
    ("bedrock", {"cache_control": {"type": "ephemeral"}}, "cache_control", True),
    ("vertex", {"diagnostics": {}}, "diagnostics", True),
    ("bedrock", {"tags": {"a": "b"}}, "tags", True),
    ("bedrock", {"speed": "fast"}, "speed", True),
    ("bedrock", {"thread": {"type": "create"}}, "thread", False),
    ("vertex", {"mcp_servers": []}, "mcp_servers", False),
    ("vertex", {"container": "c"}, "container", False),
    ("vertex", {"fallbacks": "default"}, "fallbacks", False),
    ("bedrock", {"compaction": {"type": "summarize"}}, "compaction", False),
    ("bedrock", {"never_seen": 1}, "never_seen", False),
    ("bedrock", {"anthropic_version": "x"}, "anthropic_version", False),
    ("bedrock", {"temperature": 0.5}, "temperature", True),
    ("vertex", {"top_k": 5}, "top_k", True),
    (
        "bedrock",
        {"output_config": {"format": {"type": "json_schema"}}},
        "output_config.format",
        False,
    ),
    ("bedrock", {"output_config": {"task_budget": {}}}, "output_config.task_budget", True),
    ("vertex", {"thinking": {"type": "adaptive", "display": "updates"}}, "thinking.display", True),
    ("vertex", {"thinking": {"block_binding": {}}}, "thinking.block_binding", True),
    ("vertex", {"safeguards": {}}, "safeguards", False),
    ("bedrock", {"tools": [{"type": "web_fetch_20250910"}]}, "tools[web_fetch_20250910]", False),
    ("vertex", {"tools": [{"type": "web_search_20260209"}]}, "tools[web_search_20260209]", False),
    ("vertex", {"tools": [{"type": "mcp_toolset"}]}, "tools[mcp_toolset]", False),
    ("bedrock", {"tools": [{"name": "a", "defer_loading": True}]}, "tools[].defer_loading", True),
    ("bedrock", {"tools": [{"custom": {}}]}, "tools[].custom", True),
    (
        "bedrock",
        {"tools": [{"eager_input_streaming": True}]},
        "tools[].eager_input_streaming",
        True,
    ),
    ("vertex", {"tools": [{"cache_control": {"scope": "x"}}]}, "tools[].cache_control.scope", True),
    (
        "vertex",
        {"system": [{"cache_control": {"scope": "x"}}]},
        "system[].cache_control.scope",
        True,
    ),
]
MESSAGE_PART: list[tuple[str, dict[str, Any], str, bool]] = [
    (
        "bedrock",
        {"role": "system", "content": "a", "cache_control": {"type": "ephemeral"}},
        "messages[].cache_control",
        True,
    ),
    (
        "vertex",
        {"role": "system", "content": "a", "clear_at": "never"},
        "messages[].clear_at",
        True,
    ),
    (
        "vertex",
        {"role": "system", "content": "a", "output_config": {}},
        "messages[].output_config",
        True,
    ),
    ("vertex", {"role": "system", "output_config": {}}, "messages[].output_config", False),
    (
        "vertex",
        {"role": "system", "content": [], "output_config": {}},
        "messages[].output_config",
        False,
    ),
    (
        "bedrock",
        {"role": "system", "content": [{"type": "tool_addition", "tool": {}}]},
        "messages[system].content[tool_addition]",
        False,
    ),
    (
        "bedrock",
        {
            "role": "user",
            "content": [{"type": "image", "source": {"type": "file", "file_id": "f"}}],
        },
        "messages[].content[].source.file_id",
        False,
    ),
    (
        "vertex",
        {"role": "user", "content": [{"type": "text", "text": "a", "citations": [{"type": "x"}]}]},
        "messages[user].content[text].citations",
        True,
    ),
    (
        "vertex",
        {"role": "assistant", "content": [{"type": "document", "source": {}}]},
        "messages[assistant].content[document]",
        False,
    ),
    (
        "bedrock",
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "content": [{"cache_control": {"scope": "global"}}]}
            ],
        },
        "messages[].content[tool_result].content[].cache_control.scope",
        True,
    ),
]


def check_one(found: tuple[Loss, ...], fields: Fields, name: str, droppable: bool) -> None:
    assert [(loss.name, loss.droppable) for loss in found] == [(name, droppable)]
    assert name in found[0].reason or name.removeprefix("tools[")[:-1] in found[0].reason
    if droppable:
        assert json.loads(edit(fields.body, found, {}, ())) != json.loads(fields.raw)
    else:
        with pytest.raises(ValueError, match="may not be left out"):
            edit(fields.body, found, {}, ())


@pytest.mark.parametrize(("platform", "over", "name", "droppable"), ONE_PART)
def test_one_part(
    *,
    platform: str,
    over: dict[str, Any],
    name: str,
    droppable: bool,
    request_fields: Request,
    ask: Ask,
) -> None:
    fields = request_fields(**over)
    check_one(losses(*ask(platform, fields)), fields, name, droppable)
    assert losses(*ask("anthropic", fields)) == ()


@pytest.mark.parametrize(("platform", "message", "name", "droppable"), MESSAGE_PART)
def test_one_part_of_a_message(
    *,
    platform: str,
    message: dict[str, Any],
    name: str,
    droppable: bool,
    request_fields: Request,
    ask: Ask,
) -> None:
    fields = request_fields(messages=[{"role": "user", "content": "hi"}, message])
    check_one(losses(*ask(platform, fields)), fields, name, droppable)


TAKEN: list[tuple[str, dict[str, Any], tuple[str, ...]]] = [
    ("bedrock", {"thinking": {"display": "updates"}}, ("thinking-display-updates-2026-08-18",)),
    ("bedrock", {"thinking": {"display": "omitted"}}, ()),
    (
        "bedrock",
        {"tools": [{"name": "a", "defer_loading": True}]},
        ("advanced-tool-use-2025-11-20",),
    ),
    ("vertex", {"compaction": {"type": "summarize"}}, ("compact-2026-09-04",)),
    ("vertex", {"tools": [{"type": "web_search_20250305"}]}, ()),
    ("vertex", {"tools": [{"type": "custom"}, {"type": None}, {"name": "a"}]}, ()),
    ("bedrock", {"model": "claude-opus-4-6", "temperature": 0.5}, ()),
    ("bedrock", {"model": "claude-opus-4-6", "output_config": {"format": {}}}, ()),
    ("bedrock", {"tools": 5, "messages": [1, "a", None], "thinking": [], "system": {}}, ()),
    ("vertex", {"context_management": None}, ("context-management-2025-06-27",)),
    (
        "bedrock",
        {"context_management": {"edits": [{"type": "clear_tool_uses_20250919"}]}},
        ("context-management-2025-06-27",),
    ),
]


@pytest.mark.parametrize(("platform", "over", "betas"), TAKEN)
def test_what_is_taken_is_no_loss(
    platform: str, over: dict[str, Any], betas: tuple[str, ...], request_fields: Request, ask: Ask
) -> None:
    assert losses(*ask(platform, request_fields(betas=betas, **over))) == ()


def test_a_beta_stays_while_one_part_it_unlocks_stays(request_fields: Request, ask: Ask) -> None:
    edits = [{"type": "clear_thinking_20251015"}, {"type": "clear_tool_uses_20250919"}]
    fields = request_fields(betas=(CONTEXT,), context_management={"edits": edits})
    found = losses(*ask("bedrock", fields))
    assert names(found) == {CLEAR_THINKING}
    left = json.loads(edit(fields.body, found, {}, ()))
    assert left["context_management"] == {"edits": edits[1:]}


def test_a_key_spelled_with_escapes_is_seen(request_fields: Request, ask: Ask) -> None:
    fields = request_fields(messages=[{"role": "user", "content": "hi"}])
    raw = fields.raw.replace(b'"content"', rb'"clear\u005fat":"never","content"')
    body = msgspec.json.decode(raw, type=dict[str, Raw])
    found = losses(*ask("vertex", Fields(raw, body, fields.version)))
    assert names(found) == {"messages[].clear_at"}


def test_a_loss_shows_no_value_of_the_request(request_fields: Request, ask: Ask) -> None:
    secret = "s3cret-value"
    fields = request_fields(
        inference_geo=secret,
        tags=[secret],
        tools=[{"type": "x", "name": secret}],
        odd={"a": secret},
    )
    assert secret not in repr(losses(*ask("bedrock", fields)))


def test_a_made_up_name_is_shown_short_and_plain(request_fields: Request, ask: Ask) -> None:
    fields = request_fields(**{"é\r\n" + "x" * 5000: 1})
    (found,) = losses(*ask("bedrock", fields))
    assert found.name.isascii()
    assert found.name.isprintable()
    assert len(found.reason) < 400


@pytest.mark.parametrize("name", ["thinking.display", "é", "x" * 101])
def test_a_name_that_is_no_plain_field_is_never_left_out(
    name: str, request_fields: Request, ask: Ask
) -> None:
    fields = request_fields(**{name: None, "thinking": {"display": "omitted"}})
    (found,) = losses(*ask("bedrock", fields))
    assert not found.droppable


def test_a_part_among_odd_messages_is_named(request_fields: Request, ask: Ask) -> None:
    fields = request_fields(messages=[1, {"role": "system", "content": "a", "output_config": {}}])
    (found,) = losses(*ask("vertex", fields))
    assert found.name == "messages[].output_config"
    assert not found.droppable


def test_an_unknown_beta_is_named(request_fields: Request, ask: Ask) -> None:
    found = losses(*ask("bedrock", request_fields(betas=("new-2027-01-01", "new-2027-01-01"))))
    assert [(loss.name, loss.droppable) for loss in found] == [
        ("anthropic-beta: new-2027-01-01", True)
    ]


@pytest.mark.parametrize("platform", ["bedrock", "vertex"])
@pytest.mark.parametrize("version", ["2023-01-01", "2027-01-01", "x" * 500])
def test_a_version_that_is_not_known_is_not_guessed_at(
    platform: str, version: str, request_fields: Request, ask: Ask
) -> None:
    fields = msgspec.structs.replace(request_fields(), version=version)
    (lost,) = losses(*ask(platform, fields))
    assert (lost.name, lost.droppable) == ("anthropic-version", False)
    assert version[:100] in lost.reason
    assert "2026-10-21" in lost.reason
    assert len(lost.reason) < 300


@pytest.mark.parametrize("version", ["2023-06-01", "2026-10-21"])
def test_both_versions_of_the_api_are_known(
    version: str, request_fields: Request, ask: Ask
) -> None:
    fields = msgspec.structs.replace(request_fields(), version=version)
    assert not losses(*ask("vertex", fields))
