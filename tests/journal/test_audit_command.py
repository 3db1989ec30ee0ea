"""`gateway audit`: what it prints, what it exits with, and what it tells who uses it wrongly."""

from __future__ import annotations

import json
import stat
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
)
from typer.testing import CliRunner, Result

from gateway.cli import app
from gateway.journal import Journal
from gateway.journal.read import files as journal_files
from tests.journal.journals import NOW_S, lines, on_disk, rewritten, written


def audit(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["audit", *map(str, arguments)])


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    directory = tmp_path / "journal"
    written(directory, files=2, records=3)
    return directory


def test_a_whole_journal_exits_with_0(journal: Path) -> None:
    done = audit("verify", "--dir", journal)
    assert done.exit_code == 0
    assert done.stdout.splitlines()[-1] == "whole"
    report = json.loads(audit("verify", "--dir", journal, "--json").stdout)
    assert (report["ok"], report["records"], report["problems"]) == (True, 10, [])


def test_a_bad_record_is_named_and_exits_with_1(journal: Path) -> None:
    file = journal_files(journal)[1]
    file.write_bytes(file.read_bytes().replace(b'"attempt":1', b'"attempt":7'))
    done = audit("verify", "--dir", journal)
    assert done.exit_code == 1
    assert f"problem: {file.name} line 3 (record 2): changed" in done.stdout
    problem = json.loads(audit("verify", "--dir", journal, "--json").stdout)["problems"][0]
    assert (problem["file"], problem["line"], problem["record"]) == (file.name, 3, 2)


def test_a_checkpoint_kept_elsewhere_finds_a_missing_file(journal: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept.json"
    kept.write_text(audit("checkpoint", "--dir", journal, "--print").stdout)
    journal_files(journal)[0].unlink()
    (journal / "checkpoints.jsonl").unlink()
    assert audit("verify", "--dir", journal).exit_code == 0
    done = audit("verify", "--dir", journal, "--checkpoint", kept)
    assert done.exit_code == 1
    assert "the whole file is missing: a checkpoint saw 5 records in it" in done.stdout


def test_checkpoints_follow_each_other(journal: Path) -> None:
    for _ in range(3):
        assert audit("checkpoint", "--dir", journal).exit_code == 0
    file = journal / "checkpoints.jsonl"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert audit("verify", "--dir", journal).exit_code == 0
    first, _, third = lines(file.read_bytes())
    file.write_bytes(first + third)
    done = audit("verify", "--dir", journal)
    assert "checkpoints.jsonl line 2: checkpoint: does not name the checkpoint" in done.stdout


def test_a_journal_that_is_not_whole_gets_no_checkpoint(journal: Path) -> None:
    file = journal_files(journal)[0]
    file.write_bytes(file.read_bytes()[5:])
    done = audit("checkpoint", "--dir", journal)
    assert done.exit_code == 1
    assert f"{file.name} line 1 (record 0)" in done.stderr
    assert not (journal / "checkpoints.jsonl").exists()


def test_files_taken_away_on_purpose_are_a_note_from_then_on(journal: Path) -> None:
    assert audit("checkpoint", "--dir", journal).exit_code == 0
    gone = journal_files(journal)[0]
    gone.unlink()
    assert audit("verify", "--dir", journal).exit_code == 1
    assert audit("checkpoint", "--dir", journal).exit_code == 1
    assert audit("checkpoint", "--dir", journal, "--removed").exit_code == 0
    done = audit("verify", "--dir", journal)
    assert done.exit_code == 0
    assert f"note: {gone.name}: note: the file was taken away" in done.stdout


def test_signatures_are_checked_where_a_key_is_given(
    journal: Path, keys: tuple[Path, Path]
) -> None:
    private, public = keys
    asked = ("verify", "--dir", journal, "--public-key", public)
    assert "there is no checkpoint" in audit(*asked).stdout
    assert audit("checkpoint", "--dir", journal, "--key", private).exit_code == 0
    assert audit(*asked).exit_code == 0
    assert audit("checkpoint", "--dir", journal).exit_code == 0
    done = audit(*asked)
    assert done.exit_code == 1
    assert "checkpoint 2 of" in done.stdout
    assert "is not signed by this key" in done.stdout


def test_a_key_that_cannot_be_used_is_told_without_showing_it(
    journal: Path, keys: tuple[Path, Path], tmp_path: Path
) -> None:
    private, public = keys
    locked = tmp_path / "locked.pem"
    encrypted = BestAvailableEncryption(b"made-up")
    locked.write_bytes(
        Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encrypted)
    )
    for key, said in (
        (public, "holds no private key in PEM format"),
        (locked, "is locked with a passphrase"),
        (tmp_path / "nothing.pem", "No such file or directory"),
    ):
        done = audit("checkpoint", "--dir", journal, "--key", key)
        assert done.exit_code == 1
        assert said in done.stderr
        assert len(done.stderr.splitlines()) == 1
    done = audit("verify", "--dir", journal, "--public-key", private)
    assert "holds no public key in PEM format" in done.stderr


def test_a_signature_without_its_library_says_what_to_install(
    journal: Path, keys: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.asymmetric", None)
    done = audit("checkpoint", "--dir", journal, "--key", keys[0])
    assert done.exit_code == 1
    assert "pip install 'tidegate[audit]'" in done.stderr


def test_a_call_is_proven_by_either_id_and_a_new_checkpoint_is_made_where_needed(
    journal: Path,
) -> None:
    more = Journal.open(journal, fsync="never", now=lambda: NOW_S + 9)
    more.append("decision", {"decision": "dec_9", "verdicts": None})
    more.append("failed", {"decision": "dec_9", "request_id": "req_failed"})
    more.append("finished", {"decision": "dec_9", "request_id": "req_9", "usage": {"in": 1}})
    more.append("finished", {"decision": "dec_8", "request_id": None})
    by_request = json.loads(audit("prove", "--dir", journal, "--request-id", "req_9").stdout)
    by_decision = json.loads(audit("prove", "--dir", journal, "--decision", "dec_9").stdout)
    assert by_request == by_decision
    assert [record["index"] for record in by_request["records"]] == [11, 12, 13]
    assert len(lines((journal / "checkpoints.jsonl").read_bytes())) == 1
    more.append("violation", {"decision": "dec_9", "what": "region"})
    later = json.loads(audit("prove", "--dir", journal, "--decision", "dec_9").stdout)
    assert [record["index"] for record in later["records"]] == [11, 12, 13, 15]
    more.close()


def test_a_proof_against_a_checkpoint_that_is_too_old_is_refused(
    journal: Path, tmp_path: Path
) -> None:
    kept = tmp_path / "kept.json"
    kept.write_text(audit("checkpoint", "--dir", journal, "--print").stdout)
    written(journal, files=3, records=1)
    done = audit("prove", "--dir", journal, "--decision", "dec_2", "--checkpoint", kept)
    assert done.exit_code == 1
    assert "does not cover all records" in done.stderr


def test_a_proof_from_a_journal_that_was_written_anew_is_refused(
    journal: Path, tmp_path: Path
) -> None:
    kept = tmp_path / "kept.json"
    kept.write_text(audit("checkpoint", "--dir", journal, "--print").stdout)
    for name, data in rewritten(on_disk(journal)).items():
        (journal / name).write_bytes(data)
    done = audit("prove", "--dir", journal, "--decision", "dec_1", "--checkpoint", kept)
    assert done.exit_code == 1
    assert "the journal is not as the checkpoint saw it" in done.stderr


def test_an_unknown_call_is_told(journal: Path) -> None:
    done = audit("prove", "--dir", journal, "--request-id", "req_unknown")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "has no record of 'req_unknown'" in done.stderr
    assert audit("prove", "--dir", journal).exit_code == 2


def test_a_period_is_copied_line_by_line(journal: Path, tmp_path: Path) -> None:
    first, second = (lines(file.read_bytes()) for file in journal_files(journal))
    said = audit("export", "--dir", journal, "--from", "2026-11-18", "--to", "2026-11-19")
    assert said.stdout_bytes == b"".join(first + second)
    out = tmp_path / "out.jsonl"
    period = ("--from", "2026-11-18T11:06:41.250Z", "--to", "2026-11-18T13:00:00+01:00")
    assert audit("export", "--dir", journal, *period, "--out", out).exit_code == 0
    assert out.read_bytes() == b"".join(second)
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    wrong = audit("export", "--dir", journal, "--from", "yesterday", "--to", "2026-11-19")
    assert wrong.exit_code == 2
    assert "yesterday" in wrong.stderr


def test_a_copy_passes_over_a_torn_end_and_stops_at_a_bad_line(journal: Path) -> None:
    asked: tuple[Any, ...] = ("--from", "2026-11-18", "--to", "2026-11-19")
    file = journal_files(journal)[1]
    whole = file.read_bytes()
    file.write_bytes(whole[:-5])
    assert audit("export", "--dir", journal, *asked).exit_code == 0
    file.write_bytes(b"x" * 1024 * 1024 + whole)
    assert audit("export", "--dir", journal, *asked).exit_code == 1
    file.write_bytes(whole[5:])
    done = audit("export", "--dir", journal, *asked)
    assert done.exit_code == 1
    assert f"{file.name} line 1 is no record; `gateway audit verify` says more" in done.stderr


def test_a_file_that_is_no_checkpoint_is_told(journal: Path, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.json"
    wrong.write_text("{}\n")
    done = audit("verify", "--dir", journal, "--checkpoint", wrong)
    assert done.exit_code == 1
    assert f"{wrong} line 1 is no checkpoint" in done.stderr


def test_the_configuration_says_where_the_journal_is(
    journal: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "made-up")
    config = tmp_path / "config"
    (config / "environments").mkdir(parents=True)
    (config / "environments" / "dev.toml").write_text("schema = 1\n")
    base = (
        'schema = 1\n[upstreams.direct]\nprovider = "anthropic"\napi_key = "${ANTHROPIC_API_KEY}"\n'
    )
    base += '[routing]\norder = ["direct"]\n'
    asked = ("verify", "--config", config, "--env", "dev")
    for said, status, told in (
        ("", 1, "the configuration has no `[journal] dir`; give --dir DIR"),
        (f'[journal]\ndir = "{journal}"\n', 0, "whole"),
        ('[journal]\ndir = "../journal"\n', 0, "whole"),
        ('[journal]\ndir = "nowhere"\n', 1, "nowhere is no directory"),
    ):
        (config / "gateway.toml").write_text(base + said)
        done = audit(*asked)
        assert (done.exit_code, told in done.output) == (status, True), done.output
