"""One synthetic market replayed as bars, as quotes and as book snapshots to the same taker.

    python -m benchmarks.same_market

The market is an hour of `consistent_market`: a snapshot of ten levels every 100 ms, trades between them, bars of ten
seconds made of both. The taker goes in and out in turns, one trade at each close of a bar, its side drawn beforehand:
so its decisions are the same on every tape. Reported is what its fills cost against the mid in force at the decision,
in ticks a contract: `delay` is what the reference price did between decision and fill, `half-spread` and `impact` are
those of the attribution, their sum is the whole but for the fee. Writes results/same_market.json and same_market.md.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

import halfspread as hs
from benchmarks import machine
from halfspread.datafeeds.aggregate import bars_from_trades
from halfspread.datafeeds.synthetic.world import World
from halfspread.datafeeds.synthetic.world_tapes import world_tape
from halfspread.datafeeds.synthetic.worlds import consistent_market

SEED, DURATION, BAR = 7, "1h", "10s"
SMALL, LARGE = 0.001, 8.0  # contracts a trade: a lot, and about four levels of the book
FEE = 5.5e-4
CAPITAL = 1e7
LAST = 340  # trades; so the last one is out, on every tape
#: What is reported: form of the market, when a decision is filled, whether an impact is modelled.
CASES: tuple[tuple[str, str | None, bool], ...] = (
    ("books", None, False),
    ("quotes", None, False),
    ("quotes without sizes", None, False),
    ("books", "this_event", False),
    ("bars", None, False),
    ("bars", None, True),
    ("trades", None, False),
    ("bars without quotes", None, False),
)


class InAndOut(hs.Strategy):
    """Long or short as drawn, and flat again at the next bar; nothing after the last trade."""

    seed: int = 3
    last: int = LAST
    lookback: int = 12  # bars, so that a modelled impact has seen volume

    def reset(self, rng: np.random.Generator, instruments: Any) -> None:
        self.sides = np.random.default_rng(self.seed).choice([-1.0, 1.0], 10_000)
        self.bars = 0

    def on_bar(self, market: Any) -> float:
        self.bars += 1
        return float(self.sides[self.bars]) if self.bars % 2 and self.bars < self.last else 0.0


@cache
def world() -> World:
    """The market as tables."""
    return consistent_market(np.random.default_rng(SEED), DURATION)


@cache
def tapes() -> dict[str, hs.Tape]:
    """The same market in every form; all of them have the same bars, which the taker decides on."""
    found = {name: world_tape(world(), (name, "bars"), BAR) for name in ("quotes", "books", "trades")}
    found["bars"] = world_tape(world(), ("bars",), BAR)
    unsized = world().table("quotes").drop(columns=["bid_size", "ask_size"])
    plain = bars_from_trades(world().trades, None, BAR, world().end)
    found["bars without quotes"] = hs.Tape.from_bars(plain, world().instrument, interval=BAR)
    found["quotes without sizes"] = hs.Tape.from_quotes(unsized, world().instrument, bars=plain, interval=BAR)
    return found


def mean_spread_ticks() -> float:
    """Of the quotes in force, each for as long as the others."""
    quotes = world().table("quotes")
    return float((quotes["ask"] - quotes["bid"]).mean() / world().instrument.tick)


def trade(name: str, contracts: float, fill: str | None = None, impact: hs.Impact | None = None) -> hs.Result:
    """The taker on one form of the market."""
    if name in ("bars without quotes", "trades"):
        half = hs.HalfSpread.ticks(mean_spread_ticks())
    else:
        half = hs.HalfSpread.from_bars() if name == "bars" else hs.HalfSpread.from_quotes()
    costs = hs.Costs(
        half_spread=half,
        fees=hs.Fees(taker=FEE, maker=FEE),
        funding=hs.Funding.none(),
        impact=impact or hs.Impact.none(),
    )
    convention: Any = fill
    return hs.backtest(
        tapes()[name], InAndOut(), costs, sizing=hs.FixedContracts(contracts), fill=convention, capital=CAPITAL
    )


def shortfall(result: hs.Result) -> dict[str, Any]:
    """What the fills cost against the mid at the decision, in ticks a contract, by part; ``error``: standard error of
    the delay, over decisions."""
    fills, quotes = result.fill_records, world().table("quotes")
    mids = 0.5 * (quotes["bid"] + quotes["ask"]).to_numpy()
    at = np.searchsorted(quotes["ts"].to_numpy(), fills["decision_time"], side="right") - 1
    tick, traded = world().instrument.tick, np.abs(fills["contracts"]).sum()
    delays = fills["contracts"] * (fills["reference"] - mids[at]) / tick
    decisions = np.unique(fills["decision_time"], return_inverse=True)[1]
    each = np.bincount(decisions, weights=delays)
    sums = {"delay": delays.sum(), **{name: -fills[name].sum() / tick for name in ("half_spread", "impact")}}
    parts = {name: round(float(value / traded), 9) + 0.0 for name, value in sums.items()}
    return {
        "decisions": len(each),
        "fills": len(fills),
        **parts,
        "error": float(each.std(ddof=1) * len(each) ** 0.5 / traded),
        "sum": sum(parts.values()),
        "fee_bp": float(-fills["fee"].sum() / fills["value"].sum() * 1e4),
    }


def measure() -> list[dict[str, Any]]:
    """All cases, small and large. Raises SystemExit where a run's attribution is not its change of equity."""
    rows = []
    for contracts in (SMALL, LARGE):
        for name, fill, modelled in CASES:
            impact = hs.Impact.square_root(window="10m") if modelled else hs.Impact.none()
            result = trade(name, contracts, fill, impact)
            booked = sum(value for part, value in result.attribution.items() if part != "total")
            gained = float(result.curve_values[-1, 0]) - CAPITAL
            if max(abs(booked - gained), abs(booked - result.attribution["total"])) > 1e-9 * CAPITAL:
                raise SystemExit(f"{name}: attribution {booked}, equity {gained}")
            what = {"market": name, "fill": fill, "modelled": modelled, "contracts": contracts}
            rows.append({**what, **shortfall(result)})
    return rows


def markdown(about: dict[str, Any], rows: list[dict[str, Any]]) -> list[str]:
    """The table for people; ticks a contract, a cost is positive."""
    lines = [
        "# One market in several forms",
        "",
        f"{world().describe()}; tick {world().instrument.tick:g}, mean spread {mean_spread_ticks():.3f} ticks; "
        f"decisions at closes of {BAR} bars. Cost against the mid at the decision, ticks a contract.",
        "",
        machine.in_words(about),
        "",
        "| market | contracts | decisions | fills | delay | half-spread | impact | sum |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for row in rows:
        what = row["market"] + (", filled at once" if row["fill"] else "") + (", modelled impact" * row["modelled"])
        numbers = f"{row['delay']:.3f} ± {row['error']:.3f} | {row['half_spread']:.3f} | {row['impact']:.3f}"
        lines.append(
            f"| {what} | {row['contracts']:g} | {row['decisions']} | {row['fills']} | {numbers} | {row['sum']:.3f} |"
        )
    return lines


def main() -> None:
    about = machine.describe()
    rows = measure()
    machine.write("same_market", {"machine": about, "rows": rows}, markdown(about, rows))


if __name__ == "__main__":
    main()
