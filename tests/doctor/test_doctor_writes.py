"""What a run leaves in `verified.toml`, and what the next one makes of it."""

from __future__ import annotations

import datetime as dt
import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config import ConfigError
from gateway.doctor.verified_file import written
from gateway.emulator import Emulator
from gateway.policy.facts import Value
from gateway.policy.verified import Drop, Probed, Verified, read_verified
from tests.doctor.asking import Doctor, row

HERE = ("--upstream", "frankfurt")


def kept(doctor: Doctor) -> Verified:
    return read_verified("verified.toml", doctor.verified.read_text("utf-8"))


def test_a_look_writes_nothing(doctor: Doctor) -> None:
    doctor.told()
    assert not doctor.verified.exists()


def test_what_was_verified_is_kept_for_a_day(doctor: Doctor) -> None:
    told = doctor.told("--write", *HERE)
    assert told["written"] == str(doctor.verified)
    found = kept(doctor)
    assert {each.fact for each in found.facts} >= {"retention_days", "processing_in", "partition"}
    assert {each.until_s - each.checked_s for each in found.facts} == {86_400.0}
    assert stat.S_IMODE(doctor.verified.stat().st_mode) == 0o644
    assert [each.name for each in doctor.directory.glob(".verified*")] == []


def test_a_drop_stays_until_a_probe_finds_it_right(doctor: Doctor, emulator: Emulator) -> None:
    account = emulator.bedrock.account
    account.retention_mode = "inherit"
    doctor.told("--write", *HERE)
    assert [each.fact for each in kept(doctor).drops] == ["retention_days"]
    emulator.faults.add("status", status=403, times=1, path="/data-retention")
    doctor.told("--write", *HERE)
    assert [each.fact for each in kept(doctor).drops] == ["retention_days"]
    account.retention_mode = "none"
    told = doctor.told("--write", *HERE)
    assert row(told, "frankfurt", "retention_days")["before"] == "unknown"
    assert row(told, "frankfurt", "retention_days")["after"] == "0 (verified)"
    assert kept(doctor).drops == ()


def test_a_model_that_did_not_answer_keeps_the_drop(doctor: Doctor, emulator: Emulator) -> None:
    emulator.bedrock.account.destinations["eu"] = ("us-east-1",)
    doctor.told("--write", *HERE)
    emulator.bedrock.account.reset()
    path = "/inference-profiles/eu.anthropic.claude-opus-5-5"
    emulator.faults.add("status", status=403, times=1, path=path)
    doctor.told("--write", *HERE)
    assert "processing_in" in {each.fact for each in kept(doctor).drops}
    assert "processing_in" not in {each.fact for each in kept(doctor).facts}
    doctor.told("--write", *HERE)
    assert kept(doctor).drops == ()


def test_drift_is_told_every_time(doctor: Doctor, emulator: Emulator) -> None:
    emulator.bedrock.account.retention_mode = "inherit"
    for _ in range(3):
        assert doctor("--write", *HERE).exit_code == 1


def test_nothing_stays_verified_that_could_not_be_verified(
    doctor: Doctor, emulator: Emulator
) -> None:
    doctor.told("--write", *HERE)
    emulator.faults.add("reset", times=-1, platform="bedrock", before_head=True)
    told = doctor.told("--write", *HERE)
    assert row(told, "frankfurt", "retention_days")["before"] == "0 (verified)"
    assert row(told, "frankfurt", "retention_days")["after"] == "0 (org)"
    assert kept(doctor) == Verified()


def test_what_was_not_asked_is_left_alone(doctor: Doctor, emulator: Emulator) -> None:
    emulator.bedrock.account.retention_mode = "inherit"
    doctor.told("--write", *HERE)
    before = kept(doctor)
    doctor.told("--write", "--upstream", "direct")
    after = kept(doctor)
    assert set(before.facts) < set(after.facts)
    assert set(before.drops) <= set(after.drops)


def test_a_destroyed_file_is_a_mistake_with_its_line(doctor: Doctor) -> None:
    doctor.verified.write_text('schema = 1\n[[drop]]\nupstream = "frankfurt"\n', "utf-8")
    result = doctor("--write", *HERE)
    assert result.exit_code == 1
    assert "verified.toml:2" in result.output
    assert "Traceback" not in result.output


WHOLE = """schema = 1

[[attest]]
upstream = "one"
fact = "retention_days"
value = 0
assurance = "verified"
probe = "p"
place = "0123456789abcdef"
checked_at = 2026-11-22T06:00:00Z
expires = 2026-11-23T06:00:00Z

[[drop]]
upstream = "one"
fact = "cmek"
probe = "p"
because = "b"
checked_at = 2026-11-22T06:00:00Z
"""


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ('assurance = "verified"', 'assurance = "org"', "verified.toml:7: attest[0].assurance"),
        ('fact = "retention_days"', 'fact = "retention"', "verified.toml:5: attest[0].fact"),
        ("value = 0", "value = true", "verified.toml:6: attest[0].value"),
        ('upstream = "one"\nfact = "r', 'upstream = "o*"\nfact = "r', "verified.toml:4"),
        ("06:00:00Z\nexpires", "06:00:00\nexpires", "verified.toml:10: attest[0].checked_at"),
        ("expires = 2026-11-23T06:00:00Z", "expires = 2026-11-23", "verified.toml:11"),
        ("expires = 2026-11-23T06:00:00Z", "expires = 2026-11-23T06:00:00", "verified.toml:11"),
        ("expires = 2026-11-23", "expires = 2026-11-21", "verified.toml:11"),
        ("expires = 2026-11-23", "expires = 2027-11-23", "verified.toml:11"),
        ('place = "0123456789abcdef"', 'place = "here"', "verified.toml:9"),
        ('fact = "cmek"', 'fact = "platform"', "verified.toml:15: drop[0].fact"),
        ('because = "b"', 'becuase = "b"', "verified.toml:17: drop[0].becuase"),
        ("schema = 1", "schema = 2", "verified.toml:1"),
    ],
)
def test_the_file_is_read_strictly(old: str, new: str, where: str) -> None:
    assert old in WHOLE
    read_verified("verified.toml", WHOLE)
    with pytest.raises(ConfigError) as caught:
        read_verified("verified.toml", WHOLE.replace(old, new, 1))
    assert where in str(caught.value)


WORDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)
SECONDS = st.integers(0, 4_000_000_000)
KNOWN: list[tuple[str, Value]] = [
    ("retention_days", 0),
    ("cmek", True),
    ("processing_in", frozenset({"DE", "*"})),
]


@st.composite
def probed(draw: st.DrawFn) -> Probed:
    fact, value = draw(st.sampled_from(KNOWN))
    at = draw(SECONDS)
    until = at + draw(st.integers(1, int(dt.timedelta(days=7).total_seconds())))
    models = tuple(draw(st.lists(WORDS, max_size=2)))
    name = draw(WORDS.filter(lambda text: not set("*?[") & set(text)))
    return Probed(name, fact, value, draw(WORDS), "0123456789abcdef", at, until, models)


DROPS = st.builds(
    Drop,
    WORDS.filter(lambda text: not set("*?[") & set(text)),
    st.sampled_from(["cmek", "storage_in"]),
    WORDS,
    WORDS,
    SECONDS,
)


@given(st.lists(probed(), max_size=3), st.lists(DROPS, max_size=3))
def test_what_is_written_is_read_back(facts: list[Probed], drops: list[Drop]) -> None:
    whole = Verified(tuple(facts), tuple(drops))
    assert read_verified("verified.toml", written(whole)) == whole
