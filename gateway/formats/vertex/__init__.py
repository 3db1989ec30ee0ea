"""Vertex AI's format: Claude under `publishers/anthropic`."""

from __future__ import annotations

from gateway.formats.vertex.paths import find

__all__ = ["find"]
