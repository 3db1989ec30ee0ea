"""The report in the terminal: it renders what the steps found, and decides nothing."""

from __future__ import annotations

from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.table import Table as Grid
from rich.text import Text

from gateway.demo.scene import Claim, Scene, Step, Table

TITLE = "Tidegate demo: every platform here is emulated on this machine"
NOTES = (
    "No account, no network: the real SDK, through both doors of the gateway.",
    "  client  the gateway inside the program: from gateway import Anthropic",
    "  server  the gateway on a port of loopback: the SDK with its base_url",
)
PIPED_COLUMNS = 10_000
"""A report that goes into a file or another program is not folded."""


class Report:
    """A report being written; colours and lines only where a person reads."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False)
        if not self._console.is_terminal:
            self._console.width = PIPED_COLUMNS

    def title(self) -> None:
        """Write what this is."""
        self._line(Text(TITLE, "bold"))
        for note in NOTES:
            self._line(Text(note))

    def step(self, number: int, step: Step, scene: Scene) -> None:
        """Write one step: heading, sentence, table, claims."""
        self._line(Text())
        self._line(Text(f"{number}. {step.title} [{step.name}]", "bold"))
        self._line(Text(step.sentence))
        if scene.table.rows:
            self._console.print(Padding(self._grid(scene.table), (0, 0, 0, 2), expand=False))
        for claim in scene.claims:
            self._claim(claim)

    def end(self, held: int, total: int, took_s: float) -> None:
        """Write how many claims held, and the time it took."""
        self._line(Text())
        words = f"{held} of {total} claims held against the platforms' request log"
        self._line(
            Text(f"{words}, in {took_s:.1f} s.", "bold green" if held == total else "bold red")
        )

    def _claim(self, claim: Claim) -> None:
        mark = Text("  held  ", "green") if claim.held else Text("  FAILED", "bold red")
        self._hung(mark, claim.text)
        if not claim.held:
            self._hung(Text(" " * len(mark)), f"found: {claim.detail}")

    def _hung(self, mark: Text, words: str) -> None:
        """Write words that stay to the right of their mark when they are folded."""
        line = Grid.grid(padding=(0, 2, 0, 0))
        line.add_row(mark, Text(words))
        self._console.print(line)

    def _grid(self, table: Table) -> Grid:
        terminal = self._console.is_terminal
        grid = Grid(box=box.SIMPLE_HEAD if terminal else None, pad_edge=False)
        for name in table.columns:
            grid.add_column(name, overflow="fold")
        for row in table.rows:
            grid.add_row(*map(Text, row))
        return grid

    def _line(self, text: Text) -> None:
        self._console.print(text)
