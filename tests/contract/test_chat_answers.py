"""A chat completion, whole or in chunks, read by the Messages API's SDK as OpenAI's reads it."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import httpx2
import pytest
from anthropic.types import Message
from hypothesis import given
from hypothesis import strategies as st

from providers.contract import Failure, FailureKind, Kind, Operation
from providers.registry import PROVIDERS
from tests.contract.chat import COMPLETION, MODEL, THERE, client
from tests.contract.conftest import Oracle

RELAY = PROVIDERS["openai_relay"]
WHOLE = Operation(Kind.MESSAGES, MODEL)
STREAM = Operation(Kind.MESSAGES, MODEL, stream=True)
JSON = (("content-type", "application/json"),)
SSE = {"content-type": "text/event-stream"}
ORACLE = Oracle()
ASK: dict[str, Any] = {"max_tokens": 9, "messages": [], "model": MODEL}


def whole(choice: Mapping[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """Return a chat completion with another choice, or other fields."""
    made = dict(COMPLETION["choices"][0]) if choice is None else {"index": 0, **choice}
    return {**COMPLETION, "choices": [made], **more}


def said(content: str | None = None, finish: str = "stop", **more: Any) -> dict[str, Any]:
    return whole(
        {"finish_reason": finish, "message": {"role": "assistant", "content": content, **more}}
    )


def answer(completion: Mapping[str, Any]) -> dict[str, Any]:
    got = RELAY.answer(WHOLE, JSON, json.dumps(completion).encode())
    assert isinstance(got, bytes), got
    found: dict[str, Any] = json.loads(got)
    return found


def refused(completion: Mapping[str, Any]) -> Failure:
    got = RELAY.answer(WHOLE, JSON, json.dumps(completion).encode())
    assert isinstance(got, Failure)
    assert (got.kind, got.status, got.upstream_status) == (FailureKind.BAD200, 502, 200)
    return got


def chunk(delta: Mapping[str, Any] | None, finish: str | None = None, **more: Any) -> bytes:
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
    made = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": THERE,
        "choices": choices,
        **more,
    }
    return b"data: " + json.dumps(made, ensure_ascii=False).encode() + b"\n\n"


DONE = b"data: [DONE]\n\n"
START = chunk({"role": "assistant", "content": ""})


def call(at: int | None, arguments: str = "", **named: Any) -> dict[str, Any]:
    function = {"arguments": arguments} | ({"name": named.pop("name")} if "name" in named else {})
    place = {} if at is None else {"index": at}
    return {"tool_calls": [{**place, **named, "function": function}]}


def decoded(*data: bytes, ends: bool = True) -> tuple[bytes, Any]:
    decoder = RELAY.decoder(STREAM, ())
    out = b"".join(map(decoder.feed, data))
    return out + (decoder.end() if ends else b""), decoder


def stream(*chunks: bytes) -> dict[str, Any]:
    """Return the message that a whole stream makes, as the SDK puts it together."""
    out, decoder = decoded(b"".join(chunks))
    assert decoder.failure is None, decoder.failure
    assert decoder.stopped
    return read(out)


def read(events: bytes) -> dict[str, Any]:
    ORACLE.answer = lambda _: httpx2.Response(200, content=events, headers=SSE)
    with ORACLE.direct().messages.stream(**ASK) as found:
        message: Message = found.get_final_message()
    made = message.to_dict()
    for block in made["content"]:  # type: ignore[attr-defined]
        block.pop("parsed_output", None)
        block.pop("citations", None)
    return made


def events(out: bytes) -> list[dict[str, Any]]:
    return [json.loads(each.partition(b"\ndata: ")[2]) for each in out.split(b"\n\n") if each]


def failed(*chunks: bytes) -> Failure:
    _, decoder = decoded(b"".join(chunks))
    assert isinstance(decoder.failure, Failure)
    assert not decoder.stopped
    return decoder.failure


# Whole answers.


def test_a_completion_is_a_message() -> None:
    assert answer(COMPLETION) == {
        "id": "chatcmpl-1",
        "type": "message",
        "role": "assistant",
        "model": THERE,
        "content": [{"type": "text", "text": "hi"}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 9, "output_tokens": 2},
    }


@pytest.mark.parametrize(
    ("finish", "reason"),
    [
        ("stop", "end_turn"),
        ("length", "max_tokens"),
        ("content_filter", "refusal"),
        ("end_turn", "end_turn"),
        ("stop_sequence", "stop_sequence"),
    ],
)
def test_why_it_ended(finish: str, reason: str) -> None:
    assert answer(said("x", finish))["stop_reason"] == reason
    assert stream(START, chunk({"content": "x"}, finish), DONE)["stop_reason"] == reason


CALLS = [
    {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1.50}'}},
    {"id": "c2", "type": "function", "function": {"name": "g", "arguments": ""}},
]


@pytest.mark.parametrize("finish", ["tool_calls", "stop", "function_call"])
def test_calls_are_tools_in_use(finish: str) -> None:
    got = answer(said("look", finish, tool_calls=CALLS))
    assert got["stop_reason"] == "tool_use"
    assert got["content"] == [
        {"type": "text", "text": "look"},
        {"type": "tool_use", "id": "c1", "name": "f", "input": {"a": 1.5}},
        {"type": "tool_use", "id": "c2", "name": "g", "input": {}},
    ]
    raw = RELAY.answer(WHOLE, JSON, json.dumps(said("", finish, tool_calls=CALLS)).encode())
    assert isinstance(raw, bytes)
    assert b'{"a": 1.50}' in raw


def test_half_an_input_is_none() -> None:
    half = [{"id": "c", "function": {"name": "f", "arguments": '{"path": "/srv/ex'}}]
    got = answer(said(None, "length", tool_calls=half))
    assert got["content"] == [{"type": "tool_use", "id": "c", "name": "f", "input": {}}]
    assert got["stop_reason"] == "max_tokens"
    for arguments in (
        '{"path": "/srv/ex',
        "[1]",
        "null",
        '"x"',
        "{} {}",
        '{"a":%s}' % ("9" * 5000),
    ):
        half[0]["function"] = {"name": "f", "arguments": arguments}
        refused(said(None, "tool_calls", tool_calls=half))


def test_a_refusal_is_one() -> None:
    got = answer(said(None, refusal="I will not."))
    assert (got["stop_reason"], got["content"][0]["text"]) == ("refusal", "I will not.")
    streamed = stream(
        START, chunk({"refusal": "I will "}), chunk({"refusal": "not."}, "stop"), DONE
    )
    assert streamed["stop_reason"] == "refusal"
    assert streamed["content"] == got["content"]


def test_what_was_thought_is_left_out_and_counted() -> None:
    usage = {
        "prompt_tokens": 5,
        "completion_tokens": 9,
        "completion_tokens_details": {"reasoning_tokens": 7},
    }
    got = answer({**said("x", reasoning_content="hmm", reasoning="hmm"), "usage": usage})
    assert [block["type"] for block in got["content"]] == ["text"]
    assert got["usage"]["output_tokens_details"] == {"thinking_tokens": 7}
    streamed = stream(
        START, chunk({"reasoning_content": "hmm"}), chunk({"content": "x"}, "stop"), DONE
    )
    assert streamed["content"] == got["content"]


@pytest.mark.parametrize(
    "odd",
    [
        {"error": {"message": "Overloaded", "code": 529}},
        whole(error={"message": "x"}),
        {**COMPLETION, "choices": []},
        {**COMPLETION, "choices": None},
        {**COMPLETION, "choices": [*COMPLETION["choices"], *COMPLETION["choices"]]},
        {**COMPLETION, "choices": 5},
        said("x", "novel"),
        said("x", ""),
        said("x", "tool_calls"),
        said(5),  # type: ignore[arg-type]
        said([{"type": "image_url"}]),  # type: ignore[arg-type]
        said("x", function_call={"name": "f"}),
        said(None, "tool_calls", tool_calls=[{"id": "c", "function": {"arguments": "{}"}}]),
        said(None, "tool_calls", tool_calls=[{"id": "c"}]),
        whole({"finish_reason": "stop"}),
        whole({"finish_reason": "stop", "delta": {"content": "x"}}),
        whole({**COMPLETION["choices"][0], "error": {"code": 502, "message": "x"}}),
    ],
)
def test_what_is_no_answer(odd: dict[str, Any]) -> None:
    refused(odd)


def test_parts_of_text_are_text() -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    assert answer(said(parts))["content"] == [{"type": "text", "text": "ab"}]  # type: ignore[arg-type]


def test_what_is_not_named_is_as_it_was_asked_or_unknown() -> None:
    bare = {"choices": COMPLETION["choices"]}
    got = answer(bare)
    assert (got["id"], got["model"]) == (None, MODEL)
    assert got["usage"] == {"input_tokens": None, "output_tokens": None}
    headers = (*JSON, ("x-request-id", "req_7"))
    named = RELAY.answer(WHOLE, headers, json.dumps(bare).encode())
    assert isinstance(named, bytes)
    assert json.loads(named)["id"] == "req_7"


def test_calls_without_ids_get_one_each_and_always_the_same() -> None:
    unnamed = [{"function": {"name": "f", "arguments": "{}"}} for _ in range(2)]
    completion = said(None, "tool_calls", tool_calls=unnamed)
    one, two = (block["id"] for block in answer(completion)["content"])
    assert one != two
    assert one.startswith("toolu_")
    assert one == answer(completion)["content"][0]["id"]
    streamed = stream(
        START,
        chunk(call(0, "{}", name="f")),
        chunk(call(1, "{}", name="f"), "tool_calls"),
        DONE,
    )
    assert [block["id"] for block in streamed["content"]] == [one, two]
    refused({**completion, "id": None})


# Usage.

USAGES = [
    ({"prompt_tokens": 100, "completion_tokens": 7}, {"input_tokens": 100, "output_tokens": 7}),
    (
        {
            "prompt_tokens": 100,
            "completion_tokens": 7,
            "prompt_tokens_details": {"cached_tokens": 60, "cache_write_tokens": 30},
        },
        {
            "input_tokens": 10,
            "output_tokens": 7,
            "cache_read_input_tokens": 60,
            "cache_creation_input_tokens": 30,
        },
    ),
    (
        {
            "prompt_tokens": 100,
            "completion_tokens": 7,
            "prompt_tokens_details": {"cached_tokens": 0},
            "cache_creation_input_tokens": 30,
        },
        {
            "input_tokens": 70,
            "output_tokens": 7,
            "cache_read_input_tokens": 0,
            "cache_creation_input_tokens": 30,
        },
    ),
    (
        {"prompt_tokens": 5, "prompt_tokens_details": {"cached_tokens": 9}},
        {"input_tokens": 0, "output_tokens": None, "cache_read_input_tokens": 9},
    ),
    (
        {"prompt_tokens": -1, "completion_tokens": True, "prompt_tokens_details": 5},
        {"input_tokens": None, "output_tokens": None},
    ),
    (
        {"prompt_tokens": 2**60, "completion_tokens": 1.5},
        {"input_tokens": None, "output_tokens": None},
    ),
    ({}, {"input_tokens": None, "output_tokens": None}),
    (None, {"input_tokens": None, "output_tokens": None}),
    ([], {"input_tokens": None, "output_tokens": None}),
]


@pytest.mark.parametrize(("told", "expected"), USAGES)
def test_the_cache_is_taken_out_of_the_prompt(told: Any, expected: dict[str, Any]) -> None:
    assert answer(whole(usage=told))["usage"] == expected
    out, _ = decoded(START, chunk({"content": "x"}, "stop"), chunk(None, usage=told), DONE)
    assert events(out)[-2]["usage"] == expected


# Streams.

USAGE = {"prompt_tokens": 9, "completion_tokens": 2}
COUNTED = {"input_tokens": 9, "output_tokens": 2}


@pytest.mark.parametrize(
    "end",
    [
        [chunk({}, "stop"), chunk(None, usage=USAGE), DONE],
        [chunk({}, "stop"), chunk(None, usage=USAGE)],
        [chunk({}, "stop", usage=USAGE), DONE],
        [chunk({}, "stop", usage=USAGE)],
        [chunk({}, "stop", usage=USAGE), DONE.rstrip()],
        [chunk({}, "stop"), chunk(None, usage=USAGE).rstrip()],
        [
            chunk({}, usage={"prompt_tokens": 9, "completion_tokens": 1}),
            chunk({}, "stop", usage=USAGE),
        ],
        [chunk(None, usage=USAGE), chunk({}, "stop"), DONE],
        [
            b": comment\n\n",
            chunk({}, "stop", usage=None),
            chunk(None, usage=USAGE),
            b": x\n\n",
            DONE,
        ],
    ],
)
def test_however_it_ends_it_is_whole(end: list[bytes]) -> None:
    got = stream(START, chunk({"content": "hi"}), *end)
    assert got["content"] == [{"type": "text", "text": "hi"}]
    assert (got["stop_reason"], got["usage"]) == ("end_turn", {**got["usage"], **COUNTED})


@pytest.mark.parametrize("empty", [b"data: \n\n", b"data:\n\n", b"data: \r\n\r\n"])
def test_an_event_without_data_is_none(empty: bytes) -> None:
    """As the standard for server-sent events says; whatever stands in the same piece."""
    whole = (START, chunk({"content": "hi"}, "stop"), DONE)
    expected, _ = decoded(*whole)
    assert decoded(whole[0], empty, *whole[1:])[0] == expected
    assert decoded(b"".join((whole[0], empty, *whole[1:])))[0] == expected


def test_a_count_that_never_comes_is_unknown() -> None:
    out, decoder = decoded(START, chunk({"content": "hi"}, "stop"), DONE)
    assert decoder.stopped
    assert events(out)[-2]["usage"] == {"input_tokens": None, "output_tokens": None}
    assert events(out)[0]["message"]["usage"] == {"input_tokens": None, "output_tokens": None}
    assert read(out)["usage"]["output_tokens"] is None


@pytest.mark.parametrize(
    "chunks",
    [
        [START, chunk({"content": "hi"})],
        [START, chunk({"content": "hi"}), DONE],
        [START, chunk({"content": "hi"}, "stop"), chunk({})[:20]],
        [START, chunk(call(0, '{"a":', id="c", name="f"))],
        [START, chunk({"content": "hi"}, "stop"), chunk({"content": " there"})],
        [START, chunk({"content": "hi"}, "stop"), chunk({"content": " there"}), DONE],
    ],
)
def test_without_a_reason_to_end_it_was_cut(chunks: list[bytes]) -> None:
    assert failed(*chunks).kind is FailureKind.CUT


@pytest.mark.parametrize(
    "chunks",
    [
        [],
        [DONE],
        [b": nothing\n\n"],
        [START, chunk({}, "novel"), DONE],
        [START, chunk({}, "tool_calls"), DONE],
        [START, b"data: {\n\n"],
        [START, b"data: 5\n\n"],
        [START, b'data: {"choices":[{"delta":{"content":"\xff"}}]}\n\n'],
        [START, b"data: " + b'{"a":' * 10_000 + b"\n\n"],
        [START, chunk({"content": "x"}, "stop", error={"message": "x"})],
        [START, b'event: error\ndata: {"message":"x"}\n\n'],
        [START, chunk({"function_call": {"name": "f"}})],
        [START, chunk(call(0, "{}"))],
        [START, chunk(call(0, '{"a"', id="c", name="f"), "tool_calls"), DONE],
        [START, chunk(call(0, "[]", id="c", name="f"), "tool_calls"), DONE],
        [chunk({"content": "x"}, choices=[{"index": 0, "delta": {}}, {"index": 1, "delta": {}}])],
        [chunk({"content": "x"}, choices=[{"index": 1, "delta": {}}])],
        [START, chunk({"content": "x"}, "length"), chunk({}, "stop"), DONE],
        [START, chunk(call(0, name="f")), chunk(call(0, '{"a":1}', name="g"), "stop"), DONE],
        [START, chunk(call(0, id="c", name="get_")), chunk(call(0, "{}", name="it"), "stop"), DONE],
    ],
)
def test_what_is_no_stream(chunks: list[bytes]) -> None:
    assert failed(*chunks).kind is FailureKind.BAD200


def test_nothing_follows_an_end_or_a_failure() -> None:
    tail = chunk({"content": "more"})
    for data in ([START, chunk({}, "stop"), DONE], [START, b"data: {\n\n"]):
        out, decoder = decoded(*data, ends=False)
        assert decoder.feed(tail) == b""
        assert decoder.end() == b""
        assert b"more" not in out


def test_calls_that_go_back_and_forth_stand_one_after_the_other() -> None:
    out, decoder = decoded(
        START,
        chunk({"content": "I "}),
        chunk(call(0, '{"a"', id="c1", name="f")),
        chunk(call(1, '{"b"', id="c2", name="g")),
        chunk({"content": "look"}),
        chunk(call(0, ":1}")),
        chunk(call(1, ":2}"), "tool_calls"),
        DONE,
    )
    assert decoder.failure is None
    kinds = [(event["type"], event.get("index")) for event in events(out)]
    indexes = [at for kind, at in kinds if kind == "content_block_start"]
    assert indexes == [0, 1, 2, 3]
    for at in indexes:
        own = [n for n, (kind, index) in enumerate(kinds) if index == at]
        assert own == list(range(own[0], own[-1] + 1))
    got = read(out)["content"]
    assert [block.get("input") for block in got] == [None, {"a": 1}, {"b": 2}, None]
    assert [block.get("text") for block in got] == ["I ", None, None, "look"]


def test_a_call_goes_out_as_it_comes() -> None:
    out, _ = decoded(START, chunk(call(0, '{"a"', id="c1", name="f")), ends=False)
    assert events(out)[-1]["delta"] == {"type": "input_json_delta", "partial_json": '{"a"'}
    more, _ = decoded(
        START,
        chunk(call(0, "{}", id="c1", name="f")),
        chunk(call(1, '{"b', id="c2", name="g")),
        ends=False,
    )
    assert events(more)[-1]["delta"]["partial_json"] == '{"b'


@pytest.mark.parametrize("at", [0, None])
def test_relays_that_number_no_calls(at: int | None) -> None:
    got = stream(
        START,
        chunk(call(at, '{"a":', id="c1", name="f")),
        chunk(call(at, "1}", id="c1", name="f")),
        chunk(call(at, '{"b":', id="c2", name="g")),
        chunk(call(at, "2}"), "stop"),
        DONE,
    )
    assert [(block["id"], block["input"]) for block in got["content"]] == [
        ("c1", {"a": 1}),
        ("c2", {"b": 2}),
    ]
    assert got["stop_reason"] == "tool_use"


def test_what_is_said_twice_and_the_same_is_no_doubt() -> None:
    begun = [START, chunk(call(0, id="c1", name="f"))]
    got = stream(*begun, chunk(call(0, "{}", name="f"), "tool_calls"), chunk({}, "stop"), DONE)
    assert got["content"][0]["name"] == "f"
    assert got["stop_reason"] == "tool_use"


def test_arguments_go_to_the_call_whose_id_they_have() -> None:
    got = stream(
        START,
        chunk(call(0, id="c1", name="f")),
        chunk(call(0, id="c2", name="g")),
        chunk(call(0, '{"a":1}', id="c1"), "stop"),
        DONE,
    )
    assert [(block["name"], block["input"]) for block in got["content"]] == [
        ("f", {"a": 1}),
        ("g", {}),
    ]


def test_no_two_calls_have_one_id() -> None:
    calls = [{"id": "c", "function": {"name": "f", "arguments": f'{{"a":{at}}}'}} for at in (1, 2)]
    found = answer(said(None, "tool_calls", tool_calls=calls))["content"]
    assert len({block["id"] for block in found}) == 2
    streamed = stream(
        START,
        chunk(call(0, id="c", name="f")),
        chunk(call(1, id="c", name="f")),
        chunk(call(1, '{"a":2}', id="c")),
        chunk(call(0, '{"a":1}', id="c"), "tool_calls"),
        DONE,
    )
    assert streamed["content"] == found


def test_an_error_of_a_choice_is_one() -> None:
    ill = failed(START, chunk(None, choices=[{"index": 0, "error": {"code": 503}}]), DONE)
    assert ill.kind is FailureKind.ILL


def test_a_count_that_is_not_told_again_stays() -> None:
    first = chunk({"content": "hi"}, usage={"prompt_tokens": 9, "completion_tokens": 1})
    last = chunk({}, "stop", usage={"completion_tokens": 2})
    usage = stream(START, first, last, DONE)["usage"]
    assert (usage["input_tokens"], usage["output_tokens"]) == (9, 2)


def test_many_pieces_of_calls_cost_what_they_weigh() -> None:
    piece = chunk(call(0, "1")) + chunk(call(1, "2"))
    decoder = RELAY.decoder(STREAM, ())
    decoder.feed(
        START + chunk(call(0, "[", id="c", name="f")) + chunk(call(1, "[", id="d", name="g"))
    )
    for _ in range(20):
        decoder.feed(piece * 1000)
    assert not decoder.failure
    big = chunk(call(0, "1" * 1_000_000))
    for _ in range(20):
        decoder.feed(big)
    assert isinstance(decoder.failure, Failure)
    flood = RELAY.decoder(STREAM, ())
    flood.feed(START)
    for at in range(3000):
        flood.feed(chunk(call(at, "", id=f"c{at}", name="f")))
    assert isinstance(flood.failure, Failure)


HALVES = [r"a\ud83d", r"\ude00b\uD83D", r"\uDE00"]


def test_characters_cut_in_two_are_whole_again() -> None:
    plain = [chunk({"content": "CUT"}).replace(b"CUT", half.encode()) for half in HALVES]
    between = chunk({}) + b": busy\n\n"
    got = stream(START, plain[0], between, plain[1], plain[2], chunk({}, "stop"), DONE)
    assert got["content"][0]["text"] == "a\U0001f600b\U0001f600"


@pytest.mark.parametrize(
    "texts",
    [HALVES[:1], HALVES[1:], [HALVES[0], "x"], [r"x\ud83dx"], [HALVES[0], r"x\ude00"]],
)
def test_half_a_character_is_none(texts: list[str]) -> None:
    plain = [chunk({"content": "CUT"}).replace(b"CUT", text.encode()) for text in texts]
    assert failed(START, *plain, chunk({}, "stop"), DONE).kind is FailureKind.BAD200


def test_an_event_without_an_end_is_not_kept_for_ever() -> None:
    decoder = RELAY.decoder(STREAM, ())
    for _ in range(10):
        decoder.feed(b"data: " + b"x" * (1 << 20))
    assert isinstance(decoder.failure, Failure)


# Laws.

TEXTS = st.lists(st.text(max_size=5), max_size=4)
ARGUMENTS = st.dictionaries(st.text(max_size=3), st.integers() | st.text(max_size=5), max_size=3)


@dataclass(frozen=True)
class Answer:
    """One answer, to be told whole or in chunks."""

    pieces: list[str]
    calls: list[dict[str, Any]]
    finish: str
    usage: dict[str, Any] | None
    seed: int
    ends: tuple[bytes, ...] = field(default=(DONE,))

    @property
    def whole(self) -> dict[str, Any]:
        calls = [
            {
                "id": f"c{at}",
                "type": "function",
                "function": {"name": f"f{at}", "arguments": json.dumps(given)},
            }
            for at, given in enumerate(self.calls)
        ]
        made = said("".join(self.pieces), self.finish, tool_calls=calls or None)
        return {**made, "usage": self.usage}

    def chunks(self) -> Iterator[bytes]:
        rng = random.Random(self.seed)
        yield START
        for piece in self.pieces:
            yield chunk({"content": piece})
        queues: list[list[bytes]] = []
        for at, arguments in enumerate(self.calls):
            text = json.dumps(arguments)
            cut = rng.randrange(len(text) + 1)
            queues.append(
                [
                    chunk(call(at, "", id=f"c{at}", name=f"f{at}")),
                    chunk(call(at, text[:cut])),
                    chunk(call(at, text[cut:])),
                ]
            )
        # Calls begin in their order; what follows may go back and forth.
        yield from (
            _interleaved(rng, queues)
            if rng.random() < 0.5
            else [one for queue in queues for one in queue]
        )
        yield chunk({}, self.finish)
        if self.usage is not None:
            yield chunk(None, usage=self.usage)
        yield from self.ends


def _interleaved(rng: random.Random, queues: Sequence[list[bytes]]) -> Iterator[bytes]:
    for queue in queues:
        yield queue.pop(0)
    while left := [queue for queue in queues if queue]:
        yield rng.choice(left).pop(0)


@st.composite
def answers(draw: st.DrawFn) -> Answer:
    calls = draw(st.lists(ARGUMENTS, max_size=3))
    finish = draw(
        st.sampled_from(["tool_calls", "stop", "length"] if calls else ["stop", "length"])
    )
    counts = st.integers(0, 10**6)
    usage = st.fixed_dictionaries({"prompt_tokens": counts, "completion_tokens": counts})
    return Answer(draw(TEXTS), calls, finish, draw(usage | st.none()), draw(st.integers(0, 2**32)))


@given(told=answers(), cuts=st.lists(st.integers(0, 4000), max_size=6))
def test_chunks_however_cut_say_what_the_whole_answer_says(told: Answer, cuts: list[int]) -> None:
    """Law: any split of the bytes gives the same events, and these the same message."""
    wire = b"".join(told.chunks())
    once, _ = decoded(wire)
    edges = sorted({0, len(wire), *(cut % len(wire) for cut in cuts)})
    pieces = [wire[a:b] for a, b in pairwise(edges)]
    out, decoder = decoded(*pieces)
    assert out == once
    assert decoder.failure is None
    assert decoder.stopped
    got, expected = read(out), answer(told.whole)
    assert got["content"] == expected["content"]
    assert got["stop_reason"] == expected["stop_reason"]
    assert {name: got["usage"][name] for name in expected["usage"]} == expected["usage"]


@given(told=answers())
def test_the_openai_client_reads_the_same(told: Answer) -> None:
    wire = b"".join(told.chunks())
    with client(httpx2.Response(200, content=wire, headers=SSE)) as one:
        chunks = list(one.chat.completions.create(model=THERE, messages=[], stream=True))
    text = "".join(each.choices[0].delta.content or "" for each in chunks if each.choices)
    calls: dict[int, str] = {}
    for each in chunks:
        for part in (each.choices[0].delta.tool_calls or ()) if each.choices else ():
            given = part.function.arguments if part.function else None
            calls[part.index] = calls.get(part.index, "") + (given or "")
    got = read(decoded(wire)[0])["content"]
    assert "".join(block["text"] for block in got if block["type"] == "text") == text
    inputs = [block["input"] for block in got if block["type"] == "tool_use"]
    assert inputs == [json.loads(calls[at]) for at in sorted(calls)]


@given(told=answers(), at=st.integers(0, 4000))
def test_a_stream_cut_anywhere_is_never_passed_off_as_whole(told: Answer, at: int) -> None:
    wire = b"".join(told.chunks())
    last = wire.rindex(b"data: ", 0, wire.index(b'"finish_reason": "')) - 2
    out, decoder = decoded(wire[: at % last])
    assert isinstance(decoder.failure, Failure)
    assert b"message_stop" not in out
    assert b"message_delta" not in out
