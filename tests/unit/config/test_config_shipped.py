from __future__ import annotations

import re
from pathlib import Path

import pytest

from gateway.cli.init import templates
from gateway.config import load
from gateway.config.model import (
    Affinity,
    Breaker,
    Journal,
    Logs,
    Policy,
    Retries,
    Server,
    Timeouts,
)

ROOT = Path(__file__).parents[3]
ENVIRON = {"ANTHROPIC_API_KEY": "sk-made-up", "TIDEGATE_KEY": "made-up"}


def test_the_files_of_the_project_are_those_that_init_writes() -> None:
    folder = ROOT / "config"
    shipped = {
        str(file.relative_to(folder)): file.read_text(encoding="utf-8")
        for file in folder.rglob("*.toml")
        if file.parent.name in {"config", "environments", "policies"}
    }
    assert {name: shipped.get(name) for name in templates()} == templates()


@pytest.mark.parametrize("environment", ["dev", "staging", "prod"])
def test_the_shipped_configuration_is_valid_everywhere(environment: str) -> None:
    config = load(ROOT / "config", ENVIRON | {"GATEWAY_ENV": environment}, serving=True)
    assert config.environment == environment


def test_the_shipped_numbers_are_the_defaults() -> None:
    config = load(ROOT / "config", ENVIRON | {"GATEWAY_ENV": "dev"}, serving=True)
    sections = (config.timeouts, config.retries, config.breaker, config.server)
    assert sections == (Timeouts(), Retries(), Breaker(), Server())
    assert (config.policy, config.journal, config.callers) == (Policy(), Journal(), {})
    assert (config.affinity, config.logs) == (Affinity(), Logs())


def test_every_comment_that_shows_a_setting_shows_a_real_one(tmp_path: Path) -> None:
    text = (ROOT / "config" / "gateway.toml").read_text(encoding="utf-8")
    general, _, _ = text.partition("\n[timeouts]")
    shown = general[general.index("# Any upstream may also have:") :].splitlines()[1:]
    lines = [line.removeprefix("# ").partition("  #")[0] for line in shown]
    folder = tmp_path / "environments"
    folder.mkdir()
    files = {name: str(tmp_path / name) for name in ("own-ca.pem", "client.pem")}
    own = "\n".join(lines).replace("NAME", "x")
    for name, path in files.items():
        Path(path).touch()
        own = own.replace(f"/etc/ssl/{name}", path).replace(f"/etc/gateway/{name}", path)
    head = "schema = 1\n[routing]\norder = ['x']\n[upstreams.x]\nprovider = 'bedrock'\n"
    (tmp_path / "gateway.toml").write_text(head + own)
    (folder / "dev.toml").touch()
    assert load(tmp_path, {"GATEWAY_ENV": "dev"}).used[0].ca_file == files["own-ca.pem"]


def test_every_comment_on_policy_journal_and_callers_shows_a_real_setting(tmp_path: Path) -> None:
    text = (ROOT / "config" / "gateway.toml").read_text(encoding="utf-8")
    about = text[text.index("\n[policy]") : text.index("\n[server]")]
    shown = re.sub(r"(?m)^# (?=\[|[a-z_]+ = )", "", about)
    head = "schema = 1\n[routing]\norder = ['x']\n[upstreams.x]\nprovider = 'bedrock'\n"
    (tmp_path / "gateway.toml").write_text(head + "region = 'eu-central-1'\n" + shown)
    (tmp_path / "attestations.toml").touch()
    (tmp_path / "environments").mkdir()
    (tmp_path / "environments" / "dev.toml").touch()
    config = load(tmp_path, {"GATEWAY_ENV": "dev", "BILLING_KEY": "made-up"})
    assert config.callers["billing"].classes == ("customer",)
    assert config.policy.attestations == str(tmp_path / "attestations.toml")
    assert config.journal.dir is not None
