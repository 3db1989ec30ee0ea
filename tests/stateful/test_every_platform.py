"""Batches and files on every platform that has them, and a plain word where there are none."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import anthropic
import pytest

from gateway.ledger.row import State
from gateway.support import cells
from tests.matrix.house import KEY, UPSTREAMS, House, opened
from tests.stateful.doors import request


def having(column: str) -> list[str]:
    """Return the platforms that have what a column tells of."""
    return [name for name in UPSTREAMS if cells.cells(name)[column] == cells.YES]


BATCHES, FILES = having("batches"), having("files")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    directory: Path = tmp_path_factory.mktemp("matrix")
    with opened(directory) as found:
        yield found


@pytest.fixture
def client(house: House, platform: str) -> Iterator[anthropic.Anthropic]:
    """A client whose requests may go to one platform only."""
    house.emulator.records.clear()
    with anthropic.Anthropic(
        base_url=house.url,
        api_key=KEY,
        max_retries=0,
        default_headers={"x-gateway-only": platform},
    ) as made:
        yield made


@pytest.mark.parametrize("platform", BATCHES)
def test_a_batch_is_made_read_and_charged(
    house: House, client: anthropic.Anthropic, platform: str
) -> None:
    made = client.messages.batches.create(requests=[request("a"), request("b")])
    ended = client.messages.batches.retrieve(made.id)
    assert ended.results_url == f"{house.url}/v1/messages/batches/{made.id}/results"
    found = {each.custom_id: each.result for each in client.messages.batches.results(made.id)}
    assert {each.id for each in client.messages.batches.list()} == {made.id}
    assert client.messages.batches.delete(made.id).id == made.id
    assert found.keys() == {"a", "b"}
    charged = [
        row for row in house.rows() if row.kind == "batch_result" and row.platform == platform
    ]
    assert {row.request_id for row in charged} == {"a", "b"}
    assert {row.state for row in charged} == {State.FINAL}
    assert {record.platform for record in house.emulator.records} == {platform}


@pytest.mark.parametrize("platform", FILES)
def test_a_file_comes_back_as_it_went(
    house: House, client: anthropic.Anthropic, platform: str
) -> None:
    data = bytes(range(256)) * 1000
    made = client.beta.files.upload(file=("scan.bin", data, "application/octet-stream"))
    assert client.beta.files.download(made.id).read() == data
    assert [each.id for each in client.beta.files.list()] == [made.id]
    assert client.beta.files.delete(made.id).id == made.id
    assert {record.platform for record in house.emulator.records} == {platform}


@pytest.mark.parametrize("platform", [name for name in UPSTREAMS if name not in BATCHES])
def test_where_there_are_none_that_is_said(
    house: House, client: anthropic.Anthropic, platform: str
) -> None:
    with pytest.raises(anthropic.HTTPNotImplementedError, match=f"{platform}.*no batches"):
        client.messages.batches.create(requests=[request("a")])
    with pytest.raises(anthropic.HTTPNotImplementedError):
        client.messages.batches.list()
    assert not list(house.emulator.records)


@pytest.mark.parametrize("platform", [name for name in UPSTREAMS if name not in FILES])
def test_where_there_are_no_files_that_is_said(
    house: House, client: anthropic.Anthropic, platform: str
) -> None:
    with pytest.raises(anthropic.HTTPNotImplementedError, match=f"{platform}.*no files"):
        client.beta.files.upload(file=("a.txt", b"text", "text/plain"))
    assert not list(house.emulator.records)


def test_there_are_three_of_each() -> None:
    assert set(BATCHES) == set(FILES) == {"anthropic", "aws", "google_cloud"}
