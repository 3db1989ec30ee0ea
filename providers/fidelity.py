"""Say what a platform would not take of a request. Pure: it decides nothing."""

from __future__ import annotations

from collections.abc import Collection, Container, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import islice

import msgspec
from msgspec import Raw

from providers import catalog
from providers.capabilities import Capabilities, Part, takes_tool
from providers.codecs import json_paths
from providers.codecs.anthropic_body import BETA
from providers.codecs.json_probe import Probe
from providers.contract import Fields, Kind, Loss, Operation, PlatformModel

Probes = Mapping[str, tuple[tuple[Part, ...], Probe]]
"""What to look for under each top-level field."""

_FEW = 10
_SHOWN = 100
"""How much of a name that the caller made up is repeated."""


class _Tool(msgspec.Struct, gc=False):
    type: str | None = None


_TOOLS = msgspec.json.Decoder(list[_Tool])
_MESSAGES = msgspec.json.Decoder(list[dict[str, Raw]])
_NOTHING = Raw(b"null")
_EMPTY = (b"null", b'""', b"[]")


def losses(
    operation: Operation, fields: Fields, caps: Capabilities, model: PlatformModel
) -> tuple[Loss, ...]:
    """Return what a platform does not take: the version, fields, deep parts, tools, betas, limits.

    A beta and what it unlocks go together: a part whose betas are all missing or not taken is a
    loss, and so is a beta when nothing it unlocks is left. Each field that may hold a part is
    read once, without what no part lies in.
    """
    bounds = _bounds(operation, fields, caps, model)
    if caps.takes_all:
        return (*bounds, *_exceptions(operation, fields, caps, model))
    taken = caps.betas | model.betas
    alive = [beta for beta in fields.betas if beta in taken]
    named = (*_version(fields, caps), *_fields(fields, caps, model), *_tools(fields, caps))
    found = (*bounds, *named)
    gone = {loss.name for loss in named}
    held = tuple(_held(fields, gone, _probes(caps, model.version, operation.model)))
    lost = [part for part in held if not part.betas or part.betas.isdisjoint(alive)]
    parts = {part.path: _part_loss(part, fields, caps) for part in lost}
    betas = (*_refused(fields, caps, taken), *_idle(alive, held, parts))
    return (*found, *parts.values(), *dict.fromkeys(betas))


def _bounds(
    operation: Operation, fields: Fields, caps: Capabilities, model: PlatformModel
) -> tuple[Loss, ...]:
    """Name what is beyond a platform or a model whatever the request holds.

    How many tokens go in is not known before they were sent, so no window decides anything.
    """
    if operation.kind is Kind.COUNT_TOKENS:
        return tuple(_uncounted(operation, caps, model))
    most, raw = model.max_output_tokens, fields.body.get("max_tokens")
    if most is None or raw is None or not caps.longer_output.isdisjoint(fields.betas):
        return ()
    if not _over(bytes(raw), most):
        return ()
    reason = f"{operation.model} answers at most {most} tokens on {caps.title}"
    return (Loss("max_tokens", reason, droppable=False),)


def _uncounted(operation: Operation, caps: Capabilities, model: PlatformModel) -> Iterator[Loss]:
    counts = caps.supports.get("count_tokens", True)
    if counts is not True:
        yield Loss("count_tokens", counts, droppable=False)
    elif not model.counted:
        reason = f"{caps.title} does not count the tokens of {operation.model}"
        yield Loss("count_tokens", reason, droppable=False)


def _over(number: bytes, most: int) -> bool:
    """Say whether JSON is a whole number over `most`; Python may refuse to read a long one."""
    return number.isdigit() and (len(number) > len(str(most)) or int(number) > most)


def _exceptions(
    operation: Operation, fields: Fields, caps: Capabilities, model: PlatformModel
) -> tuple[Loss, ...]:
    """Name what a platform does not take that takes all else."""
    if not caps.why and not caps.refused_betas:
        return ()
    named = {
        name: _field(name, caps, droppable=name in caps.droppable)
        for name in caps.why
        if name in fields.body
    }
    probes = _probes(caps, model.version, operation.model)
    parts = {part.path: _part_loss(part, fields, caps) for part in _held(fields, named, probes)}
    betas = [_beta(beta, caps) for beta in fields.betas if beta in caps.refused_betas]
    return (*named.values(), *parts.values(), *dict.fromkeys(betas))


def _version(fields: Fields, caps: Capabilities) -> Iterator[Loss]:
    known = catalog.versions()
    if fields.version not in known:
        shown = ascii(fields.version[:_SHOWN])[1:-1]
        reason = f"`{shown}` is not a version that can be told to {caps.title}"
        yield Loss("anthropic-version", f"{reason}; use {' or '.join(known)}", droppable=False)


def _fields(fields: Fields, caps: Capabilities, model: PlatformModel) -> Iterator[Loss]:
    for name, value in fields.body.items():
        if name not in caps.fields:
            shown = ascii(name[:_SHOWN])[1:-1]
            absent = shown == name and name.isidentifier() and bytes(value) == b"null"
            yield _field(name, caps, droppable=name in caps.droppable or absent)
        elif name in caps.sampling and not model.sampling:
            yield Loss(name, f"the model does not take `{name}` on {caps.title}")


def _field(name: str, caps: Capabilities, *, droppable: bool) -> Loss:
    reason = caps.why.get(name, "the field is not taken")
    shown = ascii(name[:_SHOWN])[1:-1]
    return Loss(shown, f"{caps.title} does not take `{shown}`: {reason}", droppable)


def _beta(beta: str, caps: Capabilities) -> Loss:
    shown = ascii(beta[:_SHOWN])[1:-1]
    return Loss(BETA + beta, f"{caps.title} does not take the beta {shown}")


def _tools(fields: Fields, caps: Capabilities) -> Iterator[Loss]:
    """Name each type of tool that is not taken; a malformed list is left to the platform."""
    if "tools" not in fields.body:
        return
    try:
        tools = _TOOLS.decode(fields.body["tools"])
    except msgspec.DecodeError:
        return
    named = dict.fromkeys(tool.type or "custom" for tool in tools)
    # None of these can be left out, so a few of them say as much as all.
    for kind in islice((kind for kind in named if not takes_tool(caps, kind)), _FEW):
        shown = ascii(kind[:_SHOWN])[1:-1]
        reason = f"{caps.title} has no tool of type `{shown}`"
        yield Loss(f"tools[{shown}]", reason, droppable=False)


def _held(fields: Fields, gone: Container[str], probes: Probes) -> Iterator[Part]:
    """Name the parts that a request holds; under fields that are not taken none is looked for."""
    for top, (parts, probe) in probes.items():
        if top in fields.body and top not in gone:
            held = (parts[number] for number in sorted(probe.found(fields.body[top])))
            yield from (part for part in held if part.path not in gone)


@lru_cache(maxsize=1024)
def _probes(caps: Capabilities, version: str, canonical: str) -> Probes:
    """Return what to look for under each top-level field, for one model."""
    row = caps.models.get(canonical)
    grouped: dict[str, list[Part]] = {}
    for part in (*caps.parts, *(row.parts if row else ())):
        if part.version is None or part.version == version:
            grouped.setdefault(part.top, []).append(part)
    return {
        top: (tuple(parts), Probe([(part.steps, part.value) for part in parts]))
        for top, parts in grouped.items()
    }


def _part_loss(part: Part, fields: Fields, caps: Capabilities) -> Loss:
    if part.betas:
        sent = [beta for beta in fields.betas if beta in part.betas]
        which = "does not take" if sent else "is not asked for with"
        betas = ", ".join(sent or sorted(part.betas))
        reason = f"`{part.path}` needs the beta {betas}, which {caps.title} {which}"
    else:
        why = f": {part.why}" if part.why else ""
        reason = f"{caps.title} does not take `{part.path}`{why}"
    return Loss(part.path, reason, part.droppable and not _empties(part, fields))


def _empties(part: Part, fields: Fields) -> bool:
    """Say whether a message would hold nothing without a part, or it cannot be told."""
    if part.top != "messages" or len(part.steps) != 2:  # noqa: PLR2004 - a list and a key
        return False
    key = part.steps[1]
    if not isinstance(key, json_paths.Key):
        return False
    try:
        messages = _MESSAGES.decode(fields.body["messages"])
    except msgspec.DecodeError:
        return True
    return any(
        key.name in message and bytes(message.get("content", _NOTHING)) in _EMPTY
        for message in messages
    )


def _refused(fields: Fields, caps: Capabilities, taken: Collection[str]) -> Iterator[Loss]:
    for beta in fields.betas:
        if beta not in taken:
            yield _beta(beta, caps)


def _idle(alive: Sequence[str], held: Sequence[Part], lost: Collection[str]) -> Iterator[Loss]:
    """Name the betas whose parts are all left out: one half of a pair alone is refused."""
    for beta in alive:
        unlocked = [part.path for part in held if beta in part.betas]
        if unlocked and all(path in lost for path in unlocked):
            yield Loss(BETA + beta, f"what {beta} unlocks is left out")
