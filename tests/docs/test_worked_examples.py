"""The labelled applications of the docs, run against the emulator under the shipped policies."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from gateway.emulator import Emulator
from tests.docs.worked import EXAMPLES, World, asked, printed, ran, written

GERMANY, BELGIUM, BRITAIN, US = '["DE"]', '["BE"]', '["GB"]', '["US"]'
IN_THE_EU = {
    "processor": '"aws"',
    "certifications": '["iso27001", "c5"]',
    "retention_days": "0",
    "private_network": "true",
}
BANK = World(
    policy="eu-bank.toml",
    script="eu_bank.py",
    upstreams={
        "direct-us": {"provider": "anthropic", "geo": "us"},
        "bedrock-london": {"provider": "bedrock", "region": "eu-west-2", "profile": "eu"},
        "vertex-belgium": {"provider": "vertex", "region": "europe-west1"},
        "bedrock-frankfurt": {"provider": "bedrock", "region": "eu-central-1", "profile": "eu"},
    },
    facts={
        "direct-us": {"processing_in": US, "processor": '"anthropic"'},
        "bedrock-london": {**IN_THE_EU, "processing_in": BRITAIN, "storage_in": BRITAIN},
        "vertex-belgium": {
            "processing_in": BELGIUM,
            "processor": '"google"',
            "certifications": '["iso27001"]',
        },
        "bedrock-frankfurt": {**IN_THE_EU, "processing_in": GERMANY, "storage_in": GERMANY},
    },
)
HOSPITAL = World(
    policy="us-hospital.toml",
    script="us_hospital.py",
    upstreams={
        "bedrock-global": {"provider": "bedrock", "region": "us-east-1", "profile": "global"},
        "bedrock-no-baa": {"provider": "bedrock", "region": "us-west-2", "profile": "us"},
        "direct-us": {"provider": "anthropic", "geo": "us"},
    },
    facts={
        "bedrock-no-baa": {"processing_in": US, "storage_in": US},
        "direct-us": {"processing_in": US, "storage_in": US, "baa": "true"},
    },
)
GOV = {
    "processing_in": US,
    "storage_in": US,
    "partition": '"aws-us-gov"',
    "certifications": '["fedramp-high", "dod-il5"]',
    "private_network": "true",
}
FEDERAL = World(
    policy="us-federal.toml",
    script="us_federal.py",
    upstreams={
        "direct-us": {"provider": "anthropic", "geo": "us"},
        "gov-west": {"provider": "bedrock", "region": "us-gov-west-1", "profile": "us-gov"},
        "gov-east": {"provider": "bedrock", "region": "us-gov-east-1", "profile": "us-gov"},
    },
    facts={"direct-us": {"processing_in": US}, "gov-west": GOV, "gov-east": GOV},
)
ON_FRANKFURT = ("bedrock", "/model/eu.anthropic.claude-opus-5-5/invoke")


def test_the_banks_letters_stay_in_the_union(tmp_path: Path, emulator: Emulator) -> None:
    lines = printed(BANK.script, written(BANK, emulator, tmp_path), emulator)
    assert lines[:3] == [
        "internal: vertex-belgium",
        "customer: bedrock-frankfurt",
        "None: bedrock-frankfurt",
    ]
    assert lines[3].startswith("payment: not sent: ")
    assert "pci-payment" in lines[3]
    [internal, *customer] = asked(emulator)
    assert internal[0] == "vertex"
    assert "/locations/europe-west1/" in internal[1]
    assert customer == [ON_FRANKFURT, ON_FRANKFURT]
    signed = [each.header("authorization") or "" for each in emulator.records]
    assert not [each for each in signed if "eu-west-2" in each]


def test_with_frankfurt_down_customer_data_goes_nowhere(tmp_path: Path, emulator: Emulator) -> None:
    config = written(BANK, emulator, tmp_path)
    emulator.faults.add("status", status=503, times=-1, platform="bedrock")
    done = ran(BANK.script, config, emulator)
    assert done.returncode != 0
    assert "NoUpstreamAvailable" in done.stderr
    assert done.stdout == "internal: vertex-belgium\n"
    assert {platform for platform, _ in asked(emulator)} == {"vertex", "bedrock"}
    assert {path for platform, path in asked(emulator) if platform == "bedrock"} == {
        ON_FRANKFURT[1]
    }


def test_the_hospitals_letters_go_under_an_agreement(tmp_path: Path, emulator: Emulator) -> None:
    lines = printed(HOSPITAL.script, written(HOSPITAL, emulator, tmp_path), emulator)
    assert lines[0].endswith("phi: direct-us")
    assert lines[1].endswith("deidentified: bedrock-no-baa")
    assert "phi: not sent: " in lines[2]
    assert "hipaa" in lines[2]
    assert asked(emulator) == [
        ("anthropic", "/v1/messages"),
        ("bedrock", "/model/us.anthropic.claude-sonnet-5-5/invoke"),
    ]
    assert b'"inference_geo":"us"' in emulator.records[0].body


@pytest.mark.parametrize("probed", [False, True])
def test_the_contractors_data_goes_where_its_class_may(
    tmp_path: Path, emulator: Emulator, probed: bool
) -> None:
    """Controlled information needs what was probed, not what was said."""
    facts = {**FEDERAL.facts, "gov-east": {**GOV, "retention_days": "0"}} if probed else None
    verified = frozenset({"processing_in", "partition", "retention_days"})
    world = FEDERAL
    if facts is not None:
        world = World(FEDERAL.policy, FEDERAL.script, FEDERAL.upstreams, facts, verified)
    lines = printed(world.script, written(world, emulator, tmp_path), emulator)
    assert lines[:2] == ["public: direct-us", "fouo: gov-west"]
    if probed:
        assert lines[2] == "cui: gov-east"
    else:
        assert lines[2].startswith("cui: not sent: ")
    platforms = [platform for platform, _ in asked(emulator)]
    assert platforms == ["anthropic", "bedrock", "bedrock"][: 3 if probed else 2]


@pytest.mark.parametrize("script", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.stem)
def test_an_application_is_short(script: Path) -> None:
    tree = ast.parse(script.read_text())
    statements = [node for node in ast.walk(tree) if isinstance(node, ast.stmt)]
    assert len(statements) <= 20
