"""Rows and contracts of a user's own: what they do, and which mistakes in them are named."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from gateway.config import Config, ConfigError, load
from gateway.prices import load as load_prices
from gateway.prices import shipped
from gateway.prices.own import read_own
from tests.unit.prices.books import (
    HAIKU,
    HEAD,
    MICRO,
    OPUS,
    SONNET,
    UPSTREAMS,
    asked,
    at,
    book,
    contract,
    row,
    used,
)

MILLION = used(input_tokens=1_000_000, output_tokens=0)
MAIN = """schema = 1
[routing]
order = ["direct"]
[upstreams.direct]
provider = "anthropic"
api_key = "${KEY}"
"""


def net(own: str, upstream: str = "direct", model: str = OPUS, moment: str = "2026-11-22") -> int:
    """Return what a million tokens of input cost, in millionths of a dollar."""
    prices = book(HEAD.replace("]", ', "bedrock"]') + row() + row(HAIKU), own)
    platform = UPSTREAMS.get(upstream, "anthropic")
    cost = prices.cost(MILLION, asked(model, upstream=upstream, platform=platform, at_s=at(moment)))
    assert cost.net_pico is not None
    assert cost.list_pico is not None
    return cost.net_pico // MICRO


def mistakes(own: str) -> list[str]:
    with pytest.raises(ConfigError) as raised:
        read_own("prices.toml", f"schema = 1\n{own}", UPSTREAMS)
    return [str(each) for each in raised.value.mistakes]


def test_a_contract_makes_the_net_price_and_leaves_the_list_price() -> None:
    prices = book(HEAD + row(), contract("0.82", upstreams=["direct"]))
    cost = prices.cost(MILLION, asked(upstream="direct"))
    assert (cost.list_pico, cost.net_pico) == (4_000_000 * MICRO, 3_280_000 * MICRO)
    assert cost.uncached_pico == cost.net_pico
    assert (cost.lines[0].contract, str(cost.lines[0].rate)) == ("acme", "4")


def test_a_contract_holds_for_its_upstreams_models_and_days() -> None:
    own = contract(
        "0.5",
        upstreams=["bedrock-*"],
        models=["claude-opus-*"],
        effective_until=dt.date(2026, 12, 1),
    )
    assert net(own, "bedrock-eu") == 2_000_000
    assert net(own, "direct") == 4_000_000
    assert net(own, "bedrock-eu", HAIKU) == 4_000_000
    assert net(own, "bedrock-eu", moment="2026-11-30T23:59:59") == 2_000_000
    assert net(own, "bedrock-eu", moment="2026-12-01") == 4_000_000


def test_the_contract_that_fits_most_closely_counts() -> None:
    own = (
        contract("0.9", name="all", platforms=["bedrock"])
        + contract("0.8", name="globs", upstreams=["bedrock-*"])
        + contract("0.7", name="models", upstreams=["bedrock-*"], models=[HAIKU])
        + contract("0.6", name="one", upstreams=["bedrock-eu"])
    )
    assert net(own, "bedrock-eu") == net(own, "bedrock-eu", HAIKU) == 2_400_000
    assert net(own, "bedrock-us") == 3_200_000
    assert net(own, "bedrock-us", HAIKU) == 2_800_000
    assert net(own, "direct") == 4_000_000


def test_a_contract_discounts_web_searches_too() -> None:
    prices = book(f'web_search = "0.01"\n{HEAD}{row()}', contract("0.5", platforms=["anthropic"]))
    usage = used(input_tokens=0, output_tokens=0, server_tool_use={"web_search_requests": 1})
    cost = prices.cost(usage, asked())
    assert (cost.list_pico, cost.net_pico) == (10_000 * MICRO, 5_000 * MICRO)


def test_a_row_of_ones_own_comes_before_the_books() -> None:
    own = row(platforms=["bedrock"], input="2") + row(upstreams=["bedrock-eu"], input="1")
    assert net(own, "bedrock-eu") == 1_000_000
    assert net(own, "bedrock-us") == 2_000_000
    assert net(own, "direct") == 4_000_000
    cost = book(HEAD + row(), row(upstreams=["direct"], input="1", source="offer 7")).cost(
        MILLION, asked(upstream="direct")
    )
    assert cost.lines[0].row == f"prices.toml/{OPUS}/global@2026-01-01"
    assert cost.lines[0].source == "offer 7"


def test_a_row_of_ones_own_holds_for_prompts_of_any_size_unless_it_says_otherwise() -> None:
    large = row(over_input_tokens=100) + row()
    whole = book(HEAD + large, row(upstreams=["direct"], input="1"))
    assert whole.cost(MILLION, asked(upstream="direct")).net_pico == 1_000_000 * MICRO


def test_a_contract_multiplies_rows_of_ones_own() -> None:
    own = row(platforms=["bedrock"], input="2") + contract("0.5", platforms=["bedrock"])
    assert net(own, "bedrock-eu") == 1_000_000


def test_a_platform_without_a_price_list_can_have_one_of_ones_own() -> None:
    own = row(SONNET, platforms=["anthropic"], input="3")
    cost = book(HEAD + row(), own).cost(MILLION, asked(SONNET))
    assert cost.net_pico == 3_000_000 * MICRO


@pytest.mark.parametrize(
    ("own", "told"),
    [
        (contract(upstreams=["direct"]).replace('"0.82"', "0.82"), "contracts[0].multiplier"),
        (contract("0.82%", upstreams=["direct"]), "'0.82%' is no decimal number"),
        (contract("-1", upstreams=["direct"]), "'-1' is negative"),
        (contract("82", upstreams=["direct"]), 'is more than 10 ("0.82" is 18 % off)'),
        (contract(), "contracts[0]: needs either upstreams or platforms"),
        (
            contract(upstreams=["direct"], platforms=["bedrock"]),
            "needs either upstreams or platforms",
        ),
        (contract(upstreams=["dirct"]), "dirct fits no upstream (did you mean direct?)"),
        (contract(platforms=["bedrok"]), "bedrok is no platform with a price list (did you mean"),
        (contract(platforms=["bedrock"], models=["opus"]), "contracts[0].models[0]: opus fits no"),
        (contract(platforms=["bedrock"], discount="x"), "contracts[0].discount: unknown key"),
        (contract(platforms=["bedrock"], name=""), "contracts[0].name"),
        (contract(platforms=["bedrock"], effective_from=None), "effective_from: is missing"),
        (
            contract(platforms=["bedrock"], effective_until=dt.date(2025, 1, 1)),
            "contracts[0].effective_until: is not after effective_from",
        ),
        (
            contract(platforms=["bedrock"]) + contract(upstreams=["direct"]),
            "contracts[1].name: acme is the name of two contracts",
        ),
        (
            contract(upstreams=["bedrock-*"]) + contract(name="b", upstreams=["*-eu"]),
            "contracts[1]: holds for the same as acme, which fits as closely",
        ),
        (
            contract(platforms=["bedrock"], models=["*opus*"])
            + contract(name="b", platforms=["bedrock"], models=["*-5-5"]),
            "contracts[1]: holds for the same as acme",
        ),
        (row(upstreams=["direct"], model="claude-x"), "rows[0].model: claude-x is no model"),
        (row(upstreams=["direct"], input="x"), "rows[0].input: 'x' is no decimal number"),
        (row(upstreams=["direct"], input=1.5), "rows[0].input: should be text"),
        (row(), "rows[0]: needs either upstreams or platforms"),
        (row(upstreams=["direct"]) * 2, "rows[1].effective_from: is within the period of row 1"),
        (
            row(upstreams=["bedrock-*"]) + row(upstreams=["*-eu"]),
            "rows[1]: prices the same as row 1, and both fit one upstream as closely",
        ),
        (row(upstreams=["direct"], over_input_tokens=5), "has no row without it"),
        ("[[contract]]\n", "contract: unknown key (did you mean contracts?)"),
        ("contracts = 1\n", "contracts"),
        ("x = \n", "is no TOML"),
    ],
)
def test_a_mistake_is_named(own: str, told: str) -> None:
    found = mistakes(own)
    assert any(told in each for each in found), found
    assert all(each.startswith("prices.toml:") for each in found)


def test_contracts_that_do_not_meet_are_no_mistake() -> None:
    own = (
        contract(upstreams=["bedrock-eu"])
        + contract(name="b", upstreams=["bedrock-us"])
        + contract(name="c", upstreams=["direct"], effective_until=dt.date(2026, 2, 1))
        + contract(name="d", upstreams=["direct"], effective_from=dt.date(2026, 2, 1))
        + contract(name="e", platforms=["bedrock"], models=["*opus*"])
        + contract(name="f", platforms=["bedrock"], models=["*haiku*"])
    )
    assert len(read_own("prices.toml", f"schema = 1\n{own}", UPSTREAMS).contracts) == 6


def configured(folder: Path, more: str = "", **files: str) -> Config:
    (folder / "environments").mkdir()
    (folder / "environments" / "dev.toml").touch()
    (folder / "gateway.toml").write_text(MAIN + more)
    for name, text in files.items():
        (folder / f"{name}.toml").write_text(f"schema = 1\n{text}")
    return load(folder, {"KEY": "made-up", "GATEWAY_ENV": "dev"})


def test_prices_beside_the_configuration_are_read_by_themselves(tmp_path: Path) -> None:
    config = configured(tmp_path, prices=contract(upstreams=["direct"]))
    found = load_prices(config)
    assert [each.name for each in found.contracts] == ["acme"]
    assert found.own_file == str(tmp_path / "prices.toml")
    assert found.digest != shipped().digest


def test_a_named_file_counts_from_the_configuration(tmp_path: Path) -> None:
    named = '[prices]\nfile = "mine.toml"\niterations = "when_mixed"\n'
    config = configured(tmp_path, named, mine=contract(upstreams=["direct"]), prices="x = 1")
    assert len(load_prices(config).contracts) == 1


def test_a_named_file_that_is_not_there_is_a_mistake(tmp_path: Path) -> None:
    config = configured(tmp_path, '[prices]\nfile = "mine.toml"\n')
    with pytest.raises(ConfigError, match=r"prices\.file: names .*mine\.toml, which is not there"):
        load_prices(config)


def test_without_a_file_the_book_is_as_shipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert load_prices(configured(tmp_path)).digest == shipped().digest
    # The working directory is nobody's configuration.
    (tmp_path / "prices.toml").write_text("schema = 9")
    monkeypatch.chdir(tmp_path)
    assert load_prices(load(None, {"ANTHROPIC_API_KEY": "k"})).own_file is None
