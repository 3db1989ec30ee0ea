"""A pin outlives its process, is seen by others, and nothing is sent on a guess without it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import anthropic
import pytest

from gateway.emulator import Emulator
from gateway.stateful.memory import MemoryPins
from gateway.stateful.pins import Pin, PinsLost
from gateway.stateful.store import DAY_S, DELETED_DAYS, FILE_NAME, SqlitePins
from tests.stateful.doors import House, request

KILLED = """
import os, signal, sys
import gateway
only = {"x-gateway-only": "aws"}
client = gateway.Anthropic(gateway=sys.argv[1])
messages = [{"role": "user", "content": "a"}]
params = {"model": "claude-opus-5-5", "max_tokens": 8, "messages": messages}
made = client.messages.batches.create(
    requests=[{"custom_id": "a", "params": params}], extra_headers=only
)
os.write(1, made.id.encode())
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def house(tmp_path: Path, emulator: Emulator) -> House:
    made = House(tmp_path / "config", emulator)
    made.write()
    return made


def test_a_pin_survives_kill_9(house: House, emulator: Emulator) -> None:
    environ = {**os.environ, **house.environ(), "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", KILLED, str(house.where)],
        env=environ,
        capture_output=True,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    name = done.stdout.decode()
    emulator.records.clear()
    with house.sdk("client") as sdk:
        assert sdk.messages.batches.retrieve(name).id == name
        assert len(list(sdk.messages.batches.results(name))) == 1
    assert {record.platform for record in emulator.records} == {"aws"}


def test_a_process_that_ran_before_sees_it(house: House, emulator: Emulator) -> None:
    with house.sdk("server") as other, house.sdk("client") as sdk:
        made = sdk.messages.batches.create(
            requests=[request()], extra_headers={"x-gateway-only": "aws"}
        )
        assert other.messages.batches.retrieve(made.id).id == made.id
    assert {record.platform for record in emulator.records} == {"aws"}


def test_without_a_journal_a_pin_ends_with_its_process(house: House, emulator: Emulator) -> None:
    house.journal = False
    house.write()
    engine = house.engine()
    assert not engine.stateful.held.durable
    with house.sdk("client", engine) as sdk:
        made = sdk.messages.batches.create(requests=[request()])
        assert sdk.messages.batches.retrieve(made.id).id == made.id
    emulator.records.clear()
    with house.sdk("client") as sdk, pytest.raises(anthropic.NotFoundError, match="x-gateway-only"):
        sdk.messages.batches.retrieve(made.id)
    assert not list(emulator.records)


def test_pins_that_cannot_be_read_send_nothing(house: House, emulator: Emulator) -> None:
    file = house.where / "journal" / FILE_NAME
    with house.sdk("client") as sdk:
        made = sdk.messages.batches.create(requests=[request()])
    file.unlink()
    file.write_bytes(b"this is no database at all, and longer than its header" * 100)
    emulator.records.clear()
    with house.sdk("client") as sdk, pytest.raises(anthropic.APIStatusError) as caught:
        sdk.messages.batches.retrieve(made.id)
    assert caught.value.status_code == 503
    assert not list(emulator.records)


def test_a_pin_that_cannot_be_written_is_told_and_the_answer_is_handed_on(
    house: House, emulator: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    file = house.where / "journal" / FILE_NAME
    engine = house.engine()
    file.mkdir(parents=True)
    with house.sdk("client", engine) as sdk:
        made = sdk.messages.batches.create(requests=[request()])
        assert "not pinned durably" in caplog.text
        assert engine.stateful.held.lost
        assert any("pinned" in each for each in engine.troubles)
        assert sdk.messages.batches.retrieve(made.id).id == made.id


def pin(name: str, upstream: str = "direct", *, state: str = "batch", at_s: float = 1e9) -> Pin:
    return Pin(state=state, id=name, upstream=upstream, owner="ann", at_s=at_s)


@pytest.mark.parametrize("durable", [False, True])
def test_a_pin_is_never_moved(tmp_path: Path, durable: bool) -> None:
    pins = SqlitePins(tmp_path / "pins.sqlite3") if durable else MemoryPins()
    pins.put(pin("b"))
    pins.put(Pin(state="batch", id="b", upstream="direct", owner="bob"))
    pins.put(pin("b", "aws"))
    pins.put(pin("b", state="file"))
    found = pins.find([("batch", "b"), ("batch", "none"), ("batch", "b")])
    assert sorted((each.upstream, each.owner) for each in found) == [
        ("aws", "ann"),
        ("direct", "ann"),
    ]
    pins.deleted("batch", "b", "direct")
    assert {each.upstream for each in pins.find([("batch", "b")])} == {"direct", "aws"}


def test_old_pins_are_dropped_when_a_process_begins(tmp_path: Path) -> None:
    now_s = 2e9
    path = tmp_path / "pins.sqlite3"
    pins = SqlitePins(path, now_s=lambda: now_s)
    pins.put(pin("old", at_s=now_s - 61 * DAY_S))
    pins.put(pin("young", at_s=now_s - 59 * DAY_S))
    pins.put(pin("old", at_s=0, state="file"))
    pins.put(pin("deleted", at_s=0, state="file"))
    pins.deleted("file", "deleted", "direct")
    wanted = [("batch", "old"), ("batch", "young"), ("file", "old"), ("file", "deleted")]
    later = SqlitePins(path, {"batch": 60}, now_s=lambda: now_s)
    assert [each.id for each in later.find(wanted)] == ["young", "deleted", "old"]
    much = SqlitePins(path, now_s=lambda: now_s + (DELETED_DAYS + 1) * DAY_S)
    assert [(each.state, each.id) for each in much.find(wanted)] == [
        ("batch", "young"),
        ("file", "old"),
    ]


def test_many_threads_may_pin_at_once(tmp_path: Path) -> None:
    pins = SqlitePins(tmp_path / "pins.sqlite3")
    errors: list[PinsLost] = []

    def work(number: int) -> None:
        try:
            for at in range(10):
                pins.put(pin(f"{number}-{at}"))
        except PinsLost as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    wanted = [("batch", f"{number}-{at}") for number in range(8) for at in range(10)]
    assert len(pins.find(wanted)) == 80
