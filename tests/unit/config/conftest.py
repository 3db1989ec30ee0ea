"""A directory to write configurations into."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.config import Config, ConfigError, Mistake, load
from tests.unit.config.samples import DIRECT, ENVIRON, Mistakes, Write


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a `gateway.toml` and its environments; return the directory."""

    def files(main: str = DIRECT, **environments: str) -> Path:
        folder = tmp_path / "config" / "environments"
        folder.mkdir(parents=True, exist_ok=True)
        (folder.parent / "gateway.toml").write_text(main, encoding="utf-8")
        for name, text in (environments or {"dev": ""}).items():
            (folder / f"{name}.toml").write_text(text, encoding="utf-8")
        return folder.parent

    return files


@pytest.fixture
def loaded(write: Write) -> Callable[..., Config]:
    """Write and load a configuration of one file."""

    def read(main: str = DIRECT, dev: str = "", **environ: str) -> Config:
        return load(write(main, dev=dev), ENVIRON | environ)

    return read


@pytest.fixture
def mistakes(write: Write) -> Mistakes:
    """Write a configuration and return what is wrong with it."""

    def find(main: str = DIRECT, dev: str = "", **environ: str) -> tuple[Mistake, ...]:
        with pytest.raises(ConfigError) as raised:
            load(write(main, dev=dev), ENVIRON | environ, serving=True)
        return raised.value.mistakes

    return find
