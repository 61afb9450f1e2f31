"""CSV files of tardis.dev: books, trades, quotes, tickers and liquidations, with exchange and local time.

Columns are found by their names. Amounts are contracts as the venue counts them. Rows with one local time came in one
message. Rows of a book before its first snapshot are skipped, and a snapshot after changes replaces the book; where one
snapshot came in several messages within a second, the later ones add to it. tardis begins with a snapshot after each
reconnect: where a second or more passed before it, that time is a gap. Funding settlements are not made of tickers:
what was paid is the rate at the settlement, and a file need not hold the message that says it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from halfspread.datafeeds.importers.convert import coded, numbers, sides, stamps, text_type, texts
from halfspread.datafeeds.importers.imported import Block, Imported, Tally, kept_rows, table_of
from halfspread.datafeeds.importers.options import Options
from halfspread.datafeeds.importers.text_tables import TextTable
from halfspread.datafeeds.importers.units import Clock, clock_of
from halfspread.datafeeds.importers.where import Where
from halfspread.datafeeds.store.kinds import SET, SNAPSHOT, Column, kind_of
from halfspread.datafeeds.store.manifest import Gap
from halfspread.datafeeds.store.series import Provenance, Series
from halfspread.engine.times import SECOND, time_text
from halfspread.errors import DataError

__all__ = ["is_tardis", "read_tardis", "type_of"]

_FIRST = ("exchange", "symbol", "timestamp", "local_timestamp")
#: The columns that tell the types apart, after the first four.
_TYPES = {
    "incremental_book_L2": {"is_snapshot", "side", "price", "amount"},
    "trades": {"id", "side", "price", "amount"},
    "quotes": {"ask_amount", "ask_price", "bid_price", "bid_amount"},
    "derivative_ticker": {"funding_timestamp", "funding_rate", "open_interest", "mark_price"},
    "options_chain": {"strike_price", "underlying_price"},
}
_LEVEL = re.compile(r"(ask|bid)s\[(\d+)\]\.(price|amount)")
_TICKER = {
    "mark": "mark_price",
    "index": "index_price",
    "last": "last_price",
    "open_interest": "open_interest",
    "funding_rate": "funding_rate",
    "predicted_rate": "predicted_funding_rate",
}


def is_tardis(names: tuple[str, ...]) -> bool:
    """Whether these columns are those of a tardis file."""
    return set(_FIRST) <= set(names)


def type_of(table: TextTable) -> str:
    """The type of a tardis file by its columns; trades and liquidations have the same, which the file's name settles.
    Raises DataError."""
    names = set(table.names)
    if any(_LEVEL.fullmatch(name) for name in names):
        return "book_snapshot"
    for name, needed in _TYPES.items():
        if needed <= names:
            if name == "options_chain":
                break
            return "liquidations" if name == "trades" and "liquidation" in table.source.name.lower() else name
    raise DataError(
        f"{table.source}: a tardis file of a type that is not read; expected incremental_book_L2, book_snapshot, "
        f"trades, quotes, book_ticker, derivative_ticker or liquidations, got columns {', '.join(table.names[4:12])}"
    )


def read_tardis(table: TextTable, options: Options, provenance: Provenance) -> Imported:
    """Read a tardis file. Raises DataError."""
    kind = type_of(table)
    if options.kind == "liquidations" and kind == "trades":
        kind = "liquidations"
    told = [f"tardis {kind}: amounts are contracts of the venue; rows with one local time came in one message"]
    sample = table.sample("local_timestamp") + table.sample("timestamp")
    if not sample:
        raise DataError(f"{table.source}: expected rows, got a line of names only; the day has no data")
    clock = clock_of(sample, options.time_unit, None, f"{table.source}: local_timestamp")
    if clock.unit != "us":
        told.append(f"its times are {clock.in_words()}, where tardis writes microseconds")
    if kind == "derivative_ticker":
        told.append("funding settlements are not made of it: the rate that was paid need not be in the file")
    if kind == "liquidations":
        told.append("the side of a liquidation order is turned into that of the position: sell closes a long")
    tally = Tally()
    reader = _Reader(table, options, kind, clock, tally)
    first = reader.first()
    return Imported(
        table.source,
        f"tardis {kind}",
        reader.blocks(),
        provenance,
        told,
        tally,
        first,
        reader.named(),
        clock.in_words(),
    )


@dataclass
class _Reader:
    """A tardis file, as blocks of the store."""

    table: TextTable
    options: Options
    type: str
    clock: Clock
    tally: Tally
    books: dict[str, _Book] = field(default_factory=dict)
    last: int = -1

    def __post_init__(self) -> None:
        found = [_LEVEL.fullmatch(name) for name in self.table.names]
        self.levels = 1 + max((int(match[2]) for match in found if match), default=-1)
        self.kind = {
            "incremental_book_L2": "book_updates",
            "book_snapshot": f"books_{self.levels}",
            "derivative_ticker": "tickers",
        }.get(self.type, self.type)
        kind_of(self.kind)

    def series(self, exchange: str, symbol: str) -> Series:
        """What rows of this symbol become."""
        return Series((self.options.venue or exchange).lower(), self.options.symbol or symbol, self.kind)

    def named(self) -> tuple[Series, ...]:
        """The series of the first rows."""
        rows = {(row[self._at("exchange")], row[self._at("symbol")]) for row in self.table.rows[:100] if len(row) > 4}
        if len(rows) > 1 and self.options.symbol:
            raise DataError(
                f"{self.table.source}: holds several symbols; leave --symbol out, each is stored by its name"
            )
        return tuple(self.series(*names) for names in sorted(rows))

    def first(self) -> int:
        """The local time of the first row."""
        import pyarrow as pa

        cells = pa.array(self.table.sample("local_timestamp")[:1], pa.string())
        if not len(cells):
            return 0  # the rows have none, and will be refused
        return int(stamps(cells, self.clock, Where(str(self.table.source), 2), "local_timestamp")[0].as_py())

    def blocks(self) -> Iterator[Block]:
        """Blocks of each symbol. Raises DataError where local times go back."""
        makers: dict[str, Callable[[Any, dict[str, Any], Where, str], dict[str, Any]]] = {
            "incremental_book_L2": self._updates,
            "book_snapshot": self._snapshots,
            "trades": self._trades,
            "liquidations": self._trades,
            "quotes": self._quotes,
            "derivative_ticker": self._tickers,
        }
        for found, where in self.table.blocks(self._types()):
            self.tally.read += found.num_rows
            times = {
                "ts": stamps(found.column("local_timestamp"), self.clock, where, "local_timestamp"),
                "exch_ts": stamps(found.column("timestamp"), self.clock, where, "timestamp"),
            }
            self._check(times["ts"], where)
            for exchange, symbol, keep in _parts(found, where):
                rows = found if keep is None else found.filter(keep)
                mine = times if keep is None else {name: values.filter(keep) for name, values in times.items()}
                columns = makers[self.type](rows, mine, where, symbol)
                series = self.series(exchange, symbol)
                if len(columns["ts"]):
                    self.tally.keep(series, columns["ts"].to_numpy())
                    lost = self.books[symbol].lost if symbol in self.books else []
                    gaps = tuple(Gap(start, end, "the recorder connected again") for start, end in lost)
                    yield Block(series, table_of(series, columns), gaps=gaps)

    def _at(self, name: str) -> int:
        return self.table.names.index(name)

    def _types(self) -> dict[str, Any]:
        import pyarrow as pa

        few = pa.dictionary(pa.int32(), pa.string())
        stamp = text_type(Column("ts", "time", ""), self.clock)
        types: dict[str, Any] = dict.fromkeys(("exchange", "symbol"), few)
        types |= dict.fromkeys(("timestamp", "local_timestamp"), stamp)
        for name in self.table.names:
            if name in types:
                continue
            if name in ("side", "is_snapshot"):
                types[name] = few
            elif name == "id":
                types[name] = pa.string()
            elif name == "funding_timestamp":
                types[name] = stamp
            elif self.type != "book_snapshot" or _LEVEL.fullmatch(name):
                types[name] = pa.float64()
        return types

    def _check(self, local: Any, where: Where) -> None:
        """That local times do not go back: the order of messages has a meaning."""
        if local.null_count:
            row = int((~local.is_valid().to_numpy(zero_copy_only=False)).argmax())
            raise DataError(f"{where.at(row)}: column local_timestamp: expected a time, got none")
        times = local.to_numpy()
        back = np.diff(times, prepend=self.last) < 0
        if back.any():
            row = int(back.argmax())
            before = int(times[row - 1]) if row else self.last
            raise DataError(
                f"{where.at(row)}: column local_timestamp: expected a time at or after {time_text(before)}, got "
                f"{time_text(int(times[row]))}; messages stand in the order of their arrival; download the file again"
            )
        self.last = int(times[-1])

    def _updates(self, rows: Any, times: dict[str, Any], where: Where, symbol: str) -> dict[str, Any]:
        """Rows of a book; gaps before the snapshots of reconnects are those of the block."""
        snapshot = coded(
            rows.column("is_snapshot"),
            lambda text: {"true": 1, "false": 0}.get(text.lower()),
            _int8(),
            "true or false",
            where,
            "is_snapshot",
        )
        price = _needed(rows, "price", where)
        size = _needed(rows, "amount", where)
        book = self.books.setdefault(symbol, _Book())
        action, message, keep = book.read(times["ts"].to_numpy(), snapshot.to_numpy() == 1)
        self.tally.leave("rows of a book before its first snapshot", int((~keep).sum()))
        nothing = keep & (action == SNAPSHOT) & (size.to_numpy() == 0)
        self.tally.leave("levels of a snapshot without a size", int(nothing.sum()))
        side = sides(rows.column("side"), where, "side")
        columns = {**times, "message": message, "action": action, "side": side, "price": price, "size": size}
        return kept_rows(columns, keep & ~nothing)

    def _trades(self, rows: Any, times: dict[str, Any], where: Where, symbol: str) -> dict[str, Any]:
        size = _needed(rows, "amount", where)
        side = sides(rows.column("side"), where, "side")
        columns = {**times, "price": _needed(rows, "price", where), "size": size, "trade_id": texts(rows.column("id"))}
        keep = size.to_numpy() != 0
        self.tally.leave(f"{self.type} of size 0", int((~keep).sum()))
        if self.type == "trades":
            return kept_rows({**columns, "side": side}, keep)
        position = -side.to_numpy()
        unknown = keep & (position == 0)
        self.tally.leave("liquidations of an unknown side", int(unknown.sum()))
        return kept_rows({**columns, "side": position}, keep & ~unknown)

    def _quotes(self, rows: Any, times: dict[str, Any], where: Where, symbol: str) -> dict[str, Any]:
        names = {"bid": "bid_price", "bid_size": "bid_amount", "ask": "ask_price", "ask_size": "ask_amount"}
        columns = {ours: numbers(rows.column(theirs), where, theirs) for ours, theirs in names.items()}
        keep = (columns["bid"].is_valid().to_numpy(zero_copy_only=False)) & (
            columns["ask"].is_valid().to_numpy(zero_copy_only=False)
        )
        self.tally.leave("quotes with one side only", int((~keep).sum()))
        return kept_rows({**times, **columns}, keep)

    def _tickers(self, rows: Any, times: dict[str, Any], where: Where, symbol: str) -> dict[str, Any]:
        columns = dict(times)
        for ours, theirs in _TICKER.items():
            if theirs in rows.column_names:
                columns[ours] = numbers(rows.column(theirs), where, theirs)
        columns["funding_ts"] = stamps(rows.column("funding_timestamp"), self.clock, where, "funding_timestamp")
        return columns

    def _snapshots(self, rows: Any, times: dict[str, Any], where: Where, symbol: str) -> dict[str, Any]:
        columns = dict(times)
        for level in range(self.levels):
            for side in ("bid", "ask"):
                names = [f"{side}s[{level}].{what}" for what in ("price", "amount")]
                for name in names:
                    if name not in rows.column_names:
                        raise DataError(f"{where.file}: expected a column {name}, got none; download it again")
                price, size = (numbers(rows.column(name), where, name) for name in names)
                columns[f"{side}_{level + 1}"] = price
                columns[f"{side}_size_{level + 1}"] = size.fill_null(0.0)
        return columns


@dataclass
class _Book:
    """What was read of one book so far."""

    begun: bool = False
    snapshot: bool = False
    local: int = -1
    message: int = 0
    whole: bool = False
    lost: list[tuple[int, int]] = field(default_factory=list)

    def read(self, local: Any, snapshot: Any) -> tuple[Any, Any, Any]:
        """Action, number of message and whether it stays, of each row; ``lost`` are spans before snapshots after which
        the book was not heard of.

        A row that begins a run of snapshot rows begins a new book; rows of the run in later messages add to it, unless
        a second passed.
        """
        count = len(local)
        before = np.concatenate([[self.snapshot and self.begun], snapshot[:-1]])
        waits = np.diff(local, prepend=self.local if self.local >= 0 else local[:1])
        starts = snapshot & (~before | (waits >= SECOND))
        moved = np.diff(local, prepend=self.local) != 0
        begins = moved | starts | (snapshot != before)
        if not self.message and count:
            self.message = int(local[0]) // 1_000  # no number of another file
        message = self.message + np.cumsum(begins)
        # Rows of the message that a run of snapshot rows begins with, in this block or before it.
        run = np.cumsum(starts)
        of_start = np.concatenate([[self.message if self.whole else -1], message[starts]])
        action = np.where(snapshot & (message == of_start[run]), SNAPSHOT, SET).astype(np.int8)
        seen = snapshot.cumsum() > 0
        keep = np.ones(count, bool) if self.begun else seen
        again = starts & (waits >= SECOND) & (np.concatenate([[self.begun], seen[:-1]]) | self.begun)
        self.lost = [(int(local[row] - waits[row]) + 1, int(local[row])) for row in np.flatnonzero(again)]
        if count:
            self.begun = bool(self.begun or seen.any())
            self.snapshot, self.local, self.message = bool(snapshot[-1]), int(local[-1]), int(message[-1])
            self.whole = bool(action[-1] == SNAPSHOT)
        return action, message, keep


def _parts(table: Any, where: Where) -> Iterator[tuple[str, str, Any]]:
    """Each exchange and symbol of a block with which rows are of it; None where all are."""
    import pyarrow as pa
    import pyarrow.compute as pc

    pairs = []
    for name in ("exchange", "symbol"):
        column = table.column(name)
        if column.null_count:
            row = int((~column.is_valid().to_numpy()).argmax())
            raise DataError(f"{where.at(row)}: column {name}: expected a name, got none")
        pairs.append(column.unify_dictionaries().combine_chunks())
    exchange, symbol = (each.chunk(0) if isinstance(each, pa.ChunkedArray) else each for each in pairs)
    if len(exchange.dictionary) == 1 and len(symbol.dictionary) == 1:
        yield exchange.dictionary[0].as_py(), symbol.dictionary[0].as_py(), None
        return
    for one in exchange.dictionary.to_pylist():
        for other in symbol.dictionary.to_pylist():
            keep = pc.and_(pc.equal(exchange.cast(pa.string()), one), pc.equal(symbol.cast(pa.string()), other))
            if keep.true_count:
                yield one, other, keep


def _needed(rows: Any, name: str, where: Where) -> Any:
    """Numbers none of which is missing."""
    found = numbers(rows.column(name), where, name)
    if found.null_count:
        row = int((~found.is_valid().to_numpy(zero_copy_only=False)).argmax())
        raise DataError(f"{where.at(row)}: column {name}: expected a number, got none; download the file again")
    return found


def _int8() -> Any:
    import pyarrow as pa

    return pa.int8()
