"""Step `platforms`: the same call to each platform, and its usage side by side."""

from __future__ import annotations

from gateway.demo.calls import Question, ask
from gateway.demo.hits import models_only, told
from gateway.demo.places import PLACES, Place
from gateway.demo.scene import Claim, Scene, Step, Table
from gateway.demo.stage import Shot, Stage

COLUMNS = ("upstream", "door", "uncached", "written", "read", "prompt", "output")
SYSTEM = "You keep the log of a small harbour. Answer in one short paragraph, without names. " * 40
"""Long enough to be cached."""
PROMPT = "What does the tide do at noon?"

Played = tuple[tuple[Place, tuple[Shot, ...]], ...]


def play(stage: Stage, broken: bool) -> Scene:
    """Ask each platform through each door. Broken: nothing says which platform is meant."""
    played: Played = tuple((place, _asked(stage, place, broken)) for place in PLACES)
    rows = tuple(_row(place, shot) for place, shots in played for shot in shots)
    return Scene(Table(COLUMNS, rows), claims(played))


def claims(played: Played) -> tuple[Claim, ...]:
    """Judge the calls."""
    return (
        *(_reached(place, shots) for place, shots in played),
        _same_bytes(played),
        _adds_up(played),
        _cached(played),
    )


def _asked(stage: Stage, place: Place, broken: bool) -> tuple[Shot, ...]:
    question = Question(PROMPT, system=SYSTEM, only=None if broken else place.upstream)
    return stage.each(lambda client: ask(client, question))


def _row(place: Place, shot: Shot) -> tuple[str, ...]:
    usage = shot.answer.usage
    counts = (
        usage.input_tokens,
        usage.cache_creation_input_tokens,
        usage.cache_read_input_tokens,
        usage.total_input,
        usage.output_tokens,
    )
    shown = ("not reported" if count is None else str(count) for count in counts)
    return (place.upstream, shot.door, *shown)


def _reached(place: Place, shots: tuple[Shot, ...]) -> Claim:
    return Claim(
        f"{place.upstream} got one request from each door, nobody else did",
        all(place.only(models_only(shot.log)) for shot in shots),
        " | ".join(f"{shot.door}: {told(shot.log)}" for shot in shots),
    )


def _same_bytes(played: Played) -> Claim:
    hits = [hit for _, shots in played for shot in shots for hit in models_only(shot.log)]
    prompts = {(hit.raw("system"), hit.raw("messages")) for hit in hits}
    platforms = sorted({hit.platform for hit in hits})
    return Claim(
        "the prompt arrived at all three platforms with the same bytes",
        len(prompts) == 1 and len(platforms) == len(PLACES),
        f"{len(prompts)} different prompts arrived at {', '.join(platforms)}",
    )


def _adds_up(played: Played) -> Claim:
    found = [
        (shot.answer.usage.total_input, sum(hit.prompt_tokens for hit in models_only(shot.log)))
        for _, shots in played
        for shot in shots
    ]
    return Claim(
        "uncached + written + read is the prompt that each platform received",
        all(reported == received for reported, received in found),
        f"reported and received tokens: {found}",
    )


def _cached(played: Played) -> Claim:
    found = []
    for _, (first, *later) in played:
        written = first.answer.usage.cache_creation_input_tokens
        found.append((written, *(shot.answer.usage.cache_read_input_tokens for shot in later)))
    marked = all(
        b'"cache_control"' in hit.raw("system")
        for _, shots in played
        for shot in shots
        for hit in models_only(shot.log)
    )
    return Claim(
        "what the first call wrote to a platform's cache, the second one read",
        marked and all(written and {written} == set(read) for written, *read in found),
        f"tokens written, then read: {found}; marks arrived: {marked}",
    )


PLATFORMS = Step(
    "platforms",
    "One call to each platform",
    "The same request to the direct API, Bedrock and Vertex AI; the usage comes back in one shape.",
    play,
)
