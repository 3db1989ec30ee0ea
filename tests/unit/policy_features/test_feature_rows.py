from __future__ import annotations

import tomllib
from importlib import resources

import msgspec
import pytest

from gateway.policy import hints
from gateway.policy.feature_table import Feature, feature_table, turned

TABLE = feature_table()
NAMED_IN_POLICIES = [
    "batch",
    "files",
    "code_execution",
    "mcp_connector",
    "skills",
    "web_search",
    "web_fetch",
    "server_fallback",
    "server_thread",
    "advisor",
    "programmatic_tools",
    "web_search_dynamic",
    "compaction",
    "context_editing",
    "tool_search",
    "browser_use",
    "cache_diagnostics",
    "json_schema_values",
]


@pytest.mark.parametrize("name", NAMED_IN_POLICIES)
def test_what_policies_name_can_be_found_in_a_request(name: str) -> None:
    marks = (TABLE.operations, TABLE.fields, TABLE.tools, TABLE.blocks, TABLE.betas, TABLE.paths)
    assert any(name in features for mark in marks for features in mark.values())


def test_policies_speak_of_the_same_features_as_requests() -> None:
    assert hints.features() == TABLE.features.keys() == hints.retention().features.keys()


def test_every_row_has_a_source_and_none_was_tried() -> None:
    assert all(row.source and not row.verified for row in _rows())


def test_what_is_ineligible_is_never_said_to_keep_nothing() -> None:
    for row in _rows():
        if row.zdr in {"no", "unknown"}:
            assert row.retention_days != 0, row.name


def test_a_missing_retention_is_not_zero() -> None:
    assert TABLE.features["files"].retention_days is None
    assert TABLE.features["batch"].retention_days == 29


def test_a_key_that_no_row_has_is_an_error() -> None:
    row = msgspec.to_builtins(_rows()[0]) | {"tool": ["x"]}
    with pytest.raises(msgspec.ValidationError, match="tool"):
        msgspec.convert(row, Feature)


def test_two_rows_may_name_one_thing() -> None:
    assert TABLE.tools["web_search_20260209"] == {"web_search", "web_search_dynamic"}


def test_plain_rows_stand_for_nothing() -> None:
    table = turned([row for row in _rows() if row.plain])
    assert table.features == {}
    assert table.plain_fields == table.fields.keys()


@pytest.mark.parametrize("platform", ["bedrock", "vertex"])
def test_every_beta_and_tool_that_a_platform_names_is_known(platform: str) -> None:
    text = (resources.files("providers") / "data" / f"{platform}.toml").read_text("utf-8")
    file = tomllib.loads(text)
    betas = {*file["betas"]["taken"], *file["betas"]["refused"], *file["betas"].get("renamed", {})}
    tools = {kind for kind in file["tools"]["taken"] if "*" not in kind}
    assert betas <= TABLE.betas.keys()
    assert tools <= TABLE.tools.keys()


def test_every_beta_that_unlocks_something_is_known() -> None:
    text = (resources.files("providers") / "data" / "betas.toml").read_text("utf-8")
    rows = tomllib.loads(text)["unlocks"]["rows"]
    assert {beta for row in rows for beta in row["betas"]} <= TABLE.betas.keys()


def _rows() -> tuple[Feature, ...]:
    text = (resources.files("gateway") / "data" / "features.toml").read_text("utf-8")
    return msgspec.convert(tomllib.loads(text)["features"], tuple[Feature, ...])
