"""The order of a plan: health, then the pin, then the platform that signed, then the wishes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.routing import Upstream, plan
from providers.contract import Place
from providers.registry import PROVIDERS
from tests.unit.test_routing import bedrock, call, names

PLACES = (
    Upstream("direct", PROVIDERS["anthropic"], PROVIDERS["anthropic"].endpoint(Place())),
    bedrock("eu", "eu"),
    bedrock("anywhere", "global"),
)
NAMES = [each.name for each in PLACES]


@given(
    places=st.permutations(PLACES),
    ill=st.sets(st.sampled_from(NAMES)),
    warm=st.sampled_from([*NAMES, "gone", None]),
    minted_by=st.sampled_from(["anthropic", "bedrock", "vertex", None]),
    tripped=st.sets(st.sampled_from(NAMES)),
    only=st.sets(st.sampled_from(NAMES), min_size=1),
)
def test_what_counts_most(
    *,
    places: list[Upstream],
    ill: set[str],
    warm: str | None,
    minted_by: str | None,
    tripped: set[str],
    only: set[str],
) -> None:
    asked = call("claude-opus-5-5", ("x-gateway-only", ",".join(sorted(only))))
    bare = plan(asked, places, tripped=tripped)
    found = plan(
        asked,
        places,
        lambda _operation: frozenset(ill),
        tripped=tripped,
        minted_by=minted_by,
        warm=warm,
    )
    assert set(names(found)) == set(names(bare)) == only - tripped, "the order only, never the set"
    order = [each.name for each in places]
    platforms = {each.name: each.provider.name for each in PLACES}
    assert names(found) == sorted(
        names(bare),
        key=lambda name: (
            name in ill,
            name != warm,
            platforms[name] != minted_by,
            order.index(name),
        ),
    )
    assert found.warm == (warm if warm in names(found) else None)
