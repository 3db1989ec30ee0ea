from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.journal import Journal
from tests.cli_policy.conftest import Run

BANK = Path("config/policies/eu-bank.toml")
NOW = 1_795_348_800.0  # 2026-11-22, noon

Write = Callable[..., None]


@pytest.fixture
def write(folder: Path) -> Write:
    """Write decisions into a journal, a second apart."""
    times = iter(range(10_000))
    journal = Journal.open(folder / "journal", fsync="never", now=lambda: NOW + next(times))

    def decisions(*records: dict[str, Any], kind: str = "decision") -> None:
        for record in records:
            journal.append(kind, record)

    return decisions


def decision(number: int, **more: Any) -> dict[str, Any]:
    return {
        "decision": f"dec_{number}",
        "call": "messages",
        "environment": "prod",
        "class": "customer",
        "model": "claude-opus-5-5",
        "models_inside": [],
        "features": [],
        "betas": [],
        "checks": [],
        "layers": [],
        "plan": ["frankfurt"],
        "rejected": [
            {"upstream": "london", "cause": "policy"},
            {"upstream": "direct", "cause": "policy"},
        ],
        **more,
    }


def simulated(run: Run, *arguments: str, policy: Path = BANK) -> dict[str, Any]:
    found = run(
        "policy", "simulate", "--journal", "journal", "--policy", str(policy), "--json", *arguments
    )
    assert found.exit_code == 0, found.output
    report: dict[str, Any] = json.loads(found.stdout)
    return report


def edited(old: str, new: str) -> Path:
    text = BANK.read_text()
    assert old in text
    path = Path("new.toml")
    path.write_text(text.replace(old, new))
    return path


def test_the_policy_that_decided_changes_nothing(run: Run, write: Write) -> None:
    write(
        decision(1), decision(2, features=["batch"], plan=[]), decision(3, **{"class": "internal"})
    )
    report = simulated(run)
    assert report["decisions"] == 3
    assert report["allowed"] == {"before": 2, "after": 2}
    assert report["newly_refused"] == report["newly_allowed"] == []
    assert report["first_choice"] == {"frankfurt": {"before": 2, "after": 2}}
    assert report["cost"] == {"calls": 0, "before_usd": "0", "after_usd": "0", "unpriced": 0}


def test_calls_that_would_be_refused_are_named_with_the_rule(run: Run, write: Write) -> None:
    write(*(decision(each, features=["tool_search"]) for each in range(5)), decision(9))
    policy = edited('"batch", "files"', '"tool_search", "files"')
    (group,) = simulated(run, policy=policy)["newly_refused"]
    assert (group["count"], group["class"], group["features"]) == (5, "customer", ["tool_search"])
    assert group["rules"][0] == "gdpr-customer"
    assert group["decisions"] == ["dec_0", "dec_1", "dec_2"]
    text = run("policy", "simulate", "--journal", "journal", "--policy", "new.toml").output
    assert (
        "newly refused: 5\n  5 x class customer, prod, claude-opus-5-5; features tool_search"
        in text
    )
    assert "first choice frankfurt: 6 before, 1 after" in text
    assert "cost: 0 USD before, 0 USD after, of 0 answered calls" in text


def test_calls_that_would_be_allowed_are_named(run: Run, write: Write) -> None:
    write(decision(1, features=["batch"], plan=[], rejected=[]))
    policy = edited('"batch", "files"', '"files"')
    assert simulated(run, policy=policy)["newly_allowed"] == []  # It is kept for 29 days.
    policy.write_text(policy.read_text().replace("require.retention_days = 0", ""))
    (group,) = simulated(run, policy=policy)["newly_allowed"]
    assert group["decisions"] == ["dec_1"]


def test_the_first_choice_shifts(run: Run, write: Write) -> None:
    Path("config/attestations.toml").write_text(
        Path("config/attestations.toml").read_text().replace('"frankfurt"', '"*n*"')
    )
    policy = edited('"DE", "GR"', '"DE", "GB", "GR"')
    text = policy.read_text().replace(
        "[[rule]]", "[[rule]]\nid = 'no'\nforbid.upstreams = ['fra*']\n[[rule]]", 1
    )
    policy.write_text(text)
    write(decision(1), decision(2))
    report = simulated(run, policy=policy)
    assert report["first_choice"] == {
        "frankfurt": {"before": 2, "after": 0},
        "london": {"before": 0, "after": 2},
    }


def finished(number: int, upstream: str, **usage: int) -> dict[str, Any]:
    return {"decision": f"dec_{number}", "attempt": 1, "upstream": upstream, "usage": usage}


def test_the_cost_is_told_where_calls_ran_and_where_they_would_run(run: Run, write: Write) -> None:
    used = {"input_tokens": 1_000_000, "output_tokens": 0}
    write(decision(1, plan=["direct"]), decision(2, model="claude-nobody-9", plan=["direct"]))
    write(decision(3), decision(4))
    write(finished(1, "direct", **used), finished(2, "direct", **used), kind="finished")
    write(finished(3, "frankfurt", **used), {"decision": "dec_4", "state": "left"}, kind="finished")
    # 4 USD where it may run anywhere, 4.40 in a region.
    assert simulated(run)["cost"] == {
        "calls": 2,
        "before_usd": "8.4",
        "after_usd": "8.8",
        "unpriced": 1,
    }
    refusing = edited('"DE", "GR"', '"GR"')
    assert simulated(run, policy=refusing)["cost"]["after_usd"] == "0"


def test_a_usage_that_was_cut_has_no_cost(run: Run, write: Write) -> None:
    write(decision(1))
    write({**finished(1, "frankfurt", input_tokens=5), "usage_cut": True}, kind="finished")
    assert simulated(run)["cost"]["unpriced"] == 1


def test_the_order_is_what_the_policy_prefers_else_the_recorded_one(run: Run, write: Write) -> None:
    order = ["direct", "london", "frankfurt"]
    write(decision(1, environment="dev", plan=order, rejected=[], **{"class": "public"}))
    assert simulated(run)["first_choice"]["london"] == {"before": 0, "after": 1}
    policy = edited('["tightest_residency", "cache_affinity", "cost"]', "[]")
    assert simulated(run, policy=policy)["first_choice"] == {"direct": {"before": 1, "after": 1}}


def test_the_cheaper_upstream_goes_first_where_the_policy_prefers_it(
    run: Run, write: Write
) -> None:
    order = ["london", "frankfurt", "direct"]
    write(decision(1, environment="dev", plan=order, rejected=[], **{"class": "public"}))
    policy = edited('["tightest_residency", "cache_affinity", "cost"]', '["cost"]')
    assert simulated(run, policy=policy)["first_choice"] == {
        "direct": {"before": 0, "after": 1},
        "london": {"before": 1, "after": 0},
    }


def test_what_something_else_left_out_stays_out(run: Run, write: Write) -> None:
    write(
        decision(1, plan=[], rejected=[{"upstream": "frankfurt", "cause": "model", "reason": "x"}])
    )
    assert simulated(run)["allowed"] == {"before": 0, "after": 0}


def test_decisions_are_made_at_the_time_of_their_record(run: Run, write: Write) -> None:
    attestations = Path("config/attestations.toml")
    text = attestations.read_text()
    attestations.write_text(text.replace('"ticket 9"', '"ticket 9"\nexpires = 2026-11-22'))
    write(decision(1))
    assert simulated(run)["allowed"]["after"] == 1
    attestations.write_text(text.replace('"ticket 9"', '"ticket 9"\nexpires = 2026-11-21'))
    assert simulated(run)["allowed"]["after"] == 0


def test_calls_without_a_policy_are_tried_and_said_to_be_unsure(run: Run, write: Write) -> None:
    bare = {"decision": "dec_1", "class": None, "model": "claude-opus-5-5", "plan": ["direct"]}
    write({**bare, "rejected": []})
    report = simulated(run)
    assert report["unsure"] == 1
    assert report["first_choice"] == {
        "direct": {"before": 1, "after": 0},
        "frankfurt": {"before": 0, "after": 1},
    }


def test_a_body_that_nobody_looked_into_is_unsure_where_a_rule_now_asks(
    run: Run, write: Write
) -> None:
    write(decision(1, unread=["messages"]), decision(2))
    assert simulated(run)["unsure"] == 1
    policy = edited("require.retention_days = 0\n", "")
    text = policy.read_text()
    features = text[text.index("forbid.features") : text.index("forbid.models")]
    policy.write_text(text.replace(features, ""))
    assert simulated(run, policy=policy)["unsure"] == 0


def test_records_of_another_shape_are_counted_and_left_out(run: Run, write: Write) -> None:
    away = {"decision": "dec_3", "asked_model": "x", "plan": [], "rejected": [], "refused": "no"}
    write(decision(1), {"decision": "dec_2"}, away)
    report = simulated(run)
    assert (report["decisions"], report["unreadable"], report["turned_away"]) == (3, 1, 1)
    assert report["allowed"]["after"] == 1


@pytest.mark.parametrize(
    ("more", "rule"),
    [
        ({"models_inside": ["claude-fable-5-1"]}, "gdpr-customer"),
        ({"hatches": {"workspace": "wrkspc_1"}}, "eu-bank.hatches"),
        ({"require": ["processing_in=us"]}, "x-gateway-require"),
        ({"betas": ["b-1"]}, "eu-baseline"),
        ({"layers": ["team"]}, "policy"),
        ({"checks": []}, "pci-payment"),
    ],
)
def test_everything_that_was_decided_on_counts(
    run: Run, write: Write, more: dict[str, Any], rule: str
) -> None:
    policy = edited("require.cmek = true", 'require.request_checks = ["no_phi_in_json_schema"]')
    text = policy.read_text().replace(
        "require.processor", 'forbid.betas = ["b-*"]\nrequire.processor'
    )
    policy.write_text(text)
    data_class = "payment" if "checks" in more else "customer"
    passing = {"class": data_class, "checks": ["no_phi_in_json_schema"]}
    write(decision(1, **passing), decision(2, **{**passing, **more}))
    (group,) = simulated(run, policy=policy)["newly_refused"]
    assert group["decisions"] == ["dec_2"]
    assert rule in group["rules"]


def test_a_requirement_that_nobody_knows_cannot_be_tried(run: Run, write: Write) -> None:
    write(decision(1, require=["nonsense"]), decision(2, hatches={"workspace": 1}))
    assert simulated(run)["unreadable"] == 2


def test_since_leaves_older_ones_out(run: Run, write: Write) -> None:
    write(*(decision(each) for each in range(10)))
    (file,) = Path("journal").glob("*.jsonl")
    fifth_last = json.loads(file.read_text().splitlines()[-5])
    assert simulated(run, "--since", fifth_last["at"])["decisions"] == 5
    assert simulated(run, "--since", "2026-11-22")["decisions"] == 10
    assert simulated(run, "--since", "2026-11-23")["decisions"] == 0


def test_a_single_file_is_a_journal_too_and_its_torn_end_is_passed_over(
    run: Run, write: Write
) -> None:
    write(decision(1), decision(2))
    (file,) = Path("journal").glob("*.jsonl")
    file.write_bytes(file.read_bytes()[:-40])
    arguments = ["policy", "simulate", "--policy", str(BANK), "--json", "--journal"]
    for name in ("journal", str(file)):
        assert json.loads(run(*arguments, name).stdout)["decisions"] == 1


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        (["--journal", "nowhere", "--policy", str(BANK)], 1, "nowhere: cannot be read"),
        (["--journal", "config/gateway.toml", "--policy", str(BANK)], 1, "line 1 is no record"),
        (["--journal", "journal", "--policy", "nowhere.toml"], 1, "nowhere.toml: cannot be read"),
        (["--policy", str(BANK)], 1, "no journal is configured"),
        (["--journal", "journal"], 2, "--policy"),
        (["--journal", "journal", "--policy", str(BANK), "--since", "then"], 2, "no moment"),
    ],
)
def test_a_mistake_is_one_line(run: Run, arguments: list[str], status: int, told: str) -> None:
    Path("journal").mkdir()
    found = run("policy", "simulate", *arguments)
    assert found.exit_code == status
    assert told in found.output
    assert "Traceback" not in found.output


def test_an_empty_journal_has_no_decisions(run: Run) -> None:
    Path("journal").mkdir()
    assert simulated(run)["decisions"] == 0
