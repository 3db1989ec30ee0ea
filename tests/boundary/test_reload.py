"""A process takes changed policy files within seconds, whole or not at all."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from gateway.boundary import Boundary, Reload
from gateway.boundary import boundary as boundary_module
from gateway.boundary.load import Texts, texts
from gateway.config import Config, ConfigError
from gateway.policy.in_force import InForce
from tests.boundary.house import POLICY, House

TIGHTER = POLICY.replace('require.processing_in = "here"', 'require.processing_in = "us"')
BLOCKS = """
schema = 1
name = "blocks"
[layer]
[[block]]
upstream = "frankfurt"
because = "an incident"
until = 2999-01-01
"""
BAA = """
schema = 1
[[attest]]
upstream = "direct"
fact = "baa"
value = true
assurance = "org"
evidence = "the test"
"""
DROP = """
schema = 1
[[drop]]
upstream = "frankfurt"
fact = "processing_in"
probe = "the test"
because = "it moved"
checked_at = 2026-11-22T06:00:00Z
"""


@pytest.fixture(autouse=True)
def _looks_at_every_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boundary_module, "CHECK_S", 0.0)
    monkeypatch.setattr(boundary_module, "QUIET_S", 0.0)


def current(boundary: Boundary) -> InForce:
    found = boundary.current()
    assert found is not None
    return found


def test_a_change_while_files_are_read_is_not_taken(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One file is read as it was and the next as it is: together they were never in force."""
    boundary = Boundary(house.config())
    before = boundary.current()
    house.policy.write_text(TIGHTER)

    def and_then_change(config: Config) -> Texts:
        found = texts(config)
        house.attest({"direct": ["US"], "frankfurt": ["GB"]})
        return found

    with monkeypatch.context() as patched:
        patched.setattr(boundary_module, "texts", and_then_change)
        assert boundary.current() is before
    assert current(boundary) is not before


@pytest.mark.parametrize("text", [TIGHTER, POLICY + BLOCKS.partition("[layer]")[2]])
def test_a_changed_policy_is_taken(house: House, text: str) -> None:
    told: list[Reload] = []
    boundary = Boundary(house.config(), told=told.append)
    before = current(boundary)
    assert current(boundary) is before
    house.policy.write_text(text)
    after = current(boundary)
    assert after.compiled.digest != before.compiled.digest
    assert [each.taken for each in told] == [after]


def test_changed_attestations_are_taken(house: House) -> None:
    boundary = Boundary(house.config())
    before = current(boundary)
    house.attest({"direct": ["US"], "frankfurt": ["GB"]})
    after = current(boundary)
    assert after.compiled.digest == before.compiled.digest
    assert after.facts.digest != before.facts.digest


@pytest.mark.parametrize("name", ["policies/blocks.toml", "verified.toml", "attestations.toml"])
def test_a_file_that_comes_and_goes_is_noticed(house: House, name: str) -> None:
    if name == "attestations.toml":
        (house.where / name).unlink()
    boundary = Boundary(house.config())
    digests = [current(boundary).compiled.digest + current(boundary).facts.digest]
    file = house.where / name
    texts = {"policies/blocks.toml": BLOCKS, "verified.toml": DROP, "attestations.toml": BAA}
    file.write_text(texts[name])
    digests.append(current(boundary).compiled.digest + current(boundary).facts.digest)
    file.unlink()
    digests.append(current(boundary).compiled.digest + current(boundary).facts.digest)
    assert digests[0] == digests[2] != digests[1]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("schema = 1\nname = ", "is no TOML"),
        (POLICY.replace("[[rule]]", "[[ruel]]"), "ruel"),
        (POLICY.replace('"here"\n', '"nowhere"\n'), "unknown zone nowhere"),
        (POLICY + '[[exception]]\nid="x"\nrule="stays-here"\nupstream="gone"\nuntil=2999-01-01\n'
         'approved_by="a"\nticket="b"\n', "gone fits no upstream"),
        ("\ufeff", ""),
    ],
)  # fmt: skip
def test_a_mistake_keeps_what_was_in_force_and_is_told_once(
    house: House, text: str, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[Reload] = []
    boundary = Boundary(house.config(), told=told.append)
    before = current(boundary)
    house.policy.write_text(text)
    with caplog.at_level(logging.ERROR, "gateway.policy"):
        assert current(boundary) is before
        assert current(boundary) is before
    assert len(told) == 1
    assert told[0].taken is None
    assert words in " ".join(map(str, boundary.mistakes))
    assert len(caplog.records) == 1
    house.policy.write_text(TIGHTER)
    assert current(boundary) is not before
    assert boundary.mistakes == ()


@pytest.mark.parametrize("file", ["policies/house.toml", "attestations.toml"])
def test_a_file_that_is_named_and_gone_keeps_what_was_in_force(house: House, file: str) -> None:
    house.write(
        more='[policy]\nfiles = ["policies/house.toml"]\nattestations = "attestations.toml"\n'
    )
    boundary = Boundary(house.config())
    before = current(boundary)
    (house.where / file).unlink()
    assert current(boundary) is before
    assert "cannot be read" in str(boundary.mistakes[0])


def test_half_of_a_change_is_not_taken(house: House) -> None:
    """One good file and one bad one: neither is taken."""
    boundary = Boundary(house.config())
    before = current(boundary)
    house.policy.write_text(TIGHTER)
    (house.where / "attestations.toml").write_text("schema = 2\n")
    assert current(boundary) is before


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        ("schema = 1\n", "name"),
        (POLICY.replace('classes = ["inner"]\nrequire', 'classes = ["innner"]\nrequire'), "inner"),
        (POLICY + '[[block]]\nupstream = "gone"\nbecause = "x"\n', "gone fits no upstream"),
    ],
)
def test_nothing_starts_with_a_mistake(house: House, policy: str, words: str) -> None:
    house.policy.write_text(policy)
    with pytest.raises(ConfigError, match=words) as caught:
        Boundary(house.config())
    assert "house.toml:" in str(caught.value)


def test_facts_that_contradict_each_other_stop_the_start(house: House, tmp_path: Path) -> None:
    del tmp_path
    house.attest({"frankfurt": ["DE"], "frankfur?": ["FR"]})
    Boundary(house.config())  # A name is stronger than a glob.
    house.attest({"frankfur?": ["DE"], "f*": ["FR"]})
    with pytest.raises(ConfigError, match=r"frankfurt\.processing_in: two attestations disagree"):
        Boundary(house.config())


def test_time_never_goes_back(house: House) -> None:
    times = iter([100.0, 200.0, 50.0, 199.0, 201.0])
    boundary = Boundary(house.config(), unix_s=lambda: next(times))
    assert [boundary.now_s() for _ in range(5)] == [100.0, 200.0, 200.0, 200.0, 201.0]


def test_a_file_that_came_and_went_leaves_no_patience_used_up(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of a later file would else be taken at once."""
    monkeypatch.setattr(boundary_module, "QUIET_S", 600.0)
    boundary = Boundary(house.config())
    before = current(boundary)
    blocks = house.where / "policies" / "blocks.toml"
    blocks.write_text(BLOCKS)
    assert current(boundary) is before
    blocks.unlink()
    assert current(boundary) is before
    monkeypatch.setattr(boundary_module, "PATIENCE_S", 1e-9)
    house.policy.write_text(POLICY.partition("[[rule]]")[0])
    assert current(boundary) is before
