"""The pages that the Admin API's usage and cost reports come in: time buckets with rows.

A file holds one page, a list of pages, a page on each line, or the buckets themselves, as the SDK
yields them. The same bucket may come twice if it says the same both times.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec

from gateway.reconcile.source import Source
from gateway.reconcile.spans import HOUR_S, Span, Spans, merged
from gateway.reconcile.terms import terms

_LIMIT_BYTES = 512 * 1024 * 1024
_canonical = msgspec.json.Encoder(order="deterministic").encode


class Row(NamedTuple):
    """One row of a bucket, and where it stands."""

    period: Span
    data: Mapping[str, Any]
    where: str
    source: Source


class _Bucket(msgspec.Struct):
    starting_at: str
    ending_at: str
    results: list[dict[str, Any]]


class _Page(msgspec.Struct):
    data: list[_Bucket]
    has_more: bool | None = None


class _Kept(NamedTuple):
    content: bytes
    rows: list[dict[str, Any]]
    where: str
    source: Source


class Buckets:
    """The buckets of all files.

    Args:
        counters: The members of a row that are sums; the others say what the row is about.
        member: What only rows of this report have.
    """

    def __init__(self, counters: frozenset[str], member: str) -> None:
        self._counters = counters
        self._member = member
        self._all: dict[tuple[datetime, datetime], _Kept] = {}
        self.notes: set[str] = set()

    def take(self, source: Source) -> None:
        """Read one file; raises BadStatement."""
        for where, page in _pages(source):
            if page.has_more:
                self.notes.add(f"{source.file.name}: there are more pages after one of these")
            for at, bucket in enumerate(page.data):
                self._add(source, bucket, f"{where}data[{at}]")

    def rows(self) -> Iterator[Row]:
        """Yield all rows; raises BadStatement where buckets overlap."""
        last: tuple[datetime, _Kept] | None = None
        for (start, end), kept in sorted(self._all.items(), key=lambda each: each[0]):
            if last is not None and start < last[0]:
                raise kept.source.bad(
                    f"overlaps {last[1].where} of {last[1].source.name}; "
                    "give reports of one bucket width",
                    kept.where,
                )
            last = (end, kept)
            for at, data in enumerate(kept.rows):
                yield Row(_hours(start, end), data, f"{kept.where}.results[{at}]", kept.source)

    def spans(self) -> Spans:
        """Return the hours that the buckets are the whole of."""
        seconds = merged(Span(_second(start), _second(end)) for start, end in self._all)
        return merged(Span(-(-each.start // HOUR_S), each.end // HOUR_S) for each in seconds)

    def _add(self, source: Source, bucket: _Bucket, where: str) -> None:
        times = (_time(source, bucket.starting_at, where), _time(source, bucket.ending_at, where))
        if not times[0] < times[1]:
            raise source.bad("ends before it starts", where)
        for at, row in enumerate(bucket.results):
            self._check(source, row, f"{where}.results[{at}]")
        self._no_row_twice(source, bucket, where)
        content = _canonical(sorted(_canonical(row) for row in bucket.results))
        known = self._all.setdefault(times, _Kept(content, bucket.results, where, source))
        if known.content != content:
            raise source.bad(
                f"says something else about {bucket.starting_at} than {known.where} of "
                f"{known.source.name}; give one report of it, grouped as finely as is needed",
                where,
            )

    def _check(self, source: Source, row: Mapping[str, Any], where: str) -> None:
        if self._member not in row:
            raise source.bad("is a row of another report than the first file's", where)
        for name, why in terms().anthropic.overlapping.items():
            if row.get(name) is not None:
                raise source.bad(f"is grouped by {name}: {why}; fetch it without", where)

    def _no_row_twice(self, source: Source, bucket: _Bucket, where: str) -> None:
        seen: dict[bytes, int] = {}
        for at, row in enumerate(bucket.results):
            about = {name: row[name] for name in row if name not in self._counters}
            twin = seen.setdefault(_canonical(about), at)
            if twin != at:
                raise source.bad(f"is about the same as results[{twin}]", f"{where}.results[{at}]")
        analytics = any("requests" in row or "list_amount" in row for row in bucket.results)
        if analytics and len(bucket.results) >= terms().anthropic.most_groups:
            self.notes.add(
                f"{source.file.name}: a bucket has as many groups as are shown at most; "
                "those beyond have no row, so sums may be too low"
            )


def is_report(head: bytes, member: str) -> bool:
    """Say whether a file that begins so is JSON whose rows have a member."""
    begins = head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"{", b"["))
    # The names of some members are values of others.
    return begins and re.search(rb'"%b"\s*:' % member.encode(), head) is not None


def _pages(source: Source) -> Iterator[tuple[str, _Page]]:
    with source.opened() as file:
        content = file.read(_LIMIT_BYTES + 1)
    if len(content) > _LIMIT_BYTES:
        raise source.bad("is larger than 512 MiB; give its pages in several files")
    content = content.removeprefix(b"\xef\xbb\xbf")
    try:
        whole = msgspec.json.decode(content, type=msgspec.Raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        yield from _on_lines(source, content)
        return
    if bytes(whole).startswith(b"["):
        parts = _decoded(source, whole, list[msgspec.Raw], "")
        for at, part in enumerate(parts):
            yield f"[{at}].", _page(source, part, f"[{at}]")
    else:
        yield "", _page(source, whole, "")


def _on_lines(source: Source, content: bytes) -> Iterator[tuple[str, _Page]]:
    for number, line in enumerate(content.splitlines(), start=1):
        if line.strip():
            yield f"line {number} ", _page(source, msgspec.Raw(line), f"line {number}")


def _page(source: Source, part: msgspec.Raw, where: str) -> _Page:
    members = _decoded(source, part, dict[str, msgspec.Raw], where)
    if "results" in members:
        return _Page([_decoded(source, part, _Bucket, where)])
    page: _Page = _decoded(source, part, _Page, where)
    return page


def _decoded(source: Source, part: msgspec.Raw, form: Any, where: str) -> Any:
    try:
        return msgspec.json.decode(bytes(part), type=form)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise source.bad(f"is no report: {error}", where) from None


def converted(row: Row, form: Any) -> Any:
    """Return a row as a typed value; raises BadStatement with the member that is wrong."""
    try:
        return msgspec.convert(row.data, form)
    except msgspec.ValidationError as error:
        raise row.source.bad(str(error), row.where) from None


def _time(source: Source, text: str, where: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise source.bad(f"{text[:40]!r} is no time", where) from None
    if moment.tzinfo is None:
        raise source.bad(f"{text[:40]!r} has no time zone", where)
    return moment.astimezone(UTC)


def _hours(start: datetime, end: datetime) -> Span:
    return Span(_second(start) // HOUR_S, -(-_second(end) // HOUR_S))


def _second(moment: datetime) -> int:
    return int(moment.timestamp())
