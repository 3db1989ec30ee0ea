from __future__ import annotations

from math import inf

import pytest

from gateway import prices
from gateway.costing import Costing, cost_headers
from gateway.policy.observed import Said
from gateway.prices.cost import Cost
from gateway.routing import Upstream
from providers.contract import Place
from providers.registry import PROVIDERS

MODEL = "claude-opus-5-5"
ARN = "arn:aws:bedrock:eu-central-1:111122223333:application-inference-profile/abc"
NOW_S = 1_795_348_800.0  # 2026-11-22
USED = {"input_tokens": 1_000_000, "output_tokens": 0}
USD = 10**12


def upstream(name: str, platform: str, **place: object) -> Upstream:
    provider = PROVIDERS[platform]
    return Upstream(name, provider, provider.endpoint(Place(**place)))  # type: ignore[arg-type]


DIRECT = upstream("direct", "anthropic")
FRANKFURT = upstream("frankfurt", "bedrock", region="eu-central-1", profile="eu")
OWN = upstream("own", "bedrock", region="eu-central-1", profile="eu", models={MODEL: ARN})
COSTING = Costing(prices.shipped(), (DIRECT, FRANKFURT, OWN), lambda: NOW_S)


@pytest.mark.parametrize(
    ("at", "named", "net_pico"),
    [
        (DIRECT, MODEL, 4 * USD),
        (DIRECT, None, 4 * USD),
        (DIRECT, "claude-haiku-5-5", USD // 2),
        (DIRECT, "claude-nobody-9", None),
        (DIRECT, 3, 4 * USD),
        (FRANKFURT, "eu.anthropic.claude-opus-5-5", 4_400_000_000_000),
        (FRANKFURT, ARN, None),
    ],
)
def test_an_answer_costs_what_the_model_costs_that_it_names(
    at: Upstream, named: object, net_pico: int | None
) -> None:
    began = COSTING.began(at, MODEL, paid_by_other=False)
    assert COSTING.cost(began, Said(model=named, usage=USED)).net_pico == net_pico


def test_an_answer_that_names_what_was_asked_for_there_is_the_model_asked_for() -> None:
    began = COSTING.began(OWN, MODEL, paid_by_other=False)
    named, unnamed = (COSTING.cost(began, Said(model=each, usage=USED)) for each in (ARN, None))
    assert named == unnamed


def test_what_somebody_else_pays_costs_nothing() -> None:
    began = COSTING.began(DIRECT, MODEL, paid_by_other=True)
    assert COSTING.cost(began, Said(model=MODEL, usage=USED)).net_pico == 0


def test_upstreams_are_compared_by_a_usual_request() -> None:
    assert COSTING.dearness("direct", MODEL) < COSTING.dearness("frankfurt", MODEL) < inf
    assert COSTING.dearness("nowhere", MODEL) == inf
    assert COSTING.dearness("direct", "claude-nobody-9") == inf


def test_usage_is_priced_where_it_did_not_run() -> None:
    assert COSTING.spent("frankfurt", MODEL, USED, NOW_S) == 4_400_000_000_000
    assert COSTING.spent("nowhere", MODEL, USED, NOW_S) is None
    long_ago_s = 1_600_000_000.0
    assert COSTING.spent("direct", MODEL, USED, long_ago_s) is None


def test_headers_tell_the_cost_and_its_bounds_where_it_is_not_exact() -> None:
    exact = Cost(list_pico=2 * USD, net_pico=2 * USD)
    assert dict(cost_headers(exact)) == {"x-gateway-cost-usd": "2"}
    between = Cost(list_pico=2 * USD, net_pico=2 * USD, less_pico=USD, more_pico=USD)
    assert dict(cost_headers(between))["x-gateway-cost-bounds-usd"] == "1..3"
    no_most = Cost(list_pico=2 * USD, net_pico=2 * USD, more_pico=None)
    assert dict(cost_headers(no_most))["x-gateway-cost-bounds-usd"] == "2.."
    assert not dict(cost_headers(Cost(list_pico=None, net_pico=None)))
