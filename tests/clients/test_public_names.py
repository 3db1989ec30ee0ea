"""The package's own names: all there, loaded when used."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import gateway

ROOT = Path(__file__).parents[2]


def _python(code: str) -> str:
    done = subprocess.run(  # noqa: S603 - the code is a test's
        [sys.executable, "-c", code],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_every_public_name_is_there() -> None:
    for name in gateway.__all__:
        assert getattr(gateway, name) is not None
        assert name in dir(gateway)
    with pytest.raises(AttributeError, match="Anthropics"):
        getattr(gateway, "Anthropics")  # noqa: B009 - type checkers know it is not there


def test_importing_the_package_loads_nothing_heavy() -> None:
    heavy = "{'anthropic', 'pydantic', 'boto3', 'botocore', 'google.auth', 'uvicorn', 'msgspec'}"
    assert _python(f"import sys, gateway; print(sorted({heavy} & set(sys.modules)))") == "[]"


def test_importing_the_client_loads_no_cloud_and_no_server() -> None:
    heavy = "{'boto3', 'botocore', 'google.auth', 'starlette', 'uvicorn', 'typer', 'litellm'}"
    code = f"import sys; from gateway import Anthropic; print(sorted({heavy} & set(sys.modules)))"
    assert _python(code) == "[]"


def test_names_stay_what_they_are_whatever_is_imported_first() -> None:
    code = (
        "import gateway, gateway.client, gateway.usage, gateway.config;"
        "print(callable(gateway.labels), gateway.Usage.__name__, gateway.Config.__name__)"
    )
    assert _python(code) == "True Usage Config"
