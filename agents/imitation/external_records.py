"""Read what others have recorded: the fills of a trader, and the dated signals of an analyst.

Any table that the engine reads (`engine.tables`): CSV, Parquet, DataFrames, mappings. Times are UTC; rows are in
the order of their times. What cannot be is refused with its row, never guessed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from halfspread.costs.base import Floats, Integers
from halfspread.engine.instruments import Instrument
from halfspread.engine.tables import Table, numbers, read_table
from halfspread.engine.tape import Tape
from halfspread.engine.times import parse_interval, time_text, to_nanoseconds
from halfspread.errors import ConfigError, DataError

__all__ = ["NEVER", "Fills", "Others", "Signals", "read_fills", "read_signals"]

#: What becomes of rows of symbols that are not on the tape.
Others = Literal["refuse", "leave_out"]

#: A signal that is not said to end.
NEVER = np.iinfo(np.int64).max
_SIDES = {"buy": 1.0, "b": 1.0, "long": 1.0, "sell": -1.0, "s": -1.0, "short": -1.0}
_WORDS = {"buy": 1.0, "hold": 0.0, "neutral": 0.0, "sell": -1.0}


@dataclass(frozen=True, eq=False)
class Fills:
    """Fills of one instrument: ``times`` (int64 ns UTC, ascending), signed ``contracts``, ``prices`` (quote currency).
    ``source`` names the table; ``numbering``: of the rows in it; ``others``: how many rows were of other symbols;
    ``held``: contracts that fills from before the tape have left."""

    times: Integers
    contracts: Floats
    prices: Floats
    source: str
    numbering: Integers
    others: int
    held: float = 0.0

    @property
    def digest(self) -> str:
        """Hash of the rows."""
        return _digest(self.times, self.contracts, self.prices)


@dataclass(frozen=True, eq=False)
class Signals:
    """Signals on one instrument: when each was published (``times``, int64 ns UTC, ascending), what it says
    (``values``, -1 to 1), and until when it holds at most (``until``, int64 ns). The rest as for `Fills`."""

    times: Integers
    values: Floats
    until: Integers
    source: str
    numbering: Integers
    others: int

    @property
    def digest(self) -> str:
        """Hash of the rows."""
        return _digest(self.times, self.values, self.until)


def read_fills(
    source: Any,
    tape: Tape,
    instrument: int = 0,
    *,
    time_unit: str = "ns",
    other_symbols: Others = "refuse",
    outside: Others = "refuse",
) -> Fills:
    """Fills of an instrument of a tape: ts, symbol, price, size and side (buy or sell), or a signed size without side;
    id (optional) tells fills apart that are alike.

    Prices in quote currency, above zero; sizes in contracts, not zero. Raises DataError with row, time, column, value
    and remedy: for a missing column, what is no number, times that go back or lie outside the tape, the same fill
    twice, and a symbol that is not on the tape unless ``other_symbols`` is "leave_out". With ``outside`` = "leave_out"
    fills from before the tape count for what is ``held`` when it begins, and those from after it for nothing.
    """
    rows = _Rows.read(
        source, ["ts", "symbol", "side", "size", "price", "id"], ("ts", "symbol", "size", "price"), time_unit
    )
    mine, others = rows.of(tape, instrument, other_symbols)
    prices, sizes = rows.numbers("price"), rows.numbers("size")
    rows.refuse(~(np.isfinite(prices) & (prices > 0.0)), "price", "a price above zero", prices)
    if "side" in rows.table:
        rows.refuse(~(np.isfinite(sizes) & (sizes > 0.0)), "size", "a size above zero, beside a side", sizes)
        sizes = sizes * rows.words("side", _SIDES, "buy or sell")
    rows.refuse(~np.isfinite(sizes) | (sizes == 0.0), "size", "a size that is not zero", sizes)
    rows.refuse_disorder(strictly=False)
    rows.refuse_twins(mine)
    held = 0.0
    if outside == "leave_out":
        held = float(sizes[mine[rows.times[mine] < tape.start_ns]].sum())
        mine = mine[(rows.times[mine] >= tape.start_ns) & (rows.times[mine] <= tape.end_ns)]
    rows.refuse_outside(mine, tape.start_ns, tape.end_ns)
    return Fills(rows.times[mine], sizes[mine], prices[mine], rows.name, mine, others, held)


def read_signals(
    source: Any,
    tape: Tape,
    instrument: int = 0,
    *,
    valid_for: str | int | float | None = None,
    time_unit: str = "ns",
    other_symbols: Others = "refuse",
    outside: Others = "refuse",
) -> Signals:
    """Signals on an instrument of a tape: ts (of publication), symbol, signal (a number from -1 to 1, or buy, hold,
    neutral, sell), valid_for (optional: a length of time such as 3d; empty: as the argument says).

    ``valid_for``: how long a signal holds at most; None: until the next. Signals from before the tape are in force when
    it begins; those from after it are refused unless ``outside`` is "leave_out". Raises DataError as `read_fills`, and
    for two signals of one time; ConfigError for what is no length of time.
    """
    rows = _Rows.read(source, ["ts", "symbol", "signal", "valid_for"], ("ts", "symbol", "signal"), time_unit)
    mine, others = rows.of(tape, instrument, other_symbols)
    values = rows.words("signal", _WORDS, "a number from -1 to 1, or buy, hold or sell", or_number=True)
    rows.refuse(~(np.abs(values) <= 1.0), "signal", "a number from -1 to 1", values)
    until = rows.until(valid_for)
    rows.refuse_disorder(strictly=False)
    rows.refuse_disorder(strictly=True, mine=mine)
    if outside == "leave_out":
        mine = mine[rows.times[mine] <= tape.end_ns]
    rows.refuse_outside(mine, None, tape.end_ns)
    return Signals(rows.times[mine], values[mine], until[mine], rows.name, mine, others)


@dataclass(frozen=True, eq=False)
class _Rows:
    """A table with its times, and what there is to refuse in it."""

    table: Table
    name: str
    times: Integers

    @classmethod
    def read(cls, source: Any, columns: list[str], wanted: Sequence[str], time_unit: str) -> _Rows:
        table, name = read_table(source, columns)
        missing = [each for each in wanted if each not in table]
        if missing:
            raise DataError(
                f"{name}: missing column(s) {', '.join(missing)}; found {', '.join(table) or 'none'}: rename them to "
                f"{', '.join(columns)}"
            )
        times = to_nanoseconds(table["ts"], f"{name}: column ts", time_unit)
        if not len(times):
            raise DataError(f"{name}: expected rows, got none")
        return cls(table, name, times)

    def at(self, row: int) -> str:
        """Which row, and when."""
        return f"{self.name}: row {row} ({time_text(int(self.times[row]))})"

    def numbers(self, column: str) -> Floats:
        """A column of numbers."""
        return numbers(self.table[column], self.name, column, self.times)

    def refuse(self, wrong: Any, column: str, expected: str, values: Any) -> None:
        """Raise DataError at the first wrong row."""
        found = np.flatnonzero(wrong)
        if len(found):
            row = int(found[0])
            raise DataError(
                f"{self.at(row)}: column {column}: expected {expected}, got {values[row]}; correct the row or leave it "
                "out"
            )

    def cells(self, column: str) -> Any:
        """A column as Python objects."""
        cells = np.asarray(pd.Series(self.table[column]).astype(object))
        if cells.shape != self.times.shape:
            raise DataError(f"{self.name}: column {column}: expected {len(self.times)} values, got {cells.shape}")
        return cells

    def words(self, column: str, known: Mapping[str, float], expected: str, or_number: bool = False) -> Floats:
        """A column of words as numbers."""
        cells = self.cells(column)
        found = np.array([_meant(cell, known, or_number) for cell in cells], np.float64)
        self.refuse(np.isnan(found), column, expected, [repr(cell) for cell in cells])
        return found

    def of(self, tape: Tape, instrument: int, others: Others) -> tuple[Integers, int]:
        """Rows of an instrument, and how many others there are."""
        if others not in ("refuse", "leave_out"):
            raise ConfigError(f"other_symbols: expected refuse or leave_out, got {others!r}")
        if not 0 <= instrument < len(tape.instruments):
            raise ConfigError(f"instrument: expected one of {len(tape.instruments)}, from 0, got {instrument}")
        symbols = self.cells("symbol")
        known = [name for one in tape.instruments for name in _names(one)]
        if others == "refuse":
            there = ", ".join(one.name for one in tape.instruments)
            self.refuse(
                [symbol not in known for symbol in symbols],
                "symbol",
                f"one that is on the tape ({there}), or other_symbols='leave_out'",
                [repr(symbol) for symbol in symbols],
            )
        mine = np.flatnonzero([symbol in _names(tape.instruments[instrument]) for symbol in symbols])
        if not len(mine):
            raise DataError(
                f"{self.name}: no row of {tape.instruments[instrument].name}; there are "
                f"{', '.join(map(str, dict.fromkeys(symbols)))}"
            )
        return mine, len(symbols) - len(mine)

    def refuse_disorder(self, strictly: bool, mine: Integers | None = None) -> None:
        """Raise DataError where a time goes back, or, ``strictly``, comes twice."""
        places = np.arange(len(self.times)) if mine is None else mine
        steps = np.diff(self.times[places])
        wrong = np.flatnonzero(steps <= 0 if strictly else steps < 0)
        if len(wrong):
            row, before = int(places[wrong[0] + 1]), int(places[wrong[0]])
            if strictly:
                raise DataError(
                    f"{self.at(row)}: a second one of this time, after row {before}; keep the one that held"
                )
            raise DataError(
                f"{self.at(row)}: expected times in ascending order, and row {before} is of "
                f"{time_text(int(self.times[before]))}; sort the table by ts"
            )

    def refuse_twins(self, mine: Integers) -> None:
        """Raise DataError for the same fill twice: by its id where there is one, else by all that is told of it."""
        if "id" in self.table:
            keys = [(cell,) for cell in self.cells("id")[mine]]
        else:
            parts = [self.cells(name)[mine] for name in ("side", "size", "price") if name in self.table]
            keys = list(zip(self.times[mine].tolist(), *parts, strict=True))
        seen: dict[Any, int] = {}
        for place, key in enumerate(keys):
            if key in seen:
                row, before = int(mine[place]), int(mine[seen[key]])
                raise DataError(
                    f"{self.at(row)}: the same fill as row {before}; leave it out, or, where both were filled, tell "
                    "them apart by a column id"
                )
            seen[key] = place

    def refuse_outside(self, mine: Integers, first: int | None, last: int) -> None:
        """Raise DataError for a row outside of the tape."""
        times = self.times[mine]
        wrong = np.flatnonzero((times > last) | (times < (times[0] if first is None else first)))
        if len(wrong):
            begins = "" if first is None else f"from {time_text(first)} "
            raise DataError(
                f"{self.at(int(mine[wrong[0]]))}: expected a time on the tape, {begins}until {time_text(last)}; give a "
                "longer tape, or cut the table (held= says what was held before the first fill)"
            )

    def until(self, default: str | int | float | None) -> Integers:
        """When each signal ends."""
        length = None if default is None else parse_interval(default)
        cells = self.cells("valid_for") if "valid_for" in self.table else [None] * len(self.times)
        found = np.full(len(self.times), NEVER, np.int64)
        for row, cell in enumerate(cells):
            mine = length
            if cell is not None and not (isinstance(cell, float) and np.isnan(cell)) and cell != "":
                try:
                    mine = parse_interval(cell)
                except ConfigError as error:
                    raise DataError(f"{self.at(row)}: column valid_for: {error}") from None
            if mine is not None:
                found[row] = self.times[row] + mine
        return found


def _names(instrument: Instrument) -> tuple[str, str]:
    return instrument.symbol, instrument.name


def _meant(cell: Any, known: Mapping[str, float], or_number: bool) -> float:
    """What a word means; NaN for none that is known."""
    if isinstance(cell, str) and cell.strip().lower() in known:
        return known[cell.strip().lower()]
    if not or_number or isinstance(cell, bool):
        return float("nan")
    try:
        return float(cell)
    except (TypeError, ValueError):
        return float("nan")


def _digest(*arrays: Any) -> str:
    found = hashlib.blake2b(digest_size=16)
    for array in arrays:
        found.update(np.ascontiguousarray(array).tobytes())
    return found.hexdigest()
