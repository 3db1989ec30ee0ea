"""Plausible histories: the records of many calls, as one or more processes write them.

    history(random.Random(7), calls=20) -> History(records, ends)

`records` are placed in files, in the order in which they were written; `ends` says for each
attempt what it must be booked as and what its platform would bill.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec

from gateway.journal.record import Record, written_time

START_US = 1_795_348_800_000_000
MODELS = ("claude-opus-5-5", "claude-sonnet-5-5", "claude-haiku-5-5")
PLACES: Sequence[Mapping[str, Any]] = (
    {"upstream": "direct", "platform": "anthropic", "region": None, "scope": "global"},
    {"upstream": "frankfurt", "platform": "bedrock", "region": "eu-central-1", "scope": "geo"},
    {"upstream": "paris", "platform": "bedrock", "region": "eu-west-3", "scope": "in_region"},
    {"upstream": "belgium", "platform": "vertex", "region": "europe-west1", "scope": "in_region"},
)
TAGS: Sequence[Mapping[str, str]] = ({}, {}, {"team": "search"}, {"team": "chat", "task": "sum"})
REFUSED = ("not_sent", "rejected", "rejected", "unknown", "unknown")
"""What an attempt may be booked as that fails before an answer begins."""


class Placed(NamedTuple):
    """A record and its file."""

    file: str
    record: Record


class Line(NamedTuple):
    """A record that is not written yet."""

    kind: str
    data: Mapping[str, Any]


@dataclass(frozen=True)
class End:
    """What an attempt must come to."""

    state: str
    usage: Mapping[str, Any] | None = None
    """What its platform bills; None: nothing."""
    won: bool = False
    open: bool = False


@dataclass
class Story:
    """One call, from its decision on."""

    decision: str
    lines: list[Line] = field(default_factory=list)
    ends: dict[str, End] = field(default_factory=dict)
    """Attempt -> what it comes to when all lines are written."""


@dataclass(frozen=True)
class History:
    """The records of many calls."""

    records: list[Placed]
    ends: dict[str, End]


@dataclass(frozen=True)
class Ways:
    """How likely calls take a turn."""

    streamed: float = 0.7
    fails: float = 0.3
    """An attempt, before its answer begins."""
    cut: float = 0.2
    """An answer that has begun."""
    left: float = 0.05
    """The call ends while an attempt waits for its answer."""
    counted: float = 0.1
    """The call counts tokens."""
    refused: float = 0.05
    """The call goes nowhere."""
    dies: float = 0.1
    """The process stops somewhere within the call, and nothing more is written of it."""
    repeats: float = 0.0
    """An answer is one that was given before."""


ORDINARY = Ways()
REPEATING = Ways(repeats=0.4)


def history(
    rng: random.Random, *, calls: int, ways: Ways = ORDINARY, processes: int = 2
) -> History:
    """Return calls that run at the same time, over the files of some processes."""
    stories = [story for story, _ in zip(tales(rng, ways), range(calls), strict=False)]
    ends = {attempt: end for story in stories for attempt, end in story.ends.items()}
    return History(interleaved(rng, stories, processes=processes), ends)


def tales(rng: random.Random, ways: Ways = ORDINARY) -> Iterator[Story]:
    """Yield calls without end; those that repeat show messages of earlier ones."""
    shown: list[_Message] = []
    while True:
        yield _Teller(rng, ways, shown).tell()


def interleaved(
    rng: random.Random, stories: Sequence[Story], *, processes: int = 2
) -> list[Placed]:
    """Return the records of calls that run at the same time: of each call they stay in order.

    A process stays with its calls, and may go on in another file.
    """
    writers = [_Writer(f"journal-{number}") for number in range(processes)]
    waiting = [(list(story.lines), rng.choice(writers)) for story in stories]
    at_us, written = START_US, []
    while waiting := [each for each in waiting if each[0]]:
        lines, writer = rng.choice(waiting[:8])
        at_us += rng.randrange(1, 500_000)
        written.append(writer.write(lines.pop(0), at_us))
        if rng.random() < 0.02:
            writer.go_on()
    return written


def record(seq: int, kind: str, data: Mapping[str, Any], at_us: int = START_US) -> Record:
    """Return one record; it is in no chain."""
    raw = msgspec.Raw(msgspec.json.encode(data))
    return Record(seq, written_time(at_us), kind, raw, "0" * 64, "0" * 64)


def a_usage(rng: random.Random, *, searched: bool = False) -> dict[str, Any]:
    """Return what a whole answer says that it used, web searches too where it may have made any."""
    short, long = rng.choice(((0, 0), (300, 0), (300, 40), (0, 7)))
    found: dict[str, Any] = {
        "input_tokens": rng.randrange(1, 5_000),
        "cache_creation_input_tokens": short + long,
        "cache_read_input_tokens": rng.choice((0, 0, 12_000)),
        "cache_creation": {
            "ephemeral_5m_input_tokens": short,
            "ephemeral_1h_input_tokens": long,
        },
        "output_tokens": rng.randrange(1, 900),
        "service_tier": "standard",
    }
    if searched and rng.random() < 0.2:
        found["server_tool_use"] = {"web_search_requests": rng.randrange(3)}
    if rng.random() < 0.1:
        found["output_tokens_details"] = {"thinking_tokens": rng.randrange(found["output_tokens"])}
    return found


class _Message(NamedTuple):
    """An answer, and where it came from."""

    place: Mapping[str, Any]
    id: str
    model: str
    usage: Mapping[str, Any]


class _Writer:
    """One process and the file it writes to."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._files = 1
        self._seq = 0

    def write(self, line: Line, at_us: int) -> Placed:
        placed = Placed(self.file, record(self._seq, line.kind, line.data, at_us))
        self._seq += 1
        return placed

    def go_on(self) -> None:
        self._files += 1
        self._seq = 0

    @property
    def file(self) -> str:
        return f"{self._name}-{self._files}.jsonl"


class _Teller:
    """Makes up one call."""

    def __init__(self, rng: random.Random, ways: Ways, shown: list[_Message]) -> None:
        self._rng = rng
        self._ways = ways
        self._shown = shown
        self._counts = rng.random() < ways.counted
        self._streams = not self._counts and rng.random() < ways.streamed
        self._max_tokens = rng.choice((1_000, 4_096, 64_000))
        self._model = rng.choice(MODELS)
        self._story = Story(f"dec_{rng.getrandbits(96):024x}")

    def tell(self) -> Story:
        refused = self._rng.random() < self._ways.refused
        self._decided(refused)
        if refused:
            return self._story
        for number in range(1, 4):
            place = self._started(number)
            if self._rng.random() < self._ways.left:
                self._ends(number, End("unknown"))
                self._say("finished", state=self._rng.choice(("left", "broken")), request_id=None)
                break
            if self._rng.random() >= self._ways.fails:
                self._answered(number, place)
                break
            self._failed(number, place)
        else:
            state = self._rng.choice(("failed", "left", "broken"))
            self._say("finished", state=state, request_id=f"req_{self._story.decision}")
        if self._rng.random() < self._ways.dies:
            self._die()
        return self._story

    def _decided(self, refused: bool) -> None:
        rng = self._rng
        self._say(
            "decision",
            call="count_tokens" if self._counts else "messages",
            **{"class": rng.choice((None, "internal", "customer"))},
            key=rng.choice(("web", "batch", None)),
            door=rng.choice(("client", "server")),
            asked_model=self._model,
            model=self._model,
            environment=rng.choice((None, "prod")),
            tags=rng.choice(TAGS),
            betas=[],
            bytes=rng.randrange(20_000, 400_000),
            stream=self._streams,
            max_tokens=None if self._counts else self._max_tokens,
            session=rng.choice((None, "session-1", "session-2")),
            agent=rng.choice((None, None, "agent-1")),
            parent_agent=None,
            payer="user_profile" if rng.random() < 0.05 else None,
            plan=[] if refused else [place["upstream"] for place in PLACES],
            rejected=[],
        )

    def _started(self, number: int) -> Mapping[str, Any]:
        place = self._rng.choice(PLACES)
        wire_model = f"eu.anthropic.{self._model}" if place["scope"] == "geo" else self._model
        said = {"account": place["upstream"], "host": "upstream.invalid", "model": wire_model}
        self._of(number, "started", **{**place, **said})
        return place

    def _failed(self, number: int, place: Mapping[str, Any]) -> None:
        """Let an attempt fail before its caller has seen anything of an answer."""
        rng = self._rng
        if rng.random() < 0.1:
            self._of(number, "withdrawn")
            self._ends(number, End("not_sent"))
            return
        state = rng.choice(REFUSED)
        said: dict[str, Any] = {"kind": "ill", "state": state, "status": 503, "type": "api_error"}
        if self._streams and state == "unknown" and rng.random() < 0.5:
            message = self._message(place)
            said |= {"message_id": message.id, "model": message.model, "usage": _first(message)}
            self._ends(number, End("partial", message.usage))
        else:
            bills = a_usage(rng) if state == "unknown" and rng.random() < 0.5 else None
            self._ends(number, End(state, None if self._counts else bills))
        self._of(number, "failed", **said, platform_request_id=None)

    def _answered(self, number: int, place: Mapping[str, Any]) -> None:
        message = self._message(place)
        cut = self._rng.random() < self._ways.cut
        if self._streams:
            said = {"message_id": message.id, "model": message.model, "usage": _first(message)}
            self._of(number, "usage", **said)
        counted = not cut or (self._streams and self._rng.random() < 0.3)
        state = self._rng.choice(("failed", "left")) if cut else "complete"
        self._of(
            number,
            "finished",
            state=state,
            request_id=f"req_{self._story.decision}",
            whole=not cut,
            platform_request_id=f"platform-{number}",
            **self._said_last(message, counted),
        )
        if self._counts:
            self._ends(number, End("unknown" if cut else "final", won=True))
        elif counted:
            self._ends(number, End("final", message.usage, won=True))
        else:
            state = "partial" if self._streams else "unknown"
            self._ends(number, End(state, message.usage, won=True))

    def _said_last(self, message: _Message, counted: bool) -> dict[str, Any]:
        """Return what the end of an answer says of it."""
        told = counted or self._streams
        if self._counts or not told:
            return {"message_id": None, "model": None, "usage": {}, "counted": counted}
        return {
            "message_id": message.id,
            "model": message.model,
            "usage": message.usage if counted else _first(message),
            "counted": counted,
            "stop_reason": "end_turn" if counted else None,
        }

    def _message(self, place: Mapping[str, Any]) -> _Message:
        """Return a new message, or one that this place has shown before."""
        again = [each for each in self._shown if each.place is place]
        if again and self._rng.random() < self._ways.repeats:
            return self._rng.choice(again)._replace(usage=self._other_counts(again))
        name = f"msg_{self._rng.getrandbits(64):016x}"
        searched = self._streams and place["platform"] == "anthropic"
        usage = a_usage(self._rng, searched=searched)
        message = _Message(place, name, self._model, usage)
        if not self._counts:
            self._shown.append(message)
        return message

    def _other_counts(self, again: Sequence[_Message]) -> Mapping[str, Any]:
        return self._rng.choice(again).usage if self._rng.random() < 0.5 else a_usage(self._rng)

    def _die(self) -> None:
        """Take back what was written last."""
        lines = self._story.lines
        del lines[self._rng.randrange(1, len(lines)) :]
        started, told = _attempts(lines, "started"), _attempts(lines, "usage")
        over = _attempts(lines, "failed", "withdrawn", "finished")
        call_over = lines[-1].kind == "finished"
        for attempt, end in list(self._story.ends.items()):
            if attempt not in started:
                del self._story.ends[attempt]
            elif attempt not in over and not call_over:
                state, usage = ("partial" if attempt in told else "unknown"), end.usage
                if usage is not None and attempt not in told:
                    # What server tools add is in no bounds.
                    usage = {**usage, "server_tool_use": None}
                self._story.ends[attempt] = End(state, usage, open=True)

    def _of(self, number: int, kind: str, /, **data: Any) -> None:
        self._say(kind, attempt=number, **data)

    def _say(self, kind: str, /, **data: Any) -> None:
        self._story.lines.append(Line(kind, {"decision": self._story.decision, **data}))

    def _ends(self, number: int, end: End) -> None:
        self._story.ends[f"{self._story.decision}.{number}"] = end


def _first(message: _Message) -> dict[str, Any]:
    """Return what `message_start` says of the usage: the output is a placeholder."""
    return {**message.usage, "output_tokens": 1, "output_tokens_details": None}


def _attempts(lines: Sequence[Line], *kinds: str) -> set[str]:
    """Return the attempts of which there are records of a kind."""
    return {
        f"{line.data['decision']}.{line.data['attempt']}"
        for line in lines
        if line.kind in kinds and "attempt" in line.data
    }
