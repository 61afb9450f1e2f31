"""A partition that a writer is filling: its rows are gathered, merged with those that are there, and written once.

A partition of events that is not there yet goes to the disk as it comes, since a day of a book may be larger than
memory; the file is put in its place when the day is complete.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from halfspread.datafeeds.store.atomic import Replacement, writing
from halfspread.datafeeds.store.columns import aligned, without_empty
from halfspread.datafeeds.store.merging import Counts, Part, merge, without_duplicates
from halfspread.datafeeds.store.parquet_files import Origin, PartitionFile, read_entry, read_partition
from halfspread.datafeeds.store.partitions import ENDING
from halfspread.datafeeds.store.series import Provenance, Series
from halfspread.datafeeds.store.spans import Spans, united

__all__ = ["Filled", "Filling"]

#: Cells that are held in memory before rows of events go to the disk.
CELLS_HELD = 8_000_000


@dataclass(frozen=True)
class Filled:
    """What became of a partition: the file that is ready to take its place (None where it stays as it is, or goes:
    ``gone``), what was counted, and the spans that it covers."""

    replacement: Replacement | None
    gone: bool
    counts: Counts
    covered: Spans


class Filling:
    """Gathers the rows of the partition ``name``. ``what`` begins messages."""

    def __init__(self, folder: Path, series: Series, name: str, what: str, *, replace: bool) -> None:
        self.name = name
        self.path = folder / f"{name}{ENDING}"
        self._series, self._kind, self._what, self._replace = series, series.of_kind, what, replace
        self._blocks: list[pa.Table] = []
        self._cells = 0
        self._spans: list[tuple[int, int]] = []
        self._streams = not self._kind.key and not replace and not self.path.exists()
        self._stream: _Stream | None = None

    def add(self, table: pa.Table | None, spans: Spans) -> None:
        """Rows, at or after those before, and the spans that they cover."""
        if table is not None and table.num_rows:
            table = without_empty(self._kind, table)
            self._blocks.append(table)
            self._cells += table.num_rows * table.num_columns
            if self._streams and self._cells > CELLS_HELD:
                self._spill()
        self._spans.extend(spans)

    def drop(self) -> None:
        """Leave nothing of it on the disk."""
        if self._stream is not None:
            self._stream.drop()

    def finish(self, provenance: Provenance, current: Path | None) -> Filled:
        """Merge with the partition in ``current``, if any; only for who holds the lock. Raises DataError where the rows
        contradict those, and where the file cannot be written."""
        origin = Origin(provenance, united(self._spans))
        if self._stream is not None and current is None:
            self._spill()
            self._stream.close((origin,))
            return Filled(self._stream.replacement, False, Counts(added=self._stream.rows), origin.spans)
        table, duplicates = self._gathered(), 0
        if self._kind.key:
            table, duplicates = without_duplicates(table, self._what)
        old = None
        if current is not None:
            old = Part(read_partition(current, self._series), read_entry(current, self._series).origins)
        merged = merge(self._kind, old, Part(table, (origin,)), self._replace, self._what)
        merged.counts.duplicates = duplicates
        covered = united(span for one in merged.origins for span in one.spans)
        if not merged.changed:
            return Filled(None, False, merged.counts, covered)
        if not merged.table.num_rows:
            return Filled(None, current is not None, merged.counts, covered)
        stream = _Stream(self.path, self._series, merged.table.schema)
        try:
            stream.write(merged.table)
            stream.close(merged.origins)
        except BaseException:
            stream.drop()
            raise
        return Filled(stream.replacement, False, merged.counts, covered)

    def _gathered(self) -> pa.Table:
        """All rows so far, those that went to the disk too."""
        blocks = self._blocks
        if self._stream is not None:
            self._stream.close(())
            blocks = [read_partition(self._stream.replacement.beside, self._series), *blocks]
            self._stream.drop()
            self._stream = None
        names = {name for block in blocks for name in block.column_names} or set(self._kind.required)
        if not blocks:
            return aligned(self._kind, pa.table({}), names)
        return pa.concat_tables([aligned(self._kind, block, names) for block in blocks]).combine_chunks()

    def _spill(self) -> None:
        """Write to the disk what is held; not where rows have columns that those on the disk lack."""
        names = {name for block in self._blocks for name in block.column_names}
        if self._stream is None:
            schema = aligned(self._kind, self._blocks[0].slice(0, 0), names).schema
            self._stream = _Stream(self.path, self._series, schema)
        if not names.issubset(self._stream.names):
            self._blocks, self._streams = [self._gathered()], False
            return
        for block in self._blocks:
            self._stream.write(aligned(self._kind, block, self._stream.names))
        self._blocks, self._cells = [], 0


class _Stream:
    """A partition on its way to the disk."""

    def __init__(self, path: Path, series: Series, schema: pa.Schema) -> None:
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        self.replacement = Replacement(path)
        self.rows = 0
        self.names = tuple(schema.names)
        self._closed = False
        try:
            self._file = PartitionFile(self.replacement.file, series, schema)
        except BaseException:
            self.replacement.drop()
            raise

    def write(self, table: pa.Table) -> None:
        """More rows."""
        with writing(self.replacement.path):
            self._file.write(table)
        self.rows += table.num_rows

    def close(self, origins: Any) -> None:
        """No more rows come."""
        with writing(self.replacement.path):
            self._file.close(origins)
        self._closed = True
        self.replacement.sync()

    def drop(self) -> None:
        """Leave nothing of it."""
        self._file.abandon()
        self.replacement.drop()
