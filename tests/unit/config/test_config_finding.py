from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.config import Config, ConfigError, load
from tests.unit.config.samples import ENVIRON, Write

SDK = {"ANTHROPIC_API_KEY": "sk-made-up"}


def refused(*args: object, **options: bool) -> str:
    with pytest.raises(ConfigError) as raised:
        load(*args, **options)  # type: ignore[arg-type]
    return str(raised.value)


def test_the_argument_wins_over_the_variable(write: Write, tmp_path: Path) -> None:
    found = load(write(), ENVIRON | {"GATEWAY_CONFIG": str(tmp_path / "other")})
    assert (found.directory, found.environment, found.no_file) == (
        tmp_path / "config",
        "dev",
        False,
    )


def test_the_argument_may_be_a_string(write: Write) -> None:
    assert load(str(write()), ENVIRON).environment == "dev"


def test_a_finished_configuration_is_taken_as_it_is(loaded: Callable[..., Config]) -> None:
    config = loaded()
    assert load(config, {}) is config


def test_the_variable_names_a_directory(write: Write) -> None:
    found = load(None, ENVIRON | {"GATEWAY_CONFIG": str(write())})
    assert found.used[0].name == "direct"


def test_only_the_command_line_looks_into_the_working_directory(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(write().parent)
    assert load(None, SDK | ENVIRON, cwd_config=True).directory == Path("config")
    assert load(None, SDK, cwd_config=False).no_file


def test_somebody_elses_config_folder_is_no_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config").mkdir()
    monkeypatch.chdir(tmp_path)
    assert load(None, SDK, cwd_config=True).no_file


def test_an_environment_must_be_named(write: Write) -> None:
    text = refused(write(prod="", dev=""), {"KEY": "x"})
    assert "GATEWAY_ENV: is not set" in text
    assert "it has: dev, prod" in text


def test_a_blank_variable_is_an_unset_one(write: Write) -> None:
    assert "GATEWAY_ENV: is not set" in refused(write(), {"GATEWAY_ENV": " ", "KEY": "x"})


@pytest.mark.parametrize("name", ["GATEWAY_CONFIG", "GATEWAY_ENV"])
@pytest.mark.parametrize("value", ["", " "])
def test_a_variable_that_came_out_empty_starts_nothing(name: str, value: str) -> None:
    assert name in refused(None, SDK | {name: value})


def test_an_environment_must_exist(write: Write) -> None:
    text = refused(write(prod=""), {"GATEWAY_ENV": "pord", "KEY": "x"})
    assert "did you mean prod?" in text


@pytest.mark.parametrize("name", ["../gateway", "..", "dev.toml", "/etc/x"])
def test_an_environment_is_a_name_and_no_path(write: Write, name: str) -> None:
    assert "names no environment" in refused(write(), ENVIRON | {"GATEWAY_ENV": name})


def test_a_named_configuration_that_is_not_there_stops_everything(tmp_path: Path) -> None:
    missing = str(tmp_path / "nowhere")
    assert "there is no" in refused(None, SDK | {"GATEWAY_CONFIG": missing})
    assert "there is no" in refused(missing, SDK)
    assert "is empty" in refused("", SDK)


def test_a_file_is_not_a_directory(write: Write) -> None:
    assert "is a file" in refused(write() / "gateway.toml", ENVIRON)


def test_an_environment_without_a_configuration_stops_everything() -> None:
    assert "GATEWAY_ENV: is set, but there is no configuration" in refused(
        None, SDK | {"GATEWAY_ENV": "prod"}
    )


def test_the_environment_lies_over_the_main_file(loaded: Callable[..., Config]) -> None:
    dev = "[timeouts]\nhold_s = 1\n[upstreams.direct]\nfidelity = 'lenient'\n"
    config = loaded(dev=dev)
    assert config.timeouts.hold_s == 1.0
    assert config.timeouts.connect_s == 5.0
    assert config.used[0].fidelity == "lenient"


def test_the_sdks_base_urls_mean_nothing_beside_a_configuration(
    loaded: Callable[..., Config],
) -> None:
    config = loaded(ANTHROPIC_BASE_URL="https://elsewhere.example", AWS_REGION="us-east-1")
    assert [upstream.base_url for upstream in config.upstreams.values()] == [None]
