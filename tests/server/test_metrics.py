"""What Prometheus reads, parsed by its own library."""

from __future__ import annotations

import json
import time
from http.client import HTTPConnection
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as open_metrics,
)
from prometheus_client.parser import text_string_to_metric_families

from gateway.dispatch.stream import UNFINISHED
from gateway.emulator import Emulator
from gateway.server.counting import BOUNDS_S, OTHER, Counts
from gateway.server.metrics import FAMILIES
from tests.server.logged import calls, logged
from tests.server.operated import AUTH, CALLER, config, operated, scraped, values
from tests.server.serving import BODY, Running, Scripted, serving, until

MODEL = "claude-opus-5-5"
STREAM = BODY | {"stream": True}
STRANGERS = 1000


def test_calls_attempts_and_tokens_are_counted(tmp_path: Path, emulator: Emulator) -> None:
    with operated(config(tmp_path, emulator)) as gateway:
        usage = gateway.call(BODY, CALLER).json["usage"]
        gateway.call(STREAM, CALLER)
        count = json.dumps({k: v for k, v in BODY.items() if k != "max_tokens"}).encode()
        gateway.ask("POST", "/v1/messages/count_tokens", count, CALLER)
        found = scraped(gateway)
    named = {"door": "server", "state": "complete", "status_class": "2xx"}
    at = ("direct", MODEL)
    assert values(found, "tidegate_requests_total", **named) == {
        ("messages", "false", *at): 1,
        ("messages", "true", *at): 1,
        ("count_tokens", "false", *at): 1,
    }
    assert values(found, "tidegate_attempts_total") == {(*at, "ok"): 3}
    tokens = values(found, "tidegate_tokens_total")
    assert tokens[*at, "input"] == 2 * usage["input_tokens"]
    assert tokens[*at, "output"] == 2 * usage["output_tokens"]
    assert values(found, "tidegate_failovers_total") == {}


def test_the_time_to_first_content_is_a_histogram_of_streams(
    tmp_path: Path, emulator: Emulator
) -> None:
    with operated(config(tmp_path, emulator)) as gateway:
        gateway.call(BODY, CALLER)
        emulator.faults.add("stall", at=0, for_s=0.3)
        gateway.call(STREAM, CALLER)
        found = scraped(gateway)
    name = "tidegate_time_to_first_content_seconds"
    at = {"upstream": "direct", "model": MODEL}
    bars = values(found, f"{name}_bucket", **at)
    assert [float(bound) for (bound,) in bars] == [*BOUNDS_S, float("inf")]
    assert bars["0.25",] == 0
    assert bars["+Inf",] == values(found, f"{name}_count", **at)[()] == 1
    assert values(found, f"{name}_sum", **at)[()] >= 0.3


def test_a_failover_has_its_reason_and_a_failure_its_kind(
    tmp_path: Path, emulator: Emulator
) -> None:
    emulator.faults.add("reset", before_head=True, platform="anthropic")
    with operated(config(tmp_path, emulator)) as gateway:
        assert gateway.call(BODY, CALLER).headers["x-gateway-upstream"] == "frankfurt"
        found = scraped(gateway)
    assert values(found, "tidegate_failovers_total") == {("direct", "frankfurt", "ambiguous"): 1}
    assert values(found, "tidegate_attempts_total") == {
        ("direct", MODEL, "ambiguous"): 1,
        ("frankfurt", MODEL, "ok"): 1,
    }
    (labels,) = values(found, "tidegate_requests_total", door="server")
    assert labels[-2:] == ("frankfurt", MODEL)


def test_a_stream_that_failed_late_is_a_failed_call(tmp_path: Path, emulator: Emulator) -> None:
    emulator.faults.add("cut", at=5)
    with operated(config(tmp_path, emulator)) as gateway:
        assert b"event: error" in gateway.call(STREAM, CALLER).body
        found = scraped(gateway)
    assert values(found, "tidegate_attempts_total") == {("direct", MODEL, "cut"): 1}
    assert list(values(found, "tidegate_requests_total", state="failed", status_class="2xx"))


def test_refusals_are_counted_by_reason(tmp_path: Path, emulator: Emulator) -> None:
    with operated(config(tmp_path, emulator)) as gateway:
        gateway.call(BODY, CALLER | {"x-api-key": "wrong"})
        gateway.call(b"{", CALLER)
        gateway.call(BODY | {"model": "claude-none-9"}, CALLER)
        gateway.call(BODY, CALLER | {"x-gateway-class": "phi"})
        gateway.ask("GET", "/v1/messages", headers=CALLER)
        gateway.ask("GET", "/v1/nothing", headers=CALLER)
        found = scraped(gateway)
    assert values(found, "tidegate_refused_total") == {
        ("unauthorized",): 1,
        ("malformed",): 1,
        ("unknown_model",): 1,
        ("forbidden",): 1,
        ("wrong_method",): 1,
    }
    refused = values(found, "tidegate_requests_total", state="refused", status_class="4xx")
    assert sum(refused.values()) == 5
    assert {labels[-2:] for labels in refused} == {("none", "none")}


def test_an_answer_that_broke_its_plan_is_counted(tmp_path: Path, emulator: Emulator) -> None:
    other = BODY | {"messages": [{"role": "user", "content": "[[model:claude-haiku-5-5]]"}]}
    with operated(config(tmp_path, emulator)) as gateway:
        gateway.call(BODY, CALLER)
        assert values(scraped(gateway), "tidegate_policy_violations_total") == {}
        gateway.call(other, CALLER)
        assert values(scraped(gateway), "tidegate_policy_violations_total") == {("direct",): 1}


def test_an_upstream_that_keeps_failing_is_seen_ejected(tmp_path: Path, emulator: Emulator) -> None:
    emulator.faults.add("status", status=500, platform="anthropic", times=-1)
    with operated(config(tmp_path, emulator)) as gateway:
        for _ in range(5):
            gateway.call(BODY, CALLER)
        found = scraped(gateway)
    states = values(found, "tidegate_breaker_state", upstream="direct", model=MODEL)
    assert states == {("closed",): 0, ("ejected",): 1, ("half_open",): 0, ("cooling",): 0}
    assert values(found, "tidegate_breaker_state", upstream="frankfurt")[MODEL, "closed"] == 1
    assert values(found, "tidegate_retry_budget_left")[()] < 30


def test_what_is_in_flight_is_read_when_asked(tmp_path: Path, emulator: Emulator) -> None:
    emulator.faults.add("stall", at=5)
    with operated(config(tmp_path, emulator)) as gateway:
        connection = HTTPConnection("127.0.0.1", gateway.port)
        connection.request("POST", "/v1/messages", json.dumps(STREAM), CALLER)
        connection.getresponse().read(1)
        found = scraped(gateway)
        assert values(found, "tidegate_in_flight")[()] == 1
        assert values(found, "tidegate_asyncio_tasks")[()] >= 1
        connection.close()
        until(lambda: values(scraped(gateway), "tidegate_in_flight")[()] == 0)
        found = scraped(gateway)
    assert values(found, "tidegate_attempts_total") == {("direct", MODEL, "left"): 1}
    assert list(values(found, "tidegate_requests_total", state="left"))


def test_a_call_that_is_turned_away_is_shed(tmp_path: Path, emulator: Emulator) -> None:
    emulator.faults.add("stall", at=5)
    one = config(tmp_path, emulator, more="", in_flight=1)
    with operated(one) as gateway, logged() as text:
        connection = HTTPConnection("127.0.0.1", gateway.port)
        connection.request("POST", "/v1/messages", json.dumps(STREAM), CALLER)
        connection.getresponse().read(1)
        reply = gateway.call(BODY, CALLER)
        found = scraped(gateway)
        connection.close()
    assert reply.status == 529
    shed = values(found, "tidegate_shed_total")
    assert shed == {("in_flight",): 1, ("in_flight_per_key",): 0, ("memory",): 0, ("bodies",): 0}
    assert values(found, "tidegate_refused_total") == {("in_flight",): 1}
    turned_away = calls(text)[0]
    assert (turned_away["state"], turned_away["refused"]) == ("refused", "in_flight")
    assert (turned_away["status"], turned_away["caller"]) == (529, "billing")
    assert turned_away["request_id"] == reply.headers["request-id"]


def test_the_journal_and_the_build_are_shown(tmp_path: Path, emulator: Emulator) -> None:
    with operated(config(tmp_path / "a", emulator)) as gateway:
        found = scraped(gateway)
    assert values(found, "tidegate_journal_broken") == {(): 0}
    assert list(values(found, "tidegate_build_info").values()) == [1]
    assert values(found, "process_resident_memory_bytes")[()] > 0
    with operated(config(tmp_path / "b", emulator, more="")) as gateway:
        assert values(scraped(gateway), "tidegate_journal_broken") == {}


def test_every_metric_is_told_with_its_meaning_and_has_its_labels(
    tmp_path: Path, emulator: Emulator
) -> None:
    emulator.faults.add("reset", before_head=True, platform="anthropic")
    with operated(config(tmp_path, emulator)) as gateway:
        gateway.call(STREAM, CALLER)
        text = gateway.ask("GET", "/metrics", headers=AUTH).body.decode()
    shown = {family.name: family for family in text_string_to_metric_families(text)}
    for family in FAMILIES:
        assert shown[family.name].documentation == family.meaning
        for sample in shown[family.name].samples:
            assert sample.labels.keys() - {"le"} == set(family.labels)
    ours = {name for name in shown if name.startswith("tidegate_")}
    assert ours == {family.name for family in FAMILIES}


def test_the_format_is_the_one_asked_for(tmp_path: Path, emulator: Emulator) -> None:
    with operated(config(tmp_path, emulator)) as gateway:
        plain = gateway.ask("GET", "/metrics", headers=AUTH)
        accept = {"accept": "application/openmetrics-text; version=1.0.0"}
        open_reply = gateway.ask("GET", "/metrics", headers=AUTH | accept)
        packed = gateway.ask("GET", "/metrics", headers=AUTH | {"accept-encoding": "gzip"})
        some = gateway.ask("GET", "/metrics?name[]=tidegate_in_flight", headers=AUTH)
        head = gateway.ask("HEAD", "/metrics", headers=AUTH)
    assert plain.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert int(plain.headers["content-length"]) == len(plain.body)
    assert open_reply.headers["content-type"].startswith("application/openmetrics-text")
    families = open_metrics(open_reply.body.decode())  # type: ignore[no-untyped-call]
    names = {family.name for family in families}
    assert {family.name for family in FAMILIES} <= names | {"tidegate_build_info"}
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.body[:2] == b"\x1f\x8b"
    assert some.body.count(b"# TYPE") == 1
    assert (head.status, head.body) == (200, b"")


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/metrics?%ff=%fe", {}),
        ("/metrics", {"accept": "text/plain; version=x.y"}),
        ("/metrics", {"accept": "application/openmetrics-text; version=\xff"}),
        ("/metrics", {"accept": "application/openmetrics-text; version=abc"}),
    ],
)
def test_an_odd_question_is_no_fault_of_the_server(
    tmp_path: Path, emulator: Emulator, path: str, headers: dict[str, str]
) -> None:
    with operated(config(tmp_path, emulator)) as gateway:
        reply = gateway.ask("GET", path, headers=AUTH | headers)
        assert reply.status == 200
        assert values(scraped(gateway), "tidegate_in_flight") == {(): 0}


def test_metrics_want_a_key_where_there_are_keys(
    tmp_path: Path, emulator: Emulator, gateway: Running
) -> None:
    with operated(config(tmp_path, emulator)) as locked:
        for shown in ({}, {"x-api-key": "wrong"}):
            assert locked.ask("GET", "/metrics", headers=shown).error[0] == 401
        assert locked.ask("POST", "/metrics", b"", AUTH).error[0] == 405
    assert values(scraped(gateway, headers={}), "tidegate_in_flight") == {(): 0}
    assert gateway.ask("GET", "/metrics", headers={"host": "evil.example"}).error[0] == 403


def test_labels_stay_few_whatever_callers_send(tmp_path: Path, emulator: Emulator) -> None:
    with operated(config(tmp_path, emulator)) as gateway:
        connection = HTTPConnection("127.0.0.1", gateway.port, timeout=20)

        def ask(number: int) -> int:
            made_up = f"made-up-{number}"
            body = BODY | {"model": made_up if number % 3 == 0 else MODEL}
            headers = CALLER | {
                f"x-gateway-tag-{made_up}": made_up,
                "x-gateway-class" if number % 3 == 1 else "x-gateway-tag-a": made_up,
                **({"x-api-key": made_up} if number % 3 == 2 else {}),
            }
            connection.request("POST", "/v1/messages", json.dumps(body), headers)
            response = connection.getresponse()
            response.read()
            return response.status

        statuses = {ask(number) for number in range(6)}
        few = {(each.name, *each.labels.items()) for each in scraped(gateway)}
        statuses |= {ask(number) for number in range(STRANGERS)}
        many = {(each.name, *each.labels.items()) for each in scraped(gateway)}
        connection.close()
    assert statuses == {404, 403, 401}
    assert many == few
    assert not any("made-up" in str(series) for series in many)


def test_credentials_that_callers_bring_are_no_series_of_their_own() -> None:
    asked = Scripted(lambda _call: None)
    now_s = time.monotonic()
    ours, tenants = asked.health.of(MODEL), asked.health.of(MODEL, "a tenant")
    ours.begun("direct", now_s)
    for _ in range(9):
        begun = tenants.begun("direct", now_s)
        tenants.failed(begun, UNFINISHED, now_s, counts=True)
    with serving(asked) as gateway:
        samples = [each for each in scraped(gateway, {}) if each.name == "tidegate_breaker_state"]
    assert [each.labels["state"] for each in samples if each.value] == ["closed"]
    assert len(samples) == 4


def test_a_model_that_no_upstream_serves_has_no_name_of_its_own() -> None:
    counts = Counts([MODEL], lambda: 0.0)
    counts.attempt_ended("direct", "claude-made-up", "ok")
    assert list(counts.attempts) == [("direct", OTHER, "ok")]
