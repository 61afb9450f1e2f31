"""npz files of hftbacktest: depth, trades, best bid and offer, as book updates, trades and quotes.

Records are 64 bytes; they are unpacked piece by piece, and nothing is unpickled. A row of the store is what the local
side saw: records with the LOCAL flag, in order of their local time. A record without it is the exchange's half of one
that was split, and is left out. Snapshots replace the book, as they do at the venue; hftbacktest keeps levels beyond
the price up to which it cleared, which is its own memory and nothing the venue said.
"""

from __future__ import annotations

import ast
import struct
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from halfspread.datafeeds.importers.archives import Source
from halfspread.datafeeds.importers.imported import Block, Imported, Tally, table_of
from halfspread.datafeeds.importers.options import Options
from halfspread.datafeeds.importers.streams import Stream
from halfspread.datafeeds.importers.where import Where
from halfspread.datafeeds.store.kinds import SET, SNAPSHOT
from halfspread.datafeeds.store.series import Provenance, Series
from halfspread.engine.times import time_text
from halfspread.errors import DataError

__all__ = ["is_npz", "read_hftbacktest"]

_RECORD = np.dtype(
    [
        ("ev", "<u8"),
        ("exch_ts", "<i8"),
        ("local_ts", "<i8"),
        ("px", "<f8"),
        ("qty", "<f8"),
        ("order_id", "<u8"),
        ("ival", "<i8"),
        ("fval", "<f8"),
    ]
)
_DEPTH, _TRADE, _CLEAR, _SNAPSHOT, _BBO = 1, 2, 3, 4, 5
_ORDERS = (10, 11, 12, 13)
_EXCHANGE, _LOCAL, _BUY, _SELL = (1 << bit for bit in (31, 30, 29, 28))
_FIRST, _LAST = 1_230_768_000 * 10**9, 4_102_444_800 * 10**9
_RECORDS = 65_536


def is_npz(source: Source) -> bool:
    """Whether a file is a zip of NumPy arrays."""
    return source.packing == "plain" and source.head(4) == b"PK\x03\x04"


def read_hftbacktest(source: Source, options: Options, provenance: Provenance) -> Imported:
    """Read an npz of hftbacktest. Raises DataError for arrays of another type, and for events that cannot be stored."""
    venue, symbol = options.named(None, None, str(source))
    first = next(_records(source), None)
    if first is None:
        raise DataError(f"{source}: expected events, got none")
    local = bool((first["ev"] & _LOCAL).any())
    told = ["hftbacktest events; sizes are taken to be contracts"]
    if local:
        told.append("rows stand at their local time; a snapshot replaces the book")
    else:
        told.append("no record has a local time: rows stand at the exchange's")
    tally = Tally()
    reader = _Reader(source, venue, symbol, local, tally)
    stamp = int(first["local_ts" if local else "exch_ts"][0])
    of = replace(provenance, clock="received" if local else "exchange")
    wanted = options.kind
    blocks = (block for block in reader.blocks() if wanted in (None, block.series.kind))
    return Imported(source, "hftbacktest npz", _counted(blocks, tally), of, told, tally, stamp, (), "nanoseconds")


def _counted(blocks: Iterator[Block], tally: Tally) -> Iterator[Block]:
    import pyarrow as pa

    for block in blocks:
        tally.keep(block.series, block.rows.column("ts").cast(pa.int64()).to_numpy())
        yield block


@dataclass
class _Reader:
    source: Source
    venue: str
    symbol: str
    local: bool
    tally: Tally
    message: int = 0
    last: int = -1
    begun: bool = False
    row: int = 0
    best: dict[str, float] = field(default_factory=dict)

    def blocks(self) -> Iterator[Block]:
        """Blocks of book updates, trades and quotes, each of whole messages."""
        rest = np.zeros(0, _RECORD)
        for records in _records(self.source):
            where = Where(str(self.source), self.row)
            self.row += len(records)
            self.tally.read += len(records)
            _check(records, where)
            mine = (records["ev"] & (_LOCAL if self.local else _EXCHANGE)) != 0
            if not self.local and (records["ev"] & _LOCAL).any():
                raise DataError(f"{where.file}: some records have a local time and the first have none; write it again")
            self.tally.leave("exchange halves of records that were split", int((~mine).sum()))
            orders = np.isin(records["ev"] & 0xFF, _ORDERS) & mine
            self.tally.leave("orders one by one (add, cancel, modify, fill)", int(orders.sum()))
            held = np.concatenate([rest, records[mine & ~orders]])
            if not len(held):
                continue
            same = (held[self._time] == held[self._time][-1]) & (held["exch_ts"] == held["exch_ts"][-1])
            cut = len(held) - int(np.argmin(same[::-1])) if not same.all() else 0
            rest = held[cut:]
            yield from self._made(held[:cut])
        yield from self._made(rest)

    @property
    def _time(self) -> str:
        return "local_ts" if self.local else "exch_ts"

    def _made(self, records: Any) -> Iterator[Block]:
        if not len(records):
            return
        times = records[self._time]
        back = np.diff(times, prepend=self.last) < 0
        if back.any():
            row = int(back.argmax())
            before = int(times[row - 1]) if row else self.last
            raise DataError(
                f"{self.source}: an event at {time_text(int(times[row]))} after one at {time_text(before)}; sort the "
                "file with hftbacktest's own tools"
            )
        moved = (np.diff(times, prepend=-1) != 0) | (np.diff(records["exch_ts"], prepend=-1) != 0)
        if self.last < 0:
            self.message = int(times[0]) // 1_000  # no number of another file
        messages = self.message + np.cumsum(moved)
        self.last, self.message = int(times[-1]), int(messages[-1])
        kind = records["ev"] & 0xFF
        book = (kind == _DEPTH) | (kind == _CLEAR) | (kind == _SNAPSHOT)
        for some, read in ((book, self._book), (kind == _TRADE, self._trades), (kind == _BBO, self._quotes)):
            if some.any():
                name, columns = read(records[some], messages[some])
                if len(columns["ts"]):
                    series = Series(self.venue, self.symbol, name)
                    yield Block(series, table_of(series, columns))

    def _columns(self, records: Any) -> dict[str, Any]:
        times = {"ts": records[self._time].copy()}
        return times | ({"exch_ts": records["exch_ts"].copy()} if self.local else {})

    def _trades(self, records: Any, messages: Any) -> tuple[str, dict[str, Any]]:
        fine = np.isfinite(records["px"]) & (records["px"] > 0) & np.isfinite(records["qty"]) & (records["qty"] > 0)
        self._refuse(records, ~fine, "a trade with price and size above 0")
        columns = {"price": records["px"].copy(), "size": records["qty"].copy(), "side": _sides(records)}
        return "trades", self._columns(records) | columns

    def _book(self, records: Any, messages: Any) -> tuple[str, dict[str, Any]]:
        """Changes set a level; the levels of a message that clears both sides are a snapshot."""
        kind, side = records["ev"] & 0xFF, _sides(records)
        fine = np.isfinite(records["px"]) & (records["px"] > 0) & np.isfinite(records["qty"]) & (records["qty"] >= 0)
        self._refuse(
            records, (kind != _CLEAR) & ~(fine & (side != 0)), "a side, a price above 0 and a size of 0 or more"
        )
        fresh = kind != _DEPTH
        cleared = {
            sign: np.unique(messages[fresh & ((side == sign) | ((kind == _CLEAR) & (side == 0)))]) for sign in (1, -1)
        }
        half = fresh & (np.isin(messages, cleared[1]) != np.isin(messages, cleared[-1]))
        if self.begun:
            self._refuse(records, half, "a snapshot of both sides: one side alone cannot be cleared in the store")
        empty = fresh & ~np.isin(messages, np.unique(messages[kind != _CLEAR]))
        self._refuse(records, empty, "a snapshot after a clearing")
        self.begun = True
        snapshot = np.isin(messages, np.unique(messages[kind == _SNAPSHOT])) & (kind == _SNAPSHOT)
        # Changes that came in one message with a snapshot come after it: a message of their own, at the same time.
        number = 2 * messages + (np.isin(messages, messages[snapshot]) & (kind == _DEPTH))
        order = np.argsort(number, kind="stable")
        keep = order[(kind != _CLEAR)[order] & ~(snapshot & (records["qty"] == 0))[order]]
        self.tally.leave("clearings, which the snapshot after them stands for", int((kind == _CLEAR).sum()))
        columns = self._columns(records) | {
            "message": number,
            "action": np.where(snapshot, SNAPSHOT, SET).astype(np.int8),
            "side": side,
            "price": records["px"].copy(),
            "size": records["qty"].copy(),
        }
        return "book_updates", {name: values[keep] for name, values in columns.items()}

    def _quotes(self, records: Any, messages: Any) -> tuple[str, dict[str, Any]]:
        """Each side as it was last said, once for each message, from where both are known."""
        fine = np.isfinite(records["px"]) & (records["px"] > 0) & np.isfinite(records["qty"]) & (records["qty"] >= 0)
        side = _sides(records)
        self._refuse(records, ~fine | (side == 0), "a side, a price above 0 and a size of 0 or more")
        columns = self._columns(records)
        for name, sign in (("bid", 1), ("ask", -1)):
            at = np.maximum.accumulate(np.where(side == sign, np.arange(1, len(side) + 1), 0))
            for of, ours in (("px", name), ("qty", f"{name}_size")):
                known = np.concatenate([[self.best.get(ours, np.nan)], records[of]])
                columns[ours] = known[at]
                self.best[ours] = float(columns[ours][-1])
        last = np.concatenate([np.diff(messages) != 0, [True]])
        keep = last & np.isfinite(columns["bid"]) & np.isfinite(columns["ask"])
        return "quotes", {name: values[keep] for name, values in columns.items()}

    def _refuse(self, records: Any, bad: Any, expected: str) -> None:
        if bad.any():
            row = int(bad.argmax())
            one = records[row]
            raise DataError(
                f"{self.source}: event at {time_text(int(one[self._time]))}: expected {expected}, got px "
                f"{one['px']}, qty {one['qty']}, ev {int(one['ev']):#x}"
            )


def _check(records: Any, where: Where) -> None:
    """That events are known and their numbers can be."""
    known = np.isin(records["ev"] & 0xFF, (_DEPTH, _TRADE, _CLEAR, _SNAPSHOT, _BBO, *_ORDERS))
    flags = (records["ev"] & (_EXCHANGE | _LOCAL)) != 0
    for fine, expected in ((known, "an event of hftbacktest"), (flags, "an event of the exchange or the local side")):
        if not fine.all():
            row = int((~fine).argmax())
            raise DataError(f"{where.at(row)}: field ev: expected {expected}, got {int(records['ev'][row]):#x}")
    for name in ("exch_ts", "local_ts"):
        of = (records["ev"] & (_EXCHANGE if name == "exch_ts" else _LOCAL)) != 0
        bad = of & ((records[name] < _FIRST) | (records[name] > _LAST))
        if bad.any():
            row = int(bad.argmax())
            raise DataError(
                f"{where.at(row)}: field {name}: expected nanoseconds from 2009 to 2100, got {int(records[name][row])}"
            )


def _sides(records: Any) -> Any:
    buy, sell = (records["ev"] & _BUY) != 0, (records["ev"] & _SELL) != 0
    return buy.astype(np.int8) - sell.astype(np.int8)


def _records(source: Source) -> Iterator[Any]:
    """The records, some thousand at a time; a header of NumPy is read, never a pickle."""
    with _array(source) as stream:
        _header(stream, source)
        while data := stream.read(_RECORDS * _RECORD.itemsize):
            if len(data) % _RECORD.itemsize:
                raise DataError(f"{source}: stops inside a record; download or write it again")
            yield np.frombuffer(data, _RECORD)


@contextmanager
def _array(source: Source) -> Iterator[Stream]:
    if not is_npz(source):
        with source.open() as stream:
            yield stream
        return
    try:
        with zipfile.ZipFile(source.path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise DataError(f"{source}: damaged zip ({str(error).strip('. ')}); download it again") from None
    if "data.npy" not in names:
        raise DataError(f"{source}: expected an array called data, got {', '.join(names[:5])}")
    with replace(source, packing="zip", member="data.npy").open() as stream:
        yield stream


def _header(stream: Stream, source: Source) -> None:
    """Read the header of an array. Raises DataError for one of another type."""
    start = stream.read(8)
    if start[:6] != b"\x93NUMPY" or len(start) < 8:
        raise DataError(f"{source}: expected an array of NumPy, got something else")
    wide = start[6] >= 2
    size = stream.read(4 if wide else 2)
    length = struct.unpack("<I" if wide else "<H", size)[0] if len(size) == (4 if wide else 2) else 0
    if not 0 < length < 1 << 16:
        raise DataError(f"{source}: expected a header of an array, got a damaged one")
    try:
        header = ast.literal_eval(stream.read(length).decode("latin1"))
        kind = np.dtype([(str(field[0]), str(field[1])) for field in header["descr"]])
        fortran, shape = header["fortran_order"], header["shape"]
    except (ValueError, SyntaxError, TypeError, KeyError, IndexError, MemoryError, RecursionError):
        kind, fortran, shape = np.dtype("V1"), False, ()
    if kind != _RECORD or fortran or len(shape) != 1:
        raise DataError(
            f"{source}: expected records of hftbacktest 2 (ev, exch_ts, local_ts, px, qty, order_id, ival, fval), got "
            "another array; files of hftbacktest 1 are converted with its own tool"
        )
