from __future__ import annotations

import datetime as dt
import re
from pathlib import Path
from typing import Any

import pytest

from gateway.config.mistakes import ConfigError
from gateway.policy import hints, places, zones
from gateway.policy.attestations import Attestation, Attestations, read_attestations
from gateway.policy.facts import EVERYWHERE, Assurance, Fact, Value, end_of
from gateway.policy.places import Where, derived
from gateway.policy.sheet import fact_sheet
from providers import data_files

ORG, HINT, VERIFIED = Assurance.ORG, Assurance.HINT, Assurance.VERIFIED


def processing(where: Where) -> Value | None:
    fact = derived(where).get("processing_in")
    return None if fact is None else fact.value


@pytest.mark.parametrize(
    ("where", "countries"),
    [
        (Where("u", "bedrock", "eu-central-1"), {"DE"}),
        (Where("u", "bedrock", "eu-west-2"), {"GB"}),
        (Where("u", "bedrock", "us-east-1", "us"), {"US"}),
        (Where("u", "bedrock", "ca-central-1", "us"), {"CA", "US"}),
        (Where("u", "bedrock", "us-gov-west-1", "us-gov"), {"US"}),
        (Where("u", "bedrock", "ap-northeast-1", "jp"), {"JP"}),
        (Where("u", "bedrock", "ap-southeast-2", "au"), {"AU"}),
        (Where("u", "bedrock", "eu-central-1", "global"), EVERYWHERE),
        (Where("u", "vertex", "europe-west2"), {"GB"}),
        (Where("u", "vertex", "global"), EVERYWHERE),
        (Where("u", "anthropic"), EVERYWHERE),
        (Where("u", "anthropic", geo="us"), {"US"}),
        (Where("u", "bedrock_mantle", "eu-central-1"), {"DE"}),
        # Its region is where requests are let in, and says nothing of where they are processed.
        (Where("u", "aws", "eu-central-1"), EVERYWHERE),
        (Where("u", "aws", "eu-central-1", geo="us"), {"US"}),
        (Where("u", "google_cloud", "eu"), EVERYWHERE),
        (Where("u", "google_cloud", "global", geo="us"), {"US"}),
        # Of deployments of a type that nobody names, nothing is promised.
        (Where("u", "foundry"), EVERYWHERE),
        (Where("u", "foundry", geo="global"), EVERYWHERE),
        (Where("u", "foundry", geo="us"), {"US"}),
    ],
)
def test_countries_follow_from_the_place(where: Where, countries: set[str]) -> None:
    assert processing(where) == frozenset(countries)


def test_the_profile_eu_is_europe_and_not_the_union() -> None:
    value = processing(Where("u", "bedrock", "eu-central-1", "eu"))
    assert isinstance(value, frozenset)
    assert {"GB", "CH", "DE", "FR"} <= value
    assert not value <= zones.shipped()["eu"]


def test_the_profile_apac_reaches_the_emirates() -> None:
    value = processing(Where("u", "bedrock", "ap-southeast-1", "apac"))
    assert isinstance(value, frozenset)
    assert {"AE", "SG", "JP"} <= value


@pytest.mark.parametrize(
    "where",
    [
        Where("u", "bedrock", "eu-central-9"),
        Where("u", "bedrock"),
        Where("u", "bedrock", "eu-central-1", "mars"),
        Where("u", "vertex", "europe-west99"),
        Where("u", "bedrock", "eu-central-1", relay=True),
        Where("u", "anthropic", geo="eu"),
        Where("u", "nobody"),
    ],
)
def test_what_does_not_follow_is_unknown(where: Where) -> None:
    assert processing(where) is None


def test_a_model_that_takes_no_geography_may_run_anywhere() -> None:
    def processing_of(where: Where) -> dict[str, object]:
        facts = fact_sheet([where], Attestations())[0].upstreams[0]
        found = {name: facts.get("processing_in", name) for name in ("claude-haiku-4-5", "x-1")}
        return {name: fact.value if fact else None for name, fact in found.items()}

    held = processing_of(Where("u", "anthropic", geo="us"))
    assert held == {"claude-haiku-4-5": EVERYWHERE, "x-1": frozenset({"US"})}
    free = processing_of(Where("u", "anthropic", geo="global"))
    assert free == {"claude-haiku-4-5": EVERYWHERE, "x-1": EVERYWHERE}
    assert processing_of(Where("u", "foundry", geo="us")) == held


def test_a_relay_says_nothing_of_who_runs_it() -> None:
    assert set(derived(Where("u", "anthropic", relay=True))) == {"platform"}
    assert set(derived(Where("u", "openai_relay", relay=True))) == {"platform"}


def test_a_model_under_another_profile_goes_where_that_profile_goes() -> None:
    models = {
        "a": "eu.anthropic.a",
        "b": "global.anthropic.b",
        "c": "arn:aws:bedrock:eu-central-1:111122223333:application-inference-profile/x",
        "d": "arn:aws:bedrock:eu-central-1::inference-profile/global.anthropic.d",
        "e": "anthropic.e",
    }
    where = Where("u", "bedrock", "eu-central-1", "eu", models=models)
    sheet, _ = fact_sheet([where], Attestations())
    got = {model: sheet.upstreams[0].get("processing_in", model) for model in models}
    assert {name: fact.value if fact else None for name, fact in got.items()} == {
        "a": processing(where),
        "b": EVERYWHERE,
        "c": None,
        "d": EVERYWHERE,
        "e": frozenset({"DE"}),
    }


def sheet_of(
    where: Where, *attested: Attestation, adopted: tuple[str, ...] = ()
) -> dict[str, Fact]:
    sheet, _ = fact_sheet([where], Attestations(attested, adopted))
    return dict(sheet.upstreams[0].facts)


def says(value: Value, assurance: Assurance = ORG, fact: str = "processing_in") -> Attestation:
    return Attestation("u", fact, value, assurance)


def test_an_attestation_names_fewer_countries_never_others() -> None:
    eu = Where("u", "bedrock", "eu-central-1", "eu")
    fewer = sheet_of(eu, says(frozenset({"DE", "FR"})))["processing_in"]
    assert fewer.value == frozenset({"DE", "FR"})
    others = sheet_of(eu, says(frozenset({"DE", "US"})))["processing_in"]
    assert others == derived(eu)["processing_in"]


def test_only_a_probe_narrows_anywhere() -> None:
    world = Where("u", "bedrock", "eu-central-1", "global")
    europe = frozenset({"DE"})
    assert sheet_of(world, says(europe, ORG))["processing_in"].value == EVERYWHERE
    assert sheet_of(world, says(europe, VERIFIED))["processing_in"].value == europe


def test_a_contradiction_is_told_and_the_configuration_stands() -> None:
    london = Where("u", "bedrock", "eu-west-2")
    sheet, told = fact_sheet([london], Attestations((says(frozenset({"DE"})),)))
    assert [(each.upstream, each.fact) for each in told] == [("u", "processing_in")]
    fact = sheet.upstreams[0].facts["processing_in"]
    assert fact.value == frozenset({"GB"})


def test_attestations_that_disagree_leave_a_fact_unknown() -> None:
    facts = sheet_of(
        Where("u", "bedrock", "eu-west-2"), says(True, ORG, "baa"), says(False, ORG, "baa")
    )
    assert "baa" not in facts


def test_a_name_is_stronger_than_a_glob() -> None:
    glob = Attestation("u*", "baa", True, ORG)
    named = Attestation("u", "baa", False, ORG)
    assert sheet_of(Where("u", "anthropic"), glob, named)["baa"].value is False
    assert sheet_of(Where("u", "anthropic"), glob)["baa"].value is True


def test_a_hint_is_the_organizations_only_when_adopted_and_ends_either_way() -> None:
    where = Where("u", "bedrock", "us-east-1")
    hint = sheet_of(where)["baa"]
    taken = sheet_of(where, adopted=("hints-2026-11-22:bedrock.*",))["baa"]
    assert (hint.assurance, taken.assurance) == (HINT, ORG)
    assert hint.until_s == taken.until_s == end_of(dt.date(2026, 11, 22) + dt.timedelta(days=90))
    assert sheet_of(where, adopted=("hints-2026-11-22:vertex.*",))["baa"].assurance == HINT


def test_the_last_day_is_whole() -> None:
    assert end_of(dt.date(2027, 1, 31)) == dt.datetime(2027, 2, 1, tzinfo=dt.UTC).timestamp()


def test_attestations_are_read_strictly() -> None:
    text = """schema = 1
[[attest]]
upstream = "u"
fact = "bba"
value = true
assurance = "org"
[[attest]]
upstream = "u"
fact = "storage_in"
value = ["UK"]
assurance = "verified"
"""
    with pytest.raises(ConfigError) as caught:
        read_attestations("a.toml", text)
    assert [(each.line, each.key) for each in caught.value.mistakes] == [
        (4, "attest[0].fact"),
        (10, "attest[1].value"),
        (11, "attest[1].assurance"),
    ]
    assert "did you mean baa" in str(caught.value)


def test_attested_values_have_the_type_of_their_fact() -> None:
    text = """schema = 1
[[attest]]
upstream = "u"
fact = "baa"
value = {value}
assurance = "org"
evidence = "contract"
"""
    assert read_attestations("a.toml", text.format(value="true")).facts[0].value is True
    for wrong in ("1", '"true"', '["true"]'):
        with pytest.raises(ConfigError):
            read_attestations("a.toml", text.format(value=wrong))


def test_the_data_speaks_of_real_countries_and_every_profile() -> None:
    known = zones.countries() | EVERYWHERE
    places_file = places._file()
    for row in [*places_file.geos.rows.values(), *places_file.google.rows.values()]:
        assert row <= known
    for regions in places_file.aws.rows.values():
        assert set(regions.values()) <= known
    assert all(zone <= zones.countries() for zone in zones.shipped().values())
    for profile in data_files.read("models", data_files.ModelFile).profiles.rows:
        source = "us-gov-west-1" if profile == "us-gov" else "us-east-1"
        assert processing(Where("u", "bedrock", source, profile)), profile
    for platform in places.platforms():
        hints.of_platform(platform)


def test_the_shipped_attestations_vouch_for_nothing_and_their_example_is_right() -> None:
    text = (Path(__file__).parents[3] / "config" / "attestations.toml").read_text()
    assert read_attestations("attestations.toml", text) == Attestations()
    shown = re.sub(r"(?m)^# (?=adopt|\[\[|[a-z_]+ = )", "", text)
    read = read_attestations("attestations.toml", shown)
    assert (read.facts[0].fact, read.adopted) == (
        "baa",
        ("hints-2026-11-22:bedrock.certifications",),
    )


class TestAnAddressOfItsOwn:
    """Nothing follows from it; who vouches for it cannot say less than the request asks for."""

    @staticmethod
    def known(attested: str, **where: Any) -> tuple[Any, tuple[Any, ...]]:
        upstream = Where("u", relay=True, **{"platform": "bedrock", **where})
        facts, faults = fact_sheet([upstream], read_attestations("a.toml", attested))
        return facts.upstreams[0], faults

    @staticmethod
    def places(*countries: str, assurance: str = "org") -> str:
        how = 'probe = "p"' if assurance == "verified" else 'evidence = "e"'
        return (
            'schema = 1\nadopt = ["*"]\n[[attest]]\nupstream = "u"\nfact = "processing_in"\n'
            f'value = {list(countries)}\nassurance = "{assurance}"\n{how}\n'
        )

    def test_no_hint_is_about_it(self) -> None:
        found, _ = self.known(self.places("DE"), region="eu-central-1")
        assert set(found.facts) == {"platform", "processing_in"}

    def test_it_may_be_vouched_for_within_its_profile(self) -> None:
        found, faults = self.known(self.places("DE"), region="eu-central-1", profile="eu")
        assert (found.facts["processing_in"].value, faults) == ({"DE"}, ())

    @pytest.mark.parametrize(
        "where",
        [
            {"region": "eu-central-1", "profile": "global"},
            {"region": "us-east-1"},
            {"platform": "vertex", "region": "global"},
        ],
    )
    def test_a_word_does_not_move_what_the_request_asks_for(self, where: dict[str, Any]) -> None:
        found, faults = self.known(self.places("DE"), **where)
        assert "processing_in" not in found.facts
        assert len(faults) == 1

    def test_a_probe_may_know_better_of_anywhere(self) -> None:
        attested = self.places("DE", assurance="verified")
        found, _ = self.known(attested, region="eu-central-1", profile="global")
        assert found.facts["processing_in"].value == {"DE"}

    def test_a_model_with_another_profile_is_held_to_that(self) -> None:
        models = {"a": "global.anthropic.a", "b": "eu.anthropic.b", "c": "arn:aws:x/y"}
        found, _ = self.known(self.places("DE"), region="eu-central-1", profile="eu", models=models)
        kept = {model: found.get("processing_in", model) is not None for model in models}
        assert kept == {"a": False, "b": True, "c": False}

    def test_what_a_relay_of_the_claude_api_does_only_its_owner_knows(self) -> None:
        found, faults = self.known(self.places("US"), platform="anthropic")
        assert (found.facts["processing_in"].value, faults) == ({"US"}, ())
