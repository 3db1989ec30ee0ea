"""The answer parser alone: every framing, every split, every oddity."""

from __future__ import annotations

import gc
import weakref

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.wire.exchange import MAX_HEAD_BYTES, MAX_HEADERS, Answer
from providers.contract import FailureKind

CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
PLAIN = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\nX-A: b\r\n\r\nhello"

TEN = b"0123456789"


def read(data: bytes, sizes: list[int] | None = None, *, end: bool = False) -> Answer:
    answer = Answer()
    for size in sizes or [len(data)]:
        if data:
            answer.feed(data[:size])
        data = data[size:]
    if data:
        answer.feed(data)
    if end:
        answer.end()
    return answer


def seen(answer: Answer) -> tuple[object, ...]:
    error = answer.error and (answer.error.kind, answer.error.detail)
    return (
        answer.status,
        answer.headers,
        b"".join(answer.chunks),
        answer.has_head,
        answer.done,
        answer.keep,
        error,
    )


GOOD = {
    "counted": (PLAIN, b"hello", True),
    "empty": (b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", b"", True),
    "no content": (b"HTTP/1.1 204 No Content\r\n\r\n", b"", True),
    "not modified": (b"HTTP/1.1 304 X\r\ncontent-length: 5\r\n\r\n", b"", True),
    "no reason": (b"HTTP/1.1 200\r\ncontent-length: 1\r\n\r\na", b"a", True),
    "chunked": (CHUNKED + b"5\r\nhello\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n", b"hello" + TEN, True),
    "trailers": (CHUNKED + b"1\r\na\r\n0\r\nx: y\r\nz:\r\n\r\n", b"a", True),
    "interim": (b"HTTP/1.1 100 Go\r\n\r\nHTTP/1.1 103 E\r\nl: x\r\n\r\n" + PLAIN, b"hello", True),
    "asked to close": (PLAIN.replace(b"X-A: b", b"connection: close"), b"hello", False),
    "old": (PLAIN.replace(b"/1.1", b"/1.0"), b"hello", False),
    "old, kept": (
        PLAIN.replace(b"/1.1", b"/1.0").replace(b"X-A: b", b"connection: keep-alive"),
        b"hello",
        False,
    ),
    "offers upgrade": (PLAIN.replace(b"X-A: b", b"upgrade: h2c"), b"hello", False),
    "identity": (PLAIN.replace(b"X-A: b", b"content-encoding: identity"), b"hello", True),
}  # fmt: skip
BAD = {
    "two lengths": PLAIN.replace(b"X-A: b", b"content-length: 6"),
    "the same length twice": PLAIN.replace(b"X-A: b", b"content-length: 5"),
    "length and chunks": CHUNKED[:-2] + b"content-length: 5\r\n\r\n0\r\n\r\n",
    "chunks and length": PLAIN.replace(b"X-A: b", b"transfer-encoding: chunked"),
    "compressed": PLAIN.replace(b"X-A: b", b"content-encoding: GZIP"),
    "compressed on the way": CHUNKED.replace(b": chunked", b": gzip, chunked"),
    "chunked twice": CHUNKED[:-2] + b"transfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunked by an old peer": CHUNKED.replace(b"/1.1", b"/1.0") + b"0\r\n\r\n",
    "negative length": PLAIN.replace(b": 5", b": -5"),
    "folded": PLAIN.replace(b"b\r\n", b"b\r\n c\r\n"),
    "bare line feeds": PLAIN.replace(b"\r\n", b"\n"),
    "control character": PLAIN.replace(b"X-A: b", b"x: a\x00b"),
    "space before the colon": PLAIN.replace(b"X-A:", b"X-A :"),
    "HTTP/2 by name": PLAIN.replace(b"/1.1", b"/2.0"),
    "HTML": b"<html></html>\r\n\r\n",
    "an empty line first": b"\r\n" + PLAIN,
    "switching": b"HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
    "switching, unsaid": b"HTTP/1.1 101 Switching\r\n\r\n" + PLAIN,
    "large head": PLAIN.replace(b"X-A: b", b"x: " + b"a" * MAX_HEAD_BYTES),
    "endless interim": b"HTTP/1.1 102 Processing\r\n\r\n" * 3000,
    "many headers": PLAIN.replace(b"X-A: b", b"a: b\r\n" * MAX_HEADERS + b"c: d"),
    "chunk size": CHUNKED + b"zz\r\n",
    "chunk without its end": CHUNKED + b"1\r\nab\r\n",
    "many trailers": CHUNKED + b"0\r\n" + b"a: b\r\n" * (MAX_HEADERS + 1) + b"\r\n",
}


@pytest.mark.parametrize("name", GOOD)
@pytest.mark.parametrize("size", [1, 2, 3, 7, 100_000])
def test_a_good_answer_at_every_split(name: str, size: int) -> None:
    data, body, keep = GOOD[name]
    answer = read(data, [size] * (len(data) // size + 1))
    assert answer.error is None
    assert (answer.done, b"".join(answer.chunks), answer.keep) == (True, body, keep)


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("size", [1, 5, 100_000])
def test_an_odd_answer_fails_and_closes(name: str, size: int) -> None:
    data = BAD[name]
    answer = read(data, [size] * (len(data) // size + 1))
    assert answer.error is not None
    assert answer.error.kind is FailureKind.BAD200
    assert (answer.done, answer.keep, b"".join(answer.chunks)) in (
        (False, False, b""),
        (False, False, b"a"),
    )


def test_headers_are_lower_case_pairs_in_order() -> None:
    answer = read(b"HTTP/1.1 429 No\r\nB: 1\r\na: \xe9\r\nB:  2 \r\ncontent-length: 0\r\n\r\n")
    assert answer.status == 429
    assert answer.headers == (("b", "1"), ("a", "é"), ("b", "2"), ("content-length", "0"))


def test_trailers_are_no_headers() -> None:
    assert read(GOOD["trailers"][0]).headers == (("transfer-encoding", "chunked"),)


def test_a_close_delimited_body_ends_only_at_the_close() -> None:
    answer = read(b"HTTP/1.1 200 OK\r\n\r\nhello", [20])
    assert not answer.done
    answer.end()
    assert (answer.done, answer.keep, b"".join(answer.chunks)) == (True, False, b"hello")


def test_a_broken_connection_is_no_end() -> None:
    answer = read(b"HTTP/1.1 200 OK\r\n\r\nhello")
    answer.broke("the connection broke")
    assert answer.error is not None
    assert answer.error.kind is FailureKind.CUT
    assert not answer.done


@pytest.mark.parametrize("cut", range(1, len(GOOD["trailers"][0])))
def test_a_chunked_answer_cut_anywhere_is_never_whole(cut: int) -> None:
    answer = read(GOOD["trailers"][0][:cut], end=True)
    assert not answer.done
    assert answer.error is not None
    assert answer.error.kind in {FailureKind.AMBIGUOUS, FailureKind.CUT}


@given(
    st.sampled_from([GOOD[name][0] for name in ("counted", "chunked", "trailers", "empty")]),
    st.one_of(
        st.binary(min_size=1, max_size=8),
        st.just(GOOD["empty"][0]),
        st.text("\r\n", min_size=1).map(str.encode),
    ),
    st.lists(st.integers(1, 30)),
)
def test_surplus_costs_the_connection_and_never_shows(
    data: bytes, surplus: bytes, sizes: list[int]
) -> None:
    clean = read(data)
    answer = read(data + surplus, sizes or None)
    assert answer.done
    assert not answer.keep
    assert b"".join(answer.chunks) == b"".join(clean.chunks)


@given(st.sampled_from([data for data, _, _ in GOOD.values()]), st.lists(st.integers(1, 40)))
def test_splits_do_not_matter(data: bytes, sizes: list[int]) -> None:
    assert seen(read(data, sizes or None)) == seen(read(data))


@given(st.binary(max_size=200), st.sampled_from([b"", CHUNKED, b"HTTP/1.1 200 OK\r\n"]))
def test_no_bytes_raise(data: bytes, prefix: bytes) -> None:
    answer = read(prefix + data, end=True)
    assert answer.done is not (answer.error is not None)


def test_endless_trailers_are_refused() -> None:
    answer = read(CHUNKED + b"0\r\nx: ")
    for _ in range(MAX_HEAD_BYTES // 1024 + 1):
        answer.feed(b"a" * 1024)
    assert answer.error is not None


def test_an_answer_leaves_no_cycle() -> None:
    class Watched(Answer):
        __slots__ = ("__weakref__",)

    gc.disable()
    try:
        for data in (GOOD["chunked"][0], PLAIN, BAD["compressed"]):
            answer = Watched()
            answer.feed(data)
            watch = weakref.ref(answer)
            del answer
            assert watch() is None
    finally:
        gc.enable()
