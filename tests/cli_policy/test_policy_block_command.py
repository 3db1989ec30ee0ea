from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from gateway.boundary import load
from gateway.config import load as load_config
from gateway.policy.deciding import decide
from gateway.policy.decision import Request
from tests.cli_policy.conftest import Run

FILE = Path("config/policies/blocks.toml")
CUSTOMER = Request("prod", "customer", "claude-opus-5-5")


def allowed(now_s: float) -> tuple[str, ...]:
    found = load(
        load_config("config", {"KEY": "made-up", "OTHER_KEY": "other", "GATEWAY_ENV": "prod"})
    )
    assert found is not None
    return decide(found.compiled, found.facts, CUSTOMER, now_s).allowed


def blocks() -> list[dict[str, object]]:
    return list(tomllib.loads(FILE.read_text())["block"])


def test_a_block_takes_an_upstream_out_until_its_end(run: Run) -> None:
    now = dt.datetime.now(dt.UTC).timestamp()
    assert allowed(now) == ("frankfurt",)
    done = run("policy", "block", "frankfurt", "--because", "incident 7", "--until", "+2h")
    assert done.exit_code == 0, done.output
    assert allowed(now + 7_000) == ()
    assert allowed(now + 7_300) == ("frankfurt",)


def test_unblocking_lets_it_back(run: Run) -> None:
    run("policy", "block", "frankfurt", "--because", "x")
    now = dt.datetime.now(dt.UTC).timestamp()
    assert allowed(now + 10**9) == ()
    assert run("policy", "unblock", "frankfurt").exit_code == 0
    assert allowed(now) == ("frankfurt",)


def test_other_blocks_are_kept_and_one_for_the_same_upstream_is_replaced(run: Run) -> None:
    run("policy", "block", "lon*", "--because", "audit", "--until", "2999-12-31")
    run("policy", "block", "frankfurt", "--because", "one")
    done = run("policy", "block", "frankfurt", "--because", "two", "--json")
    assert [(each["upstream"], each["because"]) for each in blocks()] == [
        ("lon*", "audit"),
        ("frankfurt", "two"),
    ]
    assert blocks()[0]["until"] == dt.date(2999, 12, 31)
    assert [each["upstream"] for each in json.loads(done.stdout)["blocks"]] == [
        "lon*",
        "frankfurt",
    ]


def test_words_come_back_as_they_were_given(run: Run) -> None:
    words = 'a "b" \\ \t\x7f é 😀 """'
    run("policy", "block", "frankfurt", "--because", words)
    assert blocks()[0]["because"] == words


@pytest.mark.parametrize(
    "until", ["yesterday", "2020-01-01", "2020-01-01T00:00Z", "-2h", "+2w", ""]
)
def test_an_end_that_is_none_or_over_is_a_usage_error(run: Run, until: str) -> None:
    done = run("policy", "block", "frankfurt", "--because", "x", "--until", until)
    assert done.exit_code == 2
    assert "--until" in done.stderr
    assert not FILE.exists()


def test_an_upstream_that_nobody_has_is_refused_with_a_near_name(run: Run) -> None:
    done = run("policy", "block", "frankfort", "--because", "x")
    assert done.exit_code == 1
    assert "frankfort fits no upstream (did you mean frankfurt?)" in done.stderr
    assert not FILE.exists()


def test_an_upstream_that_only_another_environment_uses_can_be_blocked(run: Run) -> None:
    assert run("policy", "block", "spare", "--because", "x").exit_code == 0
    assert run("policy", "lint").exit_code == 0


def test_a_reason_is_needed(run: Run) -> None:
    assert run("policy", "block", "frankfurt").exit_code == 2
    assert run("policy", "block", "frankfurt", "--because", " ").exit_code == 2


def test_what_is_not_blocked_cannot_be_unblocked(run: Run) -> None:
    done = run("policy", "unblock", "frankfurt")
    assert done.exit_code == 1
    assert "frankfurt is not blocked" in done.stderr


def test_a_file_with_more_in_it_is_left_alone(run: Run) -> None:
    text = "schema = 1\nname = 'blocks'\n[layer]\n[[rule]]\nid = 'x'\nrequire.baa = true\n"
    FILE.write_text(text)
    done = run("policy", "block", "frankfurt", "--because", "x")
    assert done.exit_code == 1
    assert "holds more than blocks" in done.stderr
    assert FILE.read_text() == text


def test_a_directory_that_cannot_be_written_is_one_line(run: Run) -> None:
    Path("config/policies/eu-bank.toml").unlink()
    Path("config/policies").rmdir()
    Path("config/policies").touch()
    main = Path("config/gateway.toml")
    main.write_text(main.read_text().partition("[policy]")[0])
    done = run("policy", "block", "frankfurt", "--because", "x")
    assert done.exit_code == 1
    assert done.stderr.startswith("config/policies/blocks.toml: cannot be written")
    assert len(done.stderr.splitlines()) == 1


def test_it_says_when_there_is_no_policy_for_it_to_act_in(run: Run) -> None:
    main = Path("config/gateway.toml")
    main.write_text(main.read_text().partition("[policy]")[0])
    assert "so there is no policy" in run("policy", "block", "frankfurt", "--because", "x").output


def test_blocks_written_at_the_same_time_are_all_kept() -> None:
    code = "import sys; from gateway.cli import app; app(sys.argv[1:])"
    names = ["frankfurt", "london", "direct", "spare"]
    root = Path(__file__).parents[2]
    environ = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(root),
        "KEY": "made-up",
        "OTHER_KEY": "other",
        "GATEWAY_ENV": "prod",
    }
    running = [
        subprocess.Popen(  # noqa: S603 - our own arguments
            [sys.executable, "-c", code, "policy", "block", name, "--because", "x"],
            env=environ,
            stdout=subprocess.DEVNULL,
        )
        for name in names
    ]
    assert [each.wait() for each in running] == [0, 0, 0, 0]
    assert sorted(str(each["upstream"]) for each in blocks()) == sorted(names)
    assert [path.name for path in FILE.parent.glob(".*")] == []
