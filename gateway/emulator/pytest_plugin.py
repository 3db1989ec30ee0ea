"""A pytest plugin: the fixture `claude_platforms`, Claude's platforms on loopback for each test.

pytest finds it by itself where Tidegate is installed; nothing else loads until a test asks for the
fixture. `--claude-faults FILE`, or `claude_faults` in pytest's configuration, names fault scripts
that every test begins with.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from gateway.emulator import Emulator, Fault

_SCRIPTED: Final = pytest.StashKey[list["Fault"]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option and the setting that name fault scripts."""
    words = "fault script (TOML) that the platforms of every test begin with"
    parser.getgroup("tidegate").addoption("--claude-faults", metavar="FILE", help=words)
    parser.addini("claude_faults", f"{words}; one or more files", type="paths", default=[])


def pytest_configure(config: pytest.Config) -> None:
    """Read the scripts that were named; a mistake in one ends the run before it begins."""
    option = config.getoption("--claude-faults")
    files = [Path(option)] if option is not None else config.getini("claude_faults")
    config.stash[_SCRIPTED] = [one for file in files for one in _read(file)]


def _read(file: Path) -> list[Fault]:
    from gateway.emulator.scripts import ScriptError, read_script  # noqa: PLC0415 - only if named

    try:
        return read_script(file.read_text("utf-8"), str(file))
    except ScriptError as wrong:
        raise pytest.UsageError(str(wrong)) from None
    except (OSError, UnicodeDecodeError) as wrong:
        raise pytest.UsageError(f"cannot read {file}: {wrong}") from None


@pytest.fixture(scope="session")
def _claude_platforms() -> Iterator[Emulator]:
    from gateway.emulator import Emulator  # noqa: PLC0415 - loads when it is used

    with Emulator() as running:
        yield running


@pytest.fixture
def claude_platforms(_claude_platforms: Emulator, pytestconfig: pytest.Config) -> Emulator:
    """Claude's platforms on loopback, with nothing on record and the scripted faults to come."""
    _claude_platforms.reset()
    for one in pytestconfig.stash[_SCRIPTED]:
        _claude_platforms.faults.add(one)
    return _claude_platforms
