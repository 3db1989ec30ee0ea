"""Edit a Messages API body field by field; what is not edited keeps its bytes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from msgspec import Raw

from providers.capabilities import Capabilities
from providers.codecs import json_paths
from providers.contract import Loss

BETA = "anthropic-beta: "
"""What the name of a loss begins with when it is a beta and no part of the body."""


def edit(
    body: Mapping[str, Raw],
    losses: Iterable[Loss],
    set: Mapping[str, Any],  # noqa: A002 - reads as what it does where it is called
    remove: Iterable[str],
) -> bytes:
    """Return a body without what `losses` and `remove` name and with the fields of `set`.

    Fields keep their order; a field of `set` that is new comes last. Only the levels on the path
    of a nested loss are encoded again. Raises ValueError for a loss that is not droppable: such a
    request must not be sent there.
    """
    left = {name: value for name, value in body.items() if name not in frozenset(remove)}
    for top, found in paths(losses).items():
        if top not in left:
            continue
        kept = None if () in found else json_paths.without(left[top], found)
        if kept is None:
            del left[top]
        else:
            left[top] = kept
    return msgspec.json.encode({**left, **set})


def extended(raw: bytes, more: Mapping[str, Any]) -> bytes:
    """Return a JSON object that has fields with `more` fields behind them; no byte else changes.

    The caller knows that none of the names is there yet.
    """
    end = raw.rindex(b"}")
    return raw[:end] + b"," + msgspec.json.encode(more)[1:-1] + raw[end:]


def paths(losses: Iterable[Loss]) -> dict[str, list[json_paths.Steps]]:
    """Return the paths to remove under each top-level field.

    Raises ValueError for a loss that is not droppable.
    """
    grouped: dict[str, list[json_paths.Steps]] = {}
    for loss in losses:
        if not loss.droppable:
            raise ValueError(f"{loss.name} may not be left out: {loss.reason}")
        if loss.name.startswith(BETA):
            continue
        top, *rest = json_paths.parse(loss.name)
        if isinstance(top, json_paths.Key):
            grouped.setdefault(top.name, []).append(tuple(rest))
    return grouped


def take_betas(betas: Iterable[str], caps: Capabilities, losses: Iterable[Loss]) -> tuple[str, ...]:
    """Return the beta values to send: without the losses, in the platform's names, each once."""
    lost = {loss.name for loss in losses}
    kept = (caps.renamed.get(beta, beta) for beta in betas if BETA + beta not in lost)
    return tuple(dict.fromkeys(kept))
