"""Every field that OpenAI's SDK knows of a request is translated, taken, left out or refused.

A field that a new SDK brings fails here, and then gets a row in `gateway/data/openai.toml`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Literal, get_args, get_origin

import msgspec
import pytest
from openai.types import chat, shared_params
from openai.types.chat import completion_create_params
from typing_extensions import get_type_hints, is_typeddict

from gateway.formats.openai import asked
from gateway.formats.openai.table import TABLE
from tests.openai_format.telling import HELLO, MARK, read, refusal

TOP = (
    completion_create_params.CompletionCreateParamsNonStreaming,
    completion_create_params.CompletionCreateParamsStreaming,
)
KNOWN: Mapping[Any, type[msgspec.Struct]] = {
    chat.ChatCompletionSystemMessageParam: asked.System,
    chat.ChatCompletionDeveloperMessageParam: asked.Developer,
    chat.ChatCompletionUserMessageParam: asked.User,
    chat.ChatCompletionAssistantMessageParam: asked.Assistant,
    chat.ChatCompletionToolMessageParam: asked.Tool,
    chat.ChatCompletionContentPartTextParam: asked.TextPart,
    chat.ChatCompletionContentPartImageParam: asked.ImagePart,
    chat.ChatCompletionContentPartRefusalParam: asked.RefusalPart,
    chat.chat_completion_content_part_param.File: asked.FilePart,
    chat.chat_completion_content_part_param.FileFile: asked.File,
    chat.chat_completion_content_part_image_param.ImageURL: asked.ImageUrl,
    chat.ChatCompletionMessageFunctionToolCallParam: asked.ToolCall,
    chat.ChatCompletionFunctionToolParam: asked.FunctionTool,
    shared_params.FunctionDefinition: asked.Function,
    chat.ChatCompletionStreamOptionsParam: asked.StreamOptions,
    shared_params.ResponseFormatJSONSchema: asked.Format,
    shared_params.response_format_json_schema.JSONSchema: asked.Schema,
    chat.ChatCompletionNamedToolChoiceParam: asked.Choice,
}
PATHS = {
    asked.System: "messages[].",
    asked.Developer: "messages[].",
    asked.User: "messages[].",
    asked.Assistant: "messages[].",
    asked.TextPart: "messages[].content[].",
    asked.ImagePart: "messages[].content[].",
    asked.FilePart: "messages[].content[].",
    asked.Schema: "response_format.json_schema.",
}


def _treatments(name: str) -> list[str]:
    """Return which tables of the data name a top-level field."""
    tables: dict[str, Any] = {
        "translated": TABLE.translated.fields,
        "carried": TABLE.carried.fields,
        "neutral": TABLE.neutral.fields,
        "left out": TABLE.left_out.fields,
        "refused": TABLE.refused.fields,
    }
    return [table for table, fields in tables.items() if name in fields]


@pytest.mark.parametrize("name", sorted({name for kind in TOP for name in get_type_hints(kind)}))
def test_a_top_level_field_has_one_treatment(name: str) -> None:
    assert len(_treatments(name)) == 1


def test_the_tables_name_nothing_that_the_sdk_does_not_know() -> None:
    known = {name for kind in TOP for name in get_type_hints(kind)}
    tables = (TABLE.translated, TABLE.neutral, TABLE.left_out, TABLE.refused)
    assert {name for table in tables for name in table.fields} <= known
    assert not TABLE.carried.fields & known


def test_what_is_translated_is_read() -> None:
    assert TABLE.translated.fields == set(asked.Request.__struct_fields__)


@pytest.mark.parametrize("name", sorted(TABLE.neutral.fields))
def test_a_neutral_field_says_nothing_and_any_other_value_is_refused(name: str) -> None:
    row = TABLE.neutral.fields[name]
    for value in row.values:
        assert json.loads(read(**{name: json.loads(value)}).raw).get(name) is None
    assert refusal(**{name: {"another": "value"}}) == (name, f"{row.otherwise}.")


@pytest.mark.parametrize("name", sorted(TABLE.left_out.fields))
def test_a_field_that_is_left_out_is_named(name: str) -> None:
    given: dict[str, Any] = {name: "x"}
    asked_for = read(**given)
    assert name not in asked_for.fields
    assert asked_for.replies.opened(()) == (("x-gateway-dropped", name),)


@pytest.mark.parametrize("name", sorted(TABLE.refused.fields))
def test_a_refused_field_is_refused_unless_it_is_null(name: str) -> None:
    assert refusal(**{name: {}}) == (name, f"{TABLE.refused.fields[name]}.")
    nothing: dict[str, Any] = {name: None}
    read(**nothing)


@pytest.mark.parametrize("name", sorted(TABLE.carried.fields))
def test_a_carried_field_is_carried(name: str) -> None:
    given: dict[str, Any] = {name: MARK}
    assert json.loads(bytes(read(**given).fields[name])) == MARK


@pytest.mark.parametrize("kind", KNOWN, ids=lambda kind: kind.__name__)
def test_each_field_of_an_object_is_read_or_refused_with_its_own_words(kind: Any) -> None:
    ours = KNOWN[kind]
    known = set(ours.__struct_fields__) | {ours.__struct_config__.tag_field or ""}
    hints = get_type_hints(ours)
    for name in get_type_hints(kind):
        assert name in known
        refused = f"{PATHS.get(ours, '')}{name}" in TABLE.inside.refused
        assert (hints.get(name) is type(None)) == refused, name


def _reached(hint: Any, seen: set[Any]) -> Iterator[Any]:
    """Yield each object that a type may hold."""
    if is_typeddict(hint):
        if hint in seen:
            return
        seen.add(hint)
        yield hint
        for inner in get_type_hints(hint).values():
            yield from _reached(inner, seen)
    elif get_origin(hint) is not Literal:
        for inner in get_args(hint):
            yield from _reached(inner, seen)


NOT_TAKEN = {
    "Audio", "FunctionCall", "ChatCompletionFunctionMessageParam", "InputAudio",
    "PromptCacheBreakpoint", "FilePromptCacheBreakpoint",
    "ChatCompletionContentPartInputAudioParam", "ChatCompletionMessageCustomToolCallParam",
    "ChatCompletionCustomToolParam", "ChatCompletionAllowedToolChoiceParam",
    "ChatCompletionAllowedToolsParam", "ChatCompletionNamedToolChoiceCustomParam",
    "ResponseFormatText", "ResponseFormatJSONObject", "Custom", "CustomFormatGrammar",
    "CustomFormatGrammarGrammar", "CustomFormatText", "Function",
}  # fmt: skip
"""Objects that are refused whole, by their tag or the field they stand in, or have one value."""


def test_no_object_is_forgotten() -> None:
    translated = get_type_hints(completion_create_params.CompletionCreateParamsNonStreaming)
    seen: set[Any] = set()
    held = [kind for name in TABLE.translated.fields for kind in _reached(translated[name], seen)]
    reached = {kind for kind in held if kind not in KNOWN}
    assert {kind.__name__ for kind in reached} == NOT_TAKEN


@pytest.mark.parametrize("role", ["system", "developer", "user", "assistant"])
def test_a_role_is_read(role: str) -> None:
    read(messages=[*HELLO, {"role": role, "content": "x"}])
