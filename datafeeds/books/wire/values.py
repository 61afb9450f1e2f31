"""Values of parsed JSON, taken strictly: a value of another kind is an error, never a guess.

Numbers may stand as JSON numbers or as strings that hold one. Times become int64 nanoseconds UTC.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from typing import Any

__all__ = ["BadLine", "Repeats", "decode", "flag", "listed", "milliseconds", "moment", "number", "text", "whole"]

_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_WHOLE = re.compile(r"-?(0|[1-9][0-9]*)")
_MOMENT = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,9}))?Z")
_FIRST, _LAST = 1_230_768_000_000, 4_102_444_800_000  # milliseconds: 2009 and 2100
_LIMIT = 2**63
_SHOWN = 60


class BadLine(Exception):
    """What is wrong with a line: expected and got."""


class Repeats(dict[str, Any]):
    """A JSON object that knows which names it was given twice."""

    repeated: frozenset[str] = frozenset()


def decode(line: bytes) -> Any:
    """The JSON value of a line. Raises BadLine; NaN and infinities are no JSON."""
    try:
        return json.loads(line.decode("utf-8"), parse_constant=_refuse, object_pairs_hook=_object)
    except UnicodeDecodeError as error:
        raise BadLine(f"expected JSON in UTF-8, got byte {line[error.start]:#04x} at {error.start}") from None
    except RecursionError:
        raise BadLine("expected JSON, got it nested too deeply") from None
    except ValueError as error:
        raise BadLine(f"expected JSON, got {shown(line)}: {error}") from None


def shown(line: bytes) -> str:
    """The beginning of a line, for messages."""
    return repr(line[:_SHOWN])[1:] + (f" and {len(line) - _SHOWN} bytes more" if len(line) > _SHOWN else "")


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is not a number")


def _object(pairs: Sequence[tuple[str, Any]]) -> Repeats:
    found = Repeats(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        found.repeated = frozenset(name for name in names if names.count(name) > 1)
    return found


def take(source: Any, name: str) -> Any:
    """``source[name]``, None where it is absent or null. Raises BadLine where it stands there twice."""
    if not isinstance(source, Repeats):
        raise BadLine(f"expected an object with {name}, got {source!r:.60}")
    if name in source.repeated:
        raise BadLine(f"{name}: expected it once, got it more than once")
    return source.get(name)


def number(source: Any, name: str, optional: bool = False) -> float:
    """A finite number; NaN where it is ``optional`` and absent."""
    value = take(source, name)
    return math.nan if value is None and optional else as_number(value, name)


def as_number(value: Any, name: str) -> float:
    """A finite number. Raises BadLine."""
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        found = float(value)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        try:
            found = float(value)
        except OverflowError:
            found = math.inf
    else:
        raise BadLine(f"{name}: expected a number, got {value!r:.60}")
    if not math.isfinite(found):
        raise BadLine(f"{name}: expected a finite number, got {value!r:.60}")
    return found


def whole(source: Any, name: str) -> int:
    """A whole number of 64 bits. Raises BadLine."""
    value = take(source, name)
    if isinstance(value, str) and len(value) < 25 and _WHOLE.fullmatch(value):
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not -_LIMIT < value < _LIMIT:
        raise BadLine(f"{name}: expected a whole number, got {value!r:.60}")
    return value


def milliseconds(source: Any, name: str) -> int:
    """Nanoseconds of a time that is counted in milliseconds. Raises BadLine outside 2009 to 2100."""
    value = whole(source, name)
    if not _FIRST <= value < _LAST:
        raise BadLine(f"{name}: expected milliseconds since 1970, from 2009 to 2100, got {value}")
    return value * 1_000_000


def moment(source: Any, name: str) -> int:
    """Nanoseconds of a text such as 2021-07-22T22:36:10.014Z. Raises BadLine outside 2009 to 2100."""
    value = text(source, name)
    found = _MOMENT.fullmatch(value)
    if found:
        year, month, day, hour, minute, second = (int(found[i]) for i in range(1, 7))
        leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
        days = (31, 29 if leap else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
        good = 2009 <= year < 2100 and 1 <= month <= 12 and 1 <= day <= days[month - 1]
        if good and hour < 24 and minute < 60 and second < 60:
            since = _days(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second
            return since * 1_000_000_000 + int((found[7] or "").ljust(9, "0"))
    raise BadLine(f"{name}: expected a time such as 2021-07-22T22:36:10.014Z, got {value!r:.60}")


def _days(year: int, month: int, day: int) -> int:
    """Days since 1970-01-01, Gregorian."""
    year -= month <= 2
    era, of_era = divmod(year, 400)
    of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    return era * 146_097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719_468


def text(source: Any, name: str) -> str:
    """A string. Raises BadLine."""
    value = take(source, name)
    if not isinstance(value, str):
        raise BadLine(f"{name}: expected text, got {value!r:.60}")
    return value


def flag(source: Any, name: str) -> bool | None:
    """true or false, None where it is absent or null. Raises BadLine."""
    value = take(source, name)
    if value is None or isinstance(value, bool):
        return value
    raise BadLine(f"{name}: expected true or false, got {value!r:.60}")


def listed(source: Any, name: str) -> list[Any]:
    """An array. Raises BadLine."""
    value = take(source, name)
    if not isinstance(value, list):
        raise BadLine(f"{name}: expected an array, got {value!r:.60}")
    return value
