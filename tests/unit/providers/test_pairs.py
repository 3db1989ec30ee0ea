"""A beta and what it unlocks leave together, on every platform and for every pair in the data."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from providers import capabilities, data_files
from providers.codecs import json_paths
from providers.contract import Fields, Kind, Operation, WireRequest, header
from providers.registry import PROVIDERS
from tests.fuzz.samples import PLACES

MODEL = "claude-opus-5-5"
ROLES = {"user", "assistant", "system"}
ROWS = data_files.read("betas", data_files.BetaFile).unlocks.rows
BETAS = sorted({beta for row in ROWS for beta in row.betas})


def holding(steps: json_paths.Steps, value: Any) -> Any:
    """Return the smallest JSON that holds a part."""
    if not steps:
        return value
    first, *rest = steps
    inner = holding(tuple(rest), value)
    if isinstance(first, json_paths.Key):
        return {first.name: inner}
    name = "role" if first.kind in ROLES else "type"
    return [{**({name: first.kind} if first.kind else {}), **(inner if rest else {})}]


def joined(one: Any, other: Any) -> Any:
    """Return both: fields of objects side by side, elements of lists one after the other."""
    if isinstance(one, dict) and isinstance(other, dict):
        both = one.keys() & other.keys()
        return {**one, **other, **{name: joined(one[name], other[name]) for name in both}}
    if isinstance(one, list) and isinstance(other, list):
        return [*one, *other]
    return other


def asked(rows: list[data_files.PartRow], betas: list[str]) -> Fields:
    body: Any = {"model": MODEL, "max_tokens": 9, "messages": [{"role": "user", "content": "x"}]}
    for row in rows:
        value = 1 if row.value is None else row.value
        body = joined(body, holding(tuple(json_paths.parse(row.path)), value))
    for number, message in enumerate(body["messages"]):
        body["messages"][number] = {"role": "user", "content": "x", **message}
    raw = json.dumps(body).encode()
    named = msgspec.json.decode(raw, type=dict[str, Raw])
    return Fields(raw, named, "2026-10-21", tuple(betas))


def holds(value: Any, steps: json_paths.Steps, wanted: str | None) -> bool:
    """Say whether a part is there; read apart from the code under test."""
    if not steps:
        return wanted is None or value == wanted
    first, rest = steps[0], steps[1:]
    if isinstance(first, json_paths.Key):
        return (
            isinstance(value, dict)
            and first.name in value
            and holds(value[first.name], rest, wanted)
        )
    return isinstance(value, list) and any(
        holds(each, rest, wanted)
        for each in value
        if isinstance(each, dict)
        and (not first.kind or first.kind in (each.get("type"), each.get("role")))
    )


def in_body(row: data_files.PartRow, body: Mapping[str, Any]) -> bool:
    return holds(body, tuple(json_paths.parse(row.path)), row.value)


def sent_betas(request: WireRequest, body: Mapping[str, Any]) -> set[str]:
    told = header(request.headers, "anthropic-beta")
    return {*(told.split(",") if told else ()), *body.get("anthropic_beta", ())}


def sent(platform: str, fields: Fields) -> WireRequest | None:
    """Return what goes to a platform that may leave parts out; None: it may not go there."""
    provider = PROVIDERS[platform]
    endpoint = provider.endpoint(PLACES[platform])
    operation = Operation(Kind.MESSAGES, MODEL)
    losses = provider.losses(operation, fields, endpoint)
    if not all(loss.droppable for loss in losses):
        return None
    return provider.encode(operation, fields, endpoint, losses)


def halves(platform: str, fields: Fields) -> Iterator[str]:
    """Name each half of a pair that goes without its other half, though both were asked for."""
    request = sent(platform, fields)
    if request is None:
        return
    caps = capabilities.load(platform)
    before, after = json.loads(fields.raw), json.loads(request.body)
    betas = sent_betas(request, after)
    left = [row for row in ROWS if in_body(row, after)]
    for row in ROWS:
        mine = {beta for beta in row.betas if beta in fields.betas}
        if not in_body(row, before) or not (mine or caps.fields):
            continue
        if row in left and not betas & {caps.renamed.get(beta, beta) for beta in mine}:
            yield f"{row.path} without a beta"
        if row not in left:
            for beta in mine:
                named = caps.renamed.get(beta, beta)
                if named in betas and not any(beta in other.betas for other in left):
                    yield f"{beta} without {row.path}"


@pytest.mark.parametrize("platform", PROVIDERS)
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.path)
def test_no_half_of_a_pair_goes_alone(platform: str, row: data_files.PartRow) -> None:
    for beta in row.betas:
        assert list(halves(platform, asked([row], [beta]))) == []
    assert list(halves(platform, asked([row], sorted(row.betas)))) == []
    assert list(halves(platform, asked([row], []))) == []


@pytest.mark.parametrize("platform", PROVIDERS)
@given(
    rows=st.lists(st.sampled_from(ROWS), max_size=5, unique_by=lambda row: row.path),
    betas=st.lists(st.sampled_from(BETAS), max_size=6, unique=True),
    whole=st.booleans(),
)
def test_no_half_goes_alone_whatever_is_asked_for_together(
    *, platform: str, rows: list[data_files.PartRow], betas: list[str], whole: bool
) -> None:
    more = [min(row.betas) for row in rows] if whole else []
    assert list(halves(platform, asked(rows, [*dict.fromkeys([*betas, *more])]))) == []


@pytest.mark.parametrize("platform", PROVIDERS)
def test_some_pair_goes_or_is_left_out_as_one(platform: str) -> None:
    """The laws above say something of each platform: not every request is refused there."""
    pairs = [asked([row], sorted(row.betas)) for row in ROWS if row.droppable]
    assert any(sent(platform, fields) for fields in pairs)
