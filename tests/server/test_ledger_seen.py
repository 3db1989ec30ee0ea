"""How far the ledger is behind the journal, as an operator sees it; no call waits for it."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

from gateway.emulator import Emulator
from tests.server.operated import (
    AUTH,
    CALLER,
    JOURNAL,
    config,
    operated,
    scraped,
    values,
    variables,
)
from tests.server.serving import BODY, Running, until

LEDGER = JOURNAL + '[ledger]\nurl = "sqlite:///ledger.sqlite3"\n'
NOWHERE = JOURNAL + '[ledger]\nurl = "postgresql://127.0.0.1:1/nowhere"\n'
BESIDE = LEDGER + "fold = false\n"


def seen(gateway: Running) -> dict[str, Any]:
    told: dict[str, Any] = gateway.ask("GET", "/readyz?verbose", headers=AUTH).json
    return told


def rows(where: Path) -> list[tuple[str, int]]:
    connection = sqlite3.connect(where / "ledger.sqlite3")
    try:
        return connection.execute("select state, net_pico from attempts").fetchall()
    finally:
        connection.close()


def test_what_a_server_did_is_in_its_ledger(tmp_path: Path, emulator: Emulator) -> None:
    with operated(config(tmp_path, emulator, LEDGER)) as gateway:
        assert gateway.call(BODY, CALLER).status == 200
        # The journal grows with each look, but not of records that are folded late.
        until(lambda: seen(gateway)["ledger"]["records_behind"] == 0)
        until(lambda: len(rows(tmp_path)) == 1)
        found = scraped(gateway)
        told = seen(gateway)["ledger"]
    assert (told["files_in_trouble"], told["error"]) == (0, None)
    assert 0 <= values(found, "tidegate_ledger_lag_seconds")[()] < 20
    assert values(found, "tidegate_ledger_broken")[()] == 0
    ((state, net_pico),) = rows(tmp_path)
    assert state == "final"
    assert net_pico > 0


def test_a_ledger_that_is_gone_stops_no_call_and_is_told(
    tmp_path: Path, emulator: Emulator
) -> None:
    with operated(config(tmp_path, emulator, NOWHERE)) as gateway:
        until(lambda: seen(gateway)["ledger"]["error"] is not None)
        assert gateway.call(BODY, CALLER).status == 200
        told = seen(gateway)
        found = scraped(gateway)
    assert told["status"] == "ready"
    assert told["troubles"] == ["the ledger cannot be written: it is behind the journal"]
    assert "nowhere" not in str(told)
    assert values(found, "tidegate_ledger_broken")[()] == 1


def test_without_a_ledger_nothing_is_said_of_one(tmp_path: Path, emulator: Emulator) -> None:
    with operated(config(tmp_path, emulator)) as gateway:
        assert seen(gateway)["ledger"] is None
        assert values(scraped(gateway), "tidegate_ledger_lag_seconds") == {}


def test_a_process_of_its_own_may_fold(tmp_path: Path, emulator: Emulator) -> None:
    with operated(config(tmp_path, emulator, BESIDE)) as gateway:
        assert gateway.call(BODY, CALLER).status == 200
        assert seen(gateway)["ledger"] is None
    environ = {**os.environ, **variables(emulator), "GATEWAY_ENV": "dev"}
    command = [
        sys.executable,
        "-m",
        "gateway",
        "ledger",
        "fold",
        "--follow",
        "--config",
        str(tmp_path),
    ]
    with subprocess.Popen(  # noqa: S603 - our own program
        command, env=environ, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("folding")
        until(lambda: (tmp_path / "ledger.sqlite3").exists() and len(_rows(tmp_path)) == 1)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0


def _rows(where: Path) -> list[tuple[str, int]]:
    try:
        return rows(where)
    except sqlite3.OperationalError:
        return []  # Its tables are not made yet.
