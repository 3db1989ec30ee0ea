"""What the README shows is true: its configuration loads, its commands exist, its code compiles."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from gateway.config import load
from gateway.routing import Upstream

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_the_configuration_loads_and_has_twelve_lines(tmp_path: Path) -> None:
    (toml,) = blocks("toml")
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
    assert shown <= known
    assert known - {"version"} <= shown


@pytest.mark.parametrize("code", blocks("python"))
def test_the_python_shown_parses(code: str) -> None:
    ast.parse(code)


def test_the_headers_shown_are_the_headers_written() -> None:
    written = "".join(
        (ROOT / "gateway" / name).read_text() for name in ("engine.py", "call.py", "routing.py")
    )
    for name in re.findall(r"`(x-gateway-[a-z]+)", README):
        suffix = name.removeprefix("x-gateway-")
        assert name in written or f'"{suffix}' in written, name


def test_strict_is_the_default() -> None:
    assert Upstream.__dataclass_fields__["lenient"].default is False
