"""Where the market maker earns most in the world of Poisson order flow, found by simulation and computed.

    python -m benchmarks.market_maker

A day of `PoissonBook`: market orders of each side once a second at the mid, thinning out with k = 1 per quote currency,
ticks of 0.5, a mid that moves a tick a second. Two sweeps on the same day: constant distances from the mid, with and
without a fee; and quotes that lean against the inventory, best for several aversions to risk. What the mid does to the
inventory is left out of the profit: it is noise around 0. Writes results/market_maker.json and market_maker.md.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np

import halfspread as hs
from benchmarks import machine
from halfspread.datafeeds.synthetic.quoting import Quotes
from halfspread.datafeeds.synthetic.world_tapes import world_tape
from halfspread.datafeeds.synthetic.worlds import PoissonBook
from halfspread.strategies import MarketMaker

SECONDS = 86_400.0
PRICE = 60_000.0
WORLD = PoissonBook(duration="24h", levels=1, heartbeat="2s", decay=1.0, tick=0.5, intensity=1.0, first_price=PRICE)
SEED = 17
TICKS, FEES, WIDE = range(1, 7), (0.0, 0.5), 20
GAMMA, AVERSIONS, LIMIT = 0.05, (0.0, 0.01, 0.05, 0.25, 1.25), 8
PARTS = 48  # of the day, for standard errors


@cache
def tape() -> hs.Tape:
    """The day."""
    return world_tape(WORLD.market(np.random.default_rng(SEED)), ("books", "trades"))


def earn(agent: MarketMaker, fee: float = 0.0) -> hs.Result:
    """``fee``: of one contract, quote currency; the price stays within a hundredth of the first one."""
    fees = hs.Fees(maker=fee / PRICE, taker=fee / PRICE)
    costs = hs.Costs(half_spread=hs.HalfSpread.from_quotes(), fees=fees, funding=hs.Funding.none())
    return hs.backtest(
        tape(), agent, costs, sizing=hs.FixedContracts(1), capital=1e7, margin=hs.Margin.none(), period="1h"
    )


def leaning(best: Quotes, limit: int) -> MarketMaker:
    """The strategy that quotes so."""
    bids, asks = (tuple(each / WORLD.tick) for each in (best.bid, best.ask))
    return MarketMaker(inventory_limit=limit, bid_ticks=bids, ask_ticks=asks)


def by_part(result: hs.Result) -> tuple[Any, Any]:
    """Profit without the drift of the inventory, and mean square of the inventory, of each of `PARTS` of the day: a
    second."""
    fills, start = result.fill_records, WORLD.start_ns
    times = (fills["time"] - start) / 1e9
    length = SECONDS / PARTS
    profits = np.bincount((times // length).astype(int), fills["half_spread"] + fills["fee"], PARTS) / length
    edges = np.sort(np.concatenate((times, np.arange(PARTS + 1) * length)))
    held = np.concatenate(([0.0], fills["position_after"]))[np.searchsorted(times, edges[:-1], side="right")]
    at = np.minimum((edges[:-1] // length).astype(int), PARTS - 1)
    return profits, np.bincount(at, held**2 * np.diff(edges), PARTS) / length


def constant_distances(fee: float) -> list[dict[str, Any]]:
    """Profit a second by distance, simulated and computed; the error is one standard error."""
    rows = []
    for ticks in TICKS:
        result = earn(MarketMaker(bid_ticks=(float(ticks),), inventory_limit=WIDE), fee)
        profits = by_part(result)[0]
        # All inventories are equally likely; at the limit one side rests no order.
        expected = WORLD.profit_rate(ticks, fee) * 2 * WIDE / (2 * WIDE + 1)
        error = float(profits.std(ddof=1) / math.sqrt(PARTS))
        fills = len(result.fill_records)
        rows.append(
            {"ticks": ticks, "expected": expected, "found": float(profits.mean()), "error": error, "fills": fills}
        )
    return rows


def fitted_decay(rows: list[dict[str, Any]]) -> tuple[float, float]:
    """k and its standard error, from fills by distance: ln(fills) falls by k a unit; weights are those of Poisson."""
    distances = np.array([row["ticks"] for row in rows]) * WORLD.tick
    weights = np.array([row["fills"] for row in rows], float)
    away = distances - np.average(distances, weights=weights)
    spread = float(weights @ away**2)
    return -float(weights @ (away * np.log(weights))) / spread, 1.0 / math.sqrt(spread)


def aversions() -> list[dict[str, Any]]:
    """Profit less `GAMMA` sigma^2 / 2 times the mean square of the inventory, a second, of the quotes that are best for
    each aversion; ``behind``: what is lost against those for `GAMMA`, pair by pair of parts of the day."""
    penalty = 0.5 * GAMMA * WORLD.flow.sigma**2
    values, rows = {}, []
    for gamma in AVERSIONS:
        best = WORLD.best_quotes(LIMIT, gamma)
        profits, squares = by_part(earn(leaning(best, LIMIT)))
        values[gamma] = profits - penalty * squares
        expected = best.profit_rate - penalty * float(best.shares @ best.inventory**2)
        rows.append(
            {"gamma": gamma, "expected": expected, "profit": float(profits.mean()), "square": float(squares.mean())}
        )
    for row in rows:
        value, behind = values[row["gamma"]], values[GAMMA] - values[row["gamma"]]
        row |= {"found": float(value.mean()), "error": float(value.std(ddof=1) / math.sqrt(PARTS))}
        row |= {"behind": float(behind.mean()), "behind_error": float(behind.std(ddof=1) / math.sqrt(PARTS))}
    return rows


def markdown(about: dict[str, Any], data: dict[str, Any]) -> list[str]:
    """The tables for people."""
    lines = ["# The market maker's optimum", "", f"{WORLD.title}, seed {SEED}. {machine.in_words(about)}", ""]
    lines += ["| fee | ticks | computed | simulated | fills |", "|---:|---:|---:|---:|---:|"]
    for fee in FEES:
        for row in data["distances"][str(fee)]:
            got = f"{row['expected']:.4f} | {row['found']:.4f} ± {row['error']:.4f} | {row['fills']:,}"
            lines.append(f"| {fee:g} | {row['ticks']} | {got} |")
    k, error = data["decay"]
    lines += ["", f"k fitted on the fills: {k:.4f} ± {error:.4f}; so 1 / k is {1 / k:.4f} ± {error / k**2:.4f}.", ""]
    lines += [
        "| quotes best for | mean square of inventory | profit | computed | simulated | behind |",
        "|---:" * 6 + "|",
    ]
    for row in data["aversions"]:
        found = f"{row['found']:.4f} ± {row['error']:.4f}"
        got = f"{row['square']:.2f} | {row['profit']:.4f} | {row['expected']:.4f} | {found}"
        lines.append(f"| {row['gamma']:g} | {got} | {row['behind']:.4f} ± {row['behind_error']:.4f} |")
    return lines


def main() -> None:
    about = machine.describe()
    distances = {str(fee): constant_distances(fee) for fee in FEES}
    data = {"distances": distances, "decay": fitted_decay(distances["0.0"]), "aversions": aversions()}
    machine.write("market_maker", {"machine": about, **data}, markdown(about, data))


if __name__ == "__main__":
    main()
