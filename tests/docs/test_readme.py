"""What the README shows is true: its configuration loads, its commands exist, its code compiles."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway.config import load
from gateway.policy import request_layer, zones
from gateway.routing import Upstream
from tests.docs.pages import blocks as page_blocks
from tests.docs.pages import dead_links

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_the_configuration_loads_and_has_twelve_lines(tmp_path: Path) -> None:
    toml, _ = blocks("toml")
    assert len([line for line in toml.splitlines() if line.strip()]) <= 12
    (tmp_path / "environments").mkdir()
    (tmp_path / "gateway.toml").write_text(toml)
    (tmp_path / "environments" / "dev.toml").write_text("schema = 1\n")
    config = load(tmp_path, {"GATEWAY_ENV": "dev", "ANTHROPIC_API_KEY": "made-up"})
    assert [upstream.name for upstream in config.used] == ["direct", "bedrock-frankfurt"]


def test_the_first_commands_are_targets_of_the_makefile() -> None:
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    first = re.findall(r"^make (\w+)", blocks("sh")[0], re.MULTILINE)
    assert first == ["demo", "test"]
    assert set(re.findall(r"\bmake (\w+)\b", README)) <= {*targets, "and"}


def test_the_commands_are_the_command_lines() -> None:
    from gateway.cli import app  # noqa: PLC0415 - only this test needs it

    shown = set(re.findall(r"\bgateway (\w+)", "\n".join(blocks("sh"))))
    known = {command.name for command in app.registered_commands}
    known |= {group.name for group in app.registered_groups}
    assert shown <= known
    assert known - {"version"} <= shown


@pytest.mark.parametrize("code", blocks("python"))
def test_the_python_shown_parses(code: str) -> None:
    ast.parse(code)


def test_the_headers_shown_are_the_headers_written() -> None:
    written = "".join((ROOT / "gateway" / name).read_text() for name in ("answers.py", "call.py"))
    for name in re.findall(r"`(x-gateway-[a-z]+)", README):
        suffix = name.removeprefix("x-gateway-")
        assert name in written or f'"{suffix}' in written, name


def test_the_policy_is_read_in_six_lines_and_explained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gateway.cli import app  # noqa: PLC0415 - only this test needs it

    main, policy = blocks("toml")
    assert len(policy.splitlines()) == 6
    config = tmp_path / "config"
    for name in ("environments", "policies"):
        (config / name).mkdir(parents=True)
    (config / "environments" / "prod.toml").touch()
    (config / "policies" / "bank.toml").write_text(policy)
    (in_force,) = re.findall(r"`\[policy\] (files = \[.*?\])`", README)
    (config / "gateway.toml").write_text(f"{main}\n[policy]\n{in_force}\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GATEWAY_ENV", "prod")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "made-up")
    monkeypatch.delenv("GATEWAY_CONFIG", raising=False)
    commands = (command for block in page_blocks("README.md") for command in block.commands)
    done = CliRunner().invoke(app, next(each for each in commands if each[0] == "explain"))
    assert done.exit_code == 1, done.output
    assert "REJECT direct " in done.output
    assert "in-the-eu: processing_in=['*'] not within eu" in done.output


def test_the_requirements_shown_are_taken() -> None:
    (shown,) = re.findall(r"`x-gateway-require: (.*?)`", README)
    assert request_layer.checked(shown.split(","), zones.shipped()) == {"processing_in=eu", "baa"}


def test_its_links_lead_somewhere() -> None:
    assert dead_links("README.md") == []


def test_strict_is_the_default() -> None:
    assert Upstream.__dataclass_fields__["lenient"].default is False
