"""Lengths of time as people write them ("5ms", "1.5h", "1d", or a number of seconds), as integer nanoseconds."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated

import numpy as np
from pydantic import AfterValidator

from halfspread.errors import ConfigError

__all__ = ["DAY", "HOUR", "MINUTE", "SECOND", "Duration", "duration_text", "parse_duration"]

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

_UNITS = {"ns": 1, "us": 1_000, "ms": 1_000_000, "s": SECOND, "m": MINUTE, "min": MINUTE, "h": HOUR, "d": DAY}
_NUMBER_OF_UNITS = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(ns|us|ms|s|min|m|h|d|S|MIN|H|D)\s*")  # "1M" is a month elsewhere


def parse_duration(value: str | int | float) -> int:
    """Nanoseconds, zero or more, of ``"5ms"``, ``"1.5h"``, ``"1d"`` (ns, us, ms, s, m or min, h, d) or of a number of
    seconds. Raises ConfigError."""
    if isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool):
        if 0 <= value < 1e9:
            return round(float(value) * SECOND)
    elif match := _NUMBER_OF_UNITS.fullmatch(str(value)):
        nanoseconds = round(Decimal(match[1]) * _UNITS[match[2].lower()])
        if nanoseconds < 1e9 * SECOND:
            return nanoseconds
    raise ConfigError(f"expected a length of time such as '5ms', '1.5h' or a number of seconds, got {value!r}")


def duration_text(nanoseconds: int) -> str:
    """``"5m"`` for five minutes, ``"1500us"`` for one and a half milliseconds: the largest unit that divides."""
    for name in ("d", "h", "m", "s", "ms", "us"):
        if nanoseconds and nanoseconds % _UNITS[name] == 0:
            return f"{nanoseconds // _UNITS[name]}{name}"
    return f"{nanoseconds}ns" if nanoseconds else "0s"


def _readable(value: int | float | str) -> int | float | str:
    try:
        parse_duration(value)
    except ConfigError as error:
        raise ValueError(str(error)) from None
    return value


#: A field that holds a length of time as it was written; ``parse_duration`` makes nanoseconds of it.
Duration = Annotated[int | float | str, AfterValidator(_readable)]
