"""Both doors ask policy before anything leaves, and say what it said."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import anthropic
import pytest

import gateway
from gateway.boundary import boundary as boundary_module
from gateway.call import Caller
from gateway.engine import Engine
from tests.boundary.house import BODY, House
from tests.boundary.test_reload import BLOCKS
from tests.server.serving import HEADERS, serving

Ask = Callable[..., tuple[int, dict[str, str], Any]]
"""Given a house, labels and changes to the body: status, headers, body."""


def in_client(house: House, kind: str = "messages", **headers: str) -> tuple[int, Any, Any]:
    client = gateway.Anthropic(gateway=house.config())
    ask = client.messages.with_raw_response
    body = {key: value for key, value in BODY.items() if kind == "messages" or key != "max_tokens"}
    try:
        call = ask.create if kind == "messages" else ask.count_tokens
        answer = call(**body, extra_headers=_named(headers))
    except anthropic.APIStatusError as error:
        return error.status_code, dict(error.response.headers), error.body
    return 200, dict(answer.headers), answer.parse()


def in_async_client(house: House, kind: str = "messages", **headers: str) -> tuple[int, Any, Any]:
    async def ask() -> tuple[int, Any, Any]:
        async with gateway.AsyncAnthropic(gateway=house.config()) as client:
            raw = client.messages.with_raw_response
            body = {k: v for k, v in BODY.items() if kind == "messages" or k != "max_tokens"}
            try:
                call = raw.create if kind == "messages" else raw.count_tokens
                answer = await call(**body, extra_headers=_named(headers))
            except anthropic.APIStatusError as error:
                return error.status_code, dict(error.response.headers), error.body
            return 200, dict(answer.headers), await answer.parse()

    return asyncio.run(ask())


def in_server(house: House, kind: str = "messages", **headers: str) -> tuple[int, Any, Any]:
    path = "/v1/messages" if kind == "messages" else "/v1/messages/count_tokens"
    body = {key: value for key, value in BODY.items() if kind == "messages" or key != "max_tokens"}
    with serving(Engine.from_config(house.config())) as running:
        reply = running.ask("POST", path, json.dumps(body).encode(), HEADERS | _named(headers))
    return reply.status, reply.headers, reply.json


def _named(headers: dict[str, str]) -> dict[str, str]:
    return {f"x-gateway-{name}": value for name, value in headers.items()}


@pytest.fixture(params=[in_client, in_async_client, in_server])
def ask(request: pytest.FixtureRequest) -> Ask:
    door: Ask = request.param
    return door


def test_an_unlabelled_request_stays_where_policy_says(house: House, ask: Ask) -> None:
    status, headers, _ = ask(house)
    assert (status, headers["x-gateway-upstream"]) == (200, "frankfurt")
    assert len(house.seen()) == 1
    assert house.seen()[0].startswith("/model/eu.anthropic.")


def test_a_label_opens_what_its_class_may(house: House, ask: Ask) -> None:
    status, headers, _ = ask(house, **{"class": "open"})
    assert (status, headers["x-gateway-upstream"]) == (200, "direct")


def test_an_unknown_class_goes_nowhere(house: House, ask: Ask) -> None:
    status, _, body = ask(house, **{"class": "opne"})
    assert (status, body["error"]["type"]) == (403, "permission_error")
    assert house.seen() == []


def test_a_denial_names_the_rule_and_the_decision(house: House, ask: Ask) -> None:
    house.attest({})
    status, headers, body = ask(house)
    assert (status, body["error"]["type"]) == (403, "permission_error")
    assert "stays-here" in body["error"]["message"]
    assert headers["x-gateway-decision"] in body["error"]["message"]
    assert house.seen() == []
    (decision,) = house.records("decision")
    assert decision["decision"] == headers["x-gateway-decision"]
    assert decision["plan"] == []


def test_a_count_goes_where_its_message_would(house: House, ask: Ask) -> None:
    """Bedrock's runtime cannot count for this model, and nobody else is asked instead."""
    status, _, body = ask(house, kind="count_tokens")
    assert (status, body["error"]["type"]) == (501, "not_supported")
    assert {record.platform for record in house.emulator.records} <= {"bedrock"}
    status, headers, _ = ask(house, kind="count_tokens", **{"class": "open"})
    assert (status, headers["x-gateway-upstream"]) == (200, "direct")


def test_answers_say_which_policy(house: House, ask: Ask) -> None:
    _, headers, _ = ask(house)
    engine = Engine.from_config(house.config())
    assert headers["x-gateway-policy"] == engine.policy != "none"
    assert headers["x-gateway-decision"].startswith("dec_")


def test_no_label_leaves(house: House, ask: Ask) -> None:
    ask(house, **{"class": "open", "tag-team": "x", "only": "direct"})
    (record,) = house.emulator.records
    assert not [name for name, _ in record.headers if name.lower().startswith("x-gateway")]


def test_every_failover_stays_inside(house: House, ask: Ask) -> None:
    house.emulator.faults.add("status", status=500, times=-1, platform="bedrock")
    house.write(more=f'[policy]\nfiles = ["policies/house.toml"]\n{FAST}')
    status, _, _ = ask(house)
    assert status == 500
    assert len(house.seen()) == 2
    assert all(path.startswith("/model/eu.") for path in house.seen())


FAST = "[retries]\nbase_s = 0.001\nmax_s = 0.002\n"


def test_a_client_denial_is_the_sdks_class(house: House) -> None:
    house.attest({})
    client = gateway.Anthropic(gateway=house.config())
    with pytest.raises(gateway.PolicyDenied) as caught:
        client.messages.create(**BODY)
    assert isinstance(caught.value, anthropic.PermissionDeniedError)


def test_a_block_ends_retries_too(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is written while the first attempt is under way; there is no second one."""
    monkeypatch.setattr(boundary_module, "CHECK_S", 0.0)
    monkeypatch.setattr(boundary_module, "QUIET_S", 0.0)
    house.write(more=f'[policy]\nfiles = ["policies/house.toml"]\n{FAST}')
    house.emulator.faults.add("status", status=500, times=-1)
    engine = Engine.from_config(house.config())
    noted = engine.audit.decided

    def block_then_go_on(*arguments: Any) -> Any:
        trail = noted(*arguments)
        (house.where / "policies" / "blocks.toml").write_text(BLOCKS)
        return trail

    monkeypatch.setattr(engine.audit, "decided", block_then_go_on)
    client = gateway.Anthropic(gateway=engine)
    with pytest.raises(gateway.PolicyDenied, match="no longer allows"):
        client.messages.create(**BODY)
    assert house.seen() == []


CALLERS = {
    "k1": Caller("billing", frozenset({"open"})),
    "k2": Caller("all", frozenset({"*"})),
    "k3": Caller("team", frozenset({"*"}), frozenset({"team-x"})),
}


class TestCallersOfTheServer:
    def reply(self, house: House, key: str, data_class: str | None) -> Any:
        labels = {} if data_class is None else {"x-gateway-class": data_class}
        with serving(Engine.from_config(house.config()), keys=("k0",), callers=CALLERS) as running:
            return running.call(BODY, HEADERS | {"x-api-key": key} | labels)

    @pytest.mark.parametrize(
        ("key", "data_class", "status"),
        [
            ("k0", None, 200),
            ("k0", "open", 403),
            ("k0", "inner", 403),
            ("k1", "open", 200),
            ("k1", "inner", 403),
            ("k1", None, 200),
            ("k2", "open", 200),
            ("k2", "inner", 200),
            ("k9", "open", 401),
        ],
    )
    def test_a_key_asserts_what_it_may(
        self, house: House, key: str, data_class: str | None, status: int
    ) -> None:
        reply = self.reply(house, key, data_class)
        assert reply.status == status, reply.body
        assert len(house.seen()) == (status == 200)
        if status == 403:
            assert "x-gateway-class" in reply.error[2]
            (decision,) = house.records("decision")
            assert (decision["class"], decision["plan"]) == (data_class, [])

    def test_a_layer_narrows_its_callers_only(self, house: House) -> None:
        layer = (
            'schema = 1\nname = "team"\n[layer]\nkeys = ["team-x"]\n[[rule]]\nid = "team-rule"\n'
        )
        (house.where / "policies" / "team.toml").write_text(
            f'{layer}forbid.upstreams = ["frankfurt"]\n'
        )
        house.write(more='[policy]\nfiles = ["policies/house.toml", "policies/team.toml"]\n')
        assert self.reply(house, "k2", "inner").status == 200
        refused = self.reply(house, "k3", "inner")
        assert refused.status == 403
        assert "team-rule" in refused.error[2]

    def test_a_layer_nobody_wrote_a_policy_for_is_refused(self, house: House) -> None:
        assert self.reply(house, "k3", "inner").status == 403
