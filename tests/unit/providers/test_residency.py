"""An endpoint of the Claude API that holds every request to a geography or a workspace."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from providers.contract import Fields, Headers, Kind, Operation, Place, PlaceError, header
from providers.registry import PROVIDERS

ANTHROPIC = PROVIDERS["anthropic"]
OPUS, HAIKU = "claude-opus-5-5", "claude-haiku-4-5"
MESSAGE = Operation(Kind.MESSAGES, OPUS)
COUNT = Operation(Kind.COUNT_TOKENS, OPUS)
US = ANTHROPIC.endpoint(Place(geo="us"))
OURS = ANTHROPIC.endpoint(Place(workspace="wrkspc_1"))
WORKSPACE = "anthropic-workspace-id"


def fields(raw: bytes, headers: Headers = ()) -> Fields:
    body = msgspec.json.decode(raw, type=dict[str, Raw])
    return Fields(raw, body, "2026-10-21", headers=headers)


def asking(*headers: tuple[str, str], **more: Any) -> Fields:
    body = {"model": OPUS, "max_tokens": 9, "messages": [{"role": "user", "content": "é"}]}
    return fields(json.dumps(body | more).encode(), headers)


@pytest.mark.parametrize("space", ["", " \n"])
def test_the_geography_is_added_and_no_other_byte_changes(space: str) -> None:
    raw = ('{ "model" : "claude-opus-5-5", "messages":[ ],"x":{"b":1.0}' + space + "}\n").encode()
    sent = ANTHROPIC.encode(MESSAGE, fields(raw), US).body
    end = raw.rindex(b"}")
    assert sent == raw[:end] + b',"inference_geo":"us"' + raw[end:]
    assert json.loads(sent)["inference_geo"] == "us"


def test_a_body_that_asks_for_it_already_is_sent_as_it_is() -> None:
    for own in (b'"us"', b' "\\u0075s"'):
        raw = b'{"model":"claude-opus-5-5","inference_geo":%b,"messages":[]}' % own
        assert ANTHROPIC.encode(MESSAGE, fields(raw), US).body == raw
        assert ANTHROPIC.losses(MESSAGE, fields(raw), US) == ()


def test_null_asks_for_nothing_and_is_replaced() -> None:
    asked = asking(inference_geo=None)
    assert ANTHROPIC.losses(MESSAGE, asked, US) == ()
    sent = ANTHROPIC.encode(MESSAGE, asked, US).body
    assert sent.count(b"inference_geo") == 1
    assert json.loads(sent) == json.loads(asked.raw) | {"inference_geo": "us"}


@pytest.mark.parametrize("other", ["global", "eu", "US", "us ", "", ["us"], 1, {"a": "us"}, False])
def test_another_geography_is_refused_and_never_rewritten(other: object) -> None:
    asked = asking(inference_geo=other)
    (loss,) = ANTHROPIC.losses(MESSAGE, asked, US)
    assert (loss.name, loss.droppable) == ("inference_geo", False)
    for losses in ((), (loss,)):
        with pytest.raises(ValueError, match="inference_geo may not be"):
            ANTHROPIC.encode(MESSAGE, asked, US, losses)


def test_a_model_under_another_name_gets_the_geography_too() -> None:
    place = Place(geo="us", models={OPUS: "my-opus"})
    sent = json.loads(ANTHROPIC.encode(MESSAGE, asking(), ANTHROPIC.endpoint(place)).body)
    assert (sent["model"], sent["inference_geo"]) == ("my-opus", "us")


def test_without_a_geography_the_callers_own_is_left_alone() -> None:
    free = ANTHROPIC.endpoint(Place())
    for asked in (asking(), asking(inference_geo="global"), asking(inference_geo=None)):
        assert ANTHROPIC.encode(MESSAGE, asked, free).body == asked.raw
        assert ANTHROPIC.losses(MESSAGE, asked, free) == ()


def test_what_cannot_be_held_to_a_geography_is_not_served_there() -> None:
    assert OPUS in US.models
    assert "claude-sonnet-4-6" in US.models
    assert not {HAIKU, "claude-opus-4-5", "claude-sonnet-4-5"} & US.models.keys()
    assert HAIKU in ANTHROPIC.endpoint(Place()).models
    with pytest.raises(PlaceError, match="does not take inference_geo") as caught:
        ANTHROPIC.endpoint(Place(geo="us", models={HAIKU: HAIKU}))
    assert caught.value.key == "models"


def test_a_count_cannot_be_held_to_a_geography_and_is_refused() -> None:
    (loss,) = ANTHROPIC.losses(COUNT, asking(), US)
    assert (loss.name, loss.droppable) == ("count_tokens", False)
    anywhere = ANTHROPIC.endpoint(Place(geo="global"))
    assert ANTHROPIC.losses(COUNT, asking(), anywhere) == ()
    assert ANTHROPIC.encode(COUNT, asking(), anywhere).body == asking().raw


def test_the_workspace_goes_with_every_request() -> None:
    for operation in (MESSAGE, COUNT):
        asked = asking(("x-app", "cli"))
        sent = ANTHROPIC.encode(operation, asked, OURS)
        assert [value for name, value in sent.headers if name == WORKSPACE] == ["wrkspc_1"]
        assert header(sent.headers, "x-app") == "cli"
        assert ANTHROPIC.losses(operation, asked, OURS) == ()


def test_another_workspace_is_refused_and_never_sent() -> None:
    asked = asking((WORKSPACE, "wrkspc_2"))
    (loss,) = ANTHROPIC.losses(MESSAGE, asked, OURS)
    assert (loss.name, loss.droppable) == (WORKSPACE, False)
    sent = ANTHROPIC.encode(MESSAGE, asked, OURS)
    assert [value for name, value in sent.headers if name == WORKSPACE] == ["wrkspc_1"]


@pytest.mark.parametrize(
    ("provider", "place", "key"),
    [
        ("anthropic", Place(geo="eu"), "geo"),
        ("anthropic", Place(geo="US"), "geo"),
        ("anthropic", Place(workspace="default"), "workspace"),
        ("anthropic", Place(workspace="wrkspc_1\r\nx: y"), "workspace"),
        ("bedrock", Place(region="eu-central-1", profile="eu", geo="us"), "geo"),
        ("vertex", Place(region="eu", project="p-1", geo="us"), "geo"),
        ("relay", Place(base_url="https://r.example", models={OPUS: "o"}, geo="us"), "geo"),
        ("relay", Place(base_url="https://r.example", models={OPUS: "o"}, zone="us"), "zone"),
        ("relay", Place(base_url="https://r.example"), "models"),
        ("relay", Place(models={OPUS: "o"}), "base_url"),
        ("foundry", Place(resource="r", geo="us"), "geo"),
        ("foundry", Place(resource="r", zone="eu"), "zone"),
        ("foundry", Place(resource="r", zone="us", hosting="anthropic"), "hosting"),
        ("foundry", Place(resource="r", zone="us", models={"claude-fable-5-1": "d"}), "models"),
        ("foundry", Place(resource="r", hosting="azure", models={HAIKU: "d"}), "models"),
        ("foundry", Place(base_url="https://r.services.ai.azure.us/anthropic"), "base_url"),
        ("vertex", Place(region="eu", project="p-1", workspace="wrkspc_1"), "workspace"),
    ],
)
def test_a_place_that_cannot_be_is_refused(provider: str, place: Place, key: str) -> None:
    with pytest.raises(PlaceError) as caught:
        PROVIDERS[provider].endpoint(place)
    assert caught.value.key == key


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=4,
)
NAMES = st.text(max_size=6) | st.sampled_from(["inference_geo", "metadata"])


@given(st.dictionaries(NAMES, VALUES, max_size=4), st.none() | st.integers(0, 3))
def test_what_is_sent_names_the_geography_once_and_keeps_the_rest(
    more: dict[str, Any], indent: int | None
) -> None:
    body = {**more, "model": OPUS}
    asked = fields(json.dumps(body, indent=indent).encode())
    if ANTHROPIC.losses(MESSAGE, asked, US):
        assert body.get("inference_geo") not in (None, "us")
        return
    pairs: list[tuple[str, Any]] = json.loads(
        ANTHROPIC.encode(MESSAGE, asked, US).body, object_pairs_hook=list
    )
    assert [value for name, value in pairs if name == "inference_geo"] == ["us"]
    sent = json.loads(ANTHROPIC.encode(MESSAGE, asked, US).body)
    assert sent == body | {"inference_geo": "us"}


@pytest.mark.parametrize(
    ("platform", "place"),
    [
        ("aws", Place(region="eu-central-1", workspace="wrkspc_1")),
        ("google_cloud", Place(project="p", workspace="wrkspc_1")),
    ],
)
def test_where_a_workspace_is_needed_no_request_goes_to_another(
    platform: str, place: Place
) -> None:
    provider = PROVIDERS[platform]
    there = provider.endpoint(place)
    same, other = asking((WORKSPACE, "wrkspc_1")), asking((WORKSPACE, "wrkspc_2"))
    assert provider.losses(MESSAGE, same, there) == ()
    (lost,) = provider.losses(MESSAGE, other, there)
    assert (lost.name, lost.droppable) == (WORKSPACE, False)
    # Google's path names it; no header does beside it.
    told = header(provider.encode(MESSAGE, same, there).headers, WORKSPACE)
    assert told == ("wrkspc_1" if platform == "aws" else None)
