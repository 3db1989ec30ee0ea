from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest

from gateway.policy.compiling import compile_policies
from gateway.policy.deciding import decide
from gateway.policy.decision import Request
from gateway.policy.diff import PLAIN, UNLABELLED, Axes, Change, axes, changes
from gateway.policy.diff_words import line
from gateway.policy.facts import FactSheet
from gateway.policy.files import PolicyFile, read_policy
from gateway.policy.scenarios import read_scenarios
from tests.cli_policy.conftest import EXAMPLES, Run

NOW = 1_795_348_800.0  # 2026-11-22, noon
MODELS = ["claude-opus-5-5", "claude-haiku-5-5", "claude-haiku-4-5", "claude-fable-5-1"]
BANK = (EXAMPLES / "eu-bank.toml").read_text()
WORLD = str(EXAMPLES / "eu-bank_test.toml")

EDITS = {
    "a feature is let go": ('"web_search", ', ""),
    "a rule is for others": (
        'classes = ["payment"]\nrequire.cmek',
        'classes = ["public"]\nrequire.cmek',
    ),
    "a permit moves": (
        'environments = ["staging", "prod"]\n\n[[rule]]',
        'environments = ["dev", "prod"]\n\n[[rule]]',
    ),
    "another default class": ('unlabelled = "customer"', 'unlabelled = "internal"'),
    "no default class": ('unlabelled = "customer"', ""),
    "a wider zone": ('"SE",\n]', '"SE", "GB",\n]'),
    "betas and models are forbidden": (
        'require.processor = ["aws", "google"]',
        'forbid.betas = ["*"]\nforbid.models = ["claude-haiku-*"]\nallow.betas = ["b-1"]',
    ),
    "a check is asked for": (
        "require.cmek = true",
        'require.request_checks = ["no_phi_in_json_schema"]',
    ),
    "it is for a team": (
        'unlabelled = "customer"',
        'unlabelled = "customer"\nlayer.keys = ["team"]',
    ),
}


def bank(text: str = BANK) -> PolicyFile:
    return read_policy("eu-bank.toml", text)


def facts() -> FactSheet:
    found = read_scenarios(WORLD, Path(WORLD).read_text()).facts
    assert found is not None
    return found


def edited(name: str) -> str:
    old, new = EDITS[name]
    assert old in BANK
    return BANK.replace(old, new)


Cell = tuple[str, str, str, str, str, str, bool]


def cells(found: list[Change]) -> set[Cell]:
    return {
        (*cell, change.allowed)
        for change in found
        for cell in product(
            change.classes,
            change.environments,
            change.layers,
            change.models,
            change.asks,
            change.upstreams,
        )
    }


def differing(old: PolicyFile, new: PolicyFile, tried: Axes) -> Iterator[Cell]:
    """Decide every combination by both, with nothing left out or drawn together."""
    was, becomes, known = compile_policies([old]), compile_policies([new]), facts()
    for name, where, layer, model, ask in product(
        tried.classes, tried.environments, tried.layers, tried.models, tried.asks
    ):
        layers = frozenset({layer} if layer else ())
        request = ask.of(Request(where, name, model, layers=layers))
        before = set(decide(was, known, request, NOW).allowed)
        after = set(decide(becomes, known, request, NOW).allowed)
        for upstream in before ^ after:
            yield (
                name or UNLABELLED,
                where,
                layer,
                model,
                ask.name,
                upstream,
                upstream in after,
            )


@pytest.mark.parametrize("name", EDITS)
@pytest.mark.parametrize("back", [False, True])
def test_exactly_the_cells_that_change_are_named(name: str, back: bool) -> None:
    old, new = bank(), bank(edited(name))
    if back:
        old, new = new, old
    tried = axes([old, new], ["claude-haiku-5-5", "claude-fable-5-1"])
    told = cells(changes(compile_policies([old]), compile_policies([new]), facts(), tried, NOW))
    real = set(differing(old, new, tried))
    assert real
    # A plain request that is newly refused speaks for those that ask for more.
    spoken = {cell for cell in real if not cell[-1] and (*cell[:4], PLAIN, *cell[5:]) in real}
    assert told == (real - spoken) | {cell for cell in spoken if cell[4] == PLAIN}


def test_a_line_says_who_what_where_and_by_which_rule() -> None:
    old, new = bank(edited("a feature is let go")), bank()
    tried = axes([old, new], MODELS)
    found = changes(compile_policies([old]), compile_policies([new]), facts(), tried, NOW)
    assert [line(each, tried) for each in found] == [
        (
            "classes customer, unlabelled, prod, staging; every model but claude-fable-5-1; "
            "feature web_search: bedrock-eu, bedrock-frankfurt refused (was allowed): "
            "gdpr-customer"
        ),
        (
            "class payment, prod, staging; every model but claude-fable-5-1; feature web_search: "
            "bedrock-frankfurt refused (was allowed): gdpr-customer"
        ),
    ]


def test_what_is_newly_allowed_is_told_with_what_is_not() -> None:
    old, new = bank(edited("no default class")), bank()
    tried = axes([old, new], MODELS)
    found = changes(compile_policies([old]), compile_policies([new]), facts(), tried, NOW)
    (told,) = [line(each, tried) for each in found]
    assert told.startswith(
        "class unlabelled, prod, staging; every model but claude-fable-5-1: bedrock-eu, "
        "bedrock-frankfurt allowed, but not with fallback default; feature "
    )
    assert told.endswith("(was refused by eu-bank)")


def test_families_of_models_and_key_layers_are_told_in_short() -> None:
    old, new = bank(), bank(edited("betas and models are forbidden"))
    tried = axes([old, new], MODELS)
    found = changes(compile_policies([old]), compile_policies([new]), facts(), tried, NOW)
    assert any("; model claude-haiku-*: " in line(each, tried) for each in found)
    new = bank(edited("it is for a team"))
    tried = axes([old, new], MODELS)
    found = changes(compile_policies([old]), compile_policies([new]), facts(), tried, NOW)
    assert all("; no key layer" in line(each, tried) for each in found if not each.allowed)


def test_a_check_is_told_by_the_features_that_do_not_pass_it() -> None:
    old, new = bank(), bank(edited("a check is asked for"))
    tried = axes([old, new], ["claude-opus-5-5"])
    found = changes(compile_policies([old]), compile_policies([new]), facts(), tried, NOW)
    asks = {name for change in found if not change.allowed for name in change.asks}
    assert asks == set()  # The bank keeps schemas out already: they are cached for a day.
    text = BANK.replace("require.retention_days = 0\n", "")
    old, new = bank(text), bank(text.replace(*EDITS["a check is asked for"]))
    found = changes(compile_policies([old]), compile_policies([new]), facts(), tried, NOW)
    asks = {name for change in found if not change.allowed for name in change.asks}
    assert asks == {"feature json_schema_values"}


def test_the_command_prints_lines_or_json(run: Run) -> None:
    Path("new.toml").write_text(edited("a feature is let go"))
    bank_file = str(EXAMPLES / "eu-bank.toml")
    found = run("policy", "diff", bank_file, "new.toml", "--upstreams", WORLD)
    assert found.exit_code == 0
    assert "feature web_search: bedrock-eu, bedrock-frankfurt allowed" in found.output
    report = json.loads(
        run("policy", "diff", bank_file, "new.toml", "--upstreams", WORLD, "--json").stdout
    )
    assert report["ok"]
    assert not report["same_policy"]
    assert report["changes"][0]["asks"] == ["feature web_search"]


def test_the_configured_upstreams_are_meant_without_others(run: Run) -> None:
    Path("new.toml").write_text(BANK.replace("require.private_network = true\n", ""))
    found = run("policy", "diff", "config/policies", "new.toml")
    assert (found.exit_code, found.output) == (0, "no decision changes\n")
    attestations = Path("config/attestations.toml")
    text = attestations.read_text()
    attestations.write_text(text.replace('fact = "private_network"', 'fact = "baa"'))
    found = run("policy", "diff", "config/policies", "new.toml")
    assert ": frankfurt allowed, but not with" in found.output


def test_words_and_order_alone_change_no_decision(run: Run) -> None:
    Path("new.toml").write_text(
        BANK.replace('because = "DPIA-77"', 'because = "DPIA-78"').replace(
            '["tightest_residency", "cache_affinity", "cost"]', '["cost"]'
        )
    )
    found = run("policy", "diff", "config/policies", "new.toml")
    assert found.output.splitlines() == [
        "order only: eu-bank prefers cost (was tightest_residency, cache_affinity, cost)",
        "no decision changes",
    ]
    same = run("policy", "diff", "config/policies", "config/policies/eu-bank.toml")
    assert same.output == "no decision changes: the policies are the same\n"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nowhere.toml", "config/policies"], "nowhere.toml: cannot be read"),
        (["config/policies", "empty"], "empty: has no policy in it"),
        (["config/policies", "config/gateway.toml"], "unknown key"),
        (
            ["config/policies", "config/policies", "--upstreams", "own_test.toml"],
            "[upstreams.NAME]",
        ),
    ],
)
def test_a_mistake_is_told_and_exits_1(run: Run, arguments: list[str], told: str) -> None:
    Path("empty").mkdir()
    request = "{ environment = 'prod', model = 'm' }"
    Path("own_test.toml").write_text(f"[[test]]\nname = 'x'\nrequest = {request}\nallowed = []\n")
    found = run("policy", "diff", *arguments)
    assert found.exit_code == 1
    assert told in found.stderr
    assert "Traceback" not in found.output
