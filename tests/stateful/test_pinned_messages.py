"""Messages that name a state: they go to the upstream that holds it, or nowhere."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anthropic
import pytest

from gateway.call import read_body
from gateway.emulator import Emulator
from gateway.stateful.references import Reference, references
from providers.contract import Fields
from tests.stateful.doors import DOORS, MODEL, House

FILES = "files-api-2025-04-14"
THREADS = "message-threads-2026-08-12"


@pytest.fixture
def house(tmp_path: Path, emulator: Emulator) -> House:
    made = House(tmp_path / "config", emulator)
    made.write()
    return made


@pytest.fixture(params=DOORS)
def sdk(house: House, request: pytest.FixtureRequest) -> Iterator[anthropic.Anthropic]:
    with house.sdk(request.param) as client:
        yield client


def only(name: str) -> dict[str, str]:
    return {"x-gateway-only": name}


def upload(sdk: anthropic.Anthropic, at: str) -> str:
    made = sdk.beta.files.upload(file=("a.txt", b"text", "text/plain"), extra_headers=only(at))
    return made.id


def about(*files: str, **more: Any) -> dict[str, Any]:
    blocks: list[Any] = [
        {"type": "document", "source": {"type": "file", "file_id": name}} for name in files
    ]
    content = [*blocks, {"type": "text", "text": "What is in it?"}]
    return {
        "model": MODEL,
        "max_tokens": 32,
        "messages": [{"role": "user", "content": content}],
        "betas": [FILES],
        **more,
    }


@pytest.mark.parametrize("where", ["direct", "aws"])
def test_a_message_goes_where_its_file_is(
    sdk: anthropic.Anthropic, emulator: Emulator, where: str
) -> None:
    name = upload(sdk, where)
    emulator.records.clear()
    answer = sdk.beta.messages.with_raw_response.create(**about(name))
    assert answer.headers["x-gateway-upstream"] == where
    assert len(emulator.records) == 1


def test_it_fails_there_rather_than_elsewhere(sdk: anthropic.Anthropic, emulator: Emulator) -> None:
    name = upload(sdk, "aws")
    emulator.records.clear()
    for _ in range(3):
        emulator.faults.add("status", status=529, platform="aws")
    with pytest.raises(anthropic.APIStatusError):
        sdk.beta.messages.create(**about(name))
    assert {record.platform for record in emulator.records} == {"aws"}


def test_two_files_of_two_upstreams_are_named(sdk: anthropic.Anthropic, emulator: Emulator) -> None:
    one, other = upload(sdk, "direct"), upload(sdk, "aws")
    emulator.records.clear()
    with pytest.raises(anthropic.BadRequestError, match=rf"{one}.*direct.*{other}.*aws"):
        sdk.beta.messages.create(**about(one, other))
    assert not list(emulator.records)


def test_a_file_that_nobody_knows_is_not_guessed_at(
    sdk: anthropic.Anthropic, emulator: Emulator
) -> None:
    with pytest.raises(anthropic.NotFoundError, match=r"file_of_another.*x-gateway-only"):
        sdk.beta.messages.create(**about("file_of_another"))
    assert not list(emulator.records)
    with pytest.raises(anthropic.NotFoundError):
        sdk.beta.messages.create(**about("file_of_another"), extra_headers=only("aws"))
    assert {record.platform for record in emulator.records} == {"aws"}


def test_a_held_message_can_not_be_sent_elsewhere(
    sdk: anthropic.Anthropic, emulator: Emulator
) -> None:
    name = upload(sdk, "aws")
    emulator.records.clear()
    with pytest.raises(anthropic.PermissionDeniedError, match=f"{name}.*aws"):
        sdk.beta.messages.create(**about(name), extra_headers=only("direct"))
    assert not list(emulator.records)


@pytest.mark.parametrize("streamed", [False, True])
def test_a_thread_goes_on_where_it_began(
    sdk: anthropic.Anthropic, emulator: Emulator, streamed: bool
) -> None:
    turn = about(betas=[THREADS], thread={"type": "create"})
    first = _answer(sdk, turn, streamed=streamed, headers=only("aws"))
    assert emulator.records[-1].platform == "aws"
    emulator.records.clear()
    after = {"type": "continue", "previous_message_id": first}
    _answer(sdk, {**turn, "thread": after}, streamed=streamed)
    assert [record.platform for record in emulator.records] == ["aws"]
    lost = {"type": "continue", "previous_message_id": "msg_lost"}
    with pytest.raises(anthropic.NotFoundError) as caught:
        _answer(sdk, {**turn, "thread": lost}, streamed=streamed)
    body: Any = caught.value.body
    assert body["error"]["details"]["error_code"] == "thread_not_found"


@pytest.mark.parametrize("streamed", [False, True])
def test_a_container_is_used_where_it_is(
    sdk: anthropic.Anthropic, emulator: Emulator, streamed: bool
) -> None:
    tools = [{"type": "code_execution_20250825", "name": "code_execution"}]
    turn = about(betas=["code-execution-2025-08-25"], tools=tools)
    _answer(sdk, turn, streamed=streamed, headers=only("aws"))
    assert emulator.records[-1].platform == "aws"
    container = _container(sdk, turn)
    emulator.records.clear()
    _answer(sdk, {**turn, "container": container}, streamed=streamed)
    assert [record.platform for record in emulator.records] == ["aws"]


def _container(sdk: anthropic.Anthropic, turn: dict[str, Any]) -> str:
    made = sdk.beta.messages.create(**turn, extra_headers=only("aws"))
    assert made.container is not None
    return str(made.container.id)


def _answer(
    sdk: anthropic.Anthropic,
    turn: dict[str, Any],
    *,
    streamed: bool,
    headers: dict[str, str] | None = None,
) -> str:
    if not streamed:
        return str(sdk.beta.messages.create(**turn, extra_headers=headers).id)
    with sdk.beta.messages.stream(**turn, extra_headers=headers) as stream:
        return str(stream.get_final_message().id)


def _fields(text: str) -> Fields:
    return Fields(raw=text.encode(), body=read_body(text.encode()), version="2026-10-21")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"messages":[{"content":"file_id"}]}', []),
        ('{"messages":[{"content":[{"type":"tool_use","input":{"file_id":"f"}}]}]}', []),
        ('{"messages":[{"content":[{"type":"container_upload","file_id":"f"}]}]}', [("file", "f")]),
        (
            '{"messages":[{"content":[{"source":{"type":"file","f\\u0069le_id":"f"}}]}]}',
            [("file", "f")],
        ),
        (
            '{"messages":[{"content":[{"content":[{"source":{"file_id":"f"}}]}]}]}',
            [("file", "f")],
        ),
        ('{"container":{"skills":[{"type":"anthropic","skill_id":"pdf"}]}}', []),
        ('{"system":[{"source":{"file_id":"g"}}]}', [("file", "g")]),
        ('{"container":"c"}', [("container", "c")]),
        ('{"container":null}', []),
        (
            '{"container":{"id":"c","skills":[{"skill_id":"s"},{"type":"anthropic"}]}}',
            [("container", "c"), ("skill", "s")],
        ),
        ('{"thread":{"type":"continue","previous_message_id":"m"}}', [("message", "m")]),
        ('{"diagnostics":{"previous_message_id":"m"}}', []),
        ('{"fallback_credit_token":{"token":"t","mode":"strict"}}', [("credit", "t")]),
        ('{"fallback_credit_token":"t"}', [("credit", "t")]),
    ],
)
def test_what_a_body_names_is_found(text: str, found: list[tuple[str, str]]) -> None:
    assert list(references(_fields(text))) == [Reference(*each) for each in found]
