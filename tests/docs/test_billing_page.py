"""docs/billing.md: what is shown runs, and prints what is shown."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any, get_args

import pytest

from gateway.billing import Dimension, Total
from gateway.emulator import Emulator
from tests.docs.pages import ROOT, blocks, dead_links

PAGE = "docs/billing.md"


def test_the_examples_print_what_is_shown(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("GATEWAY_CONFIG", "GATEWAY_ENV", "AWS_REGION", "ANTHROPIC_VERTEX_PROJECT_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ANTHROPIC_API_KEY", emulator.api_key)
    monkeypatch.setenv("ANTHROPIC_BASE_URL", emulator.direct.base_url)
    names: dict[str, Any] = {}
    shown = [block for block in blocks(PAGE) if block.language in {"python", "text"}]
    assert [block.language for block in shown] == ["python", "text"] * 3
    try:
        for code, printed in list(pairwise(shown))[::2]:
            exec(compile(code.text, PAGE, "exec"), names)  # noqa: S102 - it is the page's own
            assert capsys.readouterr().out == printed.text
    finally:
        names["client"].close()


def test_the_sums_are_all_there() -> None:
    text = (ROOT / PAGE).read_text("utf-8")
    table = text.partition("| `billing.total`")[2].partition("\n\n")[0]
    named = {name for name in re.findall(r"`(\w+)`", table) if name not in {"None", "flags"}}
    assert {"unpriced", "partial", "cost_usd", "waste_low_pico"} <= named
    assert [name for name in named if not hasattr(Total(), name)] == []


def test_what_it_may_be_summed_by_is_named() -> None:
    text = (ROOT / PAGE).read_text("utf-8")
    sentence = text.partition('`by("user")` also takes ')[2].partition(".")[0]
    assert {"user", *re.findall(r"`(\w+)`", sentence)} == {*get_args(Dimension)}


def test_links_lead_somewhere() -> None:
    assert dead_links(PAGE) == []
