"""docs/foundry.md and docs/relay.md: what is shown is taken, and every link leads somewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.compose import found
from tests.docs.pages import blocks, dead_links

PAGES = {"docs/foundry.md": "foundry", "docs/relay.md": "relay"}


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page: str) -> None:
    assert dead_links(page) == []


@pytest.mark.parametrize(("page", "provider"), PAGES.items())
def test_the_configuration_is_taken(page: str, provider: str, tmp_path: Path) -> None:
    (shown,) = (block.text for block in blocks(page) if block.language == "toml")
    (tmp_path / "environments").mkdir()
    (tmp_path / "environments" / "prod.toml").touch()
    (tmp_path / "gateway.toml").write_text(
        f'schema = 1\n[routing]\norder = ["{provider}"]\n{shown}'
    )
    environ = {"GATEWAY_ENV": "prod", "FOUNDRY_KEY": "k", "RELAY_API_KEY": "k"}
    config = found(tmp_path, environ)
    assert [each.provider for each in config.used] == [provider]
