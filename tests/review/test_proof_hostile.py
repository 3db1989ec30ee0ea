"""What an auditor tries against the journal, its proofs, and the truth of what it says."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import anthropic
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from typer.testing import CliRunner, Result

import gateway
from gateway.cli import app
from gateway.config import ConfigError
from gateway.emulator import Emulator
from gateway.engine import Engine
from gateway.journal import Journal
from gateway.journal.folder import add_checkpoint, alone, check, next_checkpoint, own_checkpoints
from tests.boundary.house import BODY, POLICY, House
from tests.journal.journals import NOW_S, written
from tests.journal.journals import check as checked_bytes

PAGE = (Path(__file__).parents[2] / "docs" / "audit.md").read_text(encoding="utf-8")
(SCRIPT,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
ANSWER = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-opus-5-5",
    "content": [{"type": "text", "text": "hello"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
}


def audit(*words: str) -> Result:
    return CliRunner().invoke(app, ["audit", *words])


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """A journal of two files, closed."""
    written(tmp_path / "journal", files=2, records=4)
    return tmp_path / "journal"


@pytest.fixture
def house(tmp_path: Path, emulator: Emulator) -> House:
    made = House(tmp_path / "config", emulator)
    made.write()
    return made


@pytest.fixture
def keys(tmp_path: Path) -> tuple[Path, Path]:
    key = Ed25519PrivateKey.generate()
    private, public = tmp_path / "key.pem", tmp_path / "public.pem"
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    raw = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    public.write_bytes(raw)
    return private, public


def test_nothing_put_after_a_signature_is_believed(
    journal: Path, keys: tuple[Path, Path], tmp_path: Path
) -> None:
    """JSON's last key wins: what is put behind a true signature must not replace the root."""
    signed = audit("checkpoint", "--dir", str(journal), "--key", str(keys[0]), "--print").stdout
    said = '{"seq":0,"at":"2026-11-22T06:00:00.000000Z","kind":"finished","data":{"decision":"no"}'
    leaf = hashlib.sha256(b"\x00" + bytes(32) + said.encode() + b"}").hexdigest()
    forged = f'{signed.strip()[:-1]},"root":"{leaf}","size":1}}'
    line = f'{said},"prev":"{"0" * 64}","hash":"{leaf}"}}'
    proof = {"checkpoint": forged, "records": [{"index": 0, "line": line, "path": []}]}
    (tmp_path / "checkpoint.json").write_text(forged)
    (tmp_path / "proof.json").write_text(json.dumps(proof))
    (tmp_path / "check_proof.py").write_text(SCRIPT)
    command = [sys.executable, "check_proof.py", "proof.json", "checkpoint.json", "public.pem"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)  # noqa: S603 - our own arguments
    assert done.returncode != 0
    assert "PROVEN" not in done.stdout


def test_no_proof_is_made_of_a_record_that_was_changed(journal: Path) -> None:
    """Its stated hash may still be the true one."""
    audit("checkpoint", "--dir", str(journal))
    file = min(journal.glob("journal-*"))
    file.write_bytes(file.read_bytes().replace(b'"attempt":2', b'"attempt":7'))
    done = audit("prove", "--dir", str(journal), "--decision", "dec_0")
    assert done.exit_code == 1
    assert "not as the checkpoint saw it" in done.stderr
    assert done.stdout == ""


def test_records_whose_line_ends_were_taken_away_are_no_torn_end(journal: Path) -> None:
    files = {path.name: path.read_bytes() for path in journal.glob("journal-*")}
    first = min(files)
    report = checked_bytes({**files, first: files[first].replace(b"\n", b"")})
    assert [finding.what for finding in report.problems] == ["changed"]


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00+12:00", "9999-12-31T23:59:59-12:00"])
def test_a_time_that_no_calendar_holds_is_told(journal: Path, time: str) -> None:
    done = audit("export", "--dir", str(journal), "--from", time, "--to", "2030-01-01")
    assert done.exit_code == 2
    assert "out of range" in done.stderr


def test_an_export_never_replaces_a_file_of_the_journal(journal: Path) -> None:
    file = min(journal.glob("journal-*"))
    before = file.read_bytes()
    period = ("--from", "2020-01-01", "--to", "2090-01-01", "--out", str(file))
    done = audit("export", "--dir", str(journal), *period)
    assert done.exit_code == 1
    assert "write it elsewhere" in done.stderr
    assert file.read_bytes() == before


def test_a_directory_without_a_journal_is_not_called_whole(tmp_path: Path) -> None:
    done = audit("verify", "--dir", str(tmp_path))
    assert done.exit_code == 1
    assert "no file of a journal" in done.stderr


def test_an_empty_file_of_checkpoints_vouches_for_nothing(journal: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept.jsonl"
    kept.touch()
    done = audit("verify", "--dir", str(journal), "--checkpoint", str(kept))
    assert done.exit_code == 1
    assert "holds no checkpoint" in done.stderr


def test_an_empty_id_is_told_as_it_was_given(journal: Path) -> None:
    done = audit("prove", "--dir", str(journal), "--request-id", "")
    assert done.exit_code == 1
    assert "no record of ''" in done.stderr


def test_a_checkpoint_that_was_cut_says_what_to_do(journal: Path) -> None:
    audit("checkpoint", "--dir", str(journal))
    with (journal / "checkpoints.jsonl").open("ab") as file:
        file.write(b'{"format":"tide')
    done = audit("verify", "--dir", str(journal))
    assert done.exit_code == 1
    assert "line 2 is no checkpoint" in done.stderr
    assert "take it away" in done.stderr


def test_a_checkpoint_begins_on_a_line_of_its_own(journal: Path) -> None:
    audit("checkpoint", "--dir", str(journal))
    file = journal / "checkpoints.jsonl"
    file.write_bytes(file.read_bytes().rstrip(b"\n"))
    audit("checkpoint", "--dir", str(journal))
    assert len(own_checkpoints(journal)) == 2
    assert audit("verify", "--dir", str(journal)).exit_code == 0


def test_checkpoints_made_at_the_same_time_follow_each_other(journal: Path) -> None:
    def add(_: int) -> None:
        with alone(journal):
            before = own_checkpoints(journal)
            report = check(journal, before)
            add_checkpoint(journal, next_checkpoint(report, before, NOW_S))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add, range(40)))
    assert len(own_checkpoints(journal)) == 40
    assert not check(journal, own_checkpoints(journal)).problems


def ends(house: House) -> dict[str, list[str]]:
    """Return the states in which each planned decision ended."""
    found: dict[str, list[str]] = {
        each["decision"]: [] for each in house.records("decision") if each["plan"]
    }
    for each in house.records("finished"):
        found[each["decision"]].append(each["state"])
    return found


@pytest.mark.parametrize("stream", [False, True])
def test_a_call_that_was_left_before_its_answer_has_an_end_on_record(
    house: House, stream: bool
) -> None:
    house.emulator.faults.add("stall", times=1)

    async def leaving() -> None:
        client = gateway.AsyncAnthropic(gateway=house.config(), max_retries=0)
        task = asyncio.create_task(client.messages.create(**BODY, stream=stream))
        while not house.seen():  # noqa: ASYNC110 - the emulator is in another thread
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(leaving())
    assert list(ends(house).values()) == [["left"]]


@pytest.mark.parametrize("number", ["1e400", "9" * 400])
def test_a_count_that_no_number_holds_neither_breaks_the_answer_nor_the_record(
    house: House, number: str
) -> None:
    usage = f'{{"input_tokens":{number},"output_tokens":1}}'
    body = f'{json.dumps(ANSWER)[:-1]},"usage":{usage}}}'
    house.emulator.faults.add("status", status=200, times=1, body=body)
    client = gateway.Anthropic(gateway=house.config(), max_retries=0)
    raw = client.messages.with_raw_response.create(**BODY)
    assert raw.http_response.content == body.encode()
    assert list(ends(house).values()) == [["complete"]]


LONG = "x" * 2_000_000
NAMED: dict[str, dict[str, Any]] = {
    "inference_geo": {"inference_geo": LONG},
    "bill_to": {"billing_policy": {"bill_to": LONG}},
    "tool": {"tools": [{"type": LONG, "name": "x"}]},
    "model": {"fallbacks": [{"model": LONG}]},
    "field": {LONG: 1},
}


@pytest.mark.parametrize("name", NAMED)
def test_no_name_is_so_long_that_a_decision_goes_unrecorded(house: House, name: str) -> None:
    client = gateway.Anthropic(gateway=house.config(), max_retries=0)
    with pytest.raises(anthropic.APIStatusError) as caught:
        client.messages.create(**BODY, extra_body=NAMED[name])
    (decision,) = house.records("decision")
    assert decision["decision"] == caught.value.response.headers["x-gateway-decision"]
    assert len(json.dumps(house.records())) < 20_000


@pytest.mark.parametrize("header", ["anthropic-beta", "anthropic-version", "x-gateway-class"])
def test_no_header_is_so_long_that_a_decision_goes_unrecorded(house: House, header: str) -> None:
    client = gateway.Anthropic(gateway=house.config(), max_retries=0)
    with pytest.raises(anthropic.APIStatusError):
        client.messages.create(**BODY, extra_headers={header: LONG})
    # What is refused for its length is not decided on at all.
    assert [each["plan"] for each in house.records("decision")] in ([], [[]])
    assert house.seen() == []
    assert len(json.dumps(house.records())) < 20_000


def test_every_attempt_a_platform_saw_was_on_record_before(house: House) -> None:
    """Under faults: one `started` a request, one end a planned call, ids of both sides."""
    house.write(POLICY, order=("direct", "frankfurt", "anywhere"))
    engine = Engine.from_config(house.config())
    client = gateway.Anthropic(gateway=engine, max_retries=0)
    shown = []
    for number, (action, options) in enumerate(FAULTS * 3):
        house.emulator.faults.add(action, times=1 + number % 3, **options)
        for stream in (False, True):
            try:
                raw = client.messages.with_raw_response.create(
                    **BODY, stream=stream, extra_headers={"x-gateway-class": "open"}
                )
                shown.append(raw.headers["request-id"])
                raw.http_response.read()
            except anthropic.APIStatusError as error:
                shown.append(error.response.headers["request-id"])
            except anthropic.APIError:
                pass
    seen = [record for record in house.emulator.records if record.method == "POST"]
    assert len(house.records("started")) == len(seen)
    assert all(len(states) == 1 for states in ends(house).values())
    assert set(shown) <= {each["request_id"] for each in house.records("finished")}


FAULTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("status", {"status": 503}),
    ("status", {"status": 400}),
    ("status", {"status": 429}),
    ("reset", {}),
    ("cut", {}),
)


@pytest.mark.parametrize("how", ["removed", "renamed", "directory renamed"])
def test_records_go_on_where_they_are_found_when_a_file_is_taken_away(
    house: House, how: str
) -> None:
    """What is written to a file without its name is lost to every reader."""
    client = gateway.Anthropic(gateway=house.config(), max_retries=0)
    client.messages.create(**BODY)
    (file,) = house.journal.glob("*.jsonl")
    if how == "removed":
        file.unlink()
    elif how == "renamed":
        file.rename(file.with_suffix(".1"))
    else:
        house.journal.rename(house.where / "elsewhere")
    client.messages.create(**BODY)
    kinds = ("verdicts", "decision", "started", "finished")
    assert [len(house.records(kind)) for kind in kinds] == [1, 1, 1, 1]
    report = check(house.journal, ())
    assert not report.problems
    assert f"goes on from {file.name}, which is not here" in str(report.notes[0])


def test_a_decision_is_not_explained_from_a_record_that_was_changed(house: House) -> None:
    answer = gateway.Anthropic(gateway=house.config()).messages.with_raw_response.create(**BODY)
    (file,) = house.journal.glob("*.jsonl")
    file.write_bytes(file.read_bytes().replace(b'"class":null', b'"class":"opn"', 1))
    named = ("--journal", str(house.journal), "--config", str(house.where), "--env", "prod")
    environ = {"TEST_KEY": house.emulator.api_key}
    asked = ["explain", answer.headers["x-gateway-decision"], *named]
    done = CliRunner().invoke(app, asked, env=environ)
    assert done.exit_code == 2
    assert "is not as it was written" in done.stderr
    assert "opn" not in done.stdout


def test_a_switch_is_told_as_the_file_has_to_say_it(house: House) -> None:
    house.write(f"{POLICY}require.baa = false\n")
    with pytest.raises(ConfigError, match=r"rule\[0\]\.require\.baa.*write true"):
        Engine.from_config(house.config())


def test_a_rule_for_a_misspelt_environment_stops_the_start(house: House) -> None:
    """It would be off in the environment that it was written for, and nobody would know."""
    house.write(POLICY.replace('id = "stays-here"', 'id = "stays-here"\nenvironments = ["prdo"]'))
    with pytest.raises(
        ConfigError, match=r"house\.toml:13: rule\[0\]: .*stays-here is unreachable"
    ):
        Engine.from_config(house.config())


def test_a_layer_alone_says_why_it_lets_nothing_through(house: House) -> None:
    """Without the organization's permits no rule is idle, and nothing is allowed."""
    layer = 'schema = 1\nname = "team"\n[layer]\n[[rule]]\nid = "x"\nrequire.baa = true\n'
    house.write(layer)
    client = gateway.Anthropic(gateway=house.config(), max_retries=0)
    with pytest.raises(gateway.PolicyDenied, match="policy"):
        client.messages.create(**BODY)
    assert house.seen() == []


def test_a_file_made_up_for_the_time_before_a_checkpoint_is_noted(journal: Path) -> None:
    """Its chain is whole, and no checkpoint saw it."""
    audit("checkpoint", "--dir", str(journal))
    past_s = NOW_S - 3_600
    forged = Journal.open(journal, fsync="never", now=lambda: past_s)
    forged.append("decision", {"decision": "dec_forged"})
    forged.close()
    report = check(journal, own_checkpoints(journal))
    assert [(note.record, "did not see it" in note.message) for note in report.notes] == [(0, True)]


def test_what_only_an_exception_allows_says_so_in_the_journal_and_in_explain(house: House) -> None:
    exception = (
        '[[exception]]\nid = "pilot"\nrule = "stays-here"\nupstream = "direct"\n'
        'until = 2090-01-31\napproved_by = "ciso"\nticket = "RISK-9"\n'
    )
    house.write(f"{POLICY}{exception}")
    client = gateway.Anthropic(gateway=house.config(), max_retries=0)
    answer = client.messages.with_raw_response.create(**BODY)
    told = "exception pilot lifts stays-here until 2090-01-31 (RISK-9)"
    (verdicts,) = house.records("verdicts")
    by_name = {each["upstream"]: each.get("exceptions") for each in verdicts["candidates"]}
    assert by_name == {"direct": [told], "frankfurt": None, "anywhere": None}
    where = ("--config", str(house.where), "--env", "prod")
    for asked in (answer.headers["x-gateway-decision"], "--model=claude-opus-5-5"):
        done = CliRunner().invoke(app, ["explain", asked, *where], env={"TEST_KEY": "k"})
        assert told in done.stdout, done.output
