"""One run of all cases that the chosen tests are about, and the table it makes."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from tests.faults.cases import WHOLE, chosen
from tests.faults.evidence import Evidence
from tests.faults.expected import mistakes
from tests.faults.running import run
from tests.faults.table import printed
from tests.faults.widths import told

HERE = Path(__file__).parent
FOUND = pytest.StashKey[Sequence[Evidence]]()


@pytest.fixture(scope="session")
def found(request: pytest.FixtureRequest) -> Mapping[str, Sequence[Evidence]]:
    """Return what was found of the cases of each chosen fault."""
    wanted = {
        str(item.callspec.params["fault"])
        for item in request.session.items
        if isinstance(item, pytest.Function) and item.path.parent == HERE
        if {"found", "fault"} <= set(item.fixturenames)
    }
    log = logging.getLogger("gateway")
    before = log.level
    # It tells of each attempt that fails, and here nearly all of them do.
    log.setLevel(logging.CRITICAL)
    try:
        evidence = run([case for case in chosen() if case.fault in wanted])
    finally:
        log.setLevel(before)
    request.config.stash[FOUND] = evidence
    return {fault: [each for each in evidence if each.case.fault == fault] for fault in wanted}


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Print the table of a whole run."""
    if not WHOLE or FOUND not in config.stash:
        return
    terminalreporter.section("faults")
    for line in (*_lines(config.stash[FOUND]), *told(config.stash[FOUND])):
        terminalreporter.write_line(line)


def _lines(evidence: Sequence[Evidence]) -> Iterator[str]:
    failed: dict[str, int] = {}
    for each in evidence:
        failed[each.case.fault] = failed.get(each.case.fault, 0) + bool(mistakes(each))
    return printed(evidence, failed)
