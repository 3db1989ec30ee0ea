"""docs/affinity.md says the numbers that are in force."""

from __future__ import annotations

import re
import tomllib

from gateway.affinity import key, marks, pins, signatures
from gateway.config.model import Affinity
from tests.docs.pages import ROOT, dead_links

PAGE = (ROOT / "docs" / "affinity.md").read_text("utf-8")


def test_the_settings_are_all_there_with_their_defaults() -> None:
    (block,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    assert tomllib.loads(block)["affinity"] == Affinity().model_dump()


def test_the_numbers_are_those_of_the_code() -> None:
    assert (marks.HOUR_S, marks.FIVE_MINUTES_S) == (3600, 300)
    assert "an hour or five minutes" in PAGE
    assert f"at most {pins.MAX_PINS:,}" in PAGE
    assert 2 * key.ENDS_BYTES == 512
    assert (
        f"half a kilobyte are known by their length, both ends and one byte in {key.EVERY_BYTES}"
        in (PAGE)
    )
    assert signatures.REMEMBERED_S == 86_400
    assert "remembered for a day" in PAGE


def test_links_lead_somewhere() -> None:
    for page in ("docs/affinity.md", "docs/failover.md", "docs/policy.md"):
        assert dead_links(page) == []
