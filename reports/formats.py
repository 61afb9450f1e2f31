"""Numbers and times as people read them: a real minus sign, thousands separated, a dash where there is no number."""

from __future__ import annotations

import math
from collections.abc import Iterable

import pandas as pd

__all__ = [
    "MINUS",
    "MISSING",
    "basis_points",
    "compact",
    "count",
    "day",
    "decimals",
    "duration",
    "money",
    "number",
    "percent",
    "plural",
    "price",
    "returned",
    "returned_digits",
    "span",
    "stamp",
]

MINUS = "\N{MINUS SIGN}"
MISSING = "\N{EN DASH}"


def number(value: float, digits: int = 2, *, sign: bool = False) -> str:
    """``value`` with ``digits`` decimals; ``sign`` writes a plus too. A value that rounds to zero has no sign."""
    if not math.isfinite(value):
        return MISSING
    text = f"{abs(value):,.{digits}f}"
    if not any(character in "123456789" for character in text):
        return text
    return (MINUS if value < 0 else "+" if sign else "") + text


def percent(value: float, digits: int = 1, *, sign: bool = False) -> str:
    """A fraction in percent."""
    text = number(100.0 * value, digits, sign=sign)
    return text if text == MISSING else f"{text}%"


def returned(value: float, *, sign: bool = False) -> str:
    """A return or a drawdown in percent: with one decimal, and more for less than 1%."""
    return percent(value, returned_digits([value]), sign=sign)


def returned_digits(values: Iterable[float]) -> int:
    """Decimals for a column of returns in percent by the largest of them: one from 1%, up to four for less."""
    size = max((abs(value) for value in values if math.isfinite(value)), default=0.0)
    return 1 if size >= 0.00995 or size == 0.0 else min(-math.floor(math.log10(100.0 * size)) + 1, 4)


def basis_points(value: float, digits: int = 2, *, sign: bool = False) -> str:
    """A fraction in basis points (1 bp = 0.01%)."""
    text = number(1e4 * value, digits, sign=sign)
    return text if text == MISSING else f"{text} bp"


def money(value: float, *, sign: bool = False) -> str:
    """An amount on its own: with the decimals that its size asks for, none for a whole number."""
    return number(value, 0 if math.isfinite(value) and value == round(value) else decimals([value]), sign=sign)


def decimals(values: Iterable[float]) -> int:
    """Decimals for a column of amounts by the largest of them: none from 10,000, two from 1, more for fractions of a
    coin."""
    size = max((abs(value) for value in values if math.isfinite(value)), default=0.0)
    if size >= 10_000:
        return 0
    return 2 if size >= 1.0 or size == 0.0 else min(2 - math.floor(math.log10(size)), 8)


def price(value: float) -> str:
    """A price to about six significant digits, without an exponent."""
    if not math.isfinite(value) or value == 0.0:
        return number(value, 2)
    return number(value, min(max(5 - math.floor(math.log10(abs(value))), 0), 10) if abs(value) < 10_000 else 1)


def count(value: float) -> str:
    """A whole number."""
    return number(value, 0)


def plural(value: int, word: str) -> str:
    """A number of things; ``word`` takes an s."""
    return f"{value:,} {word}{'' if value == 1 else 's'}"


def compact(value: float) -> str:
    """A quantity in a narrow place: 1,234 up to a hundred thousand, then 123k, 1.2M."""
    for limit, divisor, unit in ((1e9, 1e9, "B"), (1e6, 1e6, "M"), (1e5, 1e3, "k")):
        if abs(value) >= limit:
            return f"{number(value / divisor, 1 if abs(value) < 10 * limit and unit != 'k' else 0)}{unit}"
    return number(value, 0 if abs(value) >= 100 else 2)


def duration(hours: float) -> str:
    """A length of time given in hours, in the unit that fits it."""
    if not math.isfinite(hours):
        return MISSING
    seconds = 3_600.0 * hours
    if 0.0 < seconds < 1.0:
        return f"{number(1_000.0 * seconds, 0 if seconds >= 0.01 else 1)} ms"
    if seconds < 60.0:
        return f"{number(seconds, 1)} s"
    if hours < 1.0:
        return f"{number(60.0 * hours, 0 if seconds >= 600.0 else 1)} min"
    return f"{number(hours, 1)} h" if hours < 48.0 else f"{number(hours / 24.0, 1)} days"


def stamp(time: pd.Timestamp, *, seconds: bool = False) -> str:
    """A time to the minute, or to the second; UTC is said once where it stands."""
    return f"{time:%Y-%m-%d %H:%M:%S}" if seconds else f"{time:%Y-%m-%d %H:%M}"


def span(start: pd.Timestamp, end: pd.Timestamp) -> str:
    """From when to when: days, or for a run of less than four days times, to the second within ten minutes."""
    length = end - start
    if length >= pd.Timedelta(days=4):
        return f"{day(start)} to {day(end)}"
    unit = "s" if length < pd.Timedelta(minutes=10) else "min"
    start, end = start.round(unit), end.round(unit)
    first, last = (stamp(time, seconds=unit == "s") for time in (start, end))
    return f"{first} to {last[11:] if day(start) == day(end) else last}"


def day(time: pd.Timestamp) -> str:
    """The date of a time."""
    return f"{time:%Y-%m-%d}"
