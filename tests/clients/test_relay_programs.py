"""Programs written for a relay run against `gateway serve` with nothing changed but URL and key."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.emulator import Emulator

PROGRAMS = Path(__file__).parent / "relay_programs"
WAIT_S = 60.0
KEY = "sk-relay-0123456789"
CONFIG = """\
schema = 1
[routing]
order = ["direct", "cloud"]
[server]
port = 0
keys = ["${{CALLER_KEY}}"]
[upstreams.direct]
provider = "anthropic"
api_key = "${{UPSTREAM_KEY}}"
base_url = "{direct}"
[upstreams.cloud]
provider = "bedrock"
region = "eu-central-1"
profile = "eu"
api_key = "${{UPSTREAM_KEY}}"
base_url = "{cloud}"
"""


@pytest.fixture(scope="module")
def served(
    _emulator: Emulator, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, str]]:
    """The variables of a relay's user, for a gateway that runs as a process of its own."""
    where = tmp_path_factory.mktemp("config")
    (where / "environments").mkdir()
    (where / "environments" / "dev.toml").write_text("schema = 1\n")
    cloud = _emulator.bedrock.base_url
    (where / "gateway.toml").write_text(
        CONFIG.format(direct=_emulator.direct.base_url, cloud=cloud)
    )
    own = {"GATEWAY_CONFIG": str(where), "GATEWAY_ENV": "dev", "CALLER_KEY": KEY}
    variables = {**os.environ, **own, "UPSTREAM_KEY": _emulator.api_key}
    log = where / "log"
    with (
        log.open("wb") as out,
        subprocess.Popen(
            [sys.executable, "-m", "gateway", "serve"], env=variables, stdout=out, stderr=out
        ) as process,
    ):
        try:
            yield {"RELAY_URL": f"{_url(log, process)}/v1", "RELAY_KEY": KEY}
        finally:
            process.terminate()
            process.wait(WAIT_S)


def _url(log: Path, process: subprocess.Popen[bytes]) -> str:
    until_s = time.monotonic() + WAIT_S
    while time.monotonic() < until_s and process.poll() is None:
        found = re.search(r"listens on (http://[\d.:]+\d)", log.read_text())
        if found is not None:
            return found[1]
        time.sleep(0.05)
    raise AssertionError(log.read_text())


def run(name: str, variables: dict[str, str]) -> list[str]:
    """Return the lines that a program prints."""
    done = subprocess.run(  # noqa: S603 - a program of these tests
        [sys.executable, str(PROGRAMS / name)],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=WAIT_S,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_a_question(served: dict[str, str], emulator: Emulator) -> None:
    text, counts = run("ask.py", served)
    assert text.startswith("You said: What makes the tide turn?")
    prompt, completion, total = map(int, counts.split())
    assert prompt + completion == total
    assert json.loads(emulator.records[-1].body)["model"] == "claude-opus-5-5"


def test_a_document_is_cached_and_both_names_of_the_counters_say_so(
    served: dict[str, str], emulator: Emulator
) -> None:
    first, second = (line.split() for line in run("cached_document.py", served))
    written, written_too, read = first[1], first[2], first[4]
    assert int(written) > 1000
    assert (written_too, read) == (written, "0")
    assert second[1:3] == ["0", "0"]
    assert second[4:6] == [written, written]
    assert abs(int(first[7]) - int(second[7])) < 20


def test_a_stream_ends_with_its_usage(served: dict[str, str], emulator: Emulator) -> None:
    text, usage = run("stream_usage.py", served)
    assert text.startswith("You said: Tell me of the sea.")
    assert re.fullmatch(r"usage \d+ \d+", usage)


def test_tools_are_called_until_there_is_an_answer(
    served: dict[str, str], emulator: Emulator
) -> None:
    called, turns, text = run("tool_loop.py", served)
    assert called.startswith("called tide_at ")
    assert turns == "turns 2"
    assert text
    said = json.loads(emulator.records[-1].body)["messages"][1]["content"]
    assert [block["type"] for block in said] == ["thinking", "tool_use"]


def test_where_the_first_platform_is_down_the_other_answers_the_same_program(
    served: dict[str, str], emulator: Emulator
) -> None:
    emulator.faults.add("status", platform="anthropic", status=529, times=-1)
    text, _ = run("ask.py", served)
    assert text.startswith("You said: What makes the tide turn?")
    assert emulator.records[-1].platform == "bedrock"


def test_nothing_in_a_program_knows_of_this_gateway() -> None:
    programs = sorted(PROGRAMS.glob("*.py"))
    assert len(programs) == 4
    for program in programs:
        text = program.read_text()
        assert "gateway" not in text.casefold()
        assert "x-gateway" not in text
