"""What reading a file gives: blocks of rows of series, and what was found, decided and left out on the way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from halfspread.datafeeds.importers.archives import Source
from halfspread.datafeeds.store.manifest import Gap
from halfspread.datafeeds.store.series import Provenance, Series

__all__ = ["Block", "Imported", "Tally", "kept_rows", "table_of"]


@dataclass(frozen=True)
class Block:
    """Rows of one series in order of time: an Arrow table in the columns and types of its kind. ``span``: what they
    cover where that is more than from the first to the last row; ``gaps``: in which the file says that nothing was
    recorded."""

    series: Series
    rows: Any
    span: tuple[int, int] | None = None
    gaps: tuple[Gap, ...] = ()


@dataclass
class Tally:
    """What has become of the rows of a file so far. ``read``: rows of the file; ``kept``: rows of each series that
    came of them; ``left``: rows left out, by reason; ``spans``: first and last time of each series."""

    read: int = 0
    kept: Counter[Series] = field(default_factory=Counter)
    left: Counter[str] = field(default_factory=Counter)
    spans: dict[Series, tuple[int, int]] = field(default_factory=dict)

    def leave(self, reason: str, count: int) -> None:
        """Count rows that are left out."""
        if count:
            self.left[reason] += int(count)

    def keep(self, series: Series, times: Any) -> None:
        """Count rows of a series with these times, in order."""
        if len(times):
            self.kept[series] += len(times)
            first, last = int(times[0]), int(times[-1])
            before = self.spans.get(series, (first, last))
            self.spans[series] = (min(before[0], first), max(before[1], last))


@dataclass
class Imported:
    """A file as it is read. ``format``: what it was found to be; ``told``: sentences for the user, which grow while
    ``blocks`` is read; ``first``: time of its first row, to sort files by, 0 where not known;
    ``clock``: how its times are written, in words."""

    source: Source
    format: str
    blocks: Iterator[Block]
    provenance: Provenance
    told: list[str]
    tally: Tally
    first: int = 0
    series: tuple[Series, ...] = ()
    clock: str = ""

    @property
    def kind(self) -> str:
        """The kinds of its series, as far as they are known."""
        return ", ".join(sorted({series.kind for series in (*self.series, *self.tally.kept)}))


def table_of(series: Series, columns: dict[str, Any]) -> Any:
    """An Arrow table of the kind, in its order and types; int64 times become timestamps without a copy."""
    import pyarrow as pa

    types = {
        "time": pa.timestamp("ns", "UTC"),
        "number": pa.float64(),
        "count": pa.int64(),
        "code": pa.int8(),
        "flag": pa.bool_(),
        "text": pa.string(),
    }
    names, arrays = [], []
    for column in series.of_kind.columns:
        if column.name in columns:
            values = columns[column.name]
            array = values if isinstance(values, pa.Array) else pa.array(values)
            names.append(column.name)
            arrays.append(array if array.type == types[column.type] else array.cast(types[column.type]))
    return pa.table(arrays, names=names)


def kept_rows(columns: dict[str, Any], keep: Any) -> dict[str, Any]:
    """The rows of columns for which ``keep`` is true."""
    import pyarrow as pa

    if bool(np.all(keep)):
        return columns
    mask = pa.array(np.asarray(keep, bool))
    return {
        name: values.filter(mask) if isinstance(values, pa.Array) else np.asarray(values)[np.asarray(keep, bool)]
        for name, values in columns.items()
    }
