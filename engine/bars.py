"""Bars of one instrument, checked: read from pandas, Arrow, Parquet, CSV or NumPy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from halfspread.engine import bar_kernels
from halfspread.engine.records import BAR_COLUMNS, CLOSE, QUOTE_COLUMNS
from halfspread.engine.times import DAY, interval_text, parse_interval, time_text, to_nanoseconds
from halfspread.errors import DataError

__all__ = ["BarChecker", "Bars", "Floats", "Integers", "infer_interval", "read_bars", "read_table", "table_columns"]

Floats = np.ndarray[Any, np.dtype[np.float64]]
Integers = np.ndarray[Any, np.dtype[np.int64]]

_FAULTS = {
    bar_kernels.NOT_FINITE: "expected a finite price",
    bar_kernels.NOT_POSITIVE: "expected a price above zero",
    bar_kernels.HIGH_BELOW_LOW: "the high is below the low",
    bar_kernels.CLOSE_OUTSIDE: "the close lies outside low to high",
    bar_kernels.BAD_VOLUME: "expected a volume of zero or more",
    bar_kernels.DUPLICATE: "two bars have the same open time",
    bar_kernels.UNSORTED: "the bar is older than the one before it; sort by time",
    bar_kernels.OVERLAP: "the bar opens before the one before it has closed",
    bar_kernels.OFF_GRID: "the bar does not open a whole number of intervals after the one before it",
    bar_kernels.BAD_QUOTE: "expected bid and ask above zero, or NaN where there is no quote",
    bar_kernels.CROSSED_QUOTE: "the bid is above the ask",
}
_COUNT_NAMES = ("no_trade_bars", "open_outside_range", "gaps", "missing_bars", "bars_without_quote")


@dataclass(frozen=True)
class Bars:
    """Bars of one instrument. ``times``: open times, int64 ns UTC (n,). ``rows``: float64 (n, columns), read-only."""

    times: Integers
    rows: Floats
    interval: int
    columns: tuple[str, ...]
    source: str
    counts: dict[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.times)

    @property
    def first_close(self) -> float:
        """Close of the first bar."""
        return float(self.rows[0, CLOSE])


class BarChecker:
    """Check consecutive blocks of bars as one series, and count what is odd but real."""

    def __init__(self, interval: int, columns: tuple[str, ...], source: str) -> None:
        self._interval = interval
        self._columns = columns
        self._source = source
        self._previous = -1
        self._seen = 0
        self._counts = np.zeros(bar_kernels.COUNTS, np.int64)
        self._quote_column = columns.index(QUOTE_COLUMNS[0]) if QUOTE_COLUMNS[0] in columns else -1

    def check(self, times: Integers, rows: Floats) -> None:
        """Raise DataError at the first fault, with row, time, column and value."""
        code, row, column = bar_kernels.check_bars(
            times, rows, self._interval, self._previous, self._quote_column, self._counts
        )
        if code != bar_kernels.GOOD:
            raise DataError(self._message(code, times, rows, row, column))
        if len(times):
            self._previous = int(times[-1])
        self._seen += len(times)

    def _message(self, code: int, times: Integers, rows: Floats, row: int, column: int) -> str:
        where = f"{self._source}: row {self._seen + row} ({time_text(times[row])})"
        if code in (bar_kernels.DUPLICATE, bar_kernels.UNSORTED, bar_kernels.OVERLAP, bar_kernels.OFF_GRID):
            before = int(times[row - 1]) if row else self._previous
            step = interval_text(self._interval)
            return f"{where}: {_FAULTS[code]} (the one before opens at {time_text(before)}, interval {step})"
        found = ", ".join(f"{name} {rows[row, i]:g}" for i, name in enumerate(self._columns[: 9 if column > 4 else 5]))
        return f"{where}: column {self._columns[column]}: {_FAULTS[code]}; got {found}"

    def counts(self) -> dict[str, int]:
        """How many bars have each quirk so far."""
        return {name: int(count) for name, count in zip(_COUNT_NAMES, self._counts, strict=True)}


def infer_interval(times: Integers, what: str) -> int:
    """The most common distance between open times. Raises DataError where there are fewer than two bars."""
    if len(times) < 2:
        raise DataError(f"{what}: {len(times)} bar(s) do not show their interval; pass interval='5m'")
    steps = np.diff(times[:100_001])
    values, counts = np.unique(steps, return_counts=True)
    interval = int(values[counts.argmax()])
    if interval <= 0:
        row = int((steps <= 0).argmax()) + 1
        kind = "the same time as" if steps[row - 1] == 0 else "an earlier time than"
        raise DataError(
            f"{what}: row {row} ({time_text(times[row])}) has {kind} the row before it; sort and remove duplicates"
        )
    if interval > 31 * DAY:
        raise DataError(
            f"{what}: bars {interval_text(interval)} apart are no bars this engine can use; check the unit of time"
        )
    return interval


def read_table(source: Any, columns: list[str] | None = None) -> tuple[Mapping[str, Any], str]:
    """A mapping of column name to array for any accepted source, and a name for messages. Only ``columns`` where
    given."""
    if isinstance(source, (str, Path)):
        path = Path(source)
        if not path.is_file():
            raise DataError(f"{path}: no such file")
        return _read_file(path, columns), str(path)
    if isinstance(source, pd.DataFrame):
        frame = (
            source
            if not isinstance(source.index, pd.DatetimeIndex)
            else source.reset_index(names="ts" if source.index.name is None else str(source.index.name))
        )
        return {str(name): frame[name] for name in frame.columns}, "DataFrame"
    if hasattr(source, "column_names") and hasattr(source, "schema"):
        frame = source.to_pandas()
        return {str(name): frame[name] for name in frame.columns}, "Arrow table"
    if isinstance(source, np.ndarray) and source.dtype.names:
        return {name: source[name] for name in source.dtype.names}, "NumPy array"
    if isinstance(source, Mapping):
        return {str(name): values for name, values in source.items()}, "mapping of arrays"
    raise DataError(
        f"expected a path, DataFrame, Arrow table, structured array or mapping of arrays, got {type(source).__name__}"
    )


def _read_file(path: Path, columns: list[str] | None) -> dict[str, Any]:
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet

    try:
        if path.suffix.lower() in (".parquet", ".pq"):
            have = pa.parquet.read_schema(path).names
            table = pa.parquet.read_table(path, columns=[name for name in have if columns is None or name in columns])
        elif path.suffix.lower() in (".csv", ".gz", ".txt"):
            table = pa.csv.read_csv(path)
        else:
            raise DataError(f"{path}: expected a .parquet or .csv file, got {path.suffix or 'no ending'}")
    except (pa.ArrowInvalid, pa.ArrowException, OSError) as error:
        raise DataError(f"{path}: not readable as {path.suffix[1:]}: {error}") from error
    return {name: _arrow_column(table.column(name)) for name in table.column_names}


def _arrow_column(column: Any) -> Any:
    import pyarrow as pa

    if pa.types.is_timestamp(column.type):
        return column.to_pandas()
    if pa.types.is_integer(column.type) and column.null_count == 0:
        return column.to_numpy()
    if pa.types.is_floating(column.type) or pa.types.is_integer(column.type) or pa.types.is_decimal(column.type):
        return column.cast(pa.float64()).to_numpy(zero_copy_only=False)
    return column.to_pandas()


def table_columns(table: Mapping[str, Any], what: str, time_column: str, extra: tuple[str, ...]) -> tuple[str, ...]:
    """Names of the columns of a history row for this table. Raises DataError naming what is missing."""
    missing = [name for name in (time_column, *BAR_COLUMNS, *extra) if name not in table]
    if missing:
        raise DataError(
            f"{what}: missing column(s) {', '.join(missing)}; found {', '.join(table) or 'none'}. "
            "Name the column of times with time_column=, rename the others to open, high, low, close, volume"
        )
    quotes = [name for name in QUOTE_COLUMNS if name in table]
    if quotes and len(quotes) != len(QUOTE_COLUMNS):
        raise DataError(f"{what}: quotes need all of {', '.join(QUOTE_COLUMNS)}; found only {', '.join(quotes)}")
    return (*BAR_COLUMNS, *quotes, *(name for name in extra if name not in quotes))


def fill_rows(table: Mapping[str, Any], columns: tuple[str, ...], what: str) -> Floats:
    """The columns side by side as float64 rows. Raises DataError for text that is not a number."""
    rows = np.empty((len(table[columns[0]]), len(columns)))
    for i, name in enumerate(columns):
        try:
            rows[:, i] = np.asarray(table[name], dtype=np.float64)
        except (ValueError, TypeError) as error:
            raise DataError(f"{what}: column {name}: expected numbers; {error}") from error
    return rows


def read_bars(
    source: Any,
    *,
    interval: str | int | float | None = None,
    time_column: str = "ts",
    time_unit: str = "ns",
    stamp: str = "open",
    extra: tuple[str, ...] = (),
) -> Bars:
    """Read and check the bars of one instrument.

    ``interval`` is inferred where it is not given. ``stamp`` says whether the times are opens or closes of bars.
    ``extra`` columns stay in the history after the prices. Raises DataError.
    """
    wanted = [time_column, *BAR_COLUMNS, *QUOTE_COLUMNS, *extra]
    table, what = read_table(source, wanted)
    columns = table_columns(table, what, time_column, extra)
    times = to_nanoseconds(table[time_column], f"{what}: column {time_column}", time_unit)
    if len(times) == 0:
        raise DataError(f"{what}: no bars")
    step = parse_interval(interval) if interval is not None else infer_interval(times, what)
    times = shift_to_open(times, step, stamp)
    rows = fill_rows(table, columns, what)
    checker = BarChecker(step, columns, what)
    checker.check(times, rows)
    rows.flags.writeable = False
    times.flags.writeable = False
    return Bars(times, rows, step, columns, what, checker.counts())


def shift_to_open(times: Integers, interval: int, stamp: str) -> Integers:
    """Open times for bars stamped at their ``"open"`` or ``"close"``."""
    if stamp not in ("open", "close"):
        raise DataError(f"stamp: expected 'open' or 'close', got {stamp!r}")
    return times - interval if stamp == "close" else times


def parquet_blocks(path: Path, columns: list[str]) -> Iterator[dict[str, Any]]:
    """The row groups of a Parquet file one after the other, as mappings of column name to array."""
    import pyarrow as pa
    import pyarrow.parquet

    try:
        with pa.parquet.ParquetFile(path) as file:
            have = [name for name in columns if name in file.schema_arrow.names]
            for batch in file.iter_batches(batch_size=262_144, columns=have):
                table = pa.Table.from_batches([batch])
                yield {name: _arrow_column(table.column(name)) for name in table.column_names}
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path}: not readable as Parquet: {error}") from error
