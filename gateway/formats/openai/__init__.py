"""The Chat Completions API of OpenAI."""

from __future__ import annotations

from gateway.formats.openai.paths import way

__all__ = ["way"]
