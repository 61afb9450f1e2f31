"""The store of market data: Parquet by venue, symbol, kind and month or day, with where every row came from.

``<folder>/<venue>/<symbol>/<kind>/2024-01.parquet``, and beside it ``manifest.json``. Times are int64 nanoseconds UTC,
spans are half-open [start, end). Writers of a series take turns; readers need no lock.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa

from halfspread.datafeeds.store import documents, findings
from halfspread.datafeeds.store.columns import TYPES
from halfspread.datafeeds.store.documents import Document
from halfspread.datafeeds.store.kinds import Kind
from halfspread.datafeeds.store.locks import locked
from halfspread.datafeeds.store.manifest import Gap, Manifest, load, rebuilt, save
from halfspread.datafeeds.store.parquet_files import read_entry, read_partition, rows_digest
from halfspread.datafeeds.store.partitions import ENDING, is_partition, partition_of
from halfspread.datafeeds.store.reading import columns_of, read_batches
from halfspread.datafeeds.store.series import Provenance, Series
from halfspread.datafeeds.store.spans import Spans, without
from halfspread.datafeeds.store.writer import Writer, Written
from halfspread.engine.times import parse_time, time_text
from halfspread.errors import DataError

__all__ = ["Document", "Gap", "Provenance", "Series", "Store", "Summary", "Written"]

_ALWAYS = (0, 2**63 - 1)


@dataclass(frozen=True)
class Summary:
    """What a series holds. ``first``, ``last``: times of its rows, None without any. ``covered``: spans that were asked
    for and came back complete. ``gaps``: those that were declared. ``holes``, ``missing``: of rows with an interval,
    runs of missing ones inside what is covered, and rows in them. ``sources``: where its rows came from. ``clock``: of
    the times of events, None of other kinds. ``digest``: SHA-256 of the rows."""

    series: Series
    rows: int
    first: int | None
    last: int | None
    bytes: int
    files: int
    covered: Spans
    gaps: tuple[Gap, ...]
    holes: int
    missing: int
    sources: tuple[Provenance, ...]
    clock: Literal["exchange", "received"] | None
    digest: str

    @property
    def counts(self) -> dict[str, int]:
        """Rows, files, holes and missing rows by name."""
        return {"rows": self.rows, "files": self.files, "holes": self.holes, "missing": self.missing}


class Store:
    """A folder of market data; nothing is created until something is written. Raises DataError throughout, naming file
    and remedy, for what cannot be read or written."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

    def write(
        self,
        series: Series,
        rows: Any,
        provenance: Provenance,
        *,
        start: Any = None,
        end: Any = None,
        replace: bool = False,
    ) -> Written:
        """Write rows that cover [start, end), by default from the first one to the end of the last one. ``rows``: any
        table that `engine.tables.read_table` takes, with the columns of the kind; sorted by time.

        Rows that are there must be equal, and are counted as ``same``; ``replace`` puts the new ones in place of all
        that the span holds. Each file is written whole or not at all. Raises DataError for rows that cannot be right
        and rows that contradict those that are there.
        """
        with self.writer(series, provenance, replace=replace) as writer:
            writer.add(rows, start, end)
        return writer.written

    def writer(self, series: Series, provenance: Provenance, *, replace: bool = False, whole: bool = False) -> Writer:
        """A context manager with ``.add(rows, start=None, end=None)``, which takes blocks in order of time: like
        `write` of all of them, with the rows of one month or day in memory. ``.written`` says what was done.

        Where the block ends in an error, the months or days that were complete are kept, and after a FetchError or an
        interruption all rows that were added; with ``whole`` nothing is kept unless the block ends well."""
        return Writer(self._at(series), series, provenance, replace=replace, whole=whole)

    def read(
        self, series: Series, start: Any = None, end: Any = None, columns: Sequence[str] | None = None
    ) -> pa.Table:
        """The rows with start <= ts < end; times as `parse_time` takes them, None for no bound. ``columns``: those to
        read, by default all that these files have; one that some of them lack is null there."""
        return self._table(series, *_span(start, end), columns)

    def batches(
        self, series: Series, start: Any = None, end: Any = None, columns: Sequence[str] | None = None
    ) -> Iterator[pa.RecordBatch]:
        """The rows of `read`, in blocks: memory does not grow with the span."""
        span = _span(start, end)
        paths = self._files(series, *span)
        names = columns_of(paths, series, columns)
        for path in paths:
            for table in read_batches(path, series, *span, names):
                yield from table.to_batches()

    def files(self, series: Series, start: Any = None, end: Any = None) -> list[Path]:
        """The files that hold the rows from ``start`` to ``end``, in order."""
        return self._files(series, *_span(start, end))

    def covered(self, series: Series) -> Spans:
        """Spans that were asked for and came back complete: where a row is missing inside, there is none."""
        return self._manifest(series).covered

    def missing(self, series: Series, start: Any, end: Any) -> Spans:
        """What of [start, end) is not covered."""
        return without([_span(start, end)], self.covered(series))

    def series(self) -> tuple[Series, ...]:
        """All that have files, sorted by name."""
        found = []
        for folder in sorted(self.folder.glob("*/*/*")) if self.folder.is_dir() else []:
            try:
                one = Series(*folder.relative_to(self.folder).parts)
            except DataError:
                continue  # documents, and whatever else people keep
            if self._files(one, *_ALWAYS, known=False):
                found.append(one)
        return tuple(found)

    def summary(self, series: Series) -> Summary:
        """What the series holds. Raises DataError where there is no such series."""
        self._known(series)
        return _summary(series, self._manifest(series))

    def declare_gap(self, series: Series, start: Any, end: Any, reason: str) -> None:
        """Say that there are no data from ``start`` to ``end``, and why."""
        first, last = _gap_span(series, start, end)
        self._change_gaps(series, lambda gaps: {*gaps, Gap(first, last, reason)})

    def replace_gaps(self, series: Series, gone: Iterable[Gap], new: Iterable[Gap]) -> None:
        """Take back the gaps ``gone``, where they are declared, and declare ``new`` ones, all at once."""
        less, more = set(gone), {Gap(*_gap_span(series, gap.start, gap.end), gap.reason) for gap in new}
        if less or more:
            self._change_gaps(series, lambda known: {*known} - less | more)

    def withdraw_gaps(self, series: Series, start: Any, end: Any) -> tuple[Gap, ...]:
        """Take back what was declared of [start, end); a gap that reaches beyond stays there. The gaps that changed."""
        first, last = _gap_span(series, start, end)
        touched = tuple(gap for gap in self.gaps(series) if gap.start < last and gap.end > first)
        if touched:
            self._change_gaps(series, lambda gaps: {left for gap in gaps for left in _left_of(gap, first, last)})
        return touched

    def _change_gaps(self, series: Series, change: Callable[[tuple[Gap, ...]], set[Gap]]) -> None:
        with locked(self._at(series)):
            now = load(self._at(series), series)
            save(self._at(series), series, replace(now, gaps=tuple(sorted(change(now.gaps)))))

    def gaps(self, series: Series) -> tuple[Gap, ...]:
        """Gaps that were declared, in order of time."""
        return self._manifest(series).gaps

    def save_document(self, venue: str, symbol: str, name: str, content: Any, provenance: Provenance) -> bool:
        """Keep a JSON document of a contract ("instrument", "risk_limits") as of the time it was retrieved; whether it
        differs from the one before it, else it is not kept again."""
        return documents.save_document(self._contract(venue, symbol), name, content, provenance)

    def documents(self, venue: str, symbol: str, name: str) -> tuple[Document, ...]:
        """All documents of this name, the oldest first."""
        return documents.read_documents(self._contract(venue, symbol), name)

    def document(self, venue: str, symbol: str, name: str, at: Any = None) -> Document | None:
        """The last document as of ``at``, or of all times; None where there is none."""
        limit = _ALWAYS[1] if at is None else parse_time(at, "at")
        found = [document for document in self.documents(venue, symbol, name) if document.time <= limit]
        return found[-1] if found else None

    def save_findings(self, series: Series, found: Iterable[Mapping[str, Any]]) -> None:
        """Keep what the checks found in the rows that are there now."""
        self._known(series)
        findings.save_findings(self._at(series), series, found)

    def findings(self, series: Series) -> list[dict[str, Any]] | None:
        """What the checks found in the rows that are there now; None where these were not checked."""
        return findings.read_findings(self._at(series), series)

    def digest(self, series: Series) -> str:
        """SHA-256 of the rows of the series, whatever they were fetched with, and when."""
        return self._manifest(series).digest

    def digests(self, series: Series, start: Any = None, end: Any = None) -> dict[str, str]:
        """SHA-256 of the rows of each file of `files`, by its name."""
        paths = self.files(series, start, end)
        found = load(self._at(series), series, {path.name for path in paths}).files
        return {name: entry.sha256 for name, entry in found.items()}

    def verify(self, series: Series) -> tuple[str, ...]:
        """Read all files, and compare the rows with the hashes that were written with them: what is wrong, if anything,
        in sentences that name file and remedy."""
        found = []
        for path in self._files(series, *_ALWAYS):
            try:
                entry = read_entry(path, series)
                if rows_digest(read_partition(path, series)) != entry.sha256:
                    raise DataError(
                        f"{path}: its rows are not those that were written (SHA-256 differs); move it away and "
                        "fetch or import that time again"
                    )
            except DataError as error:
                found.append(str(error))
        return tuple(found)

    def rebuild(self, series: Series) -> None:
        """Write the manifest anew from the files; gaps that were declared stay where the old one can be read."""
        self._known(series)
        with locked(self._at(series)):
            save(self._at(series), series, rebuilt(self._at(series), series))

    def _at(self, series: Series) -> Path:
        return self.folder / series.path

    def _contract(self, venue: str, symbol: str) -> Path:
        return self._at(Series(venue, symbol, "funding")).parent

    def _manifest(self, series: Series) -> Manifest:
        return load(self._at(series), series)

    def _files(self, series: Series, start: int, end: int, *, known: bool = True) -> list[Path]:
        """Files of partitions in [start, end). Raises DataError where the series is not there, unless not ``known``."""
        folder, kind = self._at(series), series.of_kind
        try:
            names = sorted(path.name for path in folder.iterdir() if is_partition(kind, path.name))
        except (FileNotFoundError, NotADirectoryError):
            names = []
        if not names and known:
            self._known(series)
        if start >= end:
            return []
        first, last = (f"{partition_of(kind, time)}{ENDING}" for time in (start, end - 1))
        return [folder / name for name in names if first <= name <= last]  # names are in the order of time

    def _known(self, series: Series) -> None:
        """Raise DataError where nothing is known of the series."""
        if (self._at(series)).is_dir():
            return
        there = [str(each) for each in self.series()]
        shown = ", ".join(there[:12]) + (f" and {len(there) - 12} more" if len(there) > 12 else "")
        raise DataError(
            f"{self.folder}: expected {series}, got {shown or 'a store without any series'}; fetch or import it, or "
            "name the folder of another store with --store"
        )

    def _table(self, series: Series, start: int, end: int, columns: Sequence[str] | None) -> pa.Table:
        paths = self._files(series, start, end)
        names = columns_of(paths, series, columns)
        tables = [table for path in paths for table in read_batches(path, series, start, end, names)]
        return pa.concat_tables(tables) if tables else _empty(series.of_kind, names)


def _gap_span(series: Series, start: Any, end: Any) -> tuple[int, int]:
    first, last = parse_time(start, "start"), parse_time(end, "end")
    if first >= last:
        raise DataError(f"{series}: gap: expected a start before the end, got {time_text(first)}, {time_text(last)}")
    return first, last


def _left_of(gap: Gap, start: int, end: int) -> Iterator[Gap]:
    """What is left of a gap outside of [start, end)."""
    for a, b in without([(gap.start, gap.end)], [(start, end)]):
        yield Gap(a, b, gap.reason)


def _span(start: Any, end: Any) -> tuple[int, int]:
    first = _ALWAYS[0] if start is None else parse_time(start, "start")
    last = _ALWAYS[1] if end is None else parse_time(end, "end")
    if first > last:
        raise DataError(f"expected a start before the end, got {time_text(first)} and {time_text(last)}")
    return first, last


def _empty(kind: Kind, names: list[str]) -> pa.Table:
    fields = [(column.name, TYPES[column.type]) for column in kind.columns if column.name in names]
    return pa.schema(fields).empty_table()


def _summary(series: Series, manifest: Manifest) -> Summary:
    kind = series.of_kind
    entries = [entry for _, entry in sorted(manifest.files.items()) if entry.rows]
    holes, missing = (sum(getattr(entry, name) for entry in entries) for name in ("holes", "missing"))
    for before, after in itertools.pairwise(entries):
        lost = (after.first - before.last) // kind.interval - 1 if kind.interval else 0
        holes, missing = holes + (lost > 0), missing + lost
    sources = dict.fromkeys(origin.provenance for entry in entries for origin in entry.origins)
    clocks = {provenance.clock for provenance in sources}
    return Summary(
        series=series,
        rows=sum(entry.rows for entry in entries),
        first=entries[0].first if entries else None,
        last=entries[-1].last if entries else None,
        bytes=sum(entry.bytes for entry in entries),
        files=len(entries),
        covered=manifest.covered,
        gaps=manifest.gaps,
        holes=holes,
        missing=missing,
        sources=tuple(sources),
        clock=clocks.pop() if kind.events and len(clocks) == 1 else None,
        digest=manifest.digest,
    )
