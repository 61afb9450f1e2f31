"""Trades in Bybit's public files, as columns of the kind trades.

Derivatives: ``timestamp,symbol,side,size,price,tickDirection,trdMatchID,grossValue,homeNotional,foreignNotional`` and,
since about 2025, ``RPI``; times in seconds with up to nine decimals, with a header or without, the oldest or the newest
first. Spot: ``id,timestamp,price,volume,side[,rpi]``, times in milliseconds. Each value is read exactly or refused with
its row.
"""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from halfspread.engine.times import SECOND, Integers
from halfspread.errors import DataError

__all__ = ["read_trades_dump", "without_twins"]

_NEEDED = ("timestamp", "symbol", "side", "size", "price", "tickDirection", "trdMatchID")
_DERIVATIVES = (*_NEEDED, "grossValue", "homeNotional", "foreignNotional", "RPI")
_SPOT = ("id", "timestamp", "price", "volume", "side", "rpi")
#: Bytes of text: the largest days hold a few hundred million.
_LARGEST = 8 << 30
_FIRST, _LAST = 1_230_768_000 * SECOND, 4_102_444_800 * SECOND


def read_trades_dump(path: Path, symbol: str, *, name: str = "") -> pa.Table:
    """The trades of a file, gzip or plain, the oldest first; those of one time in the order of the file (from its end
    where that begins with the newest). ``name``: for messages. Raises DataError naming the row."""
    name = name or path.name
    text = _text(path, name)
    if not text.strip():
        raise DataError(f"{name}: expected trades, got an empty file")
    table, first = _parsed(text, name)
    spot = "volume" in table.column_names
    if not spot:
        _check_symbol(table.column("symbol"), symbol, name, first)
    stamps = _stamps(table.column("timestamp"), "ms" if spot else "s", name, first)
    found = {
        "ts": pa.array(stamps, pa.timestamp("ns", "UTC")),
        "price": _positive(table, "price", name, first),
        "size": _positive(table, "volume" if spot else "size", name, first),
        "side": _sides(table.column("side"), name, first),
        "trade_id": table.column("id" if spot else "trdMatchID"),
    }
    rpi = "rpi" if spot else "RPI"
    if rpi in table.column_names:
        found["rpi"] = _flags(table.column(rpi), rpi, name, first)
    return _oldest_first(pa.table(found), stamps)


def without_twins(trades: pa.Table, name: str) -> tuple[pa.Table, int]:
    """Trades of which each number stands once, and how many equal ones were left out. Raises DataError where one number
    names trades that differ; no number names none."""
    names = trades["trade_id"].combine_chunks().dictionary_encode()
    if len(names.dictionary) == trades.num_rows:
        return trades, 0
    codes = names.indices.to_numpy().astype(np.int64)
    nameless = pc.equal(trades["trade_id"], "").to_numpy()
    codes[nameless] = -1 - np.flatnonzero(nameless)
    _, first, group = np.unique(codes, return_index=True, return_inverse=True)
    kept = np.zeros(trades.num_rows, np.bool_)
    kept[first] = True
    again = np.flatnonzero(~kept)
    these, those = trades.take(pa.array(again)), trades.take(pa.array(first[group[again]]))
    for column in trades.column_names:
        differ = pc.not_equal(these[column], those[column]).to_numpy()
        if differ.any():
            row = int(differ.argmax())
            raise DataError(
                f"{name}: {column}: expected one trade {these['trade_id'][row].as_py()}, got two that differ: "
                f"{those[column][row].as_py()} and {these[column][row].as_py()}"
            )
    return trades.filter(pa.array(kept)), len(again)


def _text(path: Path, name: str) -> bytes:
    try:
        with path.open("rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
        with gzip.open(path) if packed else path.open("rb") as source:
            return _bounded(source, name)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{name}: cannot be unpacked ({error}): is it cut short? Fetch it again") from error


def _bounded(source: Any, name: str) -> bytes:
    pieces, size = [], 0
    while piece := source.read(1 << 24):
        size += len(piece)
        if size > _LARGEST:
            raise DataError(f"{name}: unpacks to more than {_LARGEST >> 30} GB, which no day of trades does")
        pieces.append(piece)
    return b"".join(pieces)


def _parsed(text: bytes, name: str) -> tuple[pa.Table, int]:
    """The rows as text columns, and the number of the first row in the file, from 1."""
    line = text[: text.find(b"\n") if b"\n" in text else len(text)].decode("utf-8", "replace").strip()
    cells = line.split(",")
    if line.lstrip().startswith("<"):
        raise DataError(f"{name}: expected trades, got a web page")
    header = not cells[0][:1].isdecimal()
    names = tuple(cells) if header else (_DERIVATIVES if len(cells) > len(_SPOT) else _SPOT)[: len(cells)]
    needed = {"id", "timestamp", "price", "volume", "side"} if "volume" in names else set(_NEEDED)
    if missing := sorted(needed - set(names)):
        raise DataError(
            f"{name}: row 1: expected the columns {', '.join(sorted(needed))}; {', '.join(missing)} missing"
        )
    if len(set(names)) < len(names):
        raise DataError(f"{name}: row 1: expected each column once, got {line}")
    try:
        table = pa_csv.read_csv(
            pa.BufferReader(text),
            pa_csv.ReadOptions(column_names=names, skip_rows=int(header), use_threads=False, block_size=1 << 24),
            pa_csv.ParseOptions(quote_char=False, ignore_empty_lines=True),
            pa_csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False),
        )
    except pa.ArrowInvalid as error:
        if "Empty CSV" in str(error):
            return pa.table({one: pa.array([], pa.string()) for one in names}), 2
        raise DataError(f"{name}: {' '.join(str(error).split())[:200]}; is the file cut short?") from None
    return table, 1 + int(header)


def _check_symbol(column: pa.ChunkedArray, symbol: str, name: str, first: int) -> None:
    other = pc.not_equal(column, symbol).to_numpy()
    _refuse(other, column, name, first, "symbol", symbol)


def _stamps(column: pa.ChunkedArray, unit: str, name: str, first: int) -> Integers:
    """Decimal text as int64 ns, digit by digit: a decimal of scale 9 holds them as they are."""
    scale = 9 if unit == "s" else 6
    pattern = r"^[0-9]{9,10}(\.[0-9]{1,9})?$" if unit == "s" else r"^[0-9]{12,13}$"
    what = "seconds" if unit == "s" else "milliseconds"
    _refuse(pc.invert(pc.match_substring_regex(column, pattern)).to_numpy(), column, name, first, "timestamp", what)
    decimals = pc.cast(column, pa.decimal128(28, scale)).combine_chunks()
    stamps = _unscaled(decimals)
    _refuse((stamps < _FIRST) | (stamps >= _LAST), column, name, first, "timestamp", f"{what} from 2009 to 2100")
    return stamps


def _unscaled(decimals: pa.Array) -> Integers:
    """The whole numbers behind decimals, which are 16 bytes each, the lower eight first."""
    if not len(decimals):
        return np.array([], np.int64)
    halves = np.frombuffer(decimals.buffers()[1], np.int64)
    return np.ascontiguousarray(halves[2 * decimals.offset : 2 * (decimals.offset + len(decimals)) : 2])


def _positive(table: pa.Table, column: str, name: str, first: int) -> pa.Array:
    texts = table.column(column)
    shape = pc.match_substring_regex(texts, r"^[0-9]{1,30}(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,3})?$")
    _refuse(pc.invert(shape).to_numpy(), texts, name, first, column, "a number above zero")
    numbers = pc.cast(texts, pa.float64()).to_numpy()
    _refuse(~(np.isfinite(numbers) & (numbers > 0.0)), texts, name, first, column, "a number above zero")
    return pa.array(numbers)


def _sides(column: pa.ChunkedArray, name: str, first: int) -> pa.Array:
    lower = pc.utf8_lower(column)
    buys, sells = pc.equal(lower, "buy").to_numpy(), pc.equal(lower, "sell").to_numpy()
    _refuse(~(buys | sells), column, name, first, "side", "Buy or Sell")
    return pa.array(np.where(buys, 1, -1).astype(np.int8))


def _flags(column: pa.ChunkedArray, what: str, name: str, first: int) -> pa.Array:
    yes, no = pc.equal(column, "1").to_numpy(), pc.equal(column, "0").to_numpy()
    _refuse(~(yes | no), column, name, first, what, "0 or 1")
    return pa.array(yes)


def _refuse(bad: Any, column: pa.ChunkedArray, name: str, first: int, what: str, expected: str) -> None:
    if bad.any():
        row = int(bad.argmax())
        raise DataError(f"{name}: row {first + row}: {what}: expected {expected}, got {column[row].as_py()[:60]!r}")


def _oldest_first(table: pa.Table, stamps: Integers) -> pa.Table:
    """In order of time. A file that begins with its newest row is turned round before it is sorted."""
    if len(stamps) and stamps[0] > stamps[-1]:
        order = np.arange(len(stamps))[::-1]
    else:
        order = np.arange(len(stamps))
    if (np.diff(stamps[order]) < 0).any():
        order = order[np.argsort(stamps[order], kind="stable")]
    elif order[:1].tolist() in ([], [0]):
        return table
    return table.take(pa.array(order))
