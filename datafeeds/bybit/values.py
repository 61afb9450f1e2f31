"""Values of Bybit's answers: numbers and times that come as text, read exactly or refused.

A number is the float64 next to the decimal that was sent; times become int64 nanoseconds UTC. What is missing, empty or
no plain number is a `NotTrustedError` that names the field, never a zero.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from halfspread.datafeeds.net.http import NotTrustedError

__all__ = ["flag", "listed", "milliseconds", "number", "numbers", "optional_number", "shown", "side", "text"]

_NUMBER = r"-?[0-9]{1,40}(?:\.[0-9]{1,40})?(?:[eE][+-]?[0-9]{1,3})?"
_ONE = re.compile(_NUMBER)
_MANY = re.compile(f"{_NUMBER}(?:,{_NUMBER})*")
_FIRST, _LAST = 1_230_768_000_000, 4_102_444_800_000  # 2009 to 2100
_MS = 1_000_000


def shown(value: Any) -> str:
    """A value for a message, cut where it is long."""
    found = repr(value)
    return found if len(found) <= 60 else f"{found[:57]}..."


def number(value: Any, what: str) -> float:
    """A finite number. Raises NotTrustedError."""
    found = _number(value)
    if found is None:
        raise NotTrustedError(f"{what}: expected a number, got {shown(value)}")
    return found


def optional_number(value: Any, what: str) -> float | None:
    """A finite number, None where the field is missing or empty. Raises NotTrustedError."""
    return None if value is None or value == "" else number(value, what)


def numbers(values: Sequence[Any], what: str) -> list[float]:
    """Finite numbers, as `number` reads each; quick where all are text. Raises NotTrustedError naming the row."""
    try:
        if _MANY.fullmatch(",".join(values)):
            found = [float(value) for value in values]
            if all(map(math.isfinite, found)):
                return found
    except (TypeError, ValueError):
        pass
    return [number(value, f"row {row}: {what}") for row, value in enumerate(values)]


def milliseconds(value: Any, what: str) -> int:
    """Nanoseconds UTC of whole milliseconds, text or number, from 2009 to 2100. Raises NotTrustedError."""
    whole = value if type(value) is int else None
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) == 13:
        whole = int(value)
    if whole is None or not _FIRST <= whole < _LAST:
        raise NotTrustedError(f"{what}: expected milliseconds since 1970, from 2009 to 2100, got {shown(value)}")
    return whole * _MS


def text(value: Any, what: str) -> str:
    """A text that is not empty. Raises NotTrustedError."""
    if not isinstance(value, str) or not value:
        raise NotTrustedError(f"{what}: expected a text, got {shown(value)}")
    return value


def side(value: Any, what: str) -> int:
    """+1 for Buy, -1 for Sell. Raises NotTrustedError."""
    if value not in ("Buy", "Sell"):
        raise NotTrustedError(f"{what}: expected Buy or Sell, got {shown(value)}")
    return 1 if value == "Buy" else -1


def flag(row: Mapping[str, Any], name: str) -> bool | None:
    """A truth value, None where the field is missing. Raises NotTrustedError."""
    value = row.get(name)
    if value is not None and not isinstance(value, bool):
        raise NotTrustedError(f"{name}: expected true or false, got {shown(value)}")
    return value


def listed(result: Mapping[str, Any], name: str = "list") -> list[Any]:
    """The rows of an answer. Raises NotTrustedError."""
    rows = result.get(name)
    if not isinstance(rows, list):
        raise NotTrustedError(f"{name}: expected a list, got {shown(rows)}")
    return rows


def _number(value: Any) -> float | None:
    if isinstance(value, str):
        found = float(value) if _ONE.fullmatch(value) else math.nan
    elif type(value) in (int, float) and abs(value) < 1e300:
        found = float(value)
    else:
        return None
    return found if math.isfinite(found) else None
