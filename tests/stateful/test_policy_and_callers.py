"""What policy says when a state is made and each time it is used, and whose state it is."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import anthropic
import pytest

from gateway.call import Caller
from gateway.emulator import Emulator
from gateway.journal.read import records
from tests.server.serving import Running
from tests.stateful.doors import DOORS, MODEL, House, policy, request

CALLERS = {
    f"key-of-{name}": Caller(name, frozenset({"*"}), door="server") for name in ("ann", "bob")
}


@pytest.fixture
def house(tmp_path: Path, emulator: Emulator) -> House:
    made = House(tmp_path / "config", emulator, policy=policy())
    made.write()
    return made


def written(house: House, kind: str) -> list[dict[str, Any]]:
    """Return the data of the journal's records of a kind."""
    found = (each.record for each in records(house.where / "journal"))
    return [json.loads(bytes(each.data)) for each in found if each.kind == kind]


@pytest.mark.parametrize("door", DOORS)
def test_a_class_that_may_be_in_no_batch_reaches_nobody(
    house: House, emulator: Emulator, door: str
) -> None:
    labels = {"x-gateway-class": "secret"}
    with house.sdk(door) as sdk:
        with pytest.raises(anthropic.PermissionDeniedError, match="secret-kept"):
            sdk.messages.batches.create(requests=[request()], extra_headers=labels)
        with pytest.raises(anthropic.PermissionDeniedError, match="secret-kept"):
            sdk.beta.files.upload(file=("a.txt", b"text"), extra_headers=labels)
        assert sdk.messages.create(**request()["params"], extra_headers=labels).content
    assert len(emulator.records) == 1
    refused = [each for each in written(house, "decision") if not each["plan"]]
    assert [each["call"] for each in refused] == ["batches", "files"]
    assert all(each["features"] for each in refused)


@pytest.mark.parametrize("door", DOORS)
def test_every_request_of_a_batch_counts(house: House, emulator: Emulator, door: str) -> None:
    rule = '[[rule]]\nid = "no-fable"\nforbid.models = ["claude-fable-*"]\n'
    house.policy = policy(more=rule)
    house.write()
    requests = [request("a"), request("b", "claude-fable-5-1"), request("c")]
    with (
        house.sdk(door) as sdk,
        pytest.raises(anthropic.PermissionDeniedError, match="no-fable"),
    ):
        sdk.messages.batches.create(requests=requests)
    assert not list(emulator.records)


@pytest.mark.parametrize(
    ("more", "feature"),
    [
        ({"tools": [{"type": "web_search_20250305", "name": "web_search"}]}, "web_search"),
        ({"inference_geo": "us"}, "inference_geo"),
        ({"fallbacks": [{"model": "claude-fable-5-1"}]}, "server_fallback"),
    ],
)
def test_what_one_request_asks_for_the_batch_asks_for(
    house: House, emulator: Emulator, more: dict[str, Any], feature: str
) -> None:
    forbidden = '[[rule]]\nid = "no-extras"\nforbid.features = ["web_search", "server_fallback"]\n'
    house.policy = policy(more=forbidden)
    house.write()
    with (
        house.sdk("client") as sdk,
        pytest.raises(anthropic.PermissionDeniedError),
    ):
        sdk.messages.batches.create(requests=[request("a"), request("b", **more)])
    assert not list(emulator.records)


@pytest.mark.parametrize("door", DOORS)
def test_a_state_whose_upstream_is_not_allowed_any_more_is_out_of_reach(
    house: House, emulator: Emulator, door: str
) -> None:
    with house.sdk(door) as sdk:
        made = sdk.messages.batches.create(requests=[request()])
    house.policy = policy(["direct"])
    house.write()
    emulator.records.clear()
    with house.sdk(door) as sdk:
        for use in ("retrieve", "cancel", "results", "delete"):
            with pytest.raises(anthropic.PermissionDeniedError, match=r"direct holds it.*kept-out"):
                getattr(sdk.messages.batches, use)(made.id)
        assert not list(emulator.records)
        other = sdk.messages.batches.create(requests=[request()])
        assert sdk.messages.batches.retrieve(other.id).id == other.id
    assert {record.platform for record in emulator.records} == {"aws"}


@pytest.mark.parametrize("door", DOORS)
def test_a_state_whose_upstream_is_gone_is_not_looked_for_elsewhere(
    house: House, emulator: Emulator, door: str
) -> None:
    with house.sdk(door) as sdk:
        made = sdk.messages.batches.create(requests=[request()])
    house.upstreams = ["aws"]
    house.write()
    emulator.records.clear()
    with (
        house.sdk(door) as sdk,
        pytest.raises(anthropic.NotFoundError, match=r"direct.*not configured"),
    ):
        sdk.messages.batches.retrieve(made.id)
    assert not list(emulator.records)


@pytest.mark.parametrize("door", DOORS)
def test_it_is_used_under_the_class_it_was_made_with(house: House, door: str) -> None:
    with house.sdk(door) as sdk:
        made = sdk.messages.batches.create(
            requests=[request()], extra_headers={"x-gateway-class": "internal"}
        )
        assert sdk.messages.batches.retrieve(made.id).id == made.id
        with pytest.raises(anthropic.PermissionDeniedError, match="another class"):
            sdk.messages.batches.retrieve(made.id, extra_headers={"x-gateway-class": "secret"})
    uses = [each for each in written(house, "decision") if each.get("action") == "use"]
    assert uses[0]["model"] == MODEL
    assert uses[0]["classes"] == ["internal"]
    (pinned,) = written(house, "pinned")
    assert (pinned["state"], pinned["id"], pinned["upstream"]) == ("batch", made.id, "direct")


def test_a_use_without_a_label_is_judged_by_the_class_it_was_made_with(
    house: House, emulator: Emulator
) -> None:
    with house.sdk("client") as sdk:
        made = sdk.messages.batches.create(
            requests=[request()], extra_headers={"x-gateway-class": "public"}
        )
        assert sdk.messages.batches.retrieve(made.id).id == made.id
    rule = '[[rule]]\nid = "public-out"\nclasses = ["public"]\nforbid.models = ["claude-opus-*"]\n'
    house.policy = policy(more=rule)
    house.write()
    emulator.records.clear()
    with (
        house.sdk("client") as sdk,
        pytest.raises(anthropic.PermissionDeniedError, match="public-out"),
    ):
        sdk.messages.batches.retrieve(made.id)
    assert not list(emulator.records)


def test_no_word_of_a_prompt_is_recorded(house: House) -> None:
    with house.sdk("client") as sdk:
        made = sdk.messages.batches.create(
            requests=[request("a", system="CANARY words of a prompt")],
            extra_headers={"x-gateway-tag-team": "search"},
        )
        list(sdk.messages.batches.results(made.id))
        sdk.beta.files.upload(file=("CANARY name.txt", b"CANARY content", "text/plain"))
    for file in (house.where / "journal").iterdir():
        assert b"CANARY" not in file.read_bytes()


@contextmanager
def two(house: House) -> Iterator[tuple[Running, dict[str, anthropic.Anthropic]]]:
    with ExitStack() as opened, house.server(callers=CALLERS) as running:
        clients: dict[str, anthropic.Anthropic] = {}
        for key, caller in CALLERS.items():
            made = anthropic.Anthropic(base_url=running.url, api_key=key, max_retries=0)
            clients[caller.key or ""] = opened.enter_context(made)
        yield running, clients


def _error(caught: anthropic.APIStatusError) -> tuple[int, Any, Mapping[str, str]]:
    body: Any = caught.body
    changing = {"date", "request-id", "x-gateway-decision", "content-length"}
    told = {name: value for name, value in caught.response.headers.items() if name not in changing}
    words = body["error"]["message"].partition(" (decision")[0]
    return caught.status_code, (body["error"]["type"], words), told


@pytest.mark.parametrize("only", [None, "direct"])
def test_anothers_state_is_unknown_and_nothing_tells_it_apart(
    house: House, emulator: Emulator, only: str | None
) -> None:
    labels = {} if only is None else {"x-gateway-only": only}
    with two(house) as (_, clients):
        ann, bob = clients["ann"], clients["bob"]
        made = ann.messages.batches.create(requests=[request()]).id
        file = ann.beta.files.upload(file=("a.txt", b"text", "text/plain")).id
        assert ann.messages.batches.retrieve(made, extra_headers=labels).id == made
        emulator.records.clear()
        for use in ("retrieve", "cancel", "delete"):
            told = []
            for name in (made, made[:-4] + "none"):
                with pytest.raises(anthropic.NotFoundError) as caught:
                    getattr(bob.messages.batches, use)(name, extra_headers=labels)
                status, (kind, words), headers = _error(caught.value)
                told.append((status, kind, words.replace(name, "ID"), headers))
            assert told[0] == told[1]
        assert not any(made in record.path for record in emulator.records)
        content: Any = [{"type": "document", "source": {"type": "file", "file_id": file}}]
        with pytest.raises(anthropic.NotFoundError):
            bob.beta.messages.create(
                model=MODEL,
                max_tokens=8,
                messages=[{"role": "user", "content": content}],
                betas=["files-api-2025-04-14"],
                extra_headers=labels,
            )
        assert not any(b"file_id" in record.body for record in emulator.records)


def test_a_list_shows_each_caller_its_own(house: House) -> None:
    labels = {"x-gateway-only": "direct"}
    with two(house) as (_, clients):
        made: dict[str, list[str]] = {"ann": [], "bob": []}
        for name in ("ann", "bob", "ann", "bob", "bob"):
            batch = clients[name].messages.batches.create(requests=[request()])
            made[name].append(batch.id)
        for name, ids in made.items():
            page = clients[name].messages.batches.list(extra_headers=labels, limit=50)
            assert [each.id for each in page.data] == ids[::-1]
            assert (page.first_id, page.last_id) == (ids[-1], ids[0])
