"""What is asked of both engines in `benchmarks.hftbacktest`, and how halfspread answers."""

from __future__ import annotations

from typing import Any

import halfspread as hs
from benchmarks.capture_agents import TimedMaker, TimedTaker
from halfspread.engine.times import SECOND, parse_time

__all__ = ["LARGE", "LEVELS", "MORE_LEVELS", "ROUNDS", "SMALL", "STEM", "WALKS", "account", "cases", "trade"]

STEM = "binance_usdm_btcusdt_20230404_2358_8min"
MAKER_FEE, TAKER_FEE, LATENCY = 2e-4, 5e-4, 20_000_000
SMALL, LARGE, WALKS = 0.001, 0.5, 20.0  # contracts of 1 BTC; WALKS: a taker's
LEVELS, MORE_LEVELS = 25, 400
ROUNDS = 7


def case(agent: str, contracts: float, every: int, first: str, last: str, **other: Any) -> dict[str, Any]:
    """A case of both; `peers/hftbacktest_job.py` says what it holds."""
    terms = {"exchange": "no_partial_fill", "queue": "risk_adverse", "ties": "received", "repeat": 0}
    times = {"every": every * SECOND, "first": parse_time(first), "last": parse_time(last)}
    fees = {"latency": LATENCY, "fees": [MAKER_FEE, TAKER_FEE]}
    return {"agent": agent, "contracts": contracts, **times, **fees, **terms, **other}


def cases() -> dict[str, dict[str, Any]]:
    """By name: "agent, contracts, how theirs is set"."""
    taker = (5, "2023-04-04T23:58:25Z", "2023-04-05T00:06:45Z")
    found = {
        "taker small": case("taker", SMALL, *taker),
        "taker large": case("taker", WALKS, *taker),
        "taker large, partial": case("taker", WALKS, *taker, exchange="partial_fill"),
    }
    makers = {
        "1 s": (1, "2023-04-04T23:58:21Z", "2023-04-05T00:06:53Z"),
        "10 s": (10, "2023-04-04T23:58:30Z", "2023-04-05T00:06:40Z"),
    }
    for name, times in makers.items():
        for size, contracts in (("small", SMALL), ("large", LARGE)):
            stem = f"maker {size} {name}"
            found[stem] = case("maker", contracts, *times, repeat=ROUNDS if stem == "maker small 1 s" else 0)
            found[f"{stem}, partial"] = case("maker", contracts, *times, exchange="partial_fill")
            found[f"{stem}, default queue"] = case("maker", contracts, *times, queue="default")
            found[f"{stem}, trades first"] = case("maker", contracts, *times, ties="trades_first")
    return found


def trade(tape: hs.Tape, terms: dict[str, Any], fill: str | None = None) -> hs.Result:
    """A case in halfspread."""
    kind = TimedMaker if terms["agent"] == "maker" else TimedTaker
    agent = kind(contracts=terms["contracts"], first=terms["first"], last=terms["last"], every=terms["every"] / SECOND)
    costs = hs.Costs(
        half_spread=hs.HalfSpread.from_quotes(),
        fees=hs.Fees(taker=terms["fees"][1], maker=terms["fees"][0]),
        funding=hs.Funding.none(),
        latency=hs.Latency.fixed(f"{terms['latency']}ns"),
    )
    moment: Any = fill
    return hs.backtest(
        tape, agent, costs, sizing=hs.FixedContracts(1.0), fill=moment, capital=1e8, margin=hs.Margin.none()
    )


def account(found: dict[str, Any]) -> float:
    """PnL by hftbacktest's own account."""
    state = found["account"]
    return float(state["balance"] + state["position"] * state["mid"] - state["fee"])
