"""Times of files as int64 nanoseconds UTC, exact.

The unit of numbers is told by their size: market data come from the years 2009 to 2100, and no number is such a time in
two units.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Literal

import numpy as np

from halfspread.engine.times import SECOND, Integers, time_text
from halfspread.errors import DataError

__all__ = ["UNITS", "Clock", "clock_of", "nanoseconds", "unit_of"]

#: Units of time, in nanoseconds, and what they are called.
UNITS = {"s": SECOND, "ms": 1_000_000, "us": 1_000, "ns": 1}
NAMES = {"s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}
#: 2009 and 2100 in nanoseconds.
FIRST, LAST = 1_230_768_000 * SECOND, 4_102_444_800 * SECOND
#: Digits after the point down to the nanosecond.
PLACES = {"s": 9, "ms": 6, "us": 3, "ns": 0}


@dataclass(frozen=True)
class Clock:
    """How a column writes times: ``form`` integer, decimal (numbers with a fraction), zoned or naive text, or the text
    of BitMEX dumps; ``unit`` of numbers; ``zone`` of text without one."""

    form: Literal["integer", "decimal", "zoned", "naive", "dump", "datetimes"]
    unit: str = "ns"
    zone: str = "UTC"

    def in_words(self) -> str:
        """For messages."""
        if self.form in ("integer", "decimal"):
            return NAMES[self.unit]
        if self.form == "naive":
            return f"text without a zone, read as {self.zone}"
        return {"zoned": "text", "dump": "text of BitMEX dumps"}.get(self.form, self.form)


def unit_of(least: Decimal | int | float, most: Decimal | int | float, given: str | None, what: str) -> str:
    """The unit in which both are times from 2009 to 2100. Raises DataError where none is, or not the one ``given``."""
    fitting = [unit for unit, scale in UNITS.items() if least * scale >= FIRST and most * scale <= LAST]
    if given in fitting or (given is None and fitting):
        return given or fitting[0]
    got = str(least) if least == most else f"{least} to {most}"
    hint = "correct the column (--map ts=NAME)"
    if given is None and _date_digits(least):
        hint = "these look like dates written as digits; write them as 2024-01-31"
    elif fitting:
        hint = f"they look like {NAMES[fitting[0]]}: --time-unit {fitting[0]}"
    wanted = f"times in {NAMES[given]}" if given else "seconds, milliseconds, microseconds or nanoseconds since 1970"
    raise DataError(f"{what}: expected {wanted} from 2009 to 2100, got {got}; {hint}")


def clock_of(texts: list[str], unit: str | None, zone: str | None, what: str) -> Clock:
    """How these texts (the first of a column, none empty) write times; one that is written otherwise than the first is
    named when it is read. Raises DataError where they are no times, or it cannot be told."""
    numbers = [_number(text) for text in texts]
    known = [number for number in numbers if number is not None]
    if numbers[0] is not None:
        found = unit_of(known[0], known[0], unit, what)  # rows after it that do not fit are named by their line
        whole = all(number == number.to_integral_value() and number.as_tuple().exponent == 0 for number in known)
        return Clock("integer" if whole else "decimal", found)
    forms = {_text_form(text, what) for text, number in zip(texts, numbers, strict=True) if number is None}
    if forms == {"dump"}:
        return Clock("dump")
    if len(forms) > 1:
        raise DataError(f"{what}: expected times written in one way, some have a zone and some none; write all alike")
    if unit is not None:
        raise DataError(f"{what}: --time-unit {unit} expects numbers, got {texts[0]!r}; leave the option out")
    return Clock("naive", zone=zone or "UTC") if forms == {"naive"} else Clock("zoned")


def nanoseconds(column: Any, clock: Clock) -> Any:
    """An Arrow column as an Arrow array of int64 nanoseconds; nulls stay. Raises pyarrow.ArrowInvalid, or ValueError
    for times outside 2009 to 2100, for what the column does not hold."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = column.cast(kind.value_type), kind.value_type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        column = _parsed(column, clock)
        kind = column.type
    if pa.types.is_date(kind):
        column, kind = column.cast(pa.timestamp("ns")), pa.timestamp("ns")
    if pa.types.is_timestamp(kind):
        if kind.tz is None and clock.zone != "UTC":
            column = pc.assume_timezone(column, clock.zone, ambiguous="raise", nonexistent="raise")
        found = column.cast(pa.timestamp("ns", column.type.tz)).cast(pa.int64())
    elif pa.types.is_decimal(kind):
        found = _of_decimals(column, clock.unit)
    elif pa.types.is_floating(kind):
        found = _of_floats(column, clock.unit)
    else:
        found = column.cast(pa.int64())
        if clock.unit != "ns":
            found = pc.multiply_checked(found, UNITS[clock.unit])
    if len(found) > found.null_count:
        ends = pc.min_max(found)
        if ends["min"].as_py() < FIRST or ends["max"].as_py() > LAST:
            raise ValueError("outside 2009 to 2100")
    return found


def _parsed(column: Any, clock: Clock) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    if clock.form == "dump":  # 2018-01-22D00:00:02.364320000
        return pc.replace_substring(column, "D", "T", max_replacements=1).cast(pa.timestamp("ns"))
    if clock.form in ("integer", "decimal"):
        return column.cast(pa.decimal128(19 + PLACES[clock.unit], PLACES[clock.unit]))
    return column.cast(pa.timestamp("ns", "UTC" if clock.form == "zoned" else None))


def _of_decimals(column: Any, unit: str) -> Any:
    """Numbers with a fraction, exact: a decimal's own integer counts nanoseconds."""
    import pyarrow as pa

    column = column.cast(pa.decimal128(19 + PLACES[unit], PLACES[unit]))
    words = np.frombuffer(column.buffers()[1], np.int64)[2 * column.offset : 2 * (column.offset + len(column))]
    low, high = words[0::2], words[1::2]
    valid = column.is_valid().to_numpy(zero_copy_only=False)
    if np.any((high != (low >> 63)) & valid):
        raise ValueError("outside 2009 to 2100")
    return pa.array(np.where(valid, low, 0), mask=~valid) if column.null_count else pa.array(low.copy())


def _of_floats(column: Any, unit: str) -> Any:
    """Floats are good to the microsecond: 2024 in seconds leaves a quarter of one."""
    import pyarrow as pa

    values = column.cast(pa.float64()).to_numpy(zero_copy_only=False)
    valid = np.isfinite(values)
    micros = np.where(valid, values, 0.0) * (UNITS[unit] / 1_000)
    if np.any(np.abs(micros) > LAST / 1_000):
        raise ValueError("outside 2009 to 2100")
    found: Integers = np.rint(micros).astype(np.int64) * 1_000
    return pa.array(found, mask=~valid) if not valid.all() else pa.array(found)


def span_text(first: int, last: int) -> str:
    """Two times, for messages."""
    return f"{time_text(first)} to {time_text(last)}"


def _number(text: str) -> Decimal | None:
    try:
        number = Decimal(text.strip())
    except InvalidOperation:
        return None
    return number if number.is_finite() and "_" not in text else None


def _date_digits(value: Decimal | int | float) -> bool:
    text = str(int(value))
    return len(text) in (8, 12, 14) and text[:2] in ("19", "20") and 1 <= int(text[4:6]) <= 12


def _text_form(text: str, what: str) -> str:
    """dump, zoned or naive. Raises DataError for what is no ISO time."""
    import pyarrow as pa

    text = text.strip()
    if text[10:11] == "D":
        form, given, kind = "dump", text[:10] + "T" + text[11:], pa.timestamp("ns")
    elif text.endswith("Z") or (len(text) > 16 and (text[-6] in "+-" or text[-5] in "+-" or text[-3] in "+-")):
        form, given, kind = "zoned", text, pa.timestamp("ns", "UTC")
    else:
        form, given, kind = "naive", text, pa.timestamp("ns")
    try:
        pa.array([given]).cast(kind)
    except pa.ArrowInvalid:
        raise DataError(
            f"{what}: expected times as 2024-01-31T08:00:00Z or as numbers since 1970, got {text!r}; which of day and "
            "month stands first cannot be told from other ways of writing"
        ) from None
    return form
