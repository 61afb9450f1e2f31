"""The common job in vectorbt (with vectorbt-rust): the fastest peer, vectorised.

Its two simulators in Rust and in numba, each with the moving averages and signals inside the clock ("from closes") and
with the signals ready beforehand ("from signals"), and its compiled callback a bar. Tried, and slower: a
smaller ``max_orders`` (fresh pages each run), and a callback that compares the two means itself (three times).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import vectorbt as vbt
from clock import FAST, FEE_RATE, SLOW, arguments, load, measure
from numba import njit
from vectorbt.generic.dispatch import rolling_mean_1d
from vectorbt.portfolio.enums import Direction, SizeType
from vectorbt.portfolio.nb import order_nb

PNL, FILLS = -230_120.31, 7_222
CASH = 1e6
Job = Callable[[], tuple[float, int]]


def means(close: np.ndarray, engine: str) -> tuple[np.ndarray, np.ndarray]:
    return rolling_mean_1d(close, FAST, engine=engine), rolling_mean_1d(close, SLOW, engine=engine)


def entries(close: np.ndarray, engine: str) -> tuple[np.ndarray, np.ndarray]:
    """Masks of the bars at whose open to be long and to be short: the close before has decided."""
    fast, slow = means(close, engine)
    up = fast > slow
    down = ~up
    down[: SLOW - 1] = False
    long, short = np.zeros_like(up), np.zeros_like(up)
    long[1:], short[1:] = up[:-1], down[:-1]
    return long, short


def targets(close: np.ndarray, engine: str) -> np.ndarray:
    """Position wanted from the open of each bar; NaN where there is none yet."""
    fast, slow = means(close, engine)
    wanted = np.full(len(close), np.nan)
    wanted[SLOW:] = np.where(fast > slow, 1.0, -1.0)[SLOW - 1 : -1]
    return wanted


def result(portfolio: vbt.Portfolio) -> tuple[float, int]:
    return float(portfolio.total_profit()), len(portfolio.order_records)


def with_curve(portfolio: vbt.Portfolio) -> tuple[float, int]:
    """The same by way of the equity curve of all bars, which halfspread always keeps."""
    return float(portfolio.value().iloc[-1]) - CASH, len(portfolio.order_records)


def from_signals(bars: dict[str, np.ndarray], masks: tuple[np.ndarray, np.ndarray], engine: str) -> vbt.Portfolio:
    return vbt.Portfolio.from_signals(
        bars["close"],
        *masks,
        size=1.0,
        price=bars["open"],
        direction="both",
        engine=engine,
        fees=FEE_RATE,
        init_cash=CASH,
    )


def from_orders(bars: dict[str, np.ndarray], wanted: np.ndarray, engine: str) -> vbt.Portfolio:
    return vbt.Portfolio.from_orders(
        bars["close"],
        wanted,
        size_type="targetamount",
        price=bars["open"],
        engine=engine,
        fees=FEE_RATE,
        init_cash=CASH,
    )


@njit
def place(c, wanted, price, fee_rate):  # type: ignore[no-untyped-def]
    """Called by vectorbt at each bar: the order to the position wanted (NaN: none)."""
    return order_nb(wanted[c.i], price[c.i], SizeType.TargetAmount, Direction.Both, fee_rate)


def from_order_func(bars: dict[str, np.ndarray]) -> vbt.Portfolio:
    wanted = targets(bars["close"], "numba")
    return vbt.Portfolio.from_order_func(bars["close"], place, wanted, bars["open"], FEE_RATE, init_cash=CASH)


def jobs(bars: dict[str, np.ndarray]) -> dict[str, tuple[Job, str]]:
    """All modes by name, each with what its clock includes."""
    close = bars["close"]
    masks, wanted = entries(close, "rust"), targets(close, "rust")
    table: dict[str, tuple[Job, str]] = {}
    for engine in ("rust", "numba"):
        table |= {
            f"{engine} from_signals, from closes": (
                lambda e=engine: result(from_signals(bars, entries(close, e), e)),
                "moving averages, masks, simulation, total profit",
            ),
            f"{engine} from_signals, from signals": (
                lambda e=engine: result(from_signals(bars, masks, e)),
                "simulation, total profit; signals ready beforehand",
            ),
            f"{engine} from_orders, from closes": (
                lambda e=engine: result(from_orders(bars, targets(close, e), e)),
                "moving averages, targets, simulation, total profit",
            ),
            f"{engine} from_orders, from signals": (
                lambda e=engine: result(from_orders(bars, wanted, e)),
                "simulation, total profit; targets ready beforehand",
            ),
        }
    table["rust from_signals, from closes, with curve"] = (
        lambda: with_curve(from_signals(bars, entries(close, "rust"), "rust")),
        "moving averages, masks, simulation, equity curve of every bar",
    )
    table["numba from_order_func"] = (
        lambda: result(from_order_func(bars)),
        "moving averages, targets, simulation with a compiled callback a bar, total profit",
    )
    return table


def main() -> None:
    options = arguments(__doc__ or "")
    for mode, (job, includes) in jobs(load(options.bars)).items():
        if options.mode in (None, mode):
            measure("vectorbt", mode, vbt.__version__, job, options.repeat, PNL, FILLS, includes)


if __name__ == "__main__":
    main()
