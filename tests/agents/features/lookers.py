"""Agents that write down what the feature kernels give them, and markets for them to look at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from halfspread.agents.features import FeatureSet
from halfspread.agents.policies.policy import memory_of, observation_in
from halfspread.agents.policies.policy_kernels import look_now
from halfspread.costs import Costs, Fees, Funding, HalfSpread
from halfspread.costs.margin import Margin
from halfspread.engine import instruments
from halfspread.engine.market import Market
from halfspread.engine.run import run_backtest
from halfspread.engine.sizing import FixedContracts
from halfspread.engine.tape import Tape
from halfspread.engine.times import HOUR
from tests.engine.worlds import FREE, LINEAR, START

Floats = np.ndarray[Any, np.dtype[np.float64]]
ON_BOOKS = Costs(half_spread=HalfSpread.from_quotes(), fees=Fees.none(), funding=Funding.none())
Script = Callable[[int, Market], Any]


@dataclass
class Looker:
    """Looks at features at every decision; trades what its script says of its number and the market.

    ``rows`` hold the observations, ``seen`` what ``also`` gives at each decision.
    """

    features: FeatureSet
    script: Script | None = None
    events: tuple[str, ...] = ("bar",)
    also: Callable[[Market], Any] = lambda market: None
    name: str = "looker"
    rows: list[Floats] = field(default_factory=list)
    times: list[int] = field(default_factory=list)
    seen: list[Any] = field(default_factory=list)

    @property
    def lookback(self) -> int:
        return self.features.lookback

    def reset(self, rng: np.random.Generator, instruments: Any) -> None:
        self.rows, self.times, self.seen = [], [], []
        self._instruments = instruments

    def see_tables(self, tables: Any) -> None:
        self._tables = tables

    def see_columns(self, columns: Any) -> None:
        self._memory = memory_of(self.features, self._instruments, columns, tables=self._tables)

    def on_bar(self, market: Market) -> Any:
        context: Any = market._context
        look_now(self._memory, context.base.reshape(1), market._history)
        self.rows.append(observation_in(self._memory).copy())
        self.times.append(market.time)
        self.seen.append(self.also(market))
        return None if self.script is None else self.script(len(self.rows) - 1, market)

    on_quote = on_book = on_trade = on_bar

    @property
    def table(self) -> Floats:
        return np.array(self.rows).reshape(len(self.rows), self.features.count)


def look(
    tape: Tape,
    names: Sequence[str],
    script: Script | None = None,
    events: tuple[str, ...] = ("bar",),
    also: Callable[[Market], Any] = lambda market: None,
    stack: int = 1,
    **options: Any,
) -> Looker:
    """A run of a `Looker` that costs nothing; a target of 1 is one contract unless ``options`` say otherwise."""
    looker = Looker(FeatureSet(tuple(names), stack), script, events, also)
    terms: dict[str, Any] = {"sizing": FixedContracts(1.0), "capital": 1e6, "margin": Margin.none(), **options}
    run_backtest(tape, looker, ON_BOOKS if tape.feeds[0].market in ("books", "quotes") else FREE, **terms)
    return looker


def hand_bars(**more: Any) -> dict[str, Any]:
    """Five bars of six hours, from a Monday at midnight."""
    return {
        "ts": START + 6 * HOUR * np.arange(5),
        "open": np.array([100.0, 100.0, 110.0, 99.0, 99.0]),
        "high": np.array([102.0, 112.0, 111.0, 100.0, 125.0]),
        "low": np.array([98.0, 100.0, 95.0, 98.0, 97.0]),
        "close": np.array([100.0, 110.0, 99.0, 99.0, 121.0]),
        "volume": np.array([10.0, 30.0, 20.0, 0.0, 40.0]),
        **more,
    }


def hand_tape(instrument: Any = LINEAR, **beside: Any) -> Tape:
    return Tape.from_bars(hand_bars(), instrument, interval="6h", **beside)


#: Its rates are published one interval before they are paid.
KNOWN_AHEAD = LINEAR.model_copy(update={"funding_known_ahead": True, "funding_interval_hours": 4})
OTHER = instruments.linear("OTHER", multiplier=1.0, lot=1.0, tick=0.5)


def random_bars(rows: int = 120, seed: int = 0, instrument: Any = KNOWN_AHEAD, **more: Any) -> Tape:
    """Hours of a random walk with funding every four hours, mark and index, and a further column."""
    rng = np.random.default_rng(seed)
    close = 100.0 * np.exp(0.01 * rng.standard_normal(rows).cumsum())
    open_ = np.concatenate([close[:1], close[:-1]])
    stretch = np.exp(0.004 * rng.random((2, rows)))
    times = START + HOUR * np.arange(rows)
    frame = {
        "ts": times,
        "open": open_,
        "high": np.maximum(open_, close) * stretch[0],
        "low": np.minimum(open_, close) / stretch[1],
        "close": close,
        "volume": np.where(rng.random(rows) < 0.1, 0.0, rng.gamma(2.0, 5.0, rows)),
        "signal": rng.standard_normal(rows),
    }
    settled = np.arange(2, rows, 4)
    prices = {name: {"ts": times + 1, "price": close * np.exp(0.001 * rng.standard_normal(rows))} for name in MARKS}
    beside: dict[str, Any] = {
        "funding": {
            "ts": START + HOUR * settled,
            "rate": 1e-4 * rng.standard_normal(len(settled)),
            "interval_h": np.full(len(settled), 4.0),
        },
        **prices,
        **more,
    }
    return Tape.from_bars(frame, instrument, interval="1h", extra=("signal",), **beside)


MARKS = ("mark", "index")


def random_books(rows: int = 150, seed: int = 0, levels: int = 3) -> Tape:
    """Snapshots at random times, trades between them (several at one time, some of unknown side), bars of 10 seconds,
    funding and marks."""
    rng = np.random.default_rng(seed)
    times = START + np.sort(rng.choice(np.arange(1, 200_000), rows, replace=False)) * 10**6
    mid = 100.0 + 0.5 * rng.integers(-1, 2, rows).cumsum()
    frame: dict[str, Any] = {"ts": times}
    for i in range(levels):
        frame[f"bid_{i + 1}"], frame[f"ask_{i + 1}"] = mid - 0.5 - 0.5 * i, mid + 0.5 + 0.5 * i
        frame[f"bid_size_{i + 1}"], frame[f"ask_size_{i + 1}"] = rng.integers(1, 9, (2, rows)).astype(float)
    when = np.sort(np.concatenate([times[rng.integers(0, rows, rows)], times[rng.integers(0, rows, rows)] + 10**6]))
    trades = {
        "ts": when,
        "price": np.interp(when, times, mid).round() + 0.5,
        "size": rng.integers(1, 5, len(when)).astype(float),
        "side": rng.integers(-1, 2, len(when)),
    }
    count = int((times[-1] - START) // (10 * 10**9))
    close = mid[np.searchsorted(times, START + 10**10 * np.arange(1, count + 1)) - 1]
    candles = {
        "ts": START + 10**10 * np.arange(count),
        **dict.fromkeys(("open", "high", "low", "close"), close),
        "volume": rng.gamma(2.0, 5.0, count),
    }
    settled = START + 60 * 10**9 * np.arange(1, 4)
    rates = {"ts": settled, "rate": 1e-4 * rng.standard_normal(3), "interval_h": np.full(3, 1 / 60)}
    marks: Any = {name: {"ts": times + 1, "price": mid + rng.standard_normal(rows)} for name in MARKS}
    return Tape.from_books(frame, LINEAR, trades=trades, bars=candles, interval=10.0, funding=rates, **marks)
