"""The tree is that of RFC 6962, written here once more as the RFC has it."""

from __future__ import annotations

import hashlib

import pytest

from gateway.journal.merkle import Frontier, paths, root_of

LEAVES = [hashlib.sha256(b"\x00" + bytes([number])).digest() for number in range(40)]


def tree(leaves: list[bytes]) -> bytes:
    """Section 2.1: MTH(D[n])."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return hashlib.sha256(b"\x01" + tree(leaves[:split]) + tree(leaves[split:])).digest()


@pytest.mark.parametrize("size", range(len(LEAVES)))
def test_the_root_of_any_size_is_that_of_the_rfc(size: int) -> None:
    frontier = Frontier()
    for leaf in LEAVES[:size]:
        frontier.add(leaf)
    assert frontier.root() == tree(LEAVES[:size])


@pytest.mark.parametrize("size", range(1, len(LEAVES)))
def test_every_leaf_is_proven_and_nothing_else_is(size: int) -> None:
    leaves = LEAVES[:size]
    root = tree(leaves)
    proofs = paths(leaves, size, range(size))
    for index, path in proofs.items():
        assert root_of(leaves[index], index, size, path) == root
        assert root_of(LEAVES[-1], index, size, path) != root
        assert root_of(leaves[index], index, size, (*path, root)) is None
        if size > 1:
            assert root_of(leaves[index], (index + 1) % size, size, path) != root
            assert root_of(leaves[index], index, size, path[:-1]) is None
    assert root_of(leaves[0], size, size, proofs[0]) is None
