"""The observation of a learner: features by name, in their order, of this decision and of earlier ones.

    features = FeatureSet(("log_return(1)", "volatility(20)", "average_gap(5, 20)", "position"), stack=3)

A name is written as ``kind``, ``kind(parameters)`` or ``kind(parameters)@SYMBOL`` for another instrument of the tape.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cached_property
from typing import Any

import numpy as np

from halfspread.agents.features.driven import DrivenReservoir
from halfspread.agents.features.records import (
    FOLLOW_MOVES,
    FOLLOW_VOLUME,
    MOVES_STATE,
    ON_BARS,
    OWN_WIDTH,
    PLAN_WIDTH,
    VOLUME_STATE,
)
from halfspread.agents.features.registry import KINDS, SETS, Kind, Parameter
from halfspread.agents.reservoir import Reservoir
from halfspread.engine.codes import LEVEL
from halfspread.engine.instruments import Instrument
from halfspread.engine.times import DAY, Floats, interval_text, parse_interval
from halfspread.errors import ConfigError, DataError

__all__ = ["Feature", "FeatureSet", "own_past"]

#: Beyond what any data have: rows that a feature looks back, and its time in nanoseconds.
MOST_ROWS = 10_000_000
MOST_NANOSECONDS = 3_650 * DAY
#: Decisions in an observation.
MOST_STACKED = 10_000

#: Numbers that what features follow in common keeps.
FOLLOWED = {FOLLOW_MOVES: MOVES_STATE, FOLLOW_VOLUME: VOLUME_STATE}
#: Column of bars that were made of finer ones: rises less falls of those, by volume.
SIGNED = "signed_volume"

_WRITTEN = re.compile(r"\s*([a-z_]+)\s*(?:\(([^()]*)\))?\s*(?:@\s*([\w:.\-]+))?\s*")


@dataclass(frozen=True)
class Feature:
    """One feature: its kind, its parameters as written, and the symbol of its instrument ("" for the first)."""

    kind: str
    arguments: tuple[str, ...] = ()
    symbol: str = ""

    @classmethod
    def parse(cls, text: str) -> Feature:
        """Read a name. Raises ConfigError."""
        found = _WRITTEN.fullmatch(text)
        if found is None:
            raise ConfigError(f"feature {text!r}: expected a name such as log_return(5), position, or basis@ETHUSDT")
        kind, inner, symbol = found.groups()
        if kind not in KINDS:
            near = get_close_matches(kind, (*KINDS, *SETS), 1)
            hint = f"; there are {', '.join(KINDS)}, and of sets {', '.join(SETS)}"
            if near or kind in SETS:
                hint = f"; did you mean {near[0]}?" if kind not in SETS else "; it is a set, for a list of features"
            raise ConfigError(f"feature {text!r}: there is no {kind!r}{hint}")
        arguments = tuple(part.strip() for part in (inner or "").split(",") if part.strip())
        wanted = KINDS[kind].parameters
        made = cls(kind, _with_defaults(arguments, wanted), symbol or "")
        if len(made.arguments) != len(wanted):
            form = f"{kind}({', '.join(each.name for each in wanted)})" if wanted else kind
            raise ConfigError(f"feature {text!r}: expected {form}, got {len(arguments)} parameters")
        for value, parameter in zip(made.arguments, wanted, strict=True):
            _number(value, parameter, text)
        return made

    def __str__(self) -> str:
        pairs = zip(self.arguments, self.of_kind.parameters, strict=True)
        said = [value for value, parameter in pairs if not (parameter.quiet and value == parameter.choices[0])]
        inner = f"({', '.join(said)})" if said else ""
        return f"{self.kind}{inner}" + (f"@{self.symbol}" if self.symbol else "")

    @property
    def of_kind(self) -> Kind:
        """Its line in the registry."""
        return KINDS[self.kind]

    @property
    def numbers(self) -> tuple[float, ...]:
        """Parameters as numbers; the name of a column counts as 0."""
        pairs = zip(self.arguments, self.of_kind.parameters, strict=True)
        return tuple(_number(value, parameter, str(self)) for value, parameter in pairs)

    @property
    def lookback(self) -> int:
        """How many rows have to stand before this one."""
        return self.of_kind.rows(*self.numbers)


def _with_defaults(arguments: tuple[str, ...], wanted: Sequence[Parameter]) -> tuple[str, ...]:
    """A choice that is not made is the first of its choices."""
    more = [each.choices[0] for each in wanted[len(arguments) :] if each.choices]
    return (*arguments, *more)


def _number(value: str, parameter: Parameter, text: str) -> float:
    if parameter.form == "column":
        return 0.0
    if parameter.form == "choice":
        if value not in parameter.choices:
            raise ConfigError(f"feature {text!r}: {parameter.name}: expected {' or '.join(parameter.choices)}")
        return float(parameter.choices.index(value))
    if parameter.form == "duration":
        return _duration(value, parameter, text)
    digits = value.isascii() and value.isdecimal() and len(value) < 20
    if not digits or not parameter.least <= int(value) <= MOST_ROWS:
        wanted = f"a whole number from {parameter.least} to {MOST_ROWS:,}"
        raise ConfigError(f"feature {text!r:.80}: {parameter.name}: expected {wanted}, got {value!r:.40}")
    return float(value)


def _duration(value: str, parameter: Parameter, text: str) -> float:
    try:
        found = parse_interval(value)
    except (ConfigError, ValueError, OverflowError) as error:
        raise ConfigError(f"feature {text!r:.80}: {parameter.name}: {error!s:.200}") from None
    if found > MOST_NANOSECONDS:
        longest = interval_text(MOST_NANOSECONDS)
        raise ConfigError(f"feature {text!r:.80}: {parameter.name}: expected at most {longest}, got {value!r:.40}")
    return float(found)


@dataclass(frozen=True, repr=False)
class FeatureSet:
    """Features by name, of ``stack`` decisions: this one's first, then those before it, 0 where there were none yet;
    then the state of a ``reservoir`` that the features of this decision, and of all before it, have driven.

    ``weights``: of the reservoir as a saved model has them; None draws them. Raises ConfigError; DataError for weights
    that do not fit.
    """

    names: tuple[str, ...]
    stack: int = 1
    reservoir: DrivenReservoir | None = None
    weights: Reservoir | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", tuple(str(Feature.parse(name)) for name in _members(self.names)))
        twice = {name for name in self.names if self.names.count(name) > 1}
        if not self.names or twice:
            raise ConfigError(f"features: {', '.join(sorted(twice)) + ' twice' if twice else 'expected at least one'}")
        if not 1 <= self.stack <= MOST_STACKED:
            raise ConfigError(f"stack: expected 1 to {MOST_STACKED:,} decisions, got {self.stack}")
        if self.weights is not None:
            wanted = (self.units, len(self.names) + 1, 0)
            found = (self.weights.size, self.weights.inputs, self.weights.feedbacks)
            if self.reservoir is None or found != wanted:
                raise DataError(f"reservoir: expected units, inputs and feedbacks {wanted}, got {found}")

    def __repr__(self) -> str:
        more = "" if self.reservoir is None else f", reservoir={self.reservoir!r}"
        return f"FeatureSet(names={self.names!r}, stack={self.stack!r}{more})"

    def __str__(self) -> str:
        more = "" if self.reservoir is None else f", {self.reservoir}"
        return f"{', '.join(self.names)} (stack {self.stack}{more})"

    @cached_property
    def features(self) -> tuple[Feature, ...]:
        """The features, read from their names."""
        return tuple(map(Feature.parse, self.names))

    @property
    def count(self) -> int:
        """Numbers in an observation."""
        return self.stacked + self.units

    @property
    def stacked(self) -> int:
        """How many of them are features, of this and earlier decisions."""
        return self.stack * len(self.names)

    @property
    def units(self) -> int:
        """How many of them are the state of a reservoir, the last ones."""
        return 0 if self.reservoir is None else self.reservoir.size

    @cached_property
    def driven(self) -> Reservoir | None:
        """The reservoir with its weights. Raises ConfigError as `Reservoir.draw`."""
        if self.reservoir is None or self.weights is not None:
            return self.weights
        return self.reservoir.drawn(len(self.names))

    def header(self) -> dict[str, Any]:
        """As the header of a file says it."""
        more = {} if self.reservoir is None else {"reservoir": self.reservoir.model_dump(mode="json")}
        return {"features": list(self.names), "stack": self.stack, **more}

    @property
    def columns(self) -> tuple[str, ...]:
        """What each number of an observation is called."""
        earlier = [f"{name} {i} before" for i in range(1, self.stack) for name in self.names]
        return (*self.names, *earlier, *(f"unit {i}" for i in range(1, self.units + 1)))

    @property
    def lookback(self) -> int:
        """How many rows have to stand before the present one."""
        return max(feature.lookback for feature in self.features)

    @property
    def own(self) -> tuple[str, ...]:
        """Names of the features that the agent's own actions change."""
        return tuple(name for name, feature in zip(self.names, self.features, strict=True) if feature.of_kind.own)

    def plan(
        self,
        instruments: Sequence[Instrument],
        columns: Sequence[Sequence[str]],
        tables: Sequence[Collection[str]] | None = None,
    ) -> tuple[Floats, int]:
        """What the kernel computes, and the numbers of state that it keeps: a line of PLAN_WIDTH for each feature, then
        those for what several of them follow.

        ``columns`` of the history of each instrument; ``tables``: what the tape holds of it (`Feed.held`), None where
        nobody knows. Raises ConfigError for what a feature needs and is not there."""
        lines = np.zeros((len(self.features), PLAN_WIDTH))
        followed: dict[tuple[int, int, float], int] = {}
        state = 0
        for line, feature in zip(lines, self.features, strict=True):
            k = _place(feature, instruments)
            _refuse_what_is_missing(feature, instruments[k], columns[k], None if tables is None else tables[k])
            numbers = list(feature.numbers)
            if feature.kind == "column":
                numbers = [list(columns[k]).index(feature.arguments[0])]
            if feature.kind == "signed_share":
                numbers = [list(columns[k]).index(SIGNED) if SIGNED in columns[k] else -1.0]
            line[:2] = feature.of_kind.code, k
            line[2 : 2 + len(numbers)] = numbers
            line[4] = state
            state += feature.of_kind.state
            if feature.of_kind.follows:
                which = (feature.of_kind.follows, k, numbers[-1])
                line[4] = followed.setdefault(which, state)
                state = max(state, int(line[4]) + FOLLOWED[which[0]])
        shared = [(code, k, half_life, 0.5 ** (1.0 / half_life), at) for (code, k, half_life), at in followed.items()]
        return np.concatenate([lines, np.array(shared, np.float64).reshape(-1, PLAN_WIDTH)]), state


def _members(names: Sequence[str]) -> list[str]:
    """The names, with those of a set for its name; ``name@SYMBOL`` is the set of another instrument."""
    found = []
    for name in names:
        kind, at, symbol = name.strip().partition("@")
        found += [f"{each}{at}{symbol}" for each in SETS[kind.strip()]] if kind.strip() in SETS else [name]
    return found


def own_past(columns: Sequence[Sequence[str]]) -> Floats:
    """What the kernel keeps of the agent's own past, before a run, (instruments, OWN_WIDTH); ``columns`` of the history
    of each instrument."""
    own = np.zeros((len(columns), OWN_WIDTH))
    own[:, ON_BARS] = ["close" in each for each in columns]
    return own


def _place(feature: Feature, instruments: Sequence[Instrument]) -> int:
    if not feature.symbol:
        return 0
    found = [k for k, one in enumerate(instruments) if feature.symbol in (one.symbol, one.name)]
    if len(found) != 1:
        there = ", ".join(one.name for one in instruments)
        problem = "no such instrument" if not found else "several venues have it"
        raise ConfigError(f"feature {feature}: {problem}; there are {there}")
    return found[0]


def _refuse_what_is_missing(
    feature: Feature, instrument: Instrument, columns: Sequence[str], tables: Collection[str] | None
) -> None:
    """Raise ConfigError where the history or the tape lacks what a feature needs."""
    needs = feature.of_kind.needs
    shown = "bars" if "close" in columns else "books" if "bid_1" in columns else "other events"
    for kind in ("bars", "books"):
        if f"a history of {kind}" in needs and shown != kind:
            raise ConfigError(
                f"feature {feature}: it needs {kind}, and the agent is shown {shown if columns else 'no rows'} of "
                f"{instrument.name}; have it decide on {kind[:-1]} events, or leave the feature out"
            )
    if feature.kind == "column" and feature.arguments[0] not in columns:
        raise ConfigError(
            f"feature {feature}: no column {feature.arguments[0]!r} in the data; there are {', '.join(columns)}"
        )
    if feature.kind == "depth_imbalance" and f"bid_{feature.arguments[0]}" not in columns:
        raise ConfigError(f"feature {feature}: the books of {instrument.name} have {len(columns) // LEVEL} levels")
    if tables is None:
        return
    held = {*tables, "quotes"} if "books" in tables else set(tables)
    missing = sorted(each for each in needs - held if not each.startswith("a history"))
    if missing:
        raise ConfigError(
            f"feature {feature}: it needs {' and '.join(missing)}, and the tape holds {', '.join(sorted(tables))} of "
            f"{instrument.name}; give the market {' and '.join(missing)}, or leave the feature out"
        )
