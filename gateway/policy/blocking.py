"""The policy file of blocks: one is put in, one is taken out, and the file is written anew."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.policy.files import PolicyFile
from gateway.policy.model import Block
from gateway.policy.reading import SCHEMA

HEAD = f"""\
# Upstreams that nothing may go to for now, whatever the other policies say. Written by
# `gateway policy block` and `gateway policy unblock`; a running gateway follows within 5 s.
schema = {SCHEMA}
name = "blocks"

[layer]
"""

_ESCAPED = {'"': '\\"', "\\": "\\\\"}


def with_block(blocks: Sequence[Block], block: Block) -> list[Block]:
    """Return blocks with one more; it takes the place of one for the same upstream."""
    return [*without(blocks, block.upstream), block]


def without(blocks: Sequence[Block], upstream: str) -> list[Block]:
    """Return blocks without those that are written for an upstream."""
    return [each for each in blocks if each.upstream != upstream]


def only_blocks(read: PolicyFile) -> bool:
    """Say whether a file holds nothing that writing it anew would lose."""
    policy = read.policy
    more = (policy.unlabelled, policy.zones, policy.classes, policy.permit, policy.rule)
    named = policy.layer is not None and (policy.layer.environments, policy.layer.keys)
    return named == (None, None) and not any((*more, policy.exception, policy.prefer.order))


def text(blocks: Sequence[Block]) -> str:
    """Return the file that holds some blocks, as TOML."""
    return "\n".join([HEAD, *map(_table, blocks)])


def _table(block: Block) -> str:
    lines = ["[[block]]", f"upstream = {_string(block.upstream)}"]
    lines.append(f"because = {_string(block.because)}")
    if block.until is not None:
        lines.append(f"until = {block.until.isoformat().replace('+00:00', 'Z')}")
    return "\n".join([*lines, ""])


def _string(words: str) -> str:
    return f'"{"".join(map(_character, words))}"'


def _character(char: str) -> str:
    """Return a character as a basic string of TOML has it."""
    if char in _ESCAPED:
        return _ESCAPED[char]
    return char if char.isprintable() else f"\\U{ord(char):08X}"
