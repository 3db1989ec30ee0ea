"""The SDK's own batches, files and skills, through both doors."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path

import anthropic
import pytest

import gateway
from gateway.emulator import Emulator
from tests.stateful.doors import DOORS, MODEL, House, request


@pytest.fixture
def house(tmp_path: Path, emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> House:
    made = House(tmp_path / "config", emulator)
    made.write()
    for name, value in made.environ().items():
        monkeypatch.setenv(name, value)
    return made


@pytest.mark.parametrize("door", DOORS)
def test_a_batch_lives_its_life(house: House, emulator: Emulator, door: str) -> None:
    with house.sdk(door) as sdk:
        made = sdk.messages.batches.create(requests=[request("a"), request("b")])
        assert (made.processing_status, made.results_url) == ("in_progress", None)
        ended = sdk.messages.batches.retrieve(made.id)
        assert ended.processing_status == "ended"
        assert (
            ended.results_url
            == f"{str(sdk.base_url).rstrip('/')}/v1/messages/batches/{made.id}/results"
        )
        found = {each.custom_id: each.result for each in sdk.messages.batches.results(made.id)}
        assert found.keys() == {"a", "b"}
        assert all(each.type == "succeeded" for each in found.values())
        assert sdk.messages.batches.cancel(made.id).id == made.id
        assert sdk.messages.batches.delete(made.id).id == made.id
        with pytest.raises(anthropic.NotFoundError, match=made.id):
            sdk.messages.batches.retrieve(made.id)
    assert {record.platform for record in emulator.records} == {"anthropic"}


@pytest.mark.parametrize("door", DOORS)
def test_a_batch_is_listed_where_it_is(house: House, door: str) -> None:
    house.upstreams = ["direct", "bedrock"]
    house.write()
    with house.sdk(door) as sdk:
        ids = [sdk.messages.batches.create(requests=[request()]).id for _ in range(3)]
        listed = list(sdk.messages.batches.list(limit=2))
    assert [each.id for each in listed] == ids[::-1]
    assert all(each.results_url and "/v1/messages/batches/" in each.results_url for each in listed)


@pytest.mark.parametrize("door", DOORS)
def test_a_list_of_several_upstreams_asks_for_one(
    house: House, emulator: Emulator, door: str
) -> None:
    with house.sdk(door) as sdk:
        with pytest.raises(anthropic.BadRequestError, match=r"direct, aws.*x-gateway-only"):
            sdk.messages.batches.list()
        assert not len(emulator.records)
        named = sdk.messages.batches.list(extra_headers={"x-gateway-only": "aws"})
        assert list(named) == []
    assert [record.platform for record in emulator.records] == ["aws"]


async def _life(client: anthropic.AsyncAnthropic) -> list[str]:
    made = await client.messages.batches.create(requests=[request("a"), request("b")])
    found = [each.custom_id async for each in await client.messages.batches.results(made.id)]
    await client.messages.batches.delete(made.id)
    return found


async def _async(house: House, door: str) -> list[str]:
    if door == "client":
        async with gateway.AsyncAnthropic(gateway=house.engine()) as client:
            return await _life(client)
    with house.server() as running:
        async with anthropic.AsyncAnthropic(base_url=running.url, api_key="any") as client:
            return await _life(client)


@pytest.mark.parametrize("door", DOORS)
def test_the_asyncio_client_does_the_same(house: House, door: str) -> None:
    assert asyncio.run(_async(house, door)) == ["a", "b"]


@pytest.mark.parametrize("door", DOORS)
def test_a_file_comes_back_as_it_went(house: House, emulator: Emulator, door: str) -> None:
    data = bytes(range(256)) * 4096
    with house.sdk(door) as sdk:
        made = sdk.beta.files.upload(
            file=("scan.bin", io.BytesIO(data), "application/octet-stream")
        )
        assert (made.filename, made.size_bytes) == ("scan.bin", len(data))
        assert sdk.beta.files.retrieve_metadata(made.id) == made
        assert sdk.beta.files.download(made.id).read() == data
        only = {"x-gateway-only": "direct"}
        assert [each.id for each in sdk.beta.files.list(extra_headers=only)] == [made.id]
        assert sdk.beta.files.delete(made.id).id == made.id
    assert {record.platform for record in emulator.records} == {"anthropic"}


@pytest.mark.parametrize("door", DOORS)
def test_a_skill_is_kept(house: House, door: str) -> None:
    with house.sdk(door) as sdk:
        made = sdk.skills.create(
            display_name="ours", files=[("ours/SKILL.md", b"# ours", "text/plain")]
        )
        assert sdk.skills.retrieve(made.id).id == made.id
        version = sdk.skills.versions.create(
            made.id, files=[("ours/SKILL.md", b"# more", "text/plain")]
        )
        assert version.id
        assert sdk.skills.delete(made.id).id == made.id


def test_no_configuration_and_one_key_reads_a_batch_made_elsewhere(no_file: Emulator) -> None:
    key, url = no_file.api_key, no_file.direct.base_url
    with anthropic.Anthropic(api_key=key, base_url=url) as elsewhere:
        made = elsewhere.messages.batches.create(requests=[request("a")])
    with gateway.Anthropic() as client:
        assert client.messages.batches.retrieve(made.id).id == made.id
        assert [each.custom_id for each in client.messages.batches.results(made.id)] == ["a"]


def test_the_model_of_each_request_is_as_the_upstream_names_it(
    house: House, emulator: Emulator
) -> None:
    house.sections["direct"] = house.section("direct") + 'geo = "us"\n'
    house.upstreams = ["direct"]
    house.write()
    with house.sdk("client") as sdk:
        made = sdk.messages.batches.create(requests=[request("a"), request("b", speed=None)])
        results = list(sdk.messages.batches.results(made.id))
    for each in results:
        assert each.result.type == "succeeded"
        assert each.result.message.usage.inference_geo == "us"
    assert MODEL in emulator.records[0].body.decode()
