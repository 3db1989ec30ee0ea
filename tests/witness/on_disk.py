"""A random world as an operator would have it: files, under the platforms' own host names."""

from __future__ import annotations

import datetime as dt
import json
import random
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.call import Caller
from tests.leaks.company import BEDROCK, DIRECT, MULTI_REGION, VERTEX, bedrock, direct, vertex
from tests.leaks.hosts import Hosts
from tests.leaks.places import EU, PROFILES
from tests.witness import worlds
from tests.witness.oracle import Known, Place
from tests.witness.worlds import ENVIRONMENT, UPSTREAMS, State


@dataclass(frozen=True)
class Site:
    """Where an upstream may be, and what follows from that."""

    host: str
    platform: str
    section: str
    processor: str
    processing_in: frozenset[str]


SITES = (
    Site(DIRECT, "anthropic", direct('geo = "us"\n'), "anthropic", frozenset({"US"})),
    Site(VERTEX("europe-west1"), "vertex", vertex("europe-west1"), "google", frozenset({"BE"})),
    Site(MULTI_REGION("eu"), "vertex", vertex("eu"), "google", EU),
    Site(VERTEX("us-east5"), "vertex", vertex("us-east5"), "google", frozenset({"US"})),
    Site("aiplatform.googleapis.com", "vertex", vertex("global"), "google", frozenset({"*"})),
    Site(BEDROCK("eu-central-1"), "bedrock", bedrock("eu-central-1", "eu"), "aws", PROFILES["eu"]),
    Site(BEDROCK("us-east-1"), "bedrock", bedrock("us-east-1", "us"), "aws", frozenset({"US"})),
)
CALLERS = {
    "plain": Caller("plain", frozenset({"*"})),
    "team": Caller("team", frozenset({"*"}), frozenset({"team"})),
    "narrow": Caller("narrow", frozenset({"a"})),
}
ATTESTED = ("storage_in", "certifications", "baa", "retention_days")
SECTIONS = """
[journal]
dir = "journal"
fsync = "never"
[breaker]
enabled = false
[timeouts]
first_content_s = 0.15
call_unstreamed_s = 0.3
hold_s = 0.05
[retries]
attempts = 5
base_s = 0.001
max_s = 0.002
"""


@dataclass(frozen=True)
class Estate:
    """What is in force, where everything is, and in which directory that is written."""

    state: State
    hosts: Mapping[str, str]
    """Upstream -> its host; no two share one."""
    where: Path


def estate(rng: random.Random, where: Path, hosts: Hosts) -> Estate:
    """Write a random world."""
    sites: dict[str, Site] = dict(zip(UPSTREAMS, rng.sample(SITES, len(UPSTREAMS)), strict=True))
    places = {name: _place(rng, site) for name, site in sites.items()}
    state = State([_kept(each) for each in worlds.policies(rng)], places)
    for folder in ("environments", "policies"):
        (where / folder).mkdir(parents=True)
    (where / "environments" / f"{ENVIRONMENT}.toml").touch()
    for file in state.files:
        (where / "policies" / f"{file['name']}.toml").write_text(toml(file))
    (where / "attestations.toml").write_text(_attestations(places, sites))
    reached = f'proxy = "{hosts.url}"\nca_file = "{hosts.ca_file}"\nfidelity = "lenient"\n'
    tables = "".join(f"[upstreams.{each}]\n{sites[each].section}{reached}" for each in UPSTREAMS)
    files = [f"policies/{file['name']}.toml" for file in state.files]
    order = rng.sample(UPSTREAMS, len(UPSTREAMS))
    head = f"schema = 1\n[routing]\norder = {json.dumps(order)}\n"
    named = f"[policy]\nfiles = {json.dumps(files)}\n"
    callers = "".join(_caller(name, each) for name, each in CALLERS.items())
    (where / "gateway.toml").write_text(head + tables + named + SECTIONS + callers)
    return Estate(state, {name: site.host for name, site in sites.items()}, where)


def toml(table: Mapping[str, Any]) -> str:
    """Return a table as TOML, what is inside of it inline."""
    return "".join(f"{key} = {_inline(value)}\n" for key, value in table.items())


def _caller(name: str, caller: Caller) -> str:
    own = {"classes": sorted(caller.classes or ()), "layers": sorted(caller.layers)}
    return f'[callers.{name}]\nkey = "${{KEY_OF_{name.upper()}}}"\n{toml(own)}'


def _inline(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key} = {_inline(each)}" for key, each in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_inline, value)) + "]"
    return value.isoformat() if isinstance(value, dt.date) else json.dumps(value)


def _kept(file: dict[str, Any]) -> dict[str, Any]:
    """Leave out what a file on a disk may not have: a rule, or a part of it, that says nothing."""
    rules = [
        {
            **each,
            "allow": {name: own for name, own in each["allow"].items() if name in each["forbid"]},
        }
        for each in file["rule"]
        if each["require"].keys() - {"assurance", "assurance_exempt"} or each["forbid"]
    ]
    lifted = [e for e in file.get("exception", ()) if e["rule"] in {each["id"] for each in rules}]
    return {**file, "rule": rules, "exception": lifted}


def _place(rng: random.Random, site: Site) -> Place:
    facts = {
        "processing_in": Known(sorted(site.processing_in)),
        "processor": Known(site.processor),
    }
    for name in ATTESTED:
        if rng.random() < 0.8:
            facts[name] = worlds.fact(rng, name)
    if site.platform == "bedrock":
        facts["storage_in"] = Known(sorted(site.processing_in))
    return Place(site.platform, facts)


def _attestations(places: Mapping[str, Place], sites: Mapping[str, Site]) -> str:
    rows = [
        {
            "upstream": name,
            "fact": fact,
            "value": known.value,
            "assurance": known.level,
            "probe": "the test",
            "evidence": "the test",
        }
        | ({} if known.until_s == float("inf") else {"expires": dt.date(1970, 1, 2)})
        for name, place in places.items()
        for fact, known in place.facts.items()
        if fact in ATTESTED and not (fact == "storage_in" and sites[name].platform == "bedrock")
    ]
    return toml({"schema": 1, "attest": rows})
