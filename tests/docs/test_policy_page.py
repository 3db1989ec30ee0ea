"""The page on policy: its files are read, its commands run, and they print what it shows."""

from __future__ import annotations

import json
import shutil
import textwrap
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from gateway.cli import app
from gateway.emulator import Emulator
from gateway.policy.files import read_policy
from tests.docs.pages import ROOT, blocks, dead_links

PAGE = "docs/policy.md"
UNTIL = "2027-01-31"
DECISION = "dec_0123456789abcdef01234567"
BLOCKS = blocks(PAGE, UNTIL)
FILES = {block.file: block.text for block in BLOCKS if block.file is not None}
END_OF = "# at the end of config/policies/claims.toml\n"
COMMANDS = [command for block in BLOCKS if block.language == "sh" for command in block.commands]
PROMPT = "Summarize this claim."

Run = Callable[[list[str]], Result]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, emulator: Emulator) -> Path:
    """A directory with the page's files, and the journal of its application."""
    where = tmp_path / "there"
    shutil.copytree(ROOT / "config" / "policies", where / "config" / "policies")
    write(where, FILES)
    rule = "require.private_network = true\n"
    policy = FILES["config/policies/claims.toml"]
    assert policy.count(rule) == 1
    (where / "proposed.toml").write_text(policy.replace(rule, f"{rule}require.cmek = true\n"))
    for name, value in {
        "GATEWAY_ENV": "prod",
        "ANTHROPIC_API_KEY": emulator.api_key,
        "CLAIMS_DESK_KEY": "made-up",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("GATEWAY_CONFIG", raising=False)
    monkeypatch.chdir(where)
    return where


@pytest.fixture
def run(folder: Path) -> Run:
    """Run a command of the page; ids on it stand for those of the journal."""

    def ran(command: list[str]) -> Result:
        words = [decision(folder) if word == DECISION else word for word in command]
        return CliRunner().invoke(app, words)

    return ran


@pytest.fixture
def journal(folder: Path, tmp_path: Path, emulator: Emulator) -> Path:
    """The journal of the page's application, run against emulated platforms."""
    emulated = tmp_path / "emulated"
    shutil.copytree(folder, emulated)
    (emulated / "config" / "environments" / "prod.toml").write_text(on(emulator))
    emulator.vertex.write_service_account(emulated / "config" / "vertex.json")
    with (emulated / "config" / "attestations.toml").open("a") as file:
        file.write(VOUCHED)
    (source,) = (block.text for block in BLOCKS if block.language == "python")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(emulated)
        exec(compile(source, PAGE, "exec"), {})  # noqa: S102 - what the page shows is run
    return Path(shutil.copytree(emulated / "config" / "journal", folder / "config" / "journal"))


VOUCHED = """
[[attest]]
upstream = "vertex-belgium"
fact = "processing_in"
value = ["BE"]
assurance = "org"
evidence = "at an address of its own nothing follows"
"""


def on(emulator: Emulator) -> str:
    """Return the TOML that puts the page's upstreams on the emulated platforms."""
    return textwrap.dedent(f"""
        [upstreams.direct]
        base_url = "{emulator.direct.base_url}"
        [upstreams.bedrock-eu]
        base_url = "{emulator.bedrock.base_url}"
        [upstreams.vertex-belgium]
        base_url = "{emulator.vertex.base_url}/v1"
        credentials_file = "vertex.json"
        """)


def write(where: Path, files: dict[str, str]) -> None:
    (where / "config" / "environments").mkdir()
    (where / "config" / "environments" / "prod.toml").touch()
    for name, text in files.items():
        (where / name).write_text(text)


def decision(folder: Path) -> str:
    """Return the id of the only decision in the journal."""
    (file,) = (folder / "config" / "journal").glob("journal-*.jsonl")
    lines = map(json.loads, file.read_text().splitlines())
    (found,) = (line["data"]["decision"] for line in lines if line["kind"] == "decision")
    return str(found)


def test_the_application_is_labelled_and_goes_where_the_page_says(
    journal: Path, emulator: Emulator
) -> None:
    asked = [each for each in emulator.records if each.platform != "google-tokens"]
    assert [each.platform for each in asked] == ["vertex"]
    assert PROMPT.encode() in asked[0].body
    assert not [path for path in journal.iterdir() if PROMPT.encode() in path.read_bytes()]


def test_the_page_shows_commands() -> None:
    assert len(COMMANDS) >= 10


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_command_does_what_the_page_says(command: list[str], run: Run, journal: Path) -> None:
    if command[:2] == ["policy", "unblock"]:
        run(["policy", "block", command[2], "--because", "x"])
    done = run(command)
    assert done.exit_code == 0, done.output


def shown() -> list[tuple[list[str], list[str]]]:
    """Return each command whose output is on the page, with the lines of that."""
    found = []
    for block, after in pairwise(BLOCKS):
        if block.language == "sh" and after.language == "text":
            (command,) = block.commands
            found.append((command, after.text.splitlines()))
    return found


@pytest.mark.parametrize(("command", "lines"), shown(), ids=lambda part: part[0])
def test_a_command_prints_what_the_page_shows(
    command: list[str], lines: list[str], run: Run
) -> None:
    """Some lines are left out on the page; those on it are printed, and in that order."""
    done = run(command).output
    printed = iter([line.rstrip() for line in done.splitlines()])
    for line in lines:
        assert line in printed, f"{line}\n{done}"


def test_every_output_on_the_page_is_checked() -> None:
    assert len(shown()) == len([block for block in BLOCKS if block.language == "text"]) == 2


def test_the_exception_on_the_page_is_one(folder: Path) -> None:
    (text,) = (block.text for block in BLOCKS if block.text.startswith(END_OF))
    policy = read_policy("claims.toml", FILES["config/policies/claims.toml"] + text).policy
    assert [each.upstream for each in policy.exception] == ["bedrock-eu"]


def test_every_file_on_the_page_is_read() -> None:
    tomls = [block for block in BLOCKS if block.language == "toml"]
    assert len(FILES) == len(tomls) - 1
    read_policy("team.toml", FILES["config/policies/team-claims.toml"])


def test_the_page_names_every_requirement() -> None:
    from gateway.policy.model import Forbid, Require  # noqa: PLC0415 - only this test needs them

    text = (ROOT / PAGE).read_text("utf-8")
    for name in [*Require.model_fields, *Forbid.model_fields]:
        assert f"`{name}" in text or name == "assurance_exempt", name


def test_its_links_lead_somewhere() -> None:
    assert dead_links(PAGE) == []


def test_it_says_what_a_hint_is_worth() -> None:
    words = " ".join((ROOT / PAGE).read_text("utf-8").replace("\n> ", " ").split())
    assert (
        "The gateway enforces what you attest. Shipped hints are dated copies of vendor "
        "statements, are never sufficient on their own, and expire 90 days after their date."
    ) in words
