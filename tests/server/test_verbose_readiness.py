from __future__ import annotations

import json
from http.client import HTTPConnection
from pathlib import Path

from gateway.emulator import Emulator
from gateway.version import installed
from tests.server.operated import AUTH, CALLER, JOURNAL, KEY, config, operated
from tests.server.serving import BODY, Running, until

MODEL = "claude-opus-5-5"
VERBOSE = "/readyz?verbose"


def test_all_that_an_operator_wants_to_know(tmp_path: Path, emulator: Emulator) -> None:
    emulator.faults.add("status", status=500, platform="anthropic", times=-1)
    with operated(config(tmp_path, emulator)) as gateway:
        for _ in range(5):
            assert gateway.call(BODY, CALLER).status == 200
        reply = gateway.ask("GET", VERBOSE, headers=AUTH)
    assert reply.status == 200
    told = reply.json
    assert told["uptime_s"] >= 0
    assert told["tasks"] >= 1
    assert 0 < told["retry_budget_left"] < 30
    direct, frankfurt = told["upstreams"]
    assert (told["status"], told["policy"], told["journal"]) == ("ready", "none", "ok")
    assert (told["version"], told["in_flight"], told["troubles"]) == (installed(), 0, [])
    assert (direct["name"], direct["platform"], direct["region"]) == ("direct", "anthropic", None)
    assert (frankfurt["platform"], frankfurt["region"]) == ("bedrock", "eu-central-1")
    assert direct["failures"] == direct["attempts"] >= 5
    assert (frankfurt["attempts"], frankfurt["failures"]) == (5, 0)
    assert direct["last_failure"]["kind"] == "ill"
    assert 0 <= direct["last_failure"]["age_s"] < 20
    assert frankfurt["last_failure"] is None
    (model,) = direct["models"]
    assert (model["model"], model["state"]) == (MODEL, "ejected")
    assert model["failures_in_a_row"] >= 5
    assert 0 < model["for_s"] <= 10
    assert [each["state"] for each in frankfurt["models"]] == ["closed"]


def test_what_a_caller_did_wrong_is_no_failure_of_the_upstream(
    tmp_path: Path, emulator: Emulator
) -> None:
    emulator.faults.add("status", status=400)
    with operated(config(tmp_path, emulator)) as gateway:
        assert gateway.call(BODY, CALLER).status == 400
        direct, _ = gateway.ask("GET", VERBOSE, headers=AUTH).json["upstreams"]
    assert (direct["attempts"], direct["failures"], direct["last_failure"]) == (1, 0, None)


def test_what_is_in_flight_is_seen_at_its_upstream(tmp_path: Path, emulator: Emulator) -> None:
    emulator.faults.add("stall", at=5)
    with operated(config(tmp_path, emulator)) as gateway:

        def seen() -> tuple[int, list[int]]:
            told = gateway.ask("GET", VERBOSE, headers=AUTH).json
            return told["in_flight"], [each["in_flight"] for each in told["upstreams"]]

        connection = HTTPConnection("127.0.0.1", gateway.port)
        body = json.dumps(BODY | {"stream": True})
        connection.request("POST", "/v1/messages", body, CALLER)
        connection.getresponse().read(1)
        assert seen() == (1, [1, 0])
        connection.close()
        until(lambda: seen() == (0, [0, 0]))


def test_no_secret_no_account_and_no_address_is_told(tmp_path: Path, emulator: Emulator) -> None:
    with operated(config(tmp_path, emulator)) as gateway:
        gateway.call(BODY, CALLER)
        body = gateway.ask("GET", VERBOSE, headers=AUTH).body.decode()
    for secret in (KEY, emulator.api_key, "127.0.0.1", "http", "arn:", "billing", str(tmp_path)):
        assert secret not in body


def test_it_wants_a_key_where_there_are_keys_and_the_brief_one_does_not(
    tmp_path: Path, emulator: Emulator, gateway: Running
) -> None:
    with operated(config(tmp_path, emulator)) as locked:
        for query in ("?verbose", "?verbose=1", "?a=b&verbose"):
            assert locked.ask("GET", f"/readyz{query}", headers={}).error[0] == 401
            assert "tasks" in locked.ask("GET", f"/readyz{query}", headers=AUTH).json
        for path in ("/readyz", "/readyz?a=verbose", "/healthz?verbose"):
            reply = locked.ask("GET", path, headers={})
            assert reply.status == 200
            assert "tasks" not in reply.json
    assert "tasks" in gateway.ask("GET", VERBOSE, headers={}).json
    assert gateway.ask("GET", VERBOSE, headers={"host": "evil.example"}).error[0] == 403


def test_a_server_that_stops_still_tells(tmp_path: Path, emulator: Emulator) -> None:
    emulator.faults.add("stall", at=5)
    with operated(config(tmp_path, emulator)) as gateway:
        connection = HTTPConnection("127.0.0.1", gateway.port)
        body = json.dumps(BODY | {"stream": True})
        connection.request("POST", "/v1/messages", body, CALLER)
        connection.getresponse().read(1)
        gateway.app.drain.asked = True
        reply = gateway.ask("GET", VERBOSE, headers=AUTH)
        assert (reply.status, reply.json["status"], reply.json["in_flight"]) == (503, "stopping", 1)
        assert gateway.ask("GET", "/metrics", headers=AUTH).status == 200
        assert gateway.ask("GET", VERBOSE, headers={}).error[0] == 401
        connection.close()


def test_a_journal_that_cannot_be_written_is_told(tmp_path: Path, emulator: Emulator) -> None:
    checked = config(tmp_path, emulator, more=JOURNAL + "required = true\n")
    with operated(checked) as gateway:
        assert gateway.ask("GET", VERBOSE, headers=AUTH).json["journal"] == "ok"
        audit = gateway.app.status.engine.audit  # type: ignore[attr-defined]
        audit.broken = "the disk is full"
        reply = gateway.ask("GET", VERBOSE, headers=AUTH)
    assert reply.status == 503
    assert (reply.json["status"], reply.json["journal"]) == ("no journal", "broken")
