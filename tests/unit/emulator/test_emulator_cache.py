"""The simulated prompt cache: as a value, and as SDK clients see it in `usage`."""

from __future__ import annotations

from typing import Any

import anthropic
from hypothesis import given
from hypothesis import strategies as st

from gateway.emulator.cache import Boundary, PromptCache, boundaries

MODEL = "claude-opus-5-5"
LONG = "The rule book, page one. " * 100
LATER = "The rule book, page two. " * 100


def block(text: str, ttl: str | None = None) -> dict[str, Any]:
    mark = {"cache_control": {"type": "ephemeral", "ttl": ttl}} if ttl else {}
    return {"type": "text", "text": text, **mark}


def used(client: anthropic.Anthropic, system: Any, **more: Any) -> tuple[int, int, int]:
    """Return (read, written for 5 minutes, written for an hour)."""
    options: Any = {"model": MODEL, "messages": [{"role": "user", "content": "go"}], **more}
    usage = client.messages.create(max_tokens=50, system=system, **options).usage
    split = usage.cache_creation
    assert split is not None
    written = (split.ephemeral_5m_input_tokens, split.ephemeral_1h_input_tokens)
    assert usage.cache_creation_input_tokens == sum(written)
    assert usage.cache_read_input_tokens is not None
    return (usage.cache_read_input_tokens, *written)


def test_a_write_then_reads_until_five_minutes_pass(
    client: anthropic.Anthropic, clock: Any
) -> None:
    read, short, hour = used(client, [block(LONG, "5m")])
    assert (read, hour) == (0, 0)
    assert short > 512
    for _ in range(3):
        clock.now_s += 299  # each read refreshes it
        assert used(client, [block(LONG, "5m")]) == (short, 0, 0)
    clock.now_s += 301
    assert used(client, [block(LONG, "5m")]) == (0, short, 0)


def test_an_hour_lasts_an_hour(client: anthropic.Anthropic, clock: Any) -> None:
    _, _, hour = used(client, [block(LONG, "1h")])
    clock.now_s += 3599
    assert used(client, [block(LONG, "1h")]) == (hour, 0, 0)
    clock.now_s += 3601
    assert used(client, [block(LONG, "1h")]) == (0, 0, hour)


def test_the_two_lifetimes_are_counted_apart(client: anthropic.Anthropic, clock: Any) -> None:
    system = [block(LONG, "1h"), block(LATER, "5m")]
    read, short, hour = used(client, system)
    assert read == 0
    assert min(short, hour) > 512
    assert used(client, system) == (short + hour, 0, 0)
    clock.now_s += 301
    assert used(client, system) == (hour, short, 0)


def test_a_changed_start_misses(client: anthropic.Anthropic) -> None:
    _, short, _ = used(client, [block(LONG, "5m")])
    assert used(client, [block("!" + LONG, "5m")])[0] == 0
    assert used(client, [block(LONG, "5m")], model="claude-sonnet-5-5") == (0, short, 0)
    assert used(client, [block(LONG)]) == (0, 0, 0)


def test_a_conversation_reads_what_came_before_and_writes_what_is_new(
    client: anthropic.Anthropic,
) -> None:
    first: Any = [{"role": "user", "content": [block(LONG, "5m")]}]
    grown: Any = [
        {"role": "user", "content": [block(LONG)]},
        {"role": "assistant", "content": "Yes."},
        {"role": "user", "content": [block(LATER, "5m")]},
    ]
    _, before, _ = used(client, "be kind", messages=first)
    read, new, _ = used(client, "be kind", messages=grown)
    assert read == before
    assert new > 512


def test_a_prompt_below_the_minimum_is_not_cached(client: anthropic.Anthropic) -> None:
    assert used(client, [block("short", "5m")]) == (0, 0, 0)
    assert used(client, [block("short", "5m")]) == (0, 0, 0)


def test_a_mark_at_the_top_covers_the_last_block(client: anthropic.Anthropic) -> None:
    mark: Any = {"cache_control": {"type": "ephemeral"}}
    _, short, _ = used(client, LONG, **mark)
    assert short > 512
    assert used(client, LONG, **mark) == (short, 0, 0)


def test_streams_report_the_same_as_whole_answers(client: anthropic.Anthropic) -> None:
    system: Any = [block(LONG, "1h")]
    messages: Any = [{"role": "user", "content": "go"}]
    with client.messages.stream(
        model=MODEL, max_tokens=50, system=system, messages=messages
    ) as stream:
        wrote = stream.get_final_message().usage
    assert wrote.cache_creation
    assert wrote.cache_creation.ephemeral_1h_input_tokens == wrote.cache_creation_input_tokens
    assert used(client, system) == (wrote.cache_creation_input_tokens, 0, 0)


def test_a_mark_looks_back_twenty_blocks_and_no_further() -> None:
    def prompt(count: int) -> list[Boundary]:
        texts = [block(LONG, "5m" if count == 1 else None), *(block("x") for _ in range(count - 2))]
        last = [block("end", "5m")] if count > 1 else []
        return boundaries({"messages": [{"role": "user", "content": [*texts, *last]}]})

    cache = PromptCache()
    cache.look(prompt(1), 512, 0.0)
    assert cache.look(prompt(20), 512, 1.0).read > 512
    cache.clear()
    cache.look(prompt(1), 512, 0.0)
    assert cache.look(prompt(21), 512, 1.0).read == 0


def test_a_read_from_further_on_refreshes_what_it_read() -> None:
    def prompt(*blocks: dict[str, Any]) -> list[Boundary]:
        return boundaries({"messages": [{"role": "user", "content": list(blocks)}]})

    cache = PromptCache()
    first = prompt(block(LONG, "5m"))
    cache.look(first, 512, 0.0)
    assert cache.look(prompt(block(LONG), block("x", "5m")), 512, 200.0).read == first[-1].tokens
    assert cache.look(first, 512, 400.0).read == first[-1].tokens


marks = st.sampled_from([None, "5m", "1h"])
prompts = st.lists(st.tuples(st.integers(0, 3), marks), min_size=1, max_size=8)


@given(st.lists(st.tuples(prompts, st.floats(0, 4000)), max_size=8))
def test_every_token_is_counted_exactly_once(calls: list[Any]) -> None:
    cache, now_s = PromptCache(), 0.0
    for rows, later_s in calls:
        now_s += later_s
        blocks = [block(f"{n}" * 400, ttl) for n, ttl in rows]
        prompt = boundaries({"messages": [{"role": "user", "content": blocks}]})
        first = cache.look(prompt, 200, now_s)
        again = cache.look(prompt, 200, now_s)
        assert first.total == again.total == prompt[-1].tokens
        assert (again.written_5m, again.written_1h) == (0, 0)
        assert again.read == first.read + first.written_5m + first.written_1h
