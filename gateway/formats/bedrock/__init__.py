"""Amazon Bedrock's format: its runtime's operations on a model, and its inference profiles."""

from __future__ import annotations

from gateway.formats.bedrock.paths import find, listing

__all__ = ["find", "listing"]
