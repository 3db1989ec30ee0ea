"""A Postgres that takes a statement and never answers holds up nobody for good."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from gateway.emulator import Emulator
from gateway.ledger import background
from gateway.ledger.background import Folding
from gateway.ledger.failures import GONE
from gateway.ledger.folding import fold_once
from gateway.ledger.store import Ledger
from gateway.prices import shipped
from gateway.server.asgi import Scope
from gateway.server.ledger_reports import AT_ONCE, Reports
from gateway.server.refusals import BusyLedger, SlowLedger
from tests.ledger.conftest import NewUrl
from tests.ledger.freezing import freezing
from tests.ledger.journals import dump, simple
from tests.server.operated import variables, write
from tests.server.serving import until

ROOT = Path(__file__).parents[2]
PATIENCE_S = 60.0
LIMIT_S = 0.3
SCOPE: Scope = {"path": "/v1/usage", "query_string": b"from=2026-11-01"}
ENDLESS = b"SELECT"
"""The first statement of any transaction."""


def threads(name: str) -> list[threading.Thread]:
    return [each for each in threading.enumerate() if each.name.startswith(name)]


@pytest.fixture
def url(new_postgres: NewUrl, tmp_path: Path) -> str:
    made = new_postgres()
    Ledger.open(made, tmp_path).close()
    return made


async def asked(reports: Reports) -> str:
    """Return what a report comes to."""
    try:
        await asyncio.wait_for(reports.answer(SCOPE, "none"), PATIENCE_S)
    except (SlowLedger, BusyLedger) as refused:
        return type(refused).__name__
    return "told"


@pytest.mark.parametrize("at", [b"statement_timeout", b"FROM attempts", ENDLESS])
def test_a_report_is_answered_in_time_and_its_place_is_free_again(
    url: str, tmp_path: Path, at: bytes
) -> None:
    async def all_asked(reports: Reports) -> list[str]:
        return [await asked(reports) for _ in range(AT_ONCE)]

    with freezing(url, at) as frozen:
        # The second one's connection is not taken any more.
        reports = Reports(f"{frozen.url}?connect_timeout=2", tmp_path, limit_s=LIMIT_S)
        assert asyncio.run(all_asked(reports)) == ["SlowLedger"] * AT_ONCE
        assert frozen.frozen.is_set()
        until(lambda: not threads("gateway-report"))
        frozen.thaw()
        patient = Reports(frozen.url, tmp_path, limit_s=PATIENCE_S)
        patient._free = reports._free
        assert asyncio.run(asked(patient)) == "told"


def test_a_caller_who_left_frees_the_place_too(url: str, tmp_path: Path) -> None:
    async def left(reports: Reports) -> None:
        asking = asyncio.ensure_future(reports.answer(SCOPE, "none"))
        await asyncio.to_thread(frozen.frozen.wait, PATIENCE_S)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)

    with freezing(url, ENDLESS) as frozen:
        asyncio.run(left(Reports(frozen.url, tmp_path, limit_s=LIMIT_S)))
        until(lambda: not threads("gateway-report"))


def test_no_more_threads_wait_than_reports_are_read_at_once(tmp_path: Path) -> None:
    async def more(reports: Reports) -> list[str]:
        return [await asked(reports) for _ in range(AT_ONCE + 2)]

    with freezing(None) as nothing:
        # Here a connection is waited for, and that may take longer than a report.
        reports = Reports(f"{nothing.url}?connect_timeout=2", tmp_path, limit_s=LIMIT_S)
        found = asyncio.run(more(reports))
        assert found == ["SlowLedger"] * AT_ONCE + ["BusyLedger"] * 2
        until(lambda: not threads("gateway-report"))
        assert asyncio.run(asked(reports)) == "SlowLedger"


def ended(code: str, *given: str, **environ: str) -> str:
    """Run a process to its end, and return what it printed."""
    ran = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", code, *given],
        capture_output=True,
        cwd=ROOT,
        env={**os.environ, **environ},
        check=False,
        timeout=PATIENCE_S,
    )
    assert ran.returncode == 0, ran.stderr.decode()
    return ran.stdout.decode().strip()


REPORT = """
import asyncio, sys
from pathlib import Path
from gateway.server.ledger_reports import Reports
from gateway.server.refusals import SlowLedger
reports = Reports(sys.argv[1], Path(sys.argv[2]), limit_s=0.3)
try:
    asyncio.run(reports.answer({"path": "/v1/usage", "query_string": b""}, "none"))
except SlowLedger:
    print("slow")
"""


def test_a_process_ends_while_a_report_waits(tmp_path: Path) -> None:
    with freezing(None) as nothing:
        assert ended(REPORT, f"{nothing.url}?connect_timeout=1000", str(tmp_path)) == "slow"


@pytest.mark.parametrize("at", [b"pg_advisory_xact_lock", b"INTO attempts", b"COMMIT", ENDLESS])
def test_folding_stops_in_time_and_the_next_one_folds_what_is_left(
    url: str, tmp_path: Path, at: bytes
) -> None:
    simple(tmp_path / "journal")
    with freezing(url, at) as frozen:
        running = Folding(frozen.url, tmp_path, tmp_path / "journal", shipped)
        running.start()
        assert frozen.frozen.wait(PATIENCE_S)
        assert not running.stop(0.1)
        until(lambda: not threads("ledger folding"))
        frozen.thaw()
    assert rows_after_folding(url, tmp_path) == 8


def test_a_batch_that_is_never_answered_is_told_and_tried_again(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background, "ANSWERS_S", 0.2)
    monkeypatch.setattr(background, "BACK_OFF_S", 0.01)
    simple(tmp_path / "journal")
    with freezing(url, b"INTO attempts") as frozen:
        running = Folding(frozen.url, tmp_path, tmp_path / "journal", shipped)
        running.start()
        until(lambda: running.progress.error == GONE)
        monkeypatch.setattr(background, "ANSWERS_S", PATIENCE_S)
        frozen.thaw()
        until(lambda: running.progress.records == 0 and running.progress.error is None)
        assert running.stop(PATIENCE_S)
    assert rows_after_folding(url, tmp_path) == 8


FOLDS = """
import sys
from pathlib import Path
from gateway.ledger import shared
from gateway.ledger.pruning import Retention
from gateway.prices import shipped
where = Path(sys.argv[2])
shared.ENDS_S = 0.3
shared.shared(sys.argv[1], where, where / "journal", shipped, Retention(400, 4000))
sys.stdin.read()
"""


@pytest.mark.parametrize("at", [b"INTO attempts", ENDLESS, None])
def test_a_process_ends_while_its_ledger_waits(url: str, tmp_path: Path, at: bytes | None) -> None:
    simple(tmp_path / "journal")
    with freezing(url if at else None, at) as frozen:
        given = frozen.url if at else f"{frozen.url}?connect_timeout=1000"
        command = [sys.executable, "-c", FOLDS, given, str(tmp_path)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, cwd=ROOT) as process:  # noqa: S603
            assert at is None or frozen.frozen.wait(PATIENCE_S)
            process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 0
    assert rows_after_folding(url, tmp_path) == 8


def test_a_server_stops_while_its_ledger_waits(url: str, tmp_path: Path) -> None:
    with Emulator() as emulator, freezing(url, ENDLESS) as frozen:
        ledger = '[journal]\ndir = "journal"\n[ledger]\nurl = "${LEDGER_URL}"\n'
        write(tmp_path, emulator, ledger)
        own = {"LEDGER_URL": frozen.url, "GATEWAY_ENV": "dev"}
        environ = {**os.environ, **variables(emulator), **own}
        command = [sys.executable, "-m", "gateway", "serve", "--config", str(tmp_path)]
        with subprocess.Popen(command, env=environ) as process:  # noqa: S603 - our own program
            assert frozen.frozen.wait(PATIENCE_S)
            process.send_signal(signal.SIGTERM)
            assert process.wait(PATIENCE_S) == 0


def rows_after_folding(url: str, directory: Path) -> int:
    """Return how many attempts a ledger has after a next start."""
    ledger = Ledger.open(url, directory)
    fold_once(ledger, directory / "journal", shipped())
    found = len(dump(ledger)["attempts"])
    ledger.close()
    return found
