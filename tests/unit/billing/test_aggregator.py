"""Many users, their teams, sessions and agents; and the ledger's rows."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from gateway.billing import BillingAggregator
from gateway.ledger.row import Row, State
from gateway.usage import Usage
from tests.unit.billing.hand_priced import (
    INPUT,
    MODEL,
    OUTPUT,
    AssistantMessage,
    HandPriced,
    ToolUseBlock,
    message,
    stream,
    usage,
)


def aggregator() -> BillingAggregator:
    return BillingAggregator(HandPriced(), clock=lambda: 5.0)


def test_each_user_and_team_pays_for_its_own() -> None:
    bill = aggregator()
    bill.add(message("msg_1", usage(10, 0)), user="A", team="x", session="s")
    bill.add(message("msg_2", usage(20, 0)), user="B", team="x", session="t")
    bill.add(message("msg_3", usage(40, 0)), user="A", session="t")

    def inputs(dimension: Any) -> dict[str, int]:
        return {name: total.input_tokens for name, total in bill.by(dimension).items()}

    assert inputs("user") == {"A": 50, "B": 20}
    assert inputs("team") == {"": 40, "x": 30}
    assert inputs("session") == {"s": 10, "t": 60}
    assert inputs("model") == {MODEL: 70}
    assert inputs("platform") == {"anthropic": 70}
    assert inputs("state") == {"final": 70}
    assert inputs("agent") == {"": 70}
    assert bill.total.net_pico == 70 * INPUT


def test_a_message_of_two_users_is_charged_to_one_and_flagged() -> None:
    for order in (("A", "B"), ("B", "A")):
        bill = aggregator()
        for user in order:
            bill.add(message("msg_1"), user=user)

        assert {name: total.messages for name, total in bill.by("user").items()} == {"A": 1}
        assert bill.charges[0].flags == ("conflict: user",)


def test_who_is_named_once_is_named() -> None:
    bill = aggregator()
    bill.add(message("msg_1"))
    bill.add(message("msg_1"), user="A")
    bill.add(message("msg_1"), team="x")

    (charge,) = bill.charges
    assert (charge.labels.user, charge.labels.team, charge.flags) == ("A", "x", ())


def test_what_a_label_says_goes_before_what_the_message_says() -> None:
    bill = aggregator()
    told = {"type": "assistant", "message": message("msg_1"), "session_id": "s"}
    bill.add({**told, "parent_tool_use_id": "toolu_1"}, session="mine", agent="a")

    labels = bill.charges[0].labels
    assert (labels.session, labels.agent) == ("mine", "a")


def test_threads_may_share_one() -> None:
    bill = aggregator()
    with ThreadPoolExecutor(8) as threads:
        for number in range(400):
            told = message(f"msg_{number % 40}", usage(10, number))
            threads.submit(bill.add, told, user=str(number % 4))
            threads.submit(lambda: bill.total)

    assert bill.total.messages == 40
    assert bill.total.output_tokens == sum(range(360, 400))


def agent(message_id: str, own: str | None, *calls: str, output: int = 1) -> AssistantMessage:
    return AssistantMessage(
        content=[ToolUseBlock(call, "Task", {}) for call in calls],
        model=MODEL,
        message_id=message_id,
        usage=usage(0, output),
        parent_tool_use_id=own,
        session_id="s",
        stop_reason="tool_use",
    )


def test_agents_are_a_tree_by_the_calls_that_began_them() -> None:
    bill = aggregator()
    bill.add(agent("msg_1", None, "toolu_a", "toolu_b", output=1))
    bill.add(agent("msg_2", "toolu_a", "toolu_c", output=2))
    bill.add(agent("msg_3", "toolu_c", output=4))
    bill.add(agent("msg_4", "toolu_b", output=8))
    bill.add(agent("msg_5", "toolu_nobody_made", output=16))

    (main,) = bill.agents()
    assert (main.session, main.agent) == ("s", "")
    assert (main.own.output_tokens, main.whole.output_tokens) == (1, 31)
    assert [child.agent for child in main.children] == ["toolu_a", "toolu_b", "toolu_nobody_made"]
    first = main.children[0]
    assert (first.own.output_tokens, first.whole.output_tokens) == (2, 6)
    assert [child.agent for child in first.children] == ["toolu_c"]
    assert main.whole == bill.total


def test_agents_are_a_tree_by_what_labels_say() -> None:
    bill = aggregator()
    bill.add(message("msg_1", usage(0, 1)), session="s", agent="b", parent_agent="a")
    bill.add(message("msg_2", usage(0, 2)), session="s", agent="c", parent_agent="b")
    bill.add(message("msg_3", usage(0, 4)), session="t")

    one, other = bill.agents()
    (a,) = one.children
    assert (a.agent, a.own.messages, a.whole.output_tokens) == ("a", 0, 3)
    assert [child.agent for child in a.children[0].children] == ["c"]
    assert (other.session, other.children, other.own.output_tokens) == ("t", (), 4)


def test_agents_that_began_each_other_are_each_under_the_main_one() -> None:
    bill = aggregator()
    bill.add(message("msg_1", usage(0, 1)), agent="a", parent_agent="b")
    bill.add(message("msg_2", usage(0, 2)), agent="b", parent_agent="a")
    bill.add(message("msg_3", usage(0, 4)), agent="c", parent_agent="c")

    (main,) = bill.agents()
    assert [(child.agent, child.whole.output_tokens) for child in main.children] == [
        ("a", 1),
        ("b", 2),
        ("c", 4),
    ]


def test_of_two_parents_the_first_of_the_alphabet_is_taken() -> None:
    bill = aggregator()
    bill.add(message("msg_1", usage(0, 1)), agent="c", parent_agent="b")
    bill.add(message("msg_2", usage(0, 2)), agent="c", parent_agent="a")

    assert [child.agent for child in bill.agents()[0].children] == ["a"]
    assert [child.agent for child in bill.agents()[0].children[0].children] == ["c"]


def test_a_long_chain_of_agents_is_no_trouble() -> None:
    bill = aggregator()
    for number in range(2000):
        told = message(f"msg_{number}", usage(0, 1))
        bill.add(told, agent=str(number + 1), parent_agent=str(number) if number else "")

    assert bill.agents()[0].whole.output_tokens == 2000


def row(attempt: str = "d.1", **more: Any) -> Row:
    told: dict[str, Any] = {
        "attempt": attempt,
        "decision": attempt.partition(".")[0],
        "number": 1,
        "kind": "messages",
        "streamed": False,
        "started_us": 5_000_000,
        "ended_us": 6_000_000,
        "upstream": "direct",
        "platform": "anthropic",
        "scope": "global",
        "model": MODEL,
        "state": State.FINAL,
        "open": False,
        "won": True,
        "message_id": f"msg_{attempt}",
        "usage": Usage.of(usage(10, 2)).to_json(),
        "list_pico": 100,
        "net_pico": 80,
        "low_pico": 80,
        "high_pico": 80,
        "uncached_pico": 90,
    }
    return Row(**{**told, **more})


def test_rows_are_billed_as_the_ledger_has_them() -> None:
    bill = aggregator()
    tags = {"user": "A"}
    bill.add_row(row(caller="key", team="x", session="s", agent="b", parent_agent="a", tags=tags))
    bill.add_row(row("e.1", caller="key"))

    first, second = bill.charges
    assert first.labels.user == "A"
    assert second.labels.user == "key"
    assert (first.labels.team, first.labels.session, first.labels.agent) == ("x", "s", "b")
    assert (first.list_pico, first.net_pico, first.usage.output_tokens) == (100, 80, 2)
    total = bill.total
    assert (total.list_pico, total.net_pico, total.saved_pico) == (200, 160, 20)
    assert (total.input_tokens, total.output_tokens, total.complete) == (20, 4, True)

    bill.add_row(row("f.1", uncached_pico=None))
    assert (bill.total.net_pico, bill.total.saved_pico) == (240, 20)


def test_a_row_without_its_report_has_its_counts() -> None:
    bill = aggregator()
    bill.add_row(row(usage=None, input_tokens=7, output_tokens=8, cache_read_tokens=9))

    total = bill.total
    assert (total.input_tokens, total.output_tokens, total.cache_read_tokens) == (7, 8, 9)


def test_attempts_that_did_not_win_are_waste() -> None:
    bill = aggregator()
    bill.add_row(row("d.1", state=State.REJECTED, won=False, net_pico=0, low_pico=0, high_pico=0))
    unknown: dict[str, Any] = {"net_pico": None, "list_pico": None, "low_pico": 3, "high_pico": 70}
    bill.add_row(row("d.2", state=State.UNKNOWN, won=False, **unknown))
    bill.add_row(row("d.3", state=State.PARTIAL, won=False, net_pico=9, low_pico=5, high_pico=20))
    bill.add_row(row("d.4"))

    total = bill.total
    assert (total.messages, total.net_pico, total.wasted) == (1, 80, 2)
    assert (total.waste_low_pico, total.waste_high_pico) == (8, 90)
    assert (total.output_tokens, total.complete) == (2, True)


def test_what_has_only_bounds_is_in_no_sum_and_said_to_be_unknown() -> None:
    bill = aggregator()
    unknown: dict[str, Any] = {
        "net_pico": None,
        "list_pico": None,
        "uncached_pico": None,
        "usage": None,
    }
    bill.add_row(row(state=State.UNKNOWN, low_pico=3, high_pico=70, **unknown))

    total = bill.total
    assert (total.net_pico, total.low_pico, total.high_pico) == (None, 3, 70)
    assert (total.unknown, total.unpriced, total.uncounted, total.complete) == (1, 0, 1, False)


def test_a_row_without_a_price_says_why() -> None:
    bill = aggregator()
    names = ("list_pico", "net_pico", "low_pico", "high_pico", "uncached_pico")
    nothing: dict[str, Any] = dict.fromkeys(names)
    bill.add_row(row(unpriced="model claude-x-9 is not known", **nothing))
    bill.add_row(row("e.1"))

    assert bill.charges[0].unpriced == ("model claude-x-9 is not known",)
    assert (bill.total.unpriced, bill.total.net_pico, bill.total.high_pico) == (1, 80, None)


@pytest.mark.parametrize("more", [{"kind": "count_tokens"}, {"duplicate_of": "d.1"}])
def test_counts_and_duplicates_are_not_charged(more: dict[str, Any]) -> None:
    bill = aggregator()
    bill.add_row(row("e.1", **more))

    assert bill.charges == ()


def test_the_later_version_of_a_row_holds() -> None:
    running = row(open=True, ended_us=None, state=State.UNKNOWN, won=False, net_pico=None)
    duplicate = row(ended_us=7_000_000, duplicate_of="c.1")
    for versions in ((running, row()), (row(), running)):
        bill = aggregator()
        for version in versions:
            bill.add_row(version)
        assert (bill.total.messages, bill.total.running, bill.total.net_pico) == (1, 0, 80)
    for versions in ((row(), duplicate), (duplicate, row())):
        bill = aggregator()
        for version in versions:
            bill.add_row(version)
        assert bill.total.messages == 0


def test_what_still_runs_is_in_no_sum() -> None:
    bill = aggregator()
    bill.add_row(row(open=True, ended_us=None, state=State.UNKNOWN, won=False))

    total = bill.total
    assert (total.running, total.messages, total.wasted, total.net_pico) == (1, 0, 0, 0)


def test_messages_and_rows_add_up() -> None:
    bill = aggregator()
    bill.add_row(row(caller="A"))
    for event in stream("msg_1", usage(10, 3)):
        bill.add(event, user="A")

    assert bill.by("user")["A"].net_pico == 80 + 10 * INPUT + 3 * OUTPUT
