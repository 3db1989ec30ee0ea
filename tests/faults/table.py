"""The table that `make faults` prints: a line for each fault, what became of it in each case."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from tests.faults.cases import MODES, PLATFORMS
from tests.faults.evidence import Evidence

COLUMNS = [(platform, streamed) for platform in PLATFORMS for streamed in (True, False)]
LEGEND = (
    "Each cell: failover allowed / forbidden / the fault only once; one word where all are alike. "
    "ok: a whole answer; a number: an HTTP error; ~type: a stream that began ends in an error."
)


def printed(found: Sequence[Evidence], failed: Mapping[str, int]) -> Iterator[str]:
    """Yield the table's lines.

    Args:
        found: What every case came to.
        failed: Fault -> how many of its cases break a rule or an expectation.
    """
    rows: dict[str, dict[tuple[str, bool], dict[str, set[str]]]] = defaultdict(dict)
    for each in found:
        case = each.case
        cell = rows[case.fault].setdefault((case.platform, case.streamed), defaultdict(set))
        cell[case.mode].add(_short(each.seen.outcome))
    lines = [["fault", *(f"{p} {'stream' if s else 'whole'}" for p, s in COLUMNS), ""]]
    for fault in sorted(rows):
        cells = [_cell(rows[fault].get(column)) for column in COLUMNS]
        lines.append([fault, *cells, f"{failed[fault]} failed" if failed.get(fault) else "pass"])
    widths = [max(len(line[n]) for line in lines) for n in range(len(lines[0]))]
    for line in lines:
        yield "  ".join(
            text.ljust(width) for text, width in zip(line, widths, strict=True)
        ).rstrip()
    yield LEGEND
    wrong = sum(failed.values())
    yield f"{len(rows)} faults, {len(found)} cases: {f'{wrong} failed' if wrong else 'all pass'}."


def _cell(modes: Mapping[str, set[str]] | None) -> str:
    if modes is None:
        return "-"
    cells = ["|".join(sorted(modes[mode])) or "-" for mode in MODES]
    return cells[0] if len(set(cells)) == 1 else " / ".join(cells)


def _short(outcome: str) -> str:
    kind, _, name = outcome.partition(" ")
    if kind == "event":
        return f"~{name.removesuffix('_error')}"
    return kind
