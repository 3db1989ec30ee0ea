from __future__ import annotations

from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.config import Config, ConfigError, load
from gateway.config.model import Breaker, Retries, Routing, Server, Timeouts
from gateway.config.upstreams import UPSTREAMS
from providers.contract import Place
from tests.unit.config.samples import ENVIRON, Write

SHIPPED = (Path(__file__).parents[3] / "config" / "gateway.toml").read_text(encoding="utf-8")
KEYS = sorted(
    {key for model in UPSTREAMS.values() for key in model.model_fields}
    | {k for model in (Breaker, Retries, Routing, Server, Timeouts) for k in model.model_fields}
    | {"schema", "routing", "upstreams", "timeouts", "retries", "breaker", "server", "direct"}
)
keys = st.sampled_from(KEYS) | st.text('ab."é\x00\n', max_size=3)
scalars = (
    st.integers(-1, 3)
    | st.booleans()
    | st.floats()
    | st.sampled_from(
        ["", "anthropic", "bedrock", "vertex", "direct", "${KEY}", "${file:/x}", "eu"]
    )
    | st.text(max_size=5)
)
trees = st.recursive(
    scalars, lambda below: st.lists(below, max_size=3) | st.dictionaries(keys, below, max_size=5)
)
SETTINGS = settings(
    max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)


def toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{toml(key)} = {toml(below)}" for key, below in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(toml(below) for below in value) + "]"
    if isinstance(value, str):
        return '"' + "".join(f"\\U{ord(char):08x}" for char in value) + '"'
    return str(value).lower()


def outcome(directory: Path) -> Config | ConfigError:
    def check(provider: str, place: Place) -> None:
        assert provider in UPSTREAMS
        assert isinstance(place, Place)

    try:
        return load(directory, ENVIRON, serving=True, check_place=check)
    except ConfigError as error:
        found = error
    assert found.mistakes
    assert all(line.isprintable() for line in str(found).split("\n"))
    return found


@SETTINGS
@given(st.dictionaries(keys, trees, max_size=6))
def test_any_settings_are_a_configuration_or_mistakes(write: Write, tree: dict[str, Any]) -> None:
    outcome(write("".join(f"{toml(key)} = {toml(value)}\n" for key, value in tree.items())))


@SETTINGS
@given(st.dictionaries(keys, scalars | st.lists(scalars, max_size=2), max_size=4), st.data())
def test_any_upstream_is_an_upstream_or_mistakes_in_it(
    write: Write, table: dict[str, Any], data: st.DataObject
) -> None:
    table["provider"] = data.draw(st.sampled_from(sorted(UPSTREAMS)))
    text = "schema = 1\nrouting.order = ['x']\n[upstreams.x]\n"
    lines = "".join(f"{toml(key)} = {toml(value)}\n" for key, value in table.items())
    found = outcome(write(text + lines))
    if isinstance(found, ConfigError):
        assert all(mistake.line and mistake.line >= 3 for mistake in found.mistakes)


@SETTINGS
@given(st.integers(0, len(SHIPPED)), st.integers(0, 12), st.text("[]{}\"'=#\n ,.x$", max_size=4))
def test_a_slip_of_the_hand_is_never_a_traceback(
    write: Write, at: int, lost: int, typed: str
) -> None:
    outcome(write(SHIPPED[:at] + typed + SHIPPED[at + lost :]))
