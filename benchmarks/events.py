"""How fast quotes, trades, book snapshots and several instruments go through the loop, and whether orders grow in line.

    python -m benchmarks.events [--repeat 5]

Markets are made by `halfspread.datafeeds.worlds`; everything is clocked from the tape to the finished result. Writes
results/events.json and events.md.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np

import halfspread as hs
from benchmarks import common_job, machine
from benchmarks.engine_job import costs as bar_costs
from halfspread.datafeeds.worlds import book_world
from halfspread.engine.order_kernels import amend_order, cancel_all, limit_order, open_contracts
from halfspread.engine.tape import Tape

SNAPSHOTS, LEVELS, EVENTS = 1_000_000, 25, 2_000_000


@hs.compiled_agent
def follow_imbalance(context: Any, memory: Any, history: Any, row: int) -> int:
    """Long where the first five levels show more bids than asks, else short; flat in between."""
    bids, asks = 0.0, 0.0
    for level in range(5):
        bids += history[row, 4 * level + 1]
        asks += history[row, 4 * level + 3]
    tilt = (bids - asks) / (bids + asks)
    if abs(tilt) > 0.6:
        context.targets[0] = 1.0 if tilt > 0.0 else -1.0
    return hs.OK


@hs.compiled_agent
def make_market(context: Any, memory: Any, history: Any, row: int) -> int:
    """One order on each side at the best prices, moved when the best price has moved by ``memory[2]`` ticks."""
    lot, away = context.lot[0], memory[2] * context.tick[0]
    bid, ask = context.bid[0], context.ask[0]
    if open_contracts(context, int(memory[0])) == 0.0:
        if context.contracts[0] < 10.0 * lot:
            memory[0], memory[3] = limit_order(context, 0, lot, bid, 1), bid
    elif abs(bid - memory[3]) > away:
        amend_order(context, int(memory[0]), np.nan, bid)
        memory[3] = bid
    if open_contracts(context, int(memory[1])) == 0.0:
        if context.contracts[0] > -10.0 * lot:
            memory[1], memory[4] = limit_order(context, 0, -lot, ask, 1), ask
    elif abs(ask - memory[4]) > away:
        amend_order(context, int(memory[1]), np.nan, ask)
        memory[4] = ask
    return hs.OK


@hs.compiled_agent
def place_and_cancel(context: Any, memory: Any, history: Any, row: int) -> int:
    """Two new orders far from the market at every event, the old ones cancelled: nothing but order traffic."""
    cancel_all(context, 0)
    lot, tick = context.lot[0], context.tick[0]
    limit_order(context, 0, lot, context.bid[0] - 5.0 * tick, 0)
    limit_order(context, 0, -lot, context.ask[0] + 5.0 * tick, 0)
    return hs.OK


class Imbalance(hs.CompiledStrategy):
    """Takes on the first five levels."""

    events = ("book",)
    function = follow_imbalance


class Maker(hs.CompiledStrategy):
    """Quotes on both sides."""

    events = ("book",)
    function = make_market

    def memory(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        return np.array([0.0, 0.0, 2.0, 0.0, 0.0])


class Traffic(hs.CompiledStrategy):
    """Four requests an event."""

    events = ("book",)
    function = place_and_cancel


class PythonImbalance(hs.Strategy):
    """Takes on the best level, in Python."""

    def on_book(self, market: Any) -> float | None:
        bids, asks = market.bid_size, market.ask_size
        tilt = (bids - asks) / (bids + asks)
        return None if abs(tilt) < 0.9 else 1.0 if tilt > 0.0 else -1.0


def event_costs() -> hs.Costs:
    """What quotes and books show, a taker fee, no fee for makers."""
    return hs.Costs(
        half_spread=hs.HalfSpread.from_quotes(), fees=hs.Fees(taker=5.5e-4, maker=0.0), funding=hs.Funding.none()
    )


def clock(run: Callable[[], Any], repeat: int) -> tuple[float, Any]:
    """Median seconds, and the last result; one run before is not clocked."""
    run()
    seconds = []
    for _ in range(repeat):
        start = perf_counter()
        result = run()
        seconds.append(perf_counter() - start)
    return median(seconds), result


def on(tape: Any, agent: Any) -> Callable[[], Any]:
    """A run of an agent on quotes or books."""
    return lambda: hs.backtest(tape, agent, event_costs(), sizing=hs.FixedContracts(0.01), capital=1e7)


def of_books(repeat: int) -> list[dict[str, Any]]:
    """Snapshots of 25 levels to a compiled and to a Python taker."""
    world = book_world(np.random.default_rng(1), snapshots=SNAPSHOTS, levels=LEVELS)
    tape = Tape.from_books(world.books, world.instrument)
    part = tape.slice(end=int(tape.feeds[0].books.times[SNAPSHOTS // 5]))
    found = []
    for name, held, agent, goal in (
        ("compiled taker, 25 levels", tape, Imbalance(), 1e6),
        ("Python taker, 25 levels", part, PythonImbalance(), 3e5),
    ):
        seconds, result = clock(on(held, agent), repeat)
        found.append(line(name, len(held), seconds, goal, result))
    return found


def of_orders(repeat: int) -> list[dict[str, Any]]:
    """Quotes and trades to a compiled market maker with two orders in the book."""
    world = book_world(np.random.default_rng(2), snapshots=EVENTS // 2, levels=1, trades_per_snapshot=1.0)
    tape = Tape.from_quotes(world.quotes, world.instrument, trades=world.trades)
    seconds, result = clock(on(tape, Maker()), repeat)
    found = [line("market maker, quotes and trades, two orders resting", len(tape), seconds, 3e6, result)]
    halves = []
    for share in (4, 2, 1):
        part = tape.slice(end=int(tape.feeds[0].quotes.times[EVENTS // 2 // share - 1]))
        seconds, result = clock(on(part, Traffic()), repeat)
        halves.append(seconds)
        found.append(line(f"order traffic, {result.counts['orders']:,} orders", len(part), seconds, None, result))
    found[-1]["growth"] = [halves[1] / halves[0], halves[2] / halves[1]]
    return found


def of_instruments(repeat: int) -> list[dict[str, Any]]:
    """The bars of the common job as one instrument, and cut into ten at the same times."""
    bars = common_job.bars()
    count = len(bars["close"]) // 10 * 10
    one = {name: values[:count] for name, values in bars.items()}
    pieces = []
    for k in range(10):
        here = slice(k * (count // 10), (k + 1) * (count // 10))
        piece = {name: values[here] for name, values in bars.items()}
        piece["ts"] = bars["ts"][: count // 10]
        contract = hs.instruments.linear(f"TEST{k}", multiplier=1.0, lot=1.0, tick=0.1)
        pieces.append(Tape.from_bars(piece, contract))
    lone = Tape.from_bars(one, hs.instruments.linear("TEST", multiplier=1.0, lot=1.0, tick=0.1))
    found, seconds = [], []
    for name, tape, agent in (
        ("one instrument, all bars", lone, hs.strategies.SmaCross(fast=20, slow=100)),
        ("ten instruments, a tenth of the bars each", Tape.join(*pieces), TenCrosses()),
    ):
        each, result = clock(
            lambda tape=tape, agent=agent: hs.backtest(
                tape, agent, bar_costs(), sizing=hs.FixedContracts(1), capital=1e9, margin=hs.Margin.none()
            ),
            repeat,
        )
        seconds.append(each)
        found.append(line(name, len(tape), each, None, result))
    found[-1]["ratio"] = seconds[1] / seconds[0]
    return found


@hs.compiled_agent
def cross_each(context: Any, memory: Any, history: Any, row: int) -> int:
    """A crossover of two moving averages on every instrument, sums kept in memory: [20, 100, started, sums...]."""
    fast, slow = int(memory[0]), int(memory[1])
    for k in range(context.instruments):
        at = context.rows[k]
        close = history[at, 3]
        if memory[2] == 0.0:
            for i in range(at - fast + 1, at):
                memory[3 + 2 * k] += history[i, 3]
            for i in range(at - slow + 1, at):
                memory[4 + 2 * k] += history[i, 3]
        fast_sum, slow_sum = memory[3 + 2 * k] + close, memory[4 + 2 * k] + close
        context.targets[k] = 1.0 if memory[1] * fast_sum > memory[0] * slow_sum else -1.0
        memory[3 + 2 * k] = fast_sum - history[at - fast + 1, 3]
        memory[4 + 2 * k] = slow_sum - history[at - slow + 1, 3]
    memory[2] = 1.0
    return hs.OK


class TenCrosses(hs.CompiledStrategy):
    """`SmaCross` on up to ten instruments."""

    lookback: int = 99
    function = cross_each

    def memory(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        return np.array([20.0, 100.0, 0.0, *[0.0] * 20])


def line(name: str, events: int, seconds: float, goal: float | None, result: Any) -> dict[str, Any]:
    """One measurement."""
    return {
        "what": name,
        "events": events,
        "seconds": round(seconds, 4),
        "per_second": round(events / seconds),
        "goal": goal,
        "fills": result.counts["fills"],
        "orders": result.counts["orders"],
    }


def table(lines: list[dict[str, Any]]) -> list[str]:
    """The measurements as Markdown."""
    rows = ["| what | events | seconds | events/s | goal | fills | orders |", "|---|---|---|---|---|---|---|"]
    for each in lines:
        goal = "" if each["goal"] is None else f"{each['goal'] / 1e6:g} M/s"
        rows.append(
            f"| {each['what']} | {each['events']:,} | {each['seconds']:.3f} | {each['per_second'] / 1e6:.2f} M "
            f"| {goal} | {each['fills']:,} | {each['orders']:,} |"
        )
    for each in lines:
        if "growth" in each:
            rows.append("")
            rows.append(f"Order traffic: time(2n) / time(n) = {each['growth'][0]:.2f}, {each['growth'][1]:.2f}.")
        if "ratio" in each:
            rows.append("")
            rows.append(f"Ten instruments take {each['ratio']:.2f} times as long as one with as many bars (goal: 1.3).")
    return rows


def main(arguments: list[str]) -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=5)
    repeat = parser.parse_args(arguments).repeat
    lines = [*of_books(repeat), *of_orders(repeat), *of_instruments(repeat)]
    about = machine.describe()
    text = ["# Events, orders, instruments", "", machine.in_words(about), "", *table(lines)]
    print("\n".join(text))
    machine.write("events", {"machine": about, "repeat": repeat, "measurements": lines}, text)


if __name__ == "__main__":
    main(sys.argv[1:])
