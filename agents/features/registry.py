"""All features that a learner may look at, by name: what each is, its unit, and how many rows it needs before this one.

Every feature is causal: it is computed at a decision from what the agent has received by then, by the same kernel in
training, in a backtest and live (``agents.features.kernels``). What cannot be said yet is 0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from halfspread.agents.features import records as codes

__all__ = ["KINDS", "Kind", "Parameter"]


@dataclass(frozen=True)
class Parameter:
    """A parameter of a feature. ``form``: "rows" (a whole number from ``least``), "duration" (such as 30s), "column" (a
    name) or one of ``choices``."""

    name: str
    form: str
    least: int = 1
    choices: tuple[str, ...] = ()


def _none(*_: float) -> int:
    return 0


@dataclass(frozen=True)
class Kind:
    """One kind of feature. ``rows`` says from its parameters how many rows have to stand before this one; ``needs``:
    what the tape has to hold (quotes: or books), or the agent to be shown as its history; ``own``: whether the agent's
    own actions change it; ``state``: numbers that it keeps."""

    code: int
    parameters: tuple[Parameter, ...]
    unit: str
    text: str
    needs: frozenset[str] = frozenset()
    rows: Callable[..., int] = _none
    own: bool = False
    state: int = 0


def _window(*values: float) -> int:
    return int(values[0])


def _within(*values: float) -> int:
    return int(max(values)) - 1


def _of_bars(code: int, unit: str, rows: Callable[..., int], parameters: tuple[Parameter, ...], text: str) -> Kind:
    return Kind(code, parameters, unit, text, frozenset({"a history of bars"}), rows)


BARS = Parameter("bars", "rows")
WINDOW = Parameter("window", "rows", 2)
ONE = Parameter("window", "rows", 1)
COLUMN = Parameter("name", "column")
FAST, SLOW = Parameter("fast", "rows"), Parameter("slow", "rows")
UNIT = Parameter("unit", "choice", choices=("fraction", "price"))
HALF_LIFE, LENGTH = Parameter("half_life", "duration"), Parameter("length", "rows")
LEVELS = Parameter("levels", "rows")
FUNDED, QUOTED, TRADED = frozenset({"funding"}), frozenset({"quotes"}), frozenset({"trades"})
BOOKED = frozenset({"a history of books"})
PRICED = frozenset({"mark", "index"})
SIDES = "-1 to 1"

KINDS: Mapping[str, Kind] = {
    "column": _of_bars(codes.COLUMN, "of the data", _none, (COLUMN,), "a further column of the bars"),
    "log_return": _of_bars(codes.LOG_RETURN, "log", _window, (BARS,), "log of the close / the close so many bars ago"),
    "momentum": _of_bars(codes.MOMENTUM, "sd", _window, (WINDOW,), "log return / (volatility x root of the window)"),
    "volatility": _of_bars(codes.VOLATILITY, "log", _window, (WINDOW,), "standard deviation of log returns of a bar"),
    "volume": _of_bars(codes.VOLUME_LEVEL, "log", _none, (), "log(1 + volume)"),
    "volume_ratio": _of_bars(codes.VOLUME_RATIO, "ratio", _within, (WINDOW,), "volume / its mean - 1"),
    "signed_volume": _of_bars(codes.SIGNED_VOLUME, SIDES, _window, (ONE,), "(volume of rising - falling bars) / all"),
    "bar_range": _of_bars(codes.BAR_RANGE, "log", _within, (ONE,), "mean of log(high / low)"),
    "range_position": _of_bars(codes.RANGE_POSITION, SIDES, _within, (WINDOW,), "the close between lowest and highest"),
    "average_gap": _of_bars(codes.AVERAGE_GAP, "ratio", _within, (FAST, SLOW), "mean close, fast / slow - 1"),
    "strength": _of_bars(codes.STRENGTH, SIDES, _window, (ONE,), "(rises - falls) / (rises + falls) of closes"),
    "day_sine": Kind(codes.DAY_SINE, (), SIDES, "sine of the time of day, UTC"),
    "day_cosine": Kind(codes.DAY_COSINE, (), SIDES, "cosine of the time of day, UTC"),
    "week_sine": Kind(codes.WEEK_SINE, (), SIDES, "sine of the time since Monday 00:00 UTC"),
    "week_cosine": Kind(codes.WEEK_COSINE, (), SIDES, "cosine of the same"),
    "to_funding": Kind(codes.TO_FUNDING, (), "8 hours", "time to the next settlement, at most 1; 0: not known", FUNDED),
    "last_funding": Kind(codes.LAST_FUNDING, (), "fraction", "rate last settled; 0: none yet", FUNDED),
    "next_funding": Kind(codes.NEXT_FUNDING, (), "fraction", "rate published for the next; 0: none yet", FUNDED),
    "basis": Kind(codes.BASIS, (), "fraction", "mark / index - 1; 0: not known", PRICED),
    "imbalance": Kind(codes.IMBALANCE, (), SIDES, "(bid size - ask size) / both, at the best prices", QUOTED),
    "spread": Kind(codes.SPREAD, (), "fraction", "(ask - bid) / mid", QUOTED),
    "micro_price": Kind(codes.MICRO_PRICE, (), "fraction", "(price weighed by the other size - mid) / mid", QUOTED),
    "trade_flow": Kind(
        codes.TRADE_FLOW,
        (HALF_LIFE,),
        SIDES,
        "(bought - sold by takers) / both, fading",
        TRADED,
        state=codes.FLOW_STATE,
    ),
    "micro_volatility": Kind(
        codes.MICRO_VOLATILITY,
        (HALF_LIFE,),
        "log",
        "root of the sum of squared log moves of the mid between decisions, fading",
        QUOTED,
        state=codes.MICRO_STATE,
    ),
    "depth_imbalance": Kind(
        codes.DEPTH_IMBALANCE, (LEVELS,), SIDES, "(bid sizes - ask sizes) / both, of so many levels", BOOKED
    ),
    "position": Kind(codes.POSITION, (), "full size", "held now", own=True),
    "open_pnl": Kind(codes.OPEN_PNL, (UNIT,), "of price", "position x move since it was taken, before costs", own=True),
    "age": Kind(codes.AGE, (), "decisions", "how long this side is held, this decision included", own=True),
    "cool_down": Kind(codes.COOL_DOWN, (LENGTH,), "decisions", "left of so many since a position was left", own=True),
}
