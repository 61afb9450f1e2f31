"""Cells: the settings that a sweep tries, from grids and ranges as they are typed.

``agent.fast=5:50:5`` is a grid from 5 to 50 in steps of 5, both ends included; ``agent.slow=20,50,100`` a list of any
values that ``--set`` takes; ``agent.fast=5..50`` a range to draw from, ``costs.x=1e-4..1e-2:log`` one on a logarithmic
scale. Cells are in the order of the product, the last key running fastest, or in the order of drawing.
"""

from __future__ import annotations

import itertools
import math
import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, time
from decimal import Decimal, InvalidOperation
from typing import Any

import numpy as np

from halfspread.configs.scales import Scales
from halfspread.errors import ConfigError

__all__ = [
    "Axis",
    "Cell",
    "Range",
    "count_cells",
    "decimal_of",
    "drawn_cells",
    "grid_cells",
    "listed",
    "parse_axes",
    "value_of",
    "whole",
]

#: One key may have so many values; more are a mistake.
MOST_VALUES = 1_000_000
_FORMS = "write KEY=FROM:TO:STEP, KEY=A,B,C, or with --random KEY=FROM..TO or KEY=FROM..TO:log"
_BRACKETS = {"[": 1, "{": 1, "]": -1, "}": -1}
_WORD = re.compile(r"[^\s\[\]{}\"'=#,]+")


@dataclass(frozen=True)
class Cell:
    """One run of many: its place in their order, what it sets (``key=value``), multiples of its costs, and the number
    of its agent where several run."""

    index: int
    settings: tuple[str, ...] = ()
    scales: Scales = field(default_factory=Scales)
    agent: int | None = None

    @property
    def parameters(self) -> dict[str, Any]:
        """What it sets, as values by key."""
        return {key: value_of(text) for key, _, text in (setting.partition("=") for setting in self.settings)}


@dataclass(frozen=True)
class Axis:
    """A key and the values, as typed, that it goes through."""

    key: str
    texts: tuple[str, ...]


@dataclass(frozen=True)
class Range:
    """A key and the range that its values are drawn from; whole numbers where both ends are."""

    key: str
    low: float
    high: float
    whole: bool
    log: bool

    def draw(self, rng: np.random.Generator) -> str:
        """A value as text."""
        if not self.log:
            if self.whole:
                return str(int(rng.integers(int(self.low), int(self.high), endpoint=True)))
            return repr(float(rng.uniform(self.low, self.high)))
        value = math.exp(rng.uniform(math.log(self.low), math.log(self.high)))
        value = min(max(value, self.low), self.high)
        return str(round(value)) if self.whole else repr(value)


def parse_axes(texts: Sequence[str], settings: Sequence[str] = ()) -> list[Axis | Range]:
    """Grids and ranges as typed after ``--grid``; ``settings`` are those of ``--set``.

    Raises ConfigError for one that is empty or cannot be read, and for a key that is there twice or set as well.
    """
    if not texts:
        raise ConfigError(f"nothing to sweep: give --grid at least once; {_FORMS}")
    axes = [_axis(text) for text in texts]
    keys = [axis.key for axis in axes]
    double = next((key for key in keys if keys.count(key) > 1), None)
    if double is not None:
        raise ConfigError(f"--grid {double} is there {keys.count(double)} times; give all of its values in one")
    fixed = {setting.partition("=")[0].strip() for setting in settings}
    both = next((key for key in keys if key in fixed), None)
    if both is not None:
        raise ConfigError(f"{both}: --set gives it one value and --grid several; leave one of them out")
    return axes


def _axis(text: str) -> Axis | Range:
    key, equals, values = (part.strip() for part in text.partition("="))
    if not equals or not key or not all(key.split(".")):
        raise ConfigError(f"--grid {text}: expected a key and its values; {_FORMS}")
    if not values:
        raise ConfigError(f"--grid {text}: no values; {_FORMS}")
    drawn = re.fullmatch(r"([^\s,:]+?)\.\.([^\s,:]+?)(:log)?", values)
    if drawn is not None:
        return _range(key, drawn[1], drawn[2], drawn[3] is not None, text)
    parts = values.split(":")
    if len(parts) in (2, 3) and all(decimal_of(part) is not None for part in parts):
        return Axis(key, tuple(_steps(parts, text)))
    return Axis(key, listed(values, f"--grid {text}", _FORMS))


def _range(key: str, first: str, last: str, log: bool, text: str) -> Range:
    low, high = decimal_of(first), decimal_of(last)
    if low is None or high is None:
        raise ConfigError(f"--grid {text}: expected numbers at both ends of the range, got {first!r} and {last!r}")
    if not low < high:
        raise ConfigError(f"--grid {text}: an empty range: {first} is not below {last}")
    if log and low <= 0:
        raise ConfigError(f"--grid {text}: a logarithmic range begins above 0, got {first}")
    return Range(key, float(low), float(high), whole(first) and whole(last), log)


def _steps(parts: Sequence[str], text: str) -> Iterator[str]:
    """FROM, FROM + STEP, ... up to TO, computed in decimals: 0.1:0.5:0.1 has five values."""
    first, last = Decimal(parts[0]), Decimal(parts[1])
    step = Decimal(parts[2]) if len(parts) == 3 else Decimal(1)
    if step <= 0:
        raise ConfigError(f"--grid {text}: expected a step above 0, got {parts[2]}")
    if last < first:
        raise ConfigError(f"--grid {text}: empty: {parts[0]} is above {parts[1]}")
    count = int((last - first) / step) + 1
    if count > MOST_VALUES:
        raise ConfigError(f"--grid {text}: {count:,} values of one key; use a larger step, or draw: --random N")
    integers = all(map(whole, parts))
    return (str(int(first + i * step)) if integers else repr(float(first + i * step)) for i in range(count))


def decimal_of(text: str) -> Decimal | None:
    """A finite number as typed, or None."""
    try:
        found = Decimal(text)
    except InvalidOperation:
        return None
    return found if found.is_finite() else None


def _split(text: str) -> list[str]:
    """At the commas that stand outside brackets and quotes."""
    parts, depth, quote = [""], 0, ""
    for letter in text:
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "\"'":
            quote = letter
        else:
            depth += _BRACKETS.get(letter, 0)
            if letter == "," and depth == 0:
                parts.append("")
                continue
        parts[-1] += letter
    return parts


def whole(text: str) -> bool:
    """Whether a number is typed as a whole one."""
    return re.fullmatch(r"[+-]?\d+", text) is not None


def listed(values: str, what: str, forms: str) -> tuple[str, ...]:
    """A list ``A,B,C`` of values as typed. Raises ConfigError, naming ``what`` and the ``forms`` there are, for an
    empty one, for what is no value, and for one that is there twice."""
    texts = tuple(part.strip() for part in _split(values))
    if not all(texts):
        raise ConfigError(f"{what}: an empty value; {forms}")
    for each in texts:
        try:
            tomllib.loads(f"value = {each}")
        except tomllib.TOMLDecodeError as error:
            if _WORD.fullmatch(each) is None:
                raise ConfigError(f"{what}: {each!r} is no value ({error}); {forms}") from None
    double = next((each for each in texts if texts.count(each) > 1), None) if len(texts) <= 1_000 else None
    if double is not None:
        raise ConfigError(f"{what}: {double} is there {texts.count(double)} times")
    return texts


def value_of(text: str) -> Any:
    """A value as typed: a TOML value, else a word; a date or a time stays the text that it is."""
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
    return text if isinstance(value, (date, time)) else value


def count_cells(axes: Sequence[Axis | Range], random: int | None = None) -> int:
    """How many cells there will be. Raises ConfigError for a range without ``random``."""
    if random is not None:
        if random < 1:
            raise ConfigError(f"--random: expected a number of settings to draw from 1 on, got {random}")
        return random
    ranges = [axis.key for axis in axes if isinstance(axis, Range)]
    if ranges:
        raise ConfigError(f"--grid {ranges[0]}: a range FROM..TO is drawn from: say how often with --random N")
    return math.prod(len(axis.texts) for axis in axes if isinstance(axis, Axis))


def grid_cells(axes: Sequence[Axis]) -> Iterator[Cell]:
    """Every combination of the values."""
    keys = [axis.key for axis in axes]
    for i, texts in enumerate(itertools.product(*(axis.texts for axis in axes))):
        yield Cell(i, tuple(f"{key}={text}" for key, text in zip(keys, texts, strict=True)))


def drawn_cells(axes: Sequence[Axis | Range], count: int, rng: np.random.Generator) -> Iterator[Cell]:
    """``count`` different combinations, drawn evenly from ranges and lists. Raises ConfigError where there are not so
    many, or hardly so many."""
    seen: set[tuple[str, ...]] = set()
    misses = 0
    while len(seen) < count:
        texts = tuple(
            axis.draw(rng) if isinstance(axis, Range) else axis.texts[int(rng.integers(len(axis.texts)))]
            for axis in axes
        )
        if texts in seen:
            misses += 1
            if misses > 100 * count + 1_000:
                raise ConfigError(
                    f"--random {count}: after {len(seen) + misses:,} draws only {len(seen):,} different settings; "
                    "draw fewer, widen the ranges, or try all of them with --grid KEY=FROM:TO:STEP"
                )
            continue
        seen.add(texts)
        keys = (axis.key for axis in axes)
        yield Cell(len(seen) - 1, tuple(f"{key}={text}" for key, text in zip(keys, texts, strict=True)))
