"""The Merkle tree of RFC 6962 over the hashes of records, built while they stream by.

The leaf hash (SHA-256 over a zero byte and the leaf) is what `record.chained` returns; a node is
SHA-256 over a one byte and its two children.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

Span = tuple[int, int]
"""The leaves of one subtree: from, up to."""


def parent(left: bytes, right: bytes) -> bytes:
    """Return the hash of a node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class Frontier:
    """The roots of the complete subtrees of a growing tree: as many as its size has ones."""

    def __init__(self) -> None:
        self.size = 0
        self._roots: list[bytes] = []

    def add(self, leaf: bytes) -> None:
        """Add the next leaf, by its hash."""
        node, size = leaf, self.size
        while size & 1:
            node = parent(self._roots.pop(), node)
            size >>= 1
        self._roots.append(node)
        self.size += 1

    def root(self) -> bytes:
        """Return the hash of the whole tree; that of no bytes when it is empty."""
        if not self._roots:
            return hashlib.sha256(b"").digest()
        *rest, node = self._roots
        for left in reversed(rest):
            node = parent(left, node)
        return node


def siblings(index: int, size: int) -> list[Span]:
    """Return the subtrees whose roots prove a leaf, from the leaf up to the root."""
    start, stop = 0, size
    found: list[Span] = []
    while stop - start > 1:
        middle = start + (1 << (stop - start - 1).bit_length() - 1)
        if index < middle:
            found.append((middle, stop))
            stop = middle
        else:
            found.append((start, middle))
            start = middle
    return found[::-1]


def paths(
    leaves: Iterable[bytes], size: int, indexes: Sequence[int]
) -> Mapping[int, tuple[bytes, ...]]:
    """Return the inclusion proof of each index, in one pass over the leaves."""
    spans = {index: siblings(index, size) for index in indexes}
    roots = _roots(leaves, {span for found in spans.values() for span in found})
    return {index: tuple(roots[span] for span in found) for index, found in spans.items()}


def _roots(leaves: Iterable[bytes], spans: set[Span]) -> dict[Span, bytes]:
    beginning: defaultdict[int, list[Span]] = defaultdict(list)
    for span in spans:
        beginning[span[0]].append(span)
    trees = {span: Frontier() for span in spans}
    running: list[Span] = []
    for index, leaf in enumerate(leaves):
        running = [span for span in running if span[1] > index] + beginning[index]
        for span in running:
            trees[span].add(leaf)
    return {span: tree.root() for span, tree in trees.items()}


def root_of(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes | None:
    """Return the root that a proof leads to, or None where its length fits no such tree."""
    spans = siblings(index, size) if 0 <= index < size else None
    if spans is None or len(spans) != len(path):
        return None
    node = leaf
    for (start, _), other in zip(spans, path, strict=True):
        node = parent(node, other) if start > index else parent(other, node)
    return node
