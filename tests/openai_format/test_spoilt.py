"""A request of which something is spoilt is read or refused, and nothing else happens."""

from __future__ import annotations

import json
import random
from typing import Any

from gateway.errors import Malformed
from tests.laws import law
from tests.openai_format.oracle.cases import cases
from tests.openai_format.telling import way

CASES = list(cases().values())
ODD: tuple[Any, ...] = (
    None, True, -1, 10**30, 1.5, "", "\u2028", "x" * 300, [], {}, [[]], [None], {"type": "text"},
    {"role": "user"}, {"a": {"b": []}},
)  # fmt: skip


def spoilt(value: Any, rng: random.Random) -> Any:
    """Return a value of which one part is another, is gone, or stands twice."""
    if isinstance(value, dict) and value and rng.random() < 0.9:
        name = rng.choice(list(value))
        if rng.random() < 0.1:
            return {key: item for key, item in value.items() if key != name}
        if rng.random() < 0.1:
            return {**value, rng.choice(("novel", "name", "index")): rng.choice(ODD)}
        return {**value, name: spoilt(value[name], rng)}
    if isinstance(value, list) and value and rng.random() < 0.9:
        at = rng.randrange(len(value))
        if rng.random() < 0.2:
            return [*value[: at + 1], *value[at:]]
        return [*value[:at], spoilt(value[at], rng), *value[at + 1 :]]
    return rng.choice(ODD)


def _refusal(body: bytes) -> str | None:
    """Return why a body is refused; None: it is read, and is a request then."""
    try:
        asked = way().read((), body)
    except Malformed as error:
        return error.message
    assert {"model", "max_tokens", "messages"} <= json.loads(asked.raw).keys()
    return None


@law
def test_it_is_read_or_refused_with_words(rng: random.Random) -> None:
    body = rng.choice(CASES)
    for _ in range(rng.randint(1, 3)):
        body = spoilt(body, rng)
    words = _refusal(json.dumps(body).encode())
    if words is not None:
        assert words.endswith("."), words
        assert len(words) < 1000


@law
def test_so_is_one_whose_bytes_are(rng: random.Random) -> None:
    raw = bytearray(json.dumps(rng.choice(CASES)).encode())
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(raw))
        raw[at : at + rng.randint(0, 3)] = rng.choice((b"", b'"', b"\\", b"{", b"\xff", b"\\ud800"))
    _refusal(bytes(raw))
