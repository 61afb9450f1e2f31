"""Times as integer nanoseconds UTC, and intervals as nanoseconds."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd

from halfspread.errors import ConfigError, DataError

__all__ = [
    "DAY",
    "HOUR",
    "MINUTE",
    "SECOND",
    "interval_text",
    "parse_interval",
    "parse_time",
    "time_text",
    "to_nanoseconds",
]

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
_UNITS = {"s": SECOND, "m": MINUTE, "min": MINUTE, "h": HOUR, "d": DAY}
_SCALES = {"s": SECOND, "ms": 1_000_000, "us": 1_000, "ns": 1}

#: The years that market data can come from, in nanoseconds; integers outside are in another unit.
_FIRST, _LAST = 1_230_768_000 * SECOND, 4_102_444_800 * SECOND


def parse_interval(interval: str | int | float) -> int:
    """Nanoseconds of ``"5m"``, ``"1h"``, ``"1d"``, ``"30s"``, or of a number of seconds. Raises ConfigError."""
    if isinstance(interval, (int, float)) and not isinstance(interval, bool):
        nanoseconds = round(interval * SECOND)
    else:
        match = re.fullmatch(r"\s*(\d+)\s*(s|min|m|h|d)\s*", str(interval).lower())
        nanoseconds = int(match[1]) * _UNITS[match[2]] if match else 0
    if nanoseconds <= 0:
        raise ConfigError(f"expected an interval such as '5m', '1h', '1d' or a number of seconds, got {interval!r}")
    return nanoseconds


def interval_text(nanoseconds: int) -> str:
    """``"5m"`` for five minutes, and so on; seconds where no larger unit divides."""
    for name in ("d", "h", "m"):
        if nanoseconds % _UNITS[name] == 0:
            return f"{nanoseconds // _UNITS[name]}{name}"
    return f"{nanoseconds / SECOND:g}s"


def time_text(nanoseconds: int) -> str:
    """``2024-01-01 00:05:00 UTC``; fractions only where there are any."""
    seconds, rest = divmod(int(nanoseconds), SECOND)
    text = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")
    return f"{text}{f'.{rest:09d}'.rstrip('0') if rest else ''} UTC"


def parse_time(value: Any, what: str = "time") -> int:
    """Nanoseconds UTC of an ISO text, a date, a datetime with a zone or a pandas Timestamp; text without a zone is
    UTC."""
    if isinstance(value, (int, np.integer)) and not isinstance(value, bool):
        return int(to_nanoseconds(np.array([value]), what)[0])
    try:
        stamp = pd.Timestamp(value)
    except (ValueError, TypeError) as error:
        raise ConfigError(
            f"{what}: expected a UTC time such as '2024-01-31' or '2024-01-31T08:00Z', got {value!r}"
        ) from error
    if pd.isna(stamp):
        raise ConfigError(f"{what}: expected a time, got {value!r}")
    stamp = stamp.tz_localize("UTC") if stamp.tzinfo is None else stamp.tz_convert("UTC")
    return int(stamp.as_unit("ns").value)


def to_nanoseconds(values: Any, what: str, unit: str = "ns") -> np.ndarray[Any, np.dtype[np.int64]]:
    """Times as int64 nanoseconds UTC from datetimes, ISO text or integers counted in ``unit`` (s, ms, us, ns).

    NumPy datetimes have no zone and count as UTC; pandas datetimes must carry one. Integers whose size does not fit
    ``unit`` are refused, since seconds read as nanoseconds would put every bar into 1970.
    """
    if unit not in _SCALES:
        raise DataError(f"{what}: the unit of time must be one of {', '.join(_SCALES)}, got {unit!r}")
    if isinstance(values, (pd.Series, pd.Index)):
        return _from_pandas(pd.Series(values), what, unit)
    array = np.asarray(values)
    if array.dtype.kind == "M":
        if np.isnat(array).any():
            raise DataError(f"{what}: row {int(np.isnat(array).argmax())} has no time (NaT)")
        return np.ascontiguousarray(array.astype("datetime64[ns]").astype(np.int64))
    if array.dtype.kind in "iu":
        return _from_integers(array, what, unit)
    if array.dtype.kind == "f":
        if not np.isfinite(array).all():
            raise DataError(
                f"{what}: row {int((~np.isfinite(array)).argmax())} has no time ({array[~np.isfinite(array)][0]})"
            )
        return _from_integers(np.rint(array * _SCALES[unit]).astype(np.int64), what, "ns")
    return _from_pandas(pd.Series(array), what, unit)


def _from_pandas(series: pd.Series[Any], what: str, unit: str) -> np.ndarray[Any, np.dtype[np.int64]]:
    if isinstance(series.dtype, pd.DatetimeTZDtype):
        if series.isna().any():
            raise DataError(f"{what}: row {int(series.isna().to_numpy().argmax())} has no time (NaT)")
        naive = series.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy()
        return np.ascontiguousarray(naive.astype("datetime64[ns]").astype(np.int64))
    if series.dtype.kind == "M":
        raise DataError(f"{what}: the times carry no time zone; say which with .dt.tz_localize('UTC')")
    if series.dtype.kind in "iuf":
        return to_nanoseconds(series.to_numpy(), what, unit)
    try:
        parsed = pd.to_datetime(series, utc=True, format="ISO8601")
    except (ValueError, TypeError) as error:
        raise DataError(f"{what}: expected ISO 8601 times such as 2024-01-31T08:00:00Z; {error}") from error
    return _from_pandas(pd.Series(parsed), what, unit)


def _from_integers(array: np.ndarray[Any, Any], what: str, unit: str) -> np.ndarray[Any, np.dtype[np.int64]]:
    scale = _SCALES[unit]
    if array.size == 0:
        return array.astype(np.int64)
    first, last = int(array.min()), int(array.max())
    if first * scale < _FIRST or last * scale > _LAST:
        likely = next((name for name, k in _SCALES.items() if first * k >= _FIRST and last * k <= _LAST), None)
        if likely is None:
            raise DataError(f"{what}: {first} to {last} are no times between 2009 and 2100 in any unit")
        raise DataError(
            f"{what}: expected {unit} since 1970, but {first} looks like {likely}; pass time_unit={likely!r}"
        )
    return np.ascontiguousarray(array.astype(np.int64) * scale)
