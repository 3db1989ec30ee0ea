"""Whatever was asked before on a connection, and however it came, each gets its own answer."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.answers import Answer
from gateway.call import Call
from tests.server.lines import line, post
from tests.server.serving import BODY, Running, Scripted, serving

TEMPTING = (
    b"",
    b"{",
    b"0\r\n\r\n",
    b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n",
    b"x" * 5000,
)


@pytest.fixture(scope="module")
def echoing() -> Iterator[Running]:
    """A gateway whose answers hold what was asked for."""

    def echo(call: Call) -> Answer:
        return Answer(200, (), json.dumps({"message": call.asked}).encode())

    with serving(Scripted(echo), body_limit_bytes=4000, in_flight=50) as running:
        yield running


def declared(body: bytes) -> bytes:
    return b"content-length: %d\r\n\r\n%b" % (len(body), body)


def chunked(body: bytes) -> bytes:
    chunks = [body[at : at + 700] for at in range(0, len(body), 700)]
    framed = b"".join(b"%x;a=b\r\n%b\r\n" % (len(each), each) for each in chunks)
    return b"transfer-encoding: chunked\r\n\r\n" + framed + b"0\r\nx-a: b\r\n\r\n"


Asked = tuple[str, int, bytes]
bodies = st.one_of(st.sampled_from(TEMPTING).map(declared), st.sampled_from(TEMPTING).map(chunked))
asked = st.one_of(
    st.just(("good", 0, b"")),
    st.just(("health", 0, b"")),
    st.tuples(st.sampled_from(["nowhere", "malformed"]), st.just(0), bodies),
)


def request_of(kind: str, number: int, rest: bytes) -> bytes:
    if kind == "good":
        return post({**BODY, "model": f"claude-{number}"})
    if kind == "health":
        return b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n"
    path = b"/nowhere/%d" % number if kind == "nowhere" else b"/v1/messages"
    return b"POST %b HTTP/1.1\r\nhost: localhost\r\n" % path + rest


def expected(kind: str, number: int, rest: bytes) -> tuple[int, str]:
    if kind == "good":
        return 200, f'"claude-{number}"'
    if kind == "health":
        return 200, '"ok"'
    if kind == "nowhere":
        return 404, f"/nowhere/{number}."
    return (413, "over the limit") if b"x" * 100 in rest else (400, "invalid_request_error")


@given(st.lists(asked, min_size=1, max_size=8), st.data())
def test_each_gets_its_own_answer(
    echoing: Running, requests: list[Asked], data: st.DataObject
) -> None:
    asked = [(kind, number, rest) for number, (kind, _, rest) in enumerate(requests)]
    sent = b"".join(request_of(*each) for each in asked)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(sent)), max_size=12)))
    with line(echoing) as one:
        for begin, end in zip([0, *cuts], [*cuts, len(sent)], strict=True):
            one.send(sent[begin:end])
        for each in asked:
            status, words = expected(*each)
            reply = one.reply()
            assert (reply.status, words in reply.body.decode()) == (status, True)
    assert echoing.app.load.in_flight <= 1
