"""The models the emulator knows, read from `data/models.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any

from gateway.emulator.problems import Problem


@dataclass(frozen=True, slots=True)
class Model:
    """One model and what it takes."""

    id: str
    display_name: str
    line: str
    created_at: str
    lifecycle: str
    max_input_tokens: int
    max_tokens: int
    min_cache_tokens: int
    sampling: bool
    prefill: bool
    thinking: tuple[str, ...]
    inference_geo: bool
    """Whether a request may say where it is to be processed."""
    aliases: tuple[str, ...]
    deprecated_at: str | None = None
    retires_at: str | None = None


def table(name: str) -> dict[str, Any]:
    """Return one TOML file of the emulator's `data` folder."""
    text = resources.files("gateway.emulator").joinpath("data", name).read_text("utf-8")
    return tomllib.loads(text)


@cache
def known_models() -> Mapping[str, Model]:
    """Return every model by id, newest first."""
    data = table("models.toml")
    found = {}
    for name, own in data["models"].items():
        row = data["defaults"] | own
        row["thinking"] = tuple(row["thinking"])
        row["aliases"] = tuple(row["aliases"])
        found[name] = Model(id=name, **row)
    return MappingProxyType(found)


@cache
def _names() -> Mapping[str, Model]:
    models = known_models()
    return {alias: m for m in models.values() for alias in (m.id, *m.aliases)}


def find_model(name: str) -> Model:
    """Return the model with this id or alias; raises Problem (404) in the API's words."""
    model = _names().get(name)
    if model is None:
        raise Problem(404, f"model: {name}")
    return model
