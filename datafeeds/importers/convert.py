"""Columns of a file as columns of the store: exact, missing where missing, and a named cell where it is neither."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np

from halfspread.datafeeds.importers.units import Clock, nanoseconds
from halfspread.datafeeds.importers.where import Where
from halfspread.datafeeds.store.kinds import Column
from halfspread.errors import DataError

__all__ = ["converted", "numbers", "sides", "stamps", "text_type", "unknown_sides", "whole"]

_SIDES = {"buy": 1, "b": 1, "bid": 1, "long": 1, "1": 1, "+1": 1, "1.0": 1, "sell": -1, "s": -1, "ask": -1, "a": -1}
_SIDES |= {"short": -1, "-1": -1, "-1.0": -1, "unknown": 0, "": 0, "0": 0, "0.0": 0, "none": 0, "n/a": 0}
#: Binance says whether the buyer was the maker: then the taker sold.
_MAKERS = {"true": -1, "false": 1, "1": -1, "0": 1}
_FLAGS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


def text_type(column: Column, clock: Clock) -> Any:
    """The Arrow type that a column is parsed as from text."""
    import pyarrow as pa

    if column.type == "time":
        kinds = {"integer": pa.int64(), "zoned": pa.timestamp("ns", "UTC"), "naive": pa.timestamp("ns")}
        if clock.form == "decimal":
            places = {"s": 9, "ms": 6, "us": 3, "ns": 0}[clock.unit]
            return pa.decimal128(19 + places, places)
        return kinds.get(clock.form, pa.string())
    if column.type == "number":
        return pa.float64()
    return pa.string() if column.type == "text" else pa.dictionary(pa.int32(), pa.string())


def converted(column: Column, values: Any, clock: Clock, where: Where, name: str) -> Any:
    """An Arrow column of the file, called ``name`` there, as one of the store. Raises DataError."""
    if column.type == "time":
        return stamps(values, clock, where, name)
    if column.type == "number":
        return numbers(values, where, name)
    if column.type == "count":
        return whole(values, where, name)
    if column.type == "code":
        return sides(values, where, name)
    if column.type == "flag":
        import pyarrow as pa

        return coded(values, lambda text: _FLAGS.get(text.strip().lower()), pa.bool_(), "true or false", where, name)
    return texts(values)


def stamps(values: Any, clock: Clock, where: Where, name: str) -> Any:
    """Times, int64 nanoseconds. Raises DataError naming the first that is none."""
    import pyarrow as pa

    array = _one(values)
    try:
        return nanoseconds(array, clock)
    except (pa.ArrowException, ValueError):
        pass
    for row in range(len(array)):
        try:
            nanoseconds(array.slice(row, 1), clock)
        except (pa.ArrowException, ValueError):
            got = array[row].as_py()
            raise DataError(
                f"{where.at(row)}: column {name}: expected a time from 2009 to 2100 in {clock.in_words()}, got {got}; "
                "where it changes its unit, split it"
            ) from None
    raise DataError(f"{where.file}: column {name}: not readable as times")


def numbers(values: Any, where: Where, name: str) -> Any:
    """float64, null where missing. Raises DataError for text that is no number, and for infinities."""
    import pyarrow as pa
    import pyarrow.compute as pc

    array = _one(values)
    if pa.types.is_dictionary(array.type):
        array = array.cast(array.type.value_type)
    if pa.types.is_string(array.type) or pa.types.is_large_string(array.type):
        array = _parsed(array, where, name)
    if not (pa.types.is_floating(array.type) or pa.types.is_integer(array.type) or pa.types.is_decimal(array.type)):
        if pa.types.is_null(array.type):
            return pa.nulls(len(array), pa.float64())
        raise DataError(f"{where.file}: column {name}: expected numbers, got {array.type}")
    found = array if pa.types.is_float64(array.type) else array.cast(pa.float64(), safe=False)
    plain = found.to_numpy(zero_copy_only=False)
    if not np.isfinite(plain).all():
        infinite = np.isinf(plain)
        if infinite.any():
            row = int(infinite.argmax())
            raise DataError(f"{where.at(row)}: column {name}: expected a finite number, got {plain[row]}")
        if pc.any(pc.is_nan(found)).as_py():
            found = pa.array(plain, from_pandas=True)
    return found


def whole(values: Any, where: Where, name: str) -> Any:
    """int64, null where missing. Raises DataError for fractions."""
    import pyarrow as pa

    array = _one(values)
    if pa.types.is_integer(array.type) and not pa.types.is_uint64(array.type):
        return array.cast(pa.int64())
    found = numbers(array, where, name)
    plain = found.to_numpy(zero_copy_only=False)
    odd = np.isfinite(plain) & ((plain != np.rint(plain)) | (np.abs(plain) > 2**53))
    if odd.any():
        row = int(odd.argmax())
        raise DataError(f"{where.at(row)}: column {name}: expected a whole number, got {plain[row]:.17g}")
    return found.cast(pa.int64())


def unknown_sides(count: int) -> Any:
    """Sides of a file that has none."""
    import pyarrow as pa

    return pa.array(np.zeros(count, np.int8))


def sides(values: Any, where: Where, name: str, meanings: dict[str, int] | None = None) -> Any:
    """+1, -1, or 0 where it is not known. Raises DataError for other words."""
    import pyarrow as pa

    maker = "maker" in name.lower()
    words = meanings or (_MAKERS if maker else _SIDES)
    found = coded(values, lambda text: words.get(text.strip().lower()), pa.int8(), "buy or sell", where, name)
    return found.fill_null(0) if found.null_count else found


def coded(values: Any, meaning: Callable[[str], Any], kind: Any, expected: str, where: Where, name: str) -> Any:
    """Each of few words as what it means; nulls stay. Raises DataError for a word without a meaning."""
    import pyarrow as pa

    array = _one(values)
    if not pa.types.is_dictionary(array.type):
        array = array.dictionary_encode()
    words = array.dictionary.to_pylist()
    meant = [meaning("" if word is None else _word(word)) for word in words]
    if None in meant:
        bad = meant.index(None)
        rows = np.flatnonzero(array.indices.fill_null(-1).to_numpy(zero_copy_only=False) == bad)
        if len(rows):
            got = words[bad]
            raise DataError(f"{where.at(int(rows[0]))}: column {name}: expected {expected}, got {got!r}")
    return pa.array([0 if m is None else m for m in meant], kind).take(array.indices)


def texts(values: Any) -> Any:
    """Text; whole numbers as their digits."""
    import pyarrow as pa

    array = _one(values)
    if pa.types.is_dictionary(array.type):
        array = array.cast(array.type.value_type)
    return array if pa.types.is_string(array.type) else array.cast(pa.string())


def _word(word: Any) -> str:
    return str(word).lower() if isinstance(word, bool) else str(word)


def _parsed(array: Any, where: Where, name: str) -> Any:
    """Text as float64; "1,5", "0x10" and "inf" are none."""
    import pyarrow as pa
    import pyarrow.compute as pc

    trimmed = pc.utf8_trim_whitespace(array)
    empty = pc.is_in(trimmed, pa.array(["", "NaN", "nan", "null", "NULL", "None"], trimmed.type))
    trimmed = pc.if_else(empty, pa.scalar(None, trimmed.type), trimmed)
    try:
        return trimmed.cast(pa.float64())
    except pa.ArrowInvalid:
        pass
    for row, text in enumerate(trimmed.to_pylist()):
        if text is not None and not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", text):
            comma = "; write decimals with a point" if "," in text else "; write it as plain digits"
            raise DataError(f"{where.at(row)}: column {name}: expected a number, got {text!r}{comma}")
    raise DataError(f"{where.file}: column {name}: not readable as numbers")


def _one(values: Any) -> Any:
    """One array out of a column of chunks."""
    import pyarrow as pa

    if isinstance(values, pa.ChunkedArray):
        return values.chunk(0) if values.num_chunks == 1 else values.unify_dictionaries().combine_chunks()
    return values
