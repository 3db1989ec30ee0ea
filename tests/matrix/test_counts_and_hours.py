"""What the scenes do not show of each platform: token counts, and a cache of an hour."""

from __future__ import annotations

from collections.abc import Iterator

import anthropic
import pytest

from gateway.support.cells import YES, cells
from tests.matrix.house import COUNTED, KEY, MODEL, UPSTREAMS, House, opened
from tests.matrix.scenes import LONG

HOUR = {"type": "ephemeral", "ttl": "1h"}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with opened(tmp_path_factory.mktemp("matrix")) as house:
        yield house


@pytest.fixture(scope="module")
def client(house: House) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(api_key=KEY, base_url=house.url, max_retries=0) as client:
        yield client


@pytest.mark.parametrize("upstream", UPSTREAMS)
def test_tokens_are_counted_or_the_reason_is_told(
    upstream: str, client: anthropic.Anthropic
) -> None:
    counts = cells(upstream)["count_tokens"]
    if counts != YES:
        with pytest.raises(anthropic.APIStatusError) as caught:
            count(client, upstream, "hello")
        assert caught.value.status_code == 501
        assert counts.removeprefix("no: ") in str(caught.value)
        return
    assert 0 < count(client, upstream, "hello") < count(client, upstream, "hello " * 50)


def count(client: anthropic.Anthropic, upstream: str, text: str) -> int:
    return client.messages.count_tokens(
        model=COUNTED,
        messages=[{"role": "user", "content": text}],
        extra_headers={"x-gateway-only": upstream},
    ).input_tokens


@pytest.mark.parametrize("upstream", [name for name in UPSTREAMS if cells(name)["cache_1h"] == YES])
def test_an_hour_of_cache_is_written_and_read(
    upstream: str, client: anthropic.Anthropic, house: House
) -> None:
    house.emulator.reset()

    def used() -> anthropic.types.Usage:
        return client.messages.create(
            model=MODEL,
            max_tokens=100,
            system=[{"type": "text", "text": LONG, "cache_control": HOUR}],  # type: ignore[typeddict-item]
            messages=[{"role": "user", "content": "go on"}],
            extra_headers={"x-gateway-only": upstream},
        ).usage

    first, second = used(), used()
    assert first.cache_creation is not None
    assert first.cache_creation.ephemeral_1h_input_tokens > 1000
    assert first.cache_creation.ephemeral_5m_input_tokens == 0
    assert second.cache_read_input_tokens == first.cache_creation.ephemeral_1h_input_tokens
