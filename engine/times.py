"""Times as integer nanoseconds UTC, and intervals as nanoseconds."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd

from halfspread.costs.base import Floats, Integers, time_text
from halfspread.costs.durations import DAY, HOUR, MINUTE, SECOND, parse_duration
from halfspread.costs.durations import duration_text as interval_text
from halfspread.errors import ConfigError, DataError

__all__ = [
    "DAY",
    "HOUR",
    "MINUTE",
    "SECOND",
    "Floats",
    "Integers",
    "interval_text",
    "parse_interval",
    "parse_time",
    "time_text",
    "to_nanoseconds",
]

_SCALES = {"s": SECOND, "ms": 1_000_000, "us": 1_000, "ns": 1}
_NAMES = {"s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}

#: The years that market data can come from, in nanoseconds; integers outside are in another unit.
_FIRST, _LAST = 1_230_768_000 * SECOND, 4_102_444_800 * SECOND


def parse_interval(interval: str | int | float) -> int:
    """Nanoseconds, above zero, of ``"5m"``, ``"1h"``, ``"1d"``, ``"30s"``, or of a number of seconds; units as in
    ``parse_duration``. Raises ConfigError."""
    try:
        nanoseconds = parse_duration(interval)
    except ConfigError:
        nanoseconds = 0
    if nanoseconds <= 0:
        raise ConfigError(f"expected an interval such as '5m', '1h', '1d' or a number of seconds, got {interval!r}")
    return nanoseconds


def parse_time(value: Any, what: str = "time") -> int:
    """Nanoseconds UTC of an ISO text, a date, a datetime with a zone or a pandas Timestamp, or of integer nanoseconds.

    Text and datetimes without a zone are UTC. Raises ConfigError, and DataError for a time outside 2009 to 2100.
    """
    example = "expected a UTC time such as '2024-01-31' or '2024-01-31T08:00Z'"
    if isinstance(value, (int, np.integer)) and not isinstance(value, bool):
        if not _FIRST <= value <= _LAST:
            raise DataError(f"{what}: {example}, or nanoseconds since 1970 from 2009 to 2100; got {value!r}")
        return int(value)
    if isinstance(value, (float, bool)) or (isinstance(value, str) and not re.match(r"\s*\d{4}(-|\s*$)", value)):
        raise ConfigError(f"{what}: {example}, got {value!r}")
    try:
        stamp = pd.Timestamp(value)
        if pd.isna(stamp):
            raise ValueError("not a time")
        stamp = stamp.tz_localize("UTC") if stamp.tzinfo is None else stamp.tz_convert("UTC")
        nanoseconds = int(stamp.as_unit("ns").value)
    except (ValueError, TypeError, OverflowError) as error:
        raise ConfigError(f"{what}: {example}, got {value!r}") from error
    if not _FIRST <= nanoseconds <= _LAST:
        raise DataError(f"{what}: expected a time from 2009 to 2100, got {value!r}")
    return nanoseconds


def to_nanoseconds(values: Any, what: str, unit: str = "ns", first_row: int = 0) -> Integers:
    """Times as int64 nanoseconds UTC, a fresh array, from datetimes, ISO text or numbers counted in ``unit`` (s, ms,
    us, ns).

    NumPy datetimes have no zone and count as UTC, and so does text without one; pandas datetimes must carry one. Times
    before 2009 or after 2100 are refused, since seconds read as nanoseconds would put every bar into 1970.
    ``first_row``: number of the first row, for messages. Raises DataError.
    """
    if unit not in _SCALES:
        raise DataError(f"time_unit: expected one of {', '.join(_SCALES)}, got {unit!r}")
    if isinstance(values, pd.Index):
        values = values.to_series()
    if isinstance(values, pd.Series):
        return _from_pandas(values, what, unit, first_row)
    array = np.asarray(values)
    if array.ndim != 1:
        raise DataError(f"{what}: expected one time per row, got an array of shape {array.shape}")
    if array.dtype.kind == "M":
        return _from_datetimes(array, what, first_row)
    if array.dtype.kind in "iuf":
        return _from_numbers(array, what, unit, first_row)
    return _from_text(pd.Series(array), what, unit, first_row)


def _from_pandas(series: pd.Series[Any], what: str, unit: str, first_row: int) -> Integers:
    if isinstance(series.dtype, pd.DatetimeTZDtype):
        return _from_datetimes(series.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy(), what, first_row)
    if series.dtype.kind == "M":
        raise DataError(
            f"{what}: the times carry no time zone ({series.dtype}); if they are UTC say so with "
            ".dt.tz_localize('UTC'), before the file is written where they come from a file"
        )
    if series.dtype.kind in "iuf":
        return _from_numbers(
            series.to_numpy(np.float64, na_value=np.nan) if series.hasnans else series, what, unit, first_row
        )
    return _from_text(series, what, unit, first_row)


def _from_datetimes(array: np.ndarray[Any, Any], what: str, first_row: int) -> Integers:
    missing = np.isnat(array)
    if missing.any():
        raise DataError(_no_time(what, first_row + int(missing.argmax()), "NaT"))
    outside = _outside(array.astype("datetime64[s]").astype(np.int64), 1, SECOND)
    if outside is not None:
        raise DataError(
            f"{what}: row {first_row + outside}: expected a time from 2009 to 2100, got {array[outside]}; were the "
            "datetimes made from numbers in another unit? pd.to_datetime(..., unit='s', utc=True) takes seconds"
        )
    return np.ascontiguousarray(array.astype("datetime64[ns]").astype(np.int64))


def _from_numbers(values: Any, what: str, unit: str, first_row: int) -> Integers:
    array = np.asarray(values)
    if array.dtype.kind == "f":
        missing = ~np.isfinite(array)
        if missing.any():
            row = int(missing.argmax())
            raise DataError(_no_time(what, first_row + row, str(array[row])))
    outside = _outside(array, _SCALES[unit], 1)
    if outside is not None:
        got = array[outside]
        likely = next(
            (name for name, scale in _SCALES.items() if _outside(array[outside : outside + 1], scale, 1) is None), None
        )
        if likely is None:
            remedy = "no unit makes it a time"
        elif outside == 0:
            remedy = f"these look like {_NAMES[likely]}: pass time_unit={likely!r}"
        else:
            remedy = f"this looks like {_NAMES[likely]}, and the rows before are {_NAMES[unit]}: bring them to one unit"
        raise DataError(
            f"{what}: row {first_row + outside}: expected {_NAMES[unit]} since 1970, from 2009 to 2100, got {got}; "
            f"{remedy}"
        )
    if array.dtype.kind == "f":
        whole = np.floor(array)
        rest = np.rint((array - whole) * _SCALES[unit]).astype(np.int64)
        return np.ascontiguousarray(whole.astype(np.int64) * _SCALES[unit] + rest)
    return np.ascontiguousarray(array.astype(np.int64) * _SCALES[unit])


def _from_text(series: pd.Series[Any], what: str, unit: str, first_row: int) -> Integers:
    """Times given as ISO text or as objects: datetimes, dates, whole numbers."""
    missing = series.isna().to_numpy()
    if missing.any():
        raise DataError(_no_time(what, first_row + int(missing.argmax()), repr(series.iloc[int(missing.argmax())])))
    if pd.api.types.infer_dtype(series) in ("integer", "floating", "mixed-integer-float", "decimal"):
        return _from_numbers(series.to_numpy(np.float64), what, unit, first_row)
    try:
        parsed = pd.to_datetime(series, utc=True, format="ISO8601")
    except (ValueError, TypeError, OverflowError):
        row = next((i for i, value in enumerate(series) if not _is_time(value)), 0)
        raise DataError(
            f"{what}: row {first_row + row}: expected ISO 8601 times such as 2024-01-31T08:00:00Z, or numbers with "
            f"time_unit=, got {series.iloc[row]!r}"
        ) from None
    return _from_pandas(pd.Series(parsed), what, unit, first_row)


def _is_time(value: Any) -> bool:
    try:
        pd.to_datetime([value], utc=True, format="ISO8601")
    except (ValueError, TypeError, OverflowError):
        return False
    return True


def _outside(array: np.ndarray[Any, Any], scale: int, units: int) -> int | None:
    """The first row that, times ``scale``, is no time between `_FIRST` and `_LAST` counted in ``units``."""
    if array.size == 0:
        return None
    first, last = _FIRST // (scale * units), _LAST // (scale * units)
    if array.min() >= first and array.max() <= last:
        return None
    return int(((array < first) | (array > last)).argmax())


def _no_time(what: str, row: int, got: str) -> str:
    return f"{what}: row {row}: expected a time, got {got}; remove the row or give its time"
