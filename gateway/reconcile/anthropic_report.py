"""What the readers of the Admin API's reports share: files of pages, read into one statement."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from gateway.reconcile.anthropic_pages import Buckets, Row, is_report
from gateway.reconcile.keeping import Selection
from gateway.reconcile.source import Source
from gateway.reconcile.statement import Charge, File, Gathered, Measure, Statement


class Report:
    """Reads the files of one kind of report; which kind, and what is in a row, subclasses say."""

    form: ClassVar[str]
    member: ClassVar[str]
    """What only rows of this kind have."""
    counters: ClassVar[frozenset[str]]
    """The members of a row that are sums."""
    measures: ClassVar[tuple[Measure, ...]]

    def __init__(self, selection: Selection) -> None:
        self._selection = selection
        self._files: list[File] = []
        self._buckets = Buckets(self.counters, self.member)

    @classmethod
    def knows(cls, head: bytes) -> bool:
        """Say whether a file that begins so is such a report."""
        return is_report(head, cls.member)

    def take(self, source: Source) -> None:
        """Read one file; raises BadStatement."""
        self._buckets.take(source)
        self._files.append(source.file)

    def done(self) -> Statement:
        """Return what all files say; raises BadStatement where they contradict each other."""
        gathered = Gathered(self._selection)
        for row in self._buckets.rows():
            for charge in self.charges(row):
                gathered.add(charge)
        self._selection.check(f"the {self.form} report")
        return Statement(
            format=self.form,
            platform="anthropic",
            measures=self.measures,
            files=tuple(sorted(self._files, key=lambda file: file.digest)),
            charges=gathered.charges(),
            spans=self._buckets.spans(),
            leaves_out_tiers=self.leaves_out_tiers(),
            notes=(*sorted(self._buckets.notes), *self.notes()),
        )

    def charges(self, row: Row) -> Iterator[Charge]:
        """Yield the lines that a row is; raises BadStatement."""
        raise NotImplementedError

    def leaves_out_tiers(self) -> tuple[str, ...]:
        """Return the tiers whose costs are never in it."""
        return ()

    def notes(self) -> Iterator[str]:
        """Yield what is to be known of any such report."""
        return iter(())
