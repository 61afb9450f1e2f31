"""BitMEX's daily files of trades and quotes: unpacked, filtered by symbol and read block by block.

A file holds one UTC day of all symbols. Columns are found by the names in the header (``trdType`` came later), times
such as ``2018-01-22D00:00:02.364320000`` are read to the nanosecond, and a file with a header only is a day without
rows.
Memory is a block's, whatever the size of the file.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from halfspread.engine.times import DAY, SECOND, time_text
from halfspread.errors import DataError

__all__ = ["Dump", "Table", "day_of_name", "file_path"]

Table = Literal["trade", "quote"]

_NEEDED = {
    "trade": ("timestamp", "symbol", "side", "size", "price", "trdMatchID"),
    "quote": ("timestamp", "symbol", "bidSize", "bidPrice", "askPrice", "askSize"),
}
_TIME = r"^\d{4}-\d\d-\d\dD\d\d:\d\d:\d\d\.\d{1,9}$"
_NAME = re.compile(r"(\d{4})(\d\d)(\d\d)\.csv(\.gz)?")
_BLOCK = 1 << 20
#: What stands for a match of no number.
NO_NAME = "00000000-0000-0000-0000-000000000000"
#: Unpacked bytes beyond which a file is no day of anything.
LARGEST = 64 << 30


def file_path(table: Table, day: int) -> str:
    """Path of a day's file below the host's address. ``day``: its midnight, ns UTC."""
    return f"data/{table}/{np.datetime64(day, 'ns').astype('datetime64[D]').item():%Y%m%d}.csv.gz"


def day_of_name(name: str) -> int | None:
    """Midnight, ns UTC, of a file called 20240131.csv.gz; None for another name."""
    found = _NAME.fullmatch(name)
    try:
        return None if found is None else int(np.datetime64(f"{found[1]}-{found[2]}-{found[3]}", "ns").astype(int))
    except ValueError:
        return None


@dataclass
class Dump:
    """One daily file. ``day``: midnight, ns UTC, of the day that all rows must be of; None: that of the file's name.
    ``counts``, filled while reading: rows of all symbols, of this one, and those left out and why."""

    path: Path
    table: Table
    symbol: str
    day: int | None = None
    largest: int = LARGEST
    counts: dict[str, int] = field(default_factory=dict)

    def blocks(self) -> Iterator[pa.Table]:
        """Rows in the columns of the store's kinds ``trades`` and ``quotes``. Raises DataError for a file that is cut
        short, holds something else, or has a value that does not parse, naming file, line and field."""
        if self.symbol.startswith("."):
            raise DataError(f"{self.path}: {self.symbol} is an index: its trades are references, with nothing traded")
        self.day = day_of_name(self.path.name) if self.day is None else self.day
        self._before: pa.Table | None = None
        self.counts.clear()
        self.counts |= {"rows": 0, "of_symbol": 0}
        names, last, line = self._header(), None, 2
        try:
            for batch in self._batches(names):
                table = pa.Table.from_batches([batch])
                self.counts["rows"] += table.num_rows
                mine = np.flatnonzero(pc.equal(table["symbol"], self.symbol).to_numpy(zero_copy_only=False))
                lines, line = mine + line, line + table.num_rows
                self.counts["of_symbol"] += len(mine)
                if len(mine):
                    made, last = self._made(_Block(self.path, table.take(mine), lines), last)
                    if made.num_rows:
                        yield made
        except (pa.ArrowException, OSError, EOFError, zlib.error) as error:
            text = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise DataError(
                f"{self.path}: not readable to its end ({text.strip('. ')}): cut short or damaged; get it again"
            ) from error

    def _stream(self) -> Any:
        if not self.path.is_file():
            raise DataError(f"{self.path}: no such file")
        if self.path.stat().st_size == 0:
            raise DataError(f"{self.path}: expected a daily file of BitMEX, got an empty one; get it again")
        with self.path.open("rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
        source = pa.OSFile(str(self.path), "rb")
        return pa.CompressedInputStream(source, "gzip") if packed else source

    def _header(self) -> list[str]:
        """Names of the columns. Raises DataError where one is missing."""
        try:
            with self._stream() as stream:
                start = stream.read(4096)
        except (pa.ArrowException, OSError) as error:
            raise DataError(f"{self.path}: cannot be unpacked ({error}); get it again") from error
        first: str = start.split(b"\n")[0].strip().decode("utf-8", "replace").removeprefix("\ufeff")
        names = first.split(",")
        missing = [name for name in _NEEDED[self.table] if name not in names]
        if missing or len(set(names)) != len(names):
            what = "a web page" if first.lstrip().startswith("<") else repr(first[:120])
            raise DataError(
                f"{self.path}: line 1: expected the columns {', '.join(_NEEDED[self.table])}, got {what}; is this a "
                f"daily file of {self.table}s?"
            )
        return names

    def _batches(self, names: list[str]) -> Iterator[pa.RecordBatch]:
        wanted = [*_NEEDED[self.table], *(["trdType"] if "trdType" in names and self.table == "trade" else [])]
        with self._stream() as stream:
            lines = _Lines(stream)
            reader = pa.csv.open_csv(
                pa.PythonFile(lines, "r"),
                pa.csv.ReadOptions(use_threads=False, block_size=_BLOCK),
                pa.csv.ParseOptions(quote_char=False, ignore_empty_lines=False),
                pa.csv.ConvertOptions(
                    include_columns=wanted, column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
                ),
            )
            for number, batch in enumerate(reader):
                yield batch
                if number * _BLOCK > self.largest:
                    raise DataError(f"{self.path}: expected at most {self.largest:,} bytes unpacked, got more")
        if lines.last != b"\n":
            raise DataError(
                f"{self.path}: the last line does not end: cut short; get it again, or end the line if it is whole"
            )

    def _made(self, block: _Block, last: int | None) -> tuple[pa.Table, int]:
        """A block's rows in the store's columns, and the last time of it."""
        times = block.times(last, self.day)
        if self.table == "quote":
            made, kept = self._quotes(block, times)
        else:
            made, kept = self._trades(block, times)
            kept = self._without_twins(block, made, kept)
        return made.filter(pa.array(kept)), int(times[-1])

    def _trades(self, block: _Block, times: Any) -> tuple[pa.Table, Any]:
        kept = np.ones(len(times), np.bool_)
        if "trdType" in block.table.column_names:
            kept = pc.not_equal(block.table["trdType"], "Referential").to_numpy(zero_copy_only=False)
            self._count("referential", int((~kept).sum()))
        sides = block.choices("side", {"Buy": 1, "Sell": -1, "": 0})
        sizes, prices = block.numbers("size"), block.numbers("price")
        block.refuse(kept & ~(prices > 0), "price", "a price above zero")
        block.refuse(kept & ~(sizes > 0), "size", "a size above zero")
        ids = block.table["trdMatchID"]
        columns = {"ts": times, "price": prices, "size": sizes, "side": sides}
        made = pa.table({**columns, "trade_id": pc.if_else(pc.equal(ids, ""), None, ids)})
        return made, kept

    def _without_twins(self, block: _Block, made: pa.Table, kept: Any) -> Any:
        """Which rows to keep: of trades that have one time and one number and are equal one, with those of the block
        before. Raises DataError where they differ; no number, or one of zeros, names no trade."""
        before = made.slice(0, 0) if self._before is None else self._before
        both = pa.concat_tables([before, made])
        times, names = both["ts"].to_numpy(), both["trade_id"].combine_chunks().dictionary_encode()
        kept = np.append(np.ones(len(before), np.bool_), kept)
        if len(names.dictionary) < len(both):
            again, first = _twins(times, both["trade_id"], names, kept)
            for name in ("price", "size", "side"):
                differ = pc.not_equal(both[name].take(pa.array(again)), both[name].take(pa.array(first)))
                bad = np.zeros(len(both), np.bool_)
                bad[again[differ.to_numpy(zero_copy_only=False)]] = True
                block.refuse(bad[len(before) :], name, "what the line before of this trdMatchID has")
            kept[again] = False
            self._count("twins", len(again))
        self._before = both.filter(pa.array((times == times[-1]) & kept))
        return kept[len(before) :]

    def _quotes(self, block: _Block, times: Any) -> tuple[pa.Table, Any]:
        bids, asks = (block.numbers(name, empty=True) for name in ("bidPrice", "askPrice"))
        kept = np.isfinite(bids) & np.isfinite(asks)
        self._count("one_sided", int((~kept).sum()))
        block.refuse(kept & ~(bids > 0), "bidPrice", "a price above zero")
        block.refuse(kept & ~(asks > 0), "askPrice", "a price above zero")
        sizes = [block.numbers(name, empty=True) for name in ("bidSize", "askSize")]
        for name, size in zip(("bidSize", "askSize"), sizes, strict=True):
            block.refuse(kept & (size < 0), name, "a size of at least 0")
        return pa.table({"ts": times, "bid": bids, "bid_size": sizes[0], "ask": asks, "ask_size": sizes[1]}), kept

    def _count(self, name: str, rows: int) -> None:
        if rows:
            self.counts[name] = self.counts.get(name, 0) + rows


class _Lines:
    """A file to be read once; ``last``: its last byte so far."""

    closed = False

    def __init__(self, stream: Any) -> None:
        self._stream, self.last = stream, b"\n"

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        piece: bytes = self._stream.read(size if size >= 0 else None)
        self.last = piece[-1:] or self.last
        return piece

    def close(self) -> None:
        """The stream is closed by who opened it."""


class _Block:
    """Rows of one symbol as text, with the numbers of their lines in the file."""

    def __init__(self, path: Path, table: pa.Table, lines: Any) -> None:
        self.path, self.table, self.lines = path, table, lines

    def refuse(self, bad: Any, name: str, expected: str) -> None:
        """Raise DataError at the first bad row."""
        if bad.any():
            row = int(bad.argmax())
            got = self.table[name][row].as_py()
            raise DataError(
                f"{self.path}: line {self.lines[row]}: {name}: expected {expected}, got {got!r}; get the file again, "
                "or leave the line out"
            )

    def times(self, last: int | None, day: int | None) -> Any:
        """int64 ns UTC, in order, from ``last`` on and of the day."""
        times = _fixed_times(self.table["timestamp"])
        if times is None:
            times = self._odd_times()
        before = np.concatenate([times[:1] if last is None else [last], times[:-1]])
        self.refuse(times < before, "timestamp", f"a time from {time_text(int(before[(times < before).argmax()]))} on")
        if day is not None:
            self.refuse((times < day) | (times >= day + DAY), "timestamp", f"a time on {time_text(day)[:10]}")
        return times

    def _odd_times(self) -> Any:
        """Times of any number of decimals, and what is wrong with those that are none."""
        text = self.table["timestamp"]
        shaped = pc.match_substring_regex(text, _TIME).to_numpy(zero_copy_only=False)
        self.refuse(~shaped, "timestamp", "a time such as 2018-01-22D00:00:02.364320000")
        try:
            stamps = pc.replace_substring(text, "D", "T").cast(pa.timestamp("ns"))
        except pa.ArrowInvalid:
            bad = np.array([_no_time(value) for value in text.to_pylist()])
            self.refuse(bad, "timestamp", "a time that exists")
            raise
        return stamps.cast(pa.int64()).to_numpy()

    def numbers(self, name: str, *, empty: bool = False) -> Any:
        """float64; NaN for nothing, where that may be."""
        try:
            values = self.table[name].cast(pa.float64()).to_numpy()
        except pa.ArrowInvalid:
            return self._odd_numbers(name, empty)
        self.refuse(~np.isfinite(values), name, "a finite number")
        return values

    def _odd_numbers(self, name: str, empty: bool) -> Any:
        """Numbers with nothing among them, and what is wrong with those that are none."""
        text = pc.utf8_trim_whitespace(self.table[name])
        nothing = pc.equal(text, "")
        if not empty:
            self.refuse(nothing.to_numpy(zero_copy_only=False), name, "a number")
        try:
            values = pc.if_else(nothing, None, text).cast(pa.float64())
        except pa.ArrowInvalid:
            bad = np.array([_no_number(value) for value in text.to_pylist()])
            self.refuse(bad, name, "a number")
            raise
        numbers = values.to_numpy(zero_copy_only=False)
        self.refuse(~np.isfinite(numbers) & ~nothing.to_numpy(zero_copy_only=False), name, "a finite number")
        return numbers

    def choices(self, name: str, codes: dict[str, int]) -> Any:
        """int8 codes of texts."""
        found = pc.index_in(self.table[name], pa.array(list(codes)))
        at = found.to_numpy(zero_copy_only=False)
        self.refuse(found.is_null().to_numpy(zero_copy_only=False), name, " or ".join(filter(None, codes)))
        return np.array(list(codes.values()), np.int8)[at.astype(np.int64)]


def _twins(times: Any, ids: pa.ChunkedArray, names: pa.DictionaryArray, kept: Any) -> tuple[Any, Any]:
    """Rows of a time and a number that one before has, and the ones before."""
    named = pc.fill_null(pc.not_equal(ids, NO_NAME), False).to_numpy(zero_copy_only=False)
    rows = np.flatnonzero(named & kept)
    codes = names.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)[rows]
    order = np.lexsort((rows, codes, times[rows]))
    rows, codes = rows[order], codes[order]
    again = np.flatnonzero((np.diff(times[rows]) == 0) & (np.diff(codes) == 0)) + 1
    return rows[again], rows[again - 1]


#: A time with nine decimals, with 0 for each digit.
_SHAPE = np.frombuffer(b"0000-00-00D00:00:00.000000000", np.uint8)


def _fixed_times(column: pa.ChunkedArray) -> Any:
    """int64 ns UTC of times with nine decimals, all of the day of the first one; None where they are not like that."""
    if pc.min_max(pc.binary_length(column)).as_py() != {"min": 29, "max": 29}:
        return None
    text = column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
    offsets = np.frombuffer(text.buffers()[1], np.int32)[text.offset :]
    data = np.frombuffer(text.buffers()[2], np.uint8)[offsets[0] : offsets[len(text)]].reshape(-1, 29)
    digits = ord("0") == _SHAPE
    if (data[:, ~digits] != _SHAPE[~digits]).any() or (data[:, :10] != data[0, :10]).any():
        return None
    values = data[:, digits].astype(np.int64) - ord("0")
    if (values < 0).any() or (values > 9).any():
        return None
    powers = 10 ** np.arange(8, -1, -1)
    hours, minutes, seconds = (values[:, at] * 10 + values[:, at + 1] for at in (8, 10, 12))
    if (hours > 23).any() or (minutes > 59).any() or (seconds > 59).any():
        return None
    try:
        day = int(np.datetime64(bytes(data[0, :10]).decode(), "ns").astype(np.int64))
    except ValueError:
        return None
    return day + ((hours * 60 + minutes) * 60 + seconds) * SECOND + values[:, 14:] @ powers


def _no_time(text: str) -> bool:
    try:
        pa.scalar(text.replace("D", "T")).cast(pa.timestamp("ns"))
    except pa.ArrowInvalid:
        return True
    return False


def _no_number(text: str) -> bool:
    if text == "":
        return False
    try:
        pa.scalar(text).cast(pa.float64())
    except pa.ArrowInvalid:
        return True
    return False
