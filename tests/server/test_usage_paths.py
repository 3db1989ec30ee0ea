"""`GET /v1/usage`: who may ask, what is answered, and that no call waits for it."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from gateway.emulator import Emulator
from gateway.engine import Engine
from gateway.ledger.reports.asked import Setting
from gateway.ledger.reports.catalog import told
from gateway.ledger.row import State
from gateway.ledger.sockets import Sockets
from gateway.ledger.store import Ledger
from gateway.server import ledger_reports
from gateway.server.ledger_reports import AT_ONCE, ATTEMPTS_MOST, PATHS, TOP, Reports
from tests.ledger.reports.rows import BEGIN_US, fill, row
from tests.server.operated import JOURNAL, config
from tests.server.serving import BODY, HEADERS, Reply, Running, engine_over, serving, until

ADMIN, CALLER = "tg_admin_0123456789", "tg_caller_0123456789"
SINCE = {"from": "2026-11-01"}
ROWS = [
    row(1, team="red", session="s", tags={"job": "x=1"}),
    row(2, team="red", session="s", agent="a", cache_read_tokens=10),
    row(3, won=False, outcome="ill", state=State.UNKNOWN, net_pico=None, low_pico=0),
]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a ledger in it."""
    directory = tmp_path_factory.mktemp("ledger")
    ledger = Ledger.open("sqlite:///ledger.sqlite3", directory)
    fill(ledger, ROWS)
    ledger.close()
    return directory


def reports(place: Path, **more: Any) -> Reports:
    return Reports("sqlite:///ledger.sqlite3", place, **more)


@pytest.fixture(scope="module")
def asked(_emulator: Emulator, place: Path) -> Iterator[Running]:
    engine, mine = engine_over(_emulator), reports(place)
    with serving(engine, reports=mine, admin_keys=(ADMIN,), keys=(CALLER,)) as running:
        yield running


def get(running: Running, path: str = "/v1/usage", key: str | None = ADMIN, **given: Any) -> Reply:
    query = urlencode(given.pop("given", SINCE), doseq=True)
    headers = {} if key is None else {"x-api-key": key}
    return running.ask("GET", f"{path}?{query}", None, headers | given)


@pytest.mark.parametrize("path", PATHS)
def test_it_tells_what_the_report_tells(asked: Running, place: Path, path: str) -> None:
    given = (
        {"session": ["s"]} if path.endswith("tree") else {"from": ["2026-11-01"], "by": ["team"]}
    )
    reply = get(asked, path, given=given)
    assert (reply.status, reply.headers["content-type"]) == (200, "application/json")
    assert reply.headers["request-id"].startswith("req_")
    ledger = Ledger.open("sqlite:///ledger.sqlite3", place)
    now_us = time.time_ns() // 1000
    assert reply.json == told(ledger, PATHS[path], given, now_us, Setting(top=TOP))
    ledger.close()


def test_filters_and_groups(asked: Running) -> None:
    given = SINCE | {"by": ["team,session", "day"], "tag": "job=x=1", "team": ["red", "blue"]}
    (group,) = get(asked, given=given).json["groups"]
    assert group["key"] == {"team": "red", "session": "s", "day": "2026-11-22"}
    assert (group["attempts"], group["net_usd"], group["charged_usd"]) == (1, "1", "1")


@pytest.mark.parametrize(
    "shown", [{"x-api-key": ADMIN}, {"authorization": f"Bearer {ADMIN}"}], ids=["key", "bearer"]
)
def test_an_admin_key_opens(asked: Running, shown: dict[str, str]) -> None:
    assert get(asked, key=None, **shown).status == 200


@pytest.mark.parametrize("key", [None, CALLER, "wrong", "", ADMIN[:-1], ADMIN + "x"])
@pytest.mark.parametrize("path", PATHS)
def test_no_other_does(asked: Running, path: str, key: str | None) -> None:
    reply = get(asked, path, key=key)
    assert reply.error[:2] == (401, "authentication_error")
    assert "admin key" in reply.error[2]
    assert reply.headers["x-should-retry"] == "false"


def test_an_admin_key_is_no_callers(asked: Running) -> None:
    assert asked.call(BODY, HEADERS | {"x-api-key": ADMIN}).status == 401
    assert get(asked, "/v1/models").status == 401


def test_without_an_admin_key_nobody_may_ask(emulator: Emulator, place: Path) -> None:
    with serving(engine_over(emulator), reports=reports(place), keys=(CALLER,)) as running:
        for key in (None, CALLER, ADMIN):
            reply = get(running, key=key)
            assert reply.error[:2] == (403, "permission_error")
            assert "admin_keys in [server]" in reply.error[2]


def test_a_gateway_without_keys_tells_this_machine(emulator: Emulator, place: Path) -> None:
    with serving(engine_over(emulator), reports=reports(place)) as running:
        assert get(running, key=None).status == 200
        assert get(running, key=None, host="evil.test").error[:2] == (403, "permission_error")


def test_one_with_an_admin_key_only_asks_for_it(emulator: Emulator, place: Path) -> None:
    with serving(engine_over(emulator), reports=reports(place), admin_keys=(ADMIN,)) as running:
        assert running.call(BODY).status == 200
        assert get(running, key=None).status == 401
        assert get(running).status == 200


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"by": "hour"}, "by: 'hour' is none of: day"),
        ({"from": "soon"}, "from: 'soon' is no time"),
        ({"from": ["1d", "2d"]}, "from: is given more than once"),
        ({"from": "2026-11-02", "to": "2026-11-01"}, "to: is not after the beginning"),
        ({"top": "1001"}, "top: '1001' is no number from 1 to 1000"),
        ({"state": "done"}, "state: 'done' is none of"),
        ({"tag": "x"}, "tag: 'x' is no NAME=VALUE"),
        ({"team": "a\0"}, "team: has a character that cannot be printed"),
        ({"colour": "red"}, "colour: is no parameter of this report"),
        ({"a": ["1"] * 201}, "more than 200 parameters"),
    ],
    ids=str,
)
def test_a_wrong_parameter_is_named(asked: Running, given: dict[str, Any], words: str) -> None:
    status, kind, message = get(asked, given=given).error
    assert (status, kind) == (400, "invalid_request_error")
    assert words in message


@pytest.mark.parametrize(
    "given", [{}, {"session": "nobody"}, {"session": "s", "by": "day"}], ids=str
)
def test_a_tree_is_of_one_session(asked: Running, given: dict[str, str]) -> None:
    assert get(asked, "/v1/usage/tree", given=given).error[:2] == (400, "invalid_request_error")


@pytest.mark.parametrize(("method", "status"), [("POST", 405), ("DELETE", 405), ("HEAD", 200)])
def test_it_is_only_read(asked: Running, method: str, status: int) -> None:
    headers = {"x-api-key": ADMIN}
    assert asked.ask(method, "/v1/usage", None, headers).status == status


def test_without_a_ledger(emulator: Emulator) -> None:
    with serving(engine_over(emulator), admin_keys=(ADMIN,)) as running:
        assert get(running, key="wrong").status == 401
        status, kind, message = get(running).error
    assert (status, kind) == (501, "not_supported")
    assert "url in [ledger]" in message


def test_a_ledger_that_went_away_and_came_back(emulator: Emulator, tmp_path: Path) -> None:
    file = tmp_path / "ledger.sqlite3"
    with serving(engine_over(emulator), reports=reports(tmp_path)) as running:
        before = get(running, key=None)
        assert before.error[:2] == (503, "api_error")
        assert "The ledger cannot be read: it is not there" in before.error[2]
        assert str(tmp_path) not in before.error[2]
        Ledger.open(f"sqlite:///{file}", tmp_path).close()
        assert get(running, key=None).status == 200
        for each in tmp_path.iterdir():
            each.unlink()
        assert get(running, key=None).status == 503
        assert not file.exists()
        file.write_text("no database " * 100)
        assert get(running, key=None).error[0] == 503
        file.unlink()
        Ledger.open(f"sqlite:///{file}", tmp_path).close()
        assert get(running, key=None).status == 200


def test_a_database_that_is_not_reached(emulator: Emulator, tmp_path: Path) -> None:
    url = "postgresql://nobody:secret@127.0.0.1:1/ledger"
    with serving(engine_over(emulator), reports=Reports(url, tmp_path)) as running:
        status, kind, message = get(running, key=None).error
    assert (status, kind) == (503, "api_error")
    assert "secret" not in message


def test_what_is_told_is_bounded(emulator: Emulator, tmp_path: Path) -> None:
    ledger = Ledger.open("sqlite:///ledger.sqlite3", tmp_path)
    many = [row(each, session=f"s-{each}") for each in range(TOP + 1)]
    long = [row(0, decision=f"dec_s{each}", session="long") for each in range(ATTEMPTS_MOST + 1)]
    fill(ledger, [*many, *long])
    ledger.close()
    with serving(engine_over(emulator), reports=reports(tmp_path)) as running:
        report = get(running, key=None, given=SINCE | {"by": "session"}).json
        assert (len(report["groups"]), report["others"]["groups"]) == (TOP, 2)
        tree = get(running, "/v1/usage/tree", key=None, given={"session": "long"})
        assert tree.error[0] == 400


def test_a_call_is_in_the_report_with_what_its_answer_said_it_cost(
    emulator: Emulator, tmp_path: Path
) -> None:
    checked = config(tmp_path, emulator, JOURNAL + '[ledger]\nurl = "sqlite:///ledger.sqlite3"\n')
    engine = Engine.from_config(checked)
    assert engine.folding is not None
    try:
        with serving(engine, reports=ledger_reports.reports_of(checked)) as running:
            reply = running.call(BODY, HEADERS | {"x-gateway-tag-team": "red"})
            assert reply.status == 200
            given = {"by": "team,upstream,state", "from": "1d"}

            def groups() -> list[dict[str, Any]]:
                report = get(running, key=None, given=given)
                found = report.json["groups"] if report.status == 200 else []
                return [each for each in found if not each["open_attempts"]]

            until(groups)
            (group,) = groups()
    finally:
        engine.folding.stop(5)
    assert group["key"] == {"team": "red", "upstream": "direct", "state": "final"}
    usage = reply.json["usage"]
    counts = (group["input_tokens"], group["output_tokens"])
    assert counts == (usage["input_tokens"], usage["output_tokens"])
    assert group["charged_usd"] == group["net_usd"] == reply.headers["x-gateway-cost-usd"] != "0"


class Held(Reports):
    """Reports that wait until a test lets them go."""

    def __init__(self, place: Path) -> None:
        super().__init__("sqlite:///ledger.sqlite3", place)
        self.begun = threading.Semaphore(0)
        self.go_on = threading.Event()

    def _opened(self, sockets: Sockets) -> Ledger:
        self.begun.release()
        assert self.go_on.wait(20)
        return super()._opened(sockets)


def test_no_call_waits_for_a_report_and_few_are_read_at_once(
    emulator: Emulator, place: Path
) -> None:
    held = Held(place)
    with (
        serving(engine_over(emulator), reports=held) as running,
        ThreadPoolExecutor() as threads,
    ):
        asking = [threads.submit(get, running, key=None) for _ in range(AT_ONCE)]
        for _ in asking:
            assert held.begun.acquire(timeout=20)
        assert running.call(BODY).status == 200
        one_more = get(running, key=None)
        assert one_more.error[:2] == (429, "rate_limit_error")
        assert one_more.headers["retry-after"] == "2"
        held.go_on.set()
        assert [each.result().status for each in asking] == [200] * AT_ONCE
        until(lambda: get(running, key=None).status == 200)


def test_a_caller_who_leaves_frees_the_place_when_the_report_is_read(
    emulator: Emulator, place: Path
) -> None:
    held = Held(place)
    with serving(engine_over(emulator), reports=held) as running:
        for _ in range(AT_ONCE):
            connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=20)
            connection.request("GET", "/v1/usage")
            assert held.begun.acquire(timeout=20)
            connection.close()
        assert get(running, key=None).status == 429
        held.go_on.set()
        until(lambda: get(running, key=None).status == 200)


def test_a_report_that_takes_too_long_is_stopped(emulator: Emulator, tmp_path: Path) -> None:
    ledger = Ledger.open("sqlite:///ledger.sqlite3", tmp_path)
    fill(
        ledger,
        [row(each, started_us=BEGIN_US + each, session=f"s-{each}") for each in range(20_000)],
    )
    ledger.close()
    slow = reports(tmp_path, limit_s=1e-9)
    with serving(engine_over(emulator), reports=slow) as running:
        status, kind, message = get(running, "/v1/usage/cache", key=None).error
    assert (status, kind) == (504, "timeout_error")
    assert "gateway usage" in message


def test_a_mistake_of_ours_is_an_envelope(emulator: Emulator, place: Path) -> None:
    class Broken(Reports):
        def _opened(self, sockets: Sockets) -> Ledger:
            raise RuntimeError("a made-up mistake")

    with serving(engine_over(emulator), reports=Broken("sqlite:///x", place)) as running:
        for _ in range(AT_ONCE + 1):
            assert get(running, key=None).error[:2] == (500, "api_error")


def test_the_configuration_says_where_the_ledger_is(tmp_path: Path) -> None:
    from gateway.config import load  # noqa: PLC0415

    (tmp_path / "gateway.toml").write_text(
        'schema = 1\n[routing]\norder = ["direct"]\n[upstreams.direct]\nprovider = "anthropic"\n'
        'api_key = "${KEY}"\n[journal]\ndir = "journal"\n'
        '[ledger]\nurl = "sqlite:///ledger.sqlite3"\ncharge_partial = false\n'
        '[server]\nadmin_keys = ["${ADMIN}"]\n'
    )
    (tmp_path / "environments").mkdir()
    (tmp_path / "environments" / "dev.toml").touch()
    config = load(tmp_path, {"GATEWAY_ENV": "dev", "KEY": "x", "ADMIN": ADMIN})
    found = ledger_reports.reports_of(config)
    assert isinstance(found, Reports)
    assert not found._setting.charge_partial
    assert found._place == ("sqlite:///ledger.sqlite3", tmp_path)
    from gateway.server import Settings  # noqa: PLC0415

    assert Settings.of(config).admin_keys == (ADMIN,)
    assert ADMIN not in repr(Settings.of(config))
