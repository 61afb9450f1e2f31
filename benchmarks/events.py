"""How fast quotes, trades, book snapshots and several instruments go through the loop, and whether orders grow in line.

    python -m benchmarks.events [--repeat 7]

Markets are made by `halfspread.datafeeds.synthetic.worlds`. Every case is run once off the clock and its result is
checked; then all cases of a group take turns. Clocked is processor time of the process (the engine has one thread),
from the tape to the finished result, the least of all rounds: other work on the machine shortens no run. Ratios are of
cases that took turns. Writes results/events.json and results/events.md.
"""

from __future__ import annotations

import argparse
import gc
import math
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import perf_counter, process_time
from typing import Any

import numpy as np

import halfspread as hs
from benchmarks import common_job, machine
from benchmarks.engine_job import MARGIN
from benchmarks.engine_job import costs as bar_costs
from benchmarks.event_agents import Crosses, Imbalance, Leans, Maker, PythonImbalance, Traffic
from halfspread.datafeeds.synthetic.worlds import book_world
from halfspread.engine.run import run_backtest
from halfspread.engine.tape import Tape

SNAPSHOTS, LEVELS, SNAPSHOTS_IN_PYTHON = 1_000_000, 25, 200_000
QUOTES, ORDERS = 1_000_000, (250_000, 500_000, 1_000_000)
INSTRUMENTS = 10
GROWTH_LIMIT, TEN_LIMIT = 2.2, 1.3

Result = Any
Check = Callable[[Result], bool]


@dataclass
class Case:
    """What is run, what its result has to be, and the seconds that it took: (processor, wall) by round.

    ``events``: rows of the tape. ``steps``: events that the loop made of them: the open and the close of a bar are one
    where nothing falls between, and two where several instruments have bars at the same times.
    """

    name: str
    events: int
    run: Callable[[], Result]
    check: Check
    goal: float | None = None
    seconds: list[tuple[float, float]] = field(default_factory=list)
    fills: int = 0
    orders: int = 0
    steps: int = 0

    @property
    def best(self) -> float:
        """Least processor time, seconds."""
        return min(each[0] for each in self.seconds)

    def line(self) -> dict[str, Any]:
        """For the JSON file."""
        return {
            "what": self.name,
            "events": self.events,
            "steps": self.steps,
            "cpu_seconds": [round(each[0], 4) for each in self.seconds],
            "wall_seconds": [round(each[1], 4) for each in self.seconds],
            "per_second": round(self.events / self.best),
            "goal": self.goal,
            "fills": self.fills,
            "orders": self.orders,
        }


def take_turns(cases: Sequence[Case], repeat: int) -> Sequence[Case]:
    """Check every case, then clock all of them in turns. Raises SystemExit where a result is not what it must be."""
    for case in cases:
        result = case.run()
        if not case.check(result):
            raise SystemExit(f"{case.name}: wrong result: {result.counts}, {result.attribution}")
        case.fills, case.orders = result.counts["fills"], result.counts["orders"]
        case.steps = result.counts["events"]
    del result
    for _ in range(repeat):
        for case in cases:
            gc.collect()
            cpu, wall = process_time(), perf_counter()
            kept = case.run()
            case.seconds.append((process_time() - cpu, perf_counter() - wall))
            del kept
    return cases


def on(tape: Any, agent: Any, **more: Any) -> Callable[[], Result]:
    """A run of an agent on quotes or books; a taker fee, no fee for makers."""
    fees = hs.Fees(taker=5.5e-4, maker=0.0)
    costs = hs.Costs(half_spread=hs.HalfSpread.from_quotes(), fees=fees, funding=hs.Funding.none())
    return lambda: run_backtest(tape, agent, costs, sizing=hs.FixedContracts(0.01), capital=1e7, **more)


def same(one: Result, other: Result) -> bool:
    """Whether two runs did the same, to the bit."""
    return bool(
        one.fill_records.tobytes() == other.fill_records.tobytes()
        and one.order_records.tobytes() == other.order_records.tobytes()
        and one.attribution == other.attribution
    )


def closes(result: Result) -> bool:
    """Whether positions are the sums of fills and the attribution is the change of equity."""
    fills = result.fill_records
    parts = math.fsum(value for name, value in result.attribution.items() if name != "total")
    gained = float(result.curve_values[-1, 0]) - result.capital
    positions = np.cumsum(fills["contracts"])
    return bool(
        abs(parts - gained) < 1e-9 * max(result.capital, float(fills["value"].sum()))
        and np.abs(positions - fills["position_after"]).max(initial=0.0) < 1e-6
    )


def of_books(repeat: int) -> Sequence[Case]:
    """Snapshots of 25 levels to a compiled and to a Python taker."""
    world = book_world(np.random.default_rng(1), snapshots=SNAPSHOTS, levels=LEVELS)
    tape = Tape.from_books(world.books, world.instrument)
    rows = tape.feeds[0].books.rows
    del world
    part = tape.slice(end=int(tape.feeds[0].books.times[SNAPSHOTS_IN_PYTHON - 1]))
    twin = on(part, Imbalance(levels=1, threshold=0.9))()

    def follows(result: Result) -> bool:
        bids, asks = (np.cumsum(rows[:, at : 4 * 5 : 4], axis=1)[:, -1] for at in (1, 3))
        tilts = (bids - asks) / (bids + asks)
        wanted = np.sign(tilts[np.abs(tilts) >= 0.6])
        changes = 1 + int(np.count_nonzero(np.diff(wanted)))
        decisions = len(np.unique(result.fill_records["decision_time"]))
        return closes(result) and abs(decisions - changes) <= 1  # the last may find no further snapshot

    return take_turns(
        [
            Case("compiled taker, 25 levels", len(tape), on(tape, Imbalance()), follows, 1e6),
            Case(
                "Python taker, 25 levels", len(part), on(part, PythonImbalance()), lambda found: same(found, twin), 3e5
            ),
        ],
        repeat,
    )


def of_orders(repeat: int) -> tuple[Sequence[Case], Sequence[Case]]:
    """Quotes and trades to a compiled market maker with two orders in the book; and order traffic of three lengths."""
    world = book_world(np.random.default_rng(2), snapshots=QUOTES, levels=1, trades_per_snapshot=1.0)
    tape = Tape.from_quotes(world.quotes, world.instrument, trades=world.trades)
    part, lot = cut(tape, 50_000), world.instrument.lot
    if not same(on(part, Maker())(), on(part, Maker(), chunk_events=4_096)()):
        raise SystemExit("market maker: another result in small chunks")

    def makes(result: Result) -> bool:
        fills = result.fill_records
        quiet = bool(fills["maker"].all()) and float(np.abs(fills["position_after"]).max()) < 10.5 * lot
        return closes(result) and quiet and len(fills) > len(tape) // 50 and result.attribution["half_spread"] > 0.0

    makers = take_turns([Case("market maker, two orders resting", len(tape), on(tape, Maker()), makes, 3e6)], repeat)
    traffic = []
    for orders in ORDERS:
        held = cut(tape, orders // 2)

        def rested(result: Result, orders: int = orders) -> bool:  # what is asked for at the last quote is open
            states = result.orders["state"].value_counts()
            return bool(states["cancelled"] == orders - 4 and states["open"] == 4 and not len(result.fill_records))

        traffic.append(Case(f"order traffic, {orders:,} orders", len(held), on(held, Traffic()), rested))
    return makers, take_turns(traffic, repeat)


def cut(tape: Any, quotes: int) -> Any:
    """The tape up to its first ``quotes`` quotes."""
    return tape.slice(end=int(tape.feeds[0].quotes.times[quotes - 1]))


def of_instruments(repeat: int) -> Sequence[Case]:
    """The bars of the common job as one instrument, and cut into ten at the same times; one agent."""
    bars = common_job.bars()
    each = common_job.BARS // INSTRUMENTS
    pieces = []
    for k in range(INSTRUMENTS):
        piece = {name: values[k * each : (k + 1) * each] for name, values in bars.items()}
        contract = hs.instruments.linear(f"TEST{k}", multiplier=1.0, lot=1.0, tick=0.1)
        pieces.append(Tape.from_bars({**piece, "ts": bars["ts"][:each]}, contract))
    lone = Tape.from_bars(bars, hs.instruments.linear("TEST", multiplier=1.0, lot=1.0, tick=0.1))
    joined = Tape.join(*pieces)

    def run(tape: Any) -> Result:
        return run_backtest(
            tape, Crosses(), bar_costs(), sizing=hs.FixedContracts(1), capital=1e9, margin=MARGIN, fill="next_open"
        )

    alone = [run(piece) for piece in pieces]
    profit, fills = math.fsum(one.attribution["total"] for one in alone), sum(one.counts["fills"] for one in alone)

    def common(result: Result) -> bool:
        right = abs(result.attribution["total"] - common_job.PNL_NEXT_OPEN) < 0.005
        return right and result.counts["fills"] == common_job.FILLS

    def together(result: Result) -> bool:
        return abs(result.attribution["total"] - profit) < 1e-3 and result.counts["fills"] == fills

    return take_turns(
        [
            Case("one instrument, all bars", len(lone), lambda: run(lone), common),
            Case(f"{INSTRUMENTS} instruments, a tenth of the bars each", len(joined), lambda: run(joined), together),
        ],
        repeat,
    )


def of_quoted_instruments(repeat: int) -> Sequence[Case]:
    """Quotes of one instrument, and those of ten at the same times, as many in all; one agent."""
    each = QUOTES // INSTRUMENTS
    pieces = []
    for k in range(INSTRUMENTS):
        world = book_world(np.random.default_rng(k), snapshots=each, levels=1)
        contract = hs.instruments.linear(f"TEST{k}", multiplier=1.0, lot=0.001, tick=0.1)
        pieces.append(Tape.from_quotes(world.quotes, contract))
    whole = book_world(np.random.default_rng(0), snapshots=QUOTES, levels=1)
    lone, joined = Tape.from_quotes(whole.quotes, whole.instrument), Tape.join(*pieces)
    alone = [on(piece, Leans())() for piece in pieces]
    profit, fills = math.fsum(one.attribution["total"] for one in alone), sum(one.counts["fills"] for one in alone)

    def takes(result: Result) -> bool:
        return closes(result) and result.counts["fills"] > QUOTES // 100

    def together(result: Result) -> bool:
        return abs(result.attribution["total"] - profit) < 1e-3 and result.counts["fills"] == fills

    return take_turns(
        [
            Case("one instrument, quotes", len(lone), on(lone, Leans()), takes),
            Case(f"{INSTRUMENTS} instruments, a tenth of the quotes each", len(joined), on(joined, Leans()), together),
        ],
        repeat,
    )


def goals(groups: dict[str, Sequence[Case]]) -> list[dict[str, Any]]:
    """What is wanted and what was found; rates in millions a second."""
    found = []
    for case in (*groups["books"], *groups["maker"]):
        assert case.goal is not None
        got = case.events / case.best / 1e6
        found.append({"what": case.name, "wanted": case.goal / 1e6, "got": got, "reached": got >= case.goal / 1e6})
    small, middle, large = (case.best for case in groups["traffic"])
    for what, ratio in (("to 500,000", middle / small), ("to 1,000,000", large / middle)):
        found.append(_at_most(f"time of twice the orders, {what}", GROWTH_LIMIT, ratio))
    for group in ("quotes", "bars"):
        one, ten = groups[group]
        ratio = ten.best / one.best
        found.append(_at_most(f"ten instruments against one, {group}, time of as many rows", TEN_LIMIT, ratio))
        ratio *= one.steps / ten.steps
        found.append(_at_most(f"ten instruments against one, {group}, time of as many steps", TEN_LIMIT, ratio))
    return found


def _at_most(what: str, wanted: float, got: float) -> dict[str, Any]:
    return {"what": what, "wanted": wanted, "got": got, "reached": got <= wanted}


def markdown(about: dict[str, Any], cases: Sequence[Case], found: list[dict[str, Any]]) -> list[str]:
    """The tables for people."""
    lines = ["# Events, orders, instruments", "", machine.in_words(about), ""]
    lines += [
        "| what | rows | steps | cpu s | wall s | M rows/s | fills | orders |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for case in cases:
        wall, rate = min(each[1] for each in case.seconds), case.events / case.best / 1e6
        seconds = f"{case.best:.3f} | {wall:.3f} | {rate:.2f}"
        lines.append(
            f"| {case.name} | {case.events:,} | {case.steps:,} | {seconds} | {case.fills:,} | {case.orders:,} |"
        )
    lines += ["", "| goal | wanted | got | reached |", "|---|---:|---:|---|"]
    for line in found:
        per = " M/s" if "time" not in line["what"] and "against" not in line["what"] else ""
        reached = "yes" if line["reached"] else "no"
        lines.append(f"| {line['what']} | {line['wanted']:g}{per} | {line['got']:.2f}{per} | {reached} |")
    return lines


def keep_memory() -> None:
    """Start again with an allocator that keeps what is freed, so that only the engine is clocked and not fresh pages of
    the system, which a larger result needs and a smaller one does not (see `benchmarks.growth`)."""
    if "MALLOC_TRIM_THRESHOLD_" not in os.environ:
        kept = os.environ | {"MALLOC_TRIM_THRESHOLD_": str(2**34), "MALLOC_MMAP_THRESHOLD_": str(2**25)}
        os.execve(sys.executable, [sys.executable, "-m", "benchmarks.events", *sys.argv[1:]], kept)


def main(arguments: list[str] | None = None) -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=7, help="clocked rounds (default 7)")
    repeat = parser.parse_args(arguments).repeat
    about = machine.describe()
    groups: dict[str, Sequence[Case]] = {"books": of_books(repeat)}
    groups["maker"], groups["traffic"] = of_orders(repeat)
    groups["bars"], groups["quotes"] = of_instruments(repeat), of_quoted_instruments(repeat)
    cases = [case for group in groups.values() for case in group]
    found = goals(groups)
    data = {"machine": about, "repeat": repeat, "measurements": [case.line() for case in cases], "goals": found}
    machine.write("events", data, markdown(about, cases, found))


if __name__ == "__main__":
    keep_memory()
    main()
