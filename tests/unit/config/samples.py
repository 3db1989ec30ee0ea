"""Configurations to start from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from gateway.config import Mistake

Write = Callable[..., Path]
Mistakes = Callable[..., tuple[Mistake, ...]]

DIRECT = """\
schema = 1
[routing]
order = ["direct"]
[upstreams.direct]
provider = "anthropic"
api_key = "${KEY}"
"""
ENVIRON = {"GATEWAY_ENV": "dev", "KEY": "sk-made-up"}
