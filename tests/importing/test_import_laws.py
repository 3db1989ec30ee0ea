"""Whatever is imported is a configuration; whatever is not is told; no secret is repeated."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.cli.setting import endpoint
from gateway.config import load
from gateway.config.mistakes import ConfigError
from gateway.importing.litellm import Imported, imported
from gateway.importing.writing import text_of
from gateway.importing.yaml_source import parsed
from tests.importing.test_import_litellm import COMPANY, SECRETS

ENVIRON = {"GCP_PROJECT": "my-project"}
WHOLE: dict[str, Any] = yaml.safe_load(COMPANY)
ODD: st.SearchStrategy[Any] = st.sampled_from(
    [
        *(None, True, False, 0, -1, 10**30, 1.5, float("inf"), float("nan"), "", " ", "x", "*"),
        *(
            "os.environ/GCP_PROJECT",
            "os.environ/",
            "anthropic/",
            "bedrock/",
            "vertex_ai/*",
            "a/b/c",
        ),
        *(
            "http://x",
            "https://[",
            "\x1b[31m",
            "ünï\u2028",
            '"',
            "'''",
            "\\",
            "${file:/etc/passwd}",
        ),
        *([], {}, [[]], {"": ""}, [None], {"a": [1]}, "bedrock/us-east-1/", "${X} #"),
    ]
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path of every value in a configuration."""
    items: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        items = list(value.items())
    elif isinstance(value, list):
        items = list(enumerate(value))
    return [path, *(found for name, each in items for found in places(each, (*path, name)))]


PLACES = [path for path in places(WHOLE) if path]


def changed(changes: list[tuple[tuple[Any, ...], Any]]) -> Any:
    whole = copy.deepcopy(WHOLE)
    for path, value in changes:
        at = whole
        try:
            for step in path[:-1]:
                at = at[step]
            at[path[-1]] = value
        except (TypeError, KeyError, IndexError):
            continue
    return whole


def read(whole: Any) -> Imported | None:
    text = yaml.safe_dump(whole, allow_unicode=True, sort_keys=False)
    try:
        return imported(parsed("c.yaml", text), ENVIRON)
    except ConfigError as error:
        told = str(error)
    assert told
    assert not [secret for secret in SECRETS if secret in told]
    return None


def loaded(directory: Path, text: str, to_set: list[str]) -> None:
    (directory / "environments").mkdir(parents=True, exist_ok=True)
    (directory / "environments" / "prod.toml").touch()
    (directory / "gateway.toml").write_text(text, "utf-8")
    names = {word for line in text.split("${")[1:] for word in [line.partition("}")[0]]}
    environ = {
        **dict.fromkeys([*names, *to_set], "a-secret-of-enough-length"),
        "GATEWAY_ENV": "prod",
    }
    load(directory, environ, serving=True, check_place=endpoint)


@settings(max_examples=300)
@given(
    changes=st.lists(st.tuples(st.sampled_from(PLACES), ODD), min_size=1, max_size=3),
)
def test_what_is_imported_is_a_configuration_without_a_secret(
    tmp_path_factory: Any, changes: list[tuple[tuple[Any, ...], Any]]
) -> None:
    found = read(changed(changes))
    if found is None:
        return
    text = text_of(found, "c.yaml")
    assert not [secret for secret in SECRETS if secret in text]
    loaded(tmp_path_factory.mktemp("imported"), text, list(found.to_set))


def test_the_sample_itself_is_one(tmp_path: Path) -> None:
    found = read(WHOLE)
    assert found is not None
    loaded(tmp_path, text_of(found, "c.yaml"), list(found.to_set))
