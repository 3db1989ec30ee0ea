"""What a batch used: in the ledger when its results are read, once, for whoever made it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anthropic
import pytest

from gateway.call import Caller
from gateway.emulator import Emulator
from gateway.journal.read import records
from gateway.ledger.row import Row, State
from gateway.prices import shipped
from gateway.prices.cost import Context
from gateway.stateful.results import Results, Used
from gateway.usage import Usage
from tests.ledger.keeping import Kept
from tests.ledger.records import Placed, record
from tests.server.serving import Running
from tests.stateful.doors import DOORS, House, request

CALLERS = {"key-of-web": Caller("web", frozenset(), door="server")}


@pytest.fixture
def house(tmp_path: Path, emulator: Emulator) -> House:
    made = House(tmp_path / "config", emulator)
    made.write()
    return made


def rows_of(house: House, kind: str) -> list[Row]:
    """Return the rows of the journal, which must be folded without trouble."""
    kept = Kept(shipped())
    kept.fold(Placed(each.file, each.record) for each in records(house.where / "journal"))
    kept.restart()
    assert not kept.troubles
    return sorted((r for r in kept.rows.values() if r.kind == kind), key=lambda row: row.attempt)


def charged(house: House) -> list[Row]:
    return [row for row in rows_of(house, "batch_result") if row.duplicate_of is None]


@pytest.mark.parametrize("door", DOORS)
def test_each_result_that_succeeded_is_charged_at_the_price_of_batches(
    house: House, door: str
) -> None:
    broken = request("bad", max_tokens=-1)
    with house.sdk(door) as sdk:
        made = sdk.messages.batches.create(requests=[request("a"), broken, request("b")])
        assert not charged(house)
        found = {each.custom_id: each.result for each in sdk.messages.batches.results(made.id)}
    assert found["bad"].type == "errored"
    rows = {row.request_id or "": row for row in charged(house)}
    assert rows.keys() == {"a", "b"}
    for name, row in rows.items():
        result = found[name]
        assert result.type == "succeeded"
        usage = result.message.usage
        assert (row.state, row.open, row.won) == (State.FINAL, False, True)
        assert (row.message_id, row.model) == (result.message.id, "claude-opus-5-5")
        assert (row.input_tokens, row.output_tokens) == (usage.input_tokens, usage.output_tokens)
        assert (row.upstream, row.platform, row.scope) == ("direct", "anthropic", "global")
        assert row.net_pico == _batch_price(usage.to_dict())


def _batch_price(usage: dict[str, Any]) -> int | None:
    plain = {**usage, "service_tier": "standard"}
    context = Context(
        platform="anthropic",
        scope="global",
        model="claude-opus-5-5",
        at_s=1_795_000_000,
        processing="batch",
    )
    return shipped().cost(Usage.of({"usage": plain}), context).net_pico


def test_results_that_are_read_again_cost_nothing_more(house: House) -> None:
    engine = house.engine()
    with house.sdk("client", engine) as sdk:
        made = sdk.messages.batches.create(requests=[request(f"r{at}") for at in range(40)])
        half = iter(sdk.messages.batches.results(made.id))
        next(half)
        for _ in range(2):
            assert len(list(sdk.messages.batches.results(made.id))) == 40
    rows = rows_of(house, "batch_result")
    assert len([row for row in rows if row.duplicate_of is None]) == 40
    assert all(row.net_pico == 0 for row in rows if row.duplicate_of is not None)
    assert len({row.message_id for row in rows}) == 40
    # The second whole download was not recorded at all.
    assert len(rows) <= 80


@pytest.mark.parametrize("body", [b"", b"\n", b'{"type":"error","error":{"type":"x"}}', b"<html>"])
def test_an_answer_without_results_does_not_end_the_charging(
    house: House, emulator: Emulator, body: bytes
) -> None:
    with house.sdk("client") as sdk:
        made = sdk.messages.batches.create(requests=[request("a")])
        emulator.faults.add("status", status=200, body=body, path="/results")
        sdk.messages.batches.with_raw_response.results(made.id).read()
        assert not charged(house)
        assert len(list(sdk.messages.batches.results(made.id))) == 1
    assert len(charged(house)) == 1


def _web(running: Running) -> anthropic.Anthropic:
    return anthropic.Anthropic(base_url=running.url, api_key="key-of-web", max_retries=0)


def test_the_row_is_of_who_made_the_batch_not_of_who_reads_it(house: House) -> None:
    with house.server(callers=CALLERS) as running, _web(running) as ours:
        made = ours.messages.batches.create(
            requests=[request("a")], extra_headers={"x-gateway-tag-team": "search"}
        )
    with house.server(callers=CALLERS) as running, _web(running) as ours:
        list(ours.messages.batches.results(made.id))
    (row,) = charged(house)
    assert (row.caller, row.team) == ("web", "search")


def test_making_and_reading_a_batch_cost_nothing_by_themselves(house: House) -> None:
    with house.sdk("client") as sdk:
        made = sdk.messages.batches.create(requests=[request("a")])
        sdk.messages.batches.retrieve(made.id)
        list(sdk.messages.batches.results(made.id))
        sdk.beta.files.upload(file=("a.txt", b"text", "text/plain"))
    errands = rows_of(house, "batches") + rows_of(house, "files")
    assert len(errands) >= 4
    assert {(row.state, row.net_pico) for row in errands} == {(State.FINAL, 0)}


def test_a_usage_that_names_no_tier_has_the_price_of_batches_too() -> None:
    usage = {"input_tokens": 1000, "output_tokens": 50}
    said = {
        "decision": "dec_1-1",
        "upstream": "direct",
        "platform": "anthropic",
        "account": "direct",
        "scope": "global",
        "model": "claude-opus-5-5",
        "served_model": "claude-opus-5-5",
        "message_id": "msg_1",
        "usage": usage,
    }
    kept = Kept(shipped())
    kept.fold([Placed("journal-1.jsonl", record(0, "batch_result", said))])
    (row,) = kept.rows.values()
    assert row.net_pico == _batch_price(usage)
    assert row.net_pico == (1000 * 4_000_000 + 50 * 20_000_000) // 2


@pytest.mark.parametrize("size", [1, 7, 64, 10_000])
def test_lines_are_found_however_they_are_cut(size: int) -> None:
    long = (
        b'{"custom_id":"long","result":{"type":"succeeded","message":{"id":"' + b"x" * 300 + b'"}}}'
    )
    lines = [
        b'{"custom_id":"a","result":{"type":"succeeded","message":{"id":"m1","usage":{"input_tokens":1}}}}',
        b'{"custom_id":"b","result":{"type":"errored","error":{}}}',
        b"not json",
        b'{"custom_id":"d","result":{"type":"succeeded"}}',
        long,
        b"",
        b'{"custom_id":"c","result":{"type":"succeeded","message":{"id":"m2"}}}',
    ]
    whole = b"\n".join(lines)
    results = Results(max_line_bytes=200)
    found: list[Used] = []
    for at in range(0, len(whole), size):
        found += results.feed(whole[at : at + size])
    found += results.end()
    assert [(each.number, each.custom_id, each.said.id) for each in found] == [
        (1, "a", "m1"),
        (6, "c", "m2"),
    ]
    assert (results.lines, results.unread) == (6, 3)
