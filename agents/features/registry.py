"""All features that a learner may look at, by name: what each is, its unit, and how many rows it needs before this one.

Every feature is causal: it is computed at a decision from what the agent has received by then, by the same kernel in
training, in a backtest and live (``agents.features.kernels``). What cannot be said is 0. docs/features.md lists all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from halfspread.agents.features import records as codes

__all__ = ["KINDS", "SETS", "Kind", "Parameter", "WarmUp"]


@dataclass(frozen=True)
class Parameter:
    """A parameter of a feature. ``form``: "rows" (a whole number from ``least``), "duration" (such as 30s), "column" (a
    name) or one of ``choices``, the first of them where none is made. ``quiet``: that is not written in the name."""

    name: str
    form: str
    least: int = 1
    choices: tuple[str, ...] = ()
    quiet: bool = False


class WarmUp(Enum):
    """How many rows have to stand before the present one: none; the largest parameter; one less than that; one more
    than the half-life, which is the last parameter, or as many as another says."""

    NONE = "none"
    BEFORE = "as many as the parameter says"
    WITHIN = "one less than the parameter, the larger of two"
    FADED = "one more than the half-life, or more if another parameter says so"


@dataclass(frozen=True)
class Kind:
    """One kind of feature. ``unknown``: where it is 0 because nothing can be said (it is never NaN). ``needs``: what
    the tape has to hold (quotes: or books), or the agent to be shown as its history. ``warm_up``: how many rows have to
    stand before this one, by its parameters. ``own``: whether the actions of the agent change it; ``state``: numbers
    that it keeps; ``follows``: what it reads that others of its half-life read too, 0 for nothing."""

    code: int
    parameters: tuple[Parameter, ...]
    unit: str
    text: str
    unknown: str
    needs: frozenset[str] = frozenset()
    warm_up: WarmUp = WarmUp.NONE
    own: bool = False
    state: int = 0
    follows: int = 0

    def rows(self, *values: float) -> int:
        """How many rows have to stand before the present one."""
        if self.warm_up is WarmUp.NONE:
            return 0
        if self.warm_up is WarmUp.FADED:
            return int(max(*values[:-1], values[-1] + 1.0, 0.0))
        return int(max(values)) - (self.warm_up is WarmUp.WITHIN)


NEVER = "never"
BARS = Parameter("bars", "rows")
WINDOW = Parameter("window", "rows", 2)
ONE = Parameter("window", "rows", 1)
COLUMN = Parameter("name", "column")
FAST, SLOW = Parameter("fast", "rows"), Parameter("slow", "rows")
UNIT = Parameter("unit", "choice", choices=("fraction", "price"))
RATE = Parameter("unit", "choice", choices=("fraction", "bp"), quiet=True)
FADING = Parameter("half_life", "rows")
HALF_LIFE, LENGTH = Parameter("half_life", "duration"), Parameter("length", "rows")
LEVELS = Parameter("levels", "rows")
BARRED, BOOKED = frozenset({"a history of bars"}), frozenset({"a history of books"})
FUNDED, QUOTED, TRADED = frozenset({"funding"}), frozenset({"quotes"}), frozenset({"trades"})
PRICED = frozenset({"mark", "index"})
SIDES = "-1 to 1"


def _of_bars(
    code: int, parameters: tuple[Parameter, ...], unit: str, text: str, unknown: str, warm_up: WarmUp = WarmUp.NONE
) -> Kind:
    return Kind(code, parameters, unit, text, unknown, BARRED, warm_up)


def _faded(code: int, parameters: tuple[Parameter, ...], unit: str, text: str, unknown: str, follows: int) -> Kind:
    return Kind(code, parameters, unit, text, unknown, BARRED, WarmUp.FADED, follows=follows)


def _of_clock(code: int, text: str) -> Kind:
    return Kind(code, (), SIDES, text, NEVER)


def _of_quotes(code: int, unit: str, text: str, unknown: str) -> Kind:
    return Kind(code, (), unit, text, unknown, QUOTED)


def _own(code: int, parameters: tuple[Parameter, ...], unit: str, text: str, unknown: str) -> Kind:
    return Kind(code, parameters, unit, text, unknown, own=True)


KINDS: Mapping[str, Kind] = {
    "column": _of_bars(codes.COLUMN, (COLUMN,), "of the data", "any column of the bars", "NaN in the data"),
    "log_return": _of_bars(
        codes.LOG_RETURN, (BARS,), "log", "log of the close / the close so many bars ago", NEVER, WarmUp.BEFORE
    ),
    "momentum": _of_bars(
        codes.MOMENTUM,
        (WINDOW,),
        "deviations",
        "log return of the window / (volatility x root of the window)",
        "no move in the window",
        WarmUp.BEFORE,
    ),
    "volatility": _of_bars(
        codes.VOLATILITY, (WINDOW,), "log", "standard deviation of log returns from bar to bar", NEVER, WarmUp.BEFORE
    ),
    "volume": _of_bars(codes.VOLUME_LEVEL, (), "log", "log(1 + volume)", NEVER),
    "volume_ratio": _of_bars(
        codes.VOLUME_RATIO, (WINDOW,), "ratio", "volume / its mean - 1", "no volume in the window", WarmUp.WITHIN
    ),
    "signed_volume": _of_bars(
        codes.SIGNED_VOLUME,
        (ONE,),
        SIDES,
        "(volume of rising - of falling bars) / volume of all",
        "no volume in the window",
        WarmUp.BEFORE,
    ),
    "bar_range": _of_bars(codes.BAR_RANGE, (ONE,), "log", "mean of log(high / low)", NEVER, WarmUp.WITHIN),
    "range_position": _of_bars(
        codes.RANGE_POSITION,
        (WINDOW,),
        SIDES,
        "the close between lowest (-1) and highest (+1) of the window",
        "one price in the window",
        WarmUp.WITHIN,
    ),
    "average_gap": _of_bars(
        codes.AVERAGE_GAP, (FAST, SLOW), "ratio", "mean of closes, fast / slow - 1", NEVER, WarmUp.WITHIN
    ),
    "strength": _of_bars(
        codes.STRENGTH,
        (ONE,),
        SIDES,
        "(rises - falls) / (rises + falls) of closes: relative strength / 50 - 1",
        "no move in the window",
        WarmUp.BEFORE,
    ),
    "faded_volatility": _faded(
        codes.FADED_VOLATILITY,
        (FADING,),
        "log",
        "root of the mean squared log return of bars before this one, each half as heavy after so many bars; at least "
        "0.0002",
        NEVER,
        codes.FOLLOW_MOVES,
    ),
    "scaled_return": _faded(
        codes.SCALED_RETURN,
        (BARS, FADING),
        "deviations, at most 5",
        "log return of so many bars / (faded_volatility(half_life) x root of bars)",
        NEVER,
        codes.FOLLOW_MOVES,
    ),
    "scaled_range": _faded(
        codes.SCALED_RANGE,
        (FADING,),
        "deviations, at most 5",
        "(high - low) / close / faded_volatility(half_life) - 1.5",
        NEVER,
        codes.FOLLOW_MOVES,
    ),
    "volume_score": _faded(
        codes.VOLUME_SCORE,
        (FADING,),
        "deviations, at most 5",
        "log(1 + volume) less its mean in the bars before this one, / its deviation there, each half as heavy after so "
        "many bars",
        NEVER,
        codes.FOLLOW_VOLUME,
    ),
    "signed_share": _of_bars(
        codes.SIGNED_SHARE, (), SIDES, "signed volume of the bar / its volume", "no volume in the bar"
    ),
    "day_sine": _of_clock(codes.DAY_SINE, "sine of the time of day, UTC"),
    "day_cosine": _of_clock(codes.DAY_COSINE, "cosine of the time of day, UTC"),
    "week_sine": _of_clock(codes.WEEK_SINE, "sine of the time since Monday 00:00 UTC"),
    "week_cosine": _of_clock(codes.WEEK_COSINE, "cosine of the time since Monday 00:00 UTC"),
    "to_funding": Kind(
        codes.TO_FUNDING, (), "8 hours", "time to the next settlement, at most 1", "no time is known", FUNDED
    ),
    "last_funding": Kind(
        codes.LAST_FUNDING, (RATE,), "fraction, or `bp`", "rate last settled", "none was settled yet", FUNDED
    ),
    "next_funding": Kind(
        codes.NEXT_FUNDING,
        (RATE,),
        "fraction, or `bp`",
        "rate published for the next settlement",
        "none is published",
        FUNDED,
    ),
    "basis": Kind(codes.BASIS, (RATE,), "fraction, or `bp`", "mark / index - 1", "no mark or no index yet", PRICED),
    "imbalance": _of_quotes(
        codes.IMBALANCE, SIDES, "(bid size - ask size) / both, at the best prices", "no quote yet, or no sizes"
    ),
    "spread": _of_quotes(codes.SPREAD, "fraction", "(ask - bid) / mid", "no quote yet"),
    "micro_price": _of_quotes(
        codes.MICRO_PRICE,
        "fraction",
        "(best prices, each weighed by the size on the other side) / mid - 1",
        "no quote yet, or no sizes",
    ),
    "trade_flow": Kind(
        codes.TRADE_FLOW,
        (HALF_LIFE,),
        SIDES,
        "(bought - sold by takers) / both, half as heavy after a half-life",
        "no trade of a known side yet",
        TRADED,
        state=codes.FLOW_STATE,
    ),
    "micro_volatility": Kind(
        codes.MICRO_VOLATILITY,
        (HALF_LIFE,),
        "log",
        "root of the sum of squared log moves of the mid between decisions, each half as heavy after a half-life",
        "fewer than two quotes yet",
        QUOTED,
        state=codes.MICRO_STATE,
    ),
    "depth_imbalance": Kind(
        codes.DEPTH_IMBALANCE, (LEVELS,), SIDES, "(bid sizes - ask sizes) / both, of so many levels", "no sizes", BOOKED
    ),
    "position": _own(codes.POSITION, (), "full size", "held now, of what a target of 1 stands for", NEVER),
    "open_pnl": _own(
        codes.OPEN_PNL,
        (UNIT,),
        "of the price",
        "sum of position x move of the price since this side was taken, before costs; `price`: in its currency",
        "no position",
    ),
    "age": _own(codes.AGE, (), "decisions", "how long this side is held, this decision included", "no position"),
    "cool_down": _own(
        codes.COOL_DOWN, (LENGTH,), "decisions", "what is left of so many since a position was left", "none is left"
    ),
}

#: Sets of features by name: where a name of a set stands in a list, its members stand for it.
SETS: Mapping[str, tuple[str, ...]] = {
    "price_and_volume": (
        "scaled_return(1, 288)",
        "scaled_return(12, 288)",
        "scaled_return(96, 288)",
        "scaled_return(288, 288)",
        "volume_score(288)",
        "signed_share",
        "scaled_range(288)",
    ),
}
