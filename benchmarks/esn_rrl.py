"""A step of the ESN-RRL agent in the event loop, beside the same agent as plain loops and as NumPy, and what it holds.

    python -m benchmarks.esn_rrl [--repeat 5]

Ours is a backtest: features, accounting of every cost, the curve, and the agent. The other two get features and price
moves that are ready, and only learn (``benchmarks.peers.esn_rrl``). All three have to end at the same weights. A step
is the time of a long run less that of a short one, over the steps between. The floors are what the multiplications of
an update and of the reservoir, and the bytes that they read and write, take at the speed that this core shows in loops
that do nothing else. Memory: the most that a fresh process has held (VmHWM, so Linux only) with a streamed market of
two lengths. Writes results/esn_rrl.json and results/esn_rrl.md.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # NumPy on one core, as everything else here

import numpy as np
import pandas as pd

import halfspread as hs
from benchmarks import common_job, machine
from benchmarks.memory import long_market
from benchmarks.peers.clock import peak_rss_mb
from benchmarks.peers.esn_rrl import learn, learn_numpy
from benchmarks.policies import Idle
from halfspread.agents.features import FeatureSet
from halfspread.agents.policies.watching import observations
from halfspread.agents.reservoir import reservoir_kernels as packed
from halfspread.agents.reservoir.reservoir import ReservoirSettings
from halfspread.agents.rrl import esn_records as mine
from halfspread.agents.rrl.covariance import padded
from halfspread.agents.rrl.esn_rrl import EsnRrl
from halfspread.agents.rrl.lane_kernels import LANES, load, splat, store
from halfspread.agents.rrl.online_trader import Gate
from halfspread.compiled import kernel

FEATURES = (
    *(f"log_return({length})" for length in (1, 2, 3)),
    *("momentum(12)", "momentum(96)", "volume_ratio(20)", "range_position(20)", "average_gap(5, 20)"),
)
#: Units of the reservoir: steps of our long run, of the loops, and of NumPy.
SIZES = {
    50: (60_000, 20_000, 4_000),
    100: (40_000, 10_000, 3_000),
    200: (15_000, 3_000, 1_000),
    400: (6_000, 1_000, 300),
    1_000: (2_000, 150, 50),
}
SHORT = 200
WANTED_US, WANTED_LOOPS, WANTED_NUMPY = 5.0, 2.0, 10.0
FEE, HALF_SPREAD, NEAR = 5e-4, 0.25, 1e-8
LENGTHS, FLAT_MB = (1, 4), 25
IDLE, BUSY = "positions below a lot", "positions traded"


@kernel
def multiply(values: Any, rounds: int) -> float:
    """As many multiplications and additions of lanes as ``values`` are long, ``rounds`` times, eight sums at once."""
    a = b = c = d = e = f = g = h = splat(0.0)
    factor = splat(0.999)
    for _ in range(rounds):
        for i in range(0, len(values), 8 * LANES):
            a = a + load(values, i) * factor
            b = b + load(values, i + 8) * factor
            c = c + load(values, i + 16) * factor
            d = d + load(values, i + 24) * factor
            e = e + load(values, i + 32) * factor
            f = f + load(values, i + 40) * factor
            g = g + load(values, i + 48) * factor
            h = h + load(values, i + 56) * factor
    store(values, 0, (((a + b) + (c + d)) + ((e + f) + (g + h))) * splat(1e-300))
    return values[0]  # type: ignore[no-any-return]


@kernel
def touch(values: Any, rounds: int) -> None:
    """Read and write all of ``values``."""
    for r in range(rounds):
        number = 1.0 + r
        for i in range(len(values)):
            values[i] = number - values[i]


def clocked(job: Callable[[], Any]) -> float:
    """Seconds of the processor."""
    start = time.process_time()
    job()
    return time.process_time() - start


def least(job: Callable[[], Any], rounds: int = 5) -> float:
    return min(clocked(job) for _ in range(rounds))


def agent_of(size: int) -> EsnRrl:
    return EsnRrl(features=FEATURES, reservoir=ReservoirSettings(size=size), gate=Gate(kind="none"), units="percent")


def instrument() -> Any:
    return hs.instruments.linear("TEST", multiplier=1.0, lot=0.001, tick=0.1)


def tape_of(rows: int) -> tuple[Any, Any]:
    """So many bars of the market of the common job, and their closes."""
    bars = {name: values[:rows] for name, values in common_job.bars().items()}
    return hs.Tape.from_bars(pd.DataFrame(bars), instrument()), bars["close"]


def run(tape: Any, agent: Any) -> Any:
    costs = hs.Costs(
        half_spread=hs.HalfSpread.price(HALF_SPREAD), fees=hs.Fees(taker=FEE, maker=0.0), funding=hs.Funding.none()
    )
    return hs.backtest(tape, agent, costs, sizing=hs.FixedNotional(10_000), margin=hs.Margin.none())


def ready(tape: Any, closes: Any) -> tuple[Any, Any, Any]:
    """Features and a constant, returns and costs in percent, at every decision."""
    rows = observations(tape, FeatureSet(FEATURES))[1]
    closes = closes[-len(rows) :]
    moves = np.diff(closes, prepend=closes[0]) / np.concatenate([closes[:1], closes[:-1]])
    return np.column_stack([rows, np.ones(len(rows))]), 100.0 * moves, 100.0 * (FEE + HALF_SPREAD / closes)


def drawn(agent: EsnRrl) -> tuple[Any, Any, Any]:
    agent.reset(np.random.default_rng(0), (instrument(),))
    found: Any = agent._drawn
    return found.w_in, found.w, found.w_back


def weights(agent: EsnRrl) -> Any:
    memory: Any = agent._memory
    return memory[agent.places[mine.WEIGHTS] : agent.places[mine.TRACE]]


def floors(size: int, inputs: int, reservoir: Any) -> dict[str, float]:
    """Seconds of a step that multiplications alone, and reading and writing alone, would take."""
    layout = reservoir[: packed.HEADER].view(np.int64)
    width = padded(inputs + size + 10)
    half = width * (width + LANES) // 2  # numbers of P that are kept
    sparse = layout[packed.PLACES_AT] - layout[packed.VALUES_AT]
    columns = layout[packed.STARTS_AT] - layout[packed.COLUMNS_AT]
    products = 3 * half + columns + sparse
    near = np.zeros(1_024)
    rate = least(lambda: multiply(near, 1_000)) / (1_000 * len(near))
    values = np.zeros(half + len(reservoir) // 2)  # P is read and written, the reservoir only read
    rounds = max(1, 3_000_000 // len(values))
    touch(values, 1)
    return {"arithmetic": products * rate, "memory": least(lambda: touch(values, rounds)) / rounds}


def check(size: int, given: Any, tape: Any) -> tuple[float, int]:
    """That all three end at the same weights; the largest difference, and the fills."""
    agent = agent_of(size)
    fills = len(run(tape, agent).fills)
    loops, plain = learn(*given), learn_numpy(*given)
    apart = float(max(np.abs(weights(agent) - loops).max(), np.abs(loops - plain).max()))
    assert apart < NEAR, f"{size} units: weights differ by {apart}"
    assert np.abs(loops).max() > 1e-4
    return apart, fills


def measure(size: int, repeat: int) -> dict[str, Any]:
    """Seconds of a step in each way, the least of some rounds in turns, and the floors."""
    lookback = FeatureSet(FEATURES).lookback
    few = tape_of(SHORT + lookback)[0]
    ours, *others = (tape_of(steps + lookback) for steps in SIZES[size])
    agent = agent_of(size)
    loops, plain = ((*ready(*bars), *drawn(agent)) for bars in others)
    apart, fills = check(size, plain, others[1][0])
    rounds: list[dict[str, float]] = []
    for turn in range(repeat):
        both = clocked(lambda: run(ours[0], agent)), clocked(lambda: run(few, agent))
        rounds.append(
            {
                "ours": (both[0] - both[1]) / (SIZES[size][0] - SHORT),
                "loops": clocked(lambda: learn(*loops)) / SIZES[size][1],
            }
        )
        if turn < 3:
            rounds[-1]["numpy"] = clocked(lambda: learn_numpy(*plain)) / SIZES[size][2]
    best = {name: min(each[name] for each in rounds if name in each) for name in ("ours", "loops", "numpy")}
    agent.reset(np.random.default_rng(0), (instrument(),))
    reservoir: Any = agent._drawn
    found = {"size": size, "width": agent.width, "steps": SIZES[size], "fills": fills, "apart": apart}
    return {**found, **best, "floors": floors(size, agent.inputs, reservoir.packed()), "rounds": rounds}


def child(task: str, path: str) -> dict[str, Any]:
    """Run through a streamed market, and say how much memory it took."""
    agent = EsnRrl(
        features=FEATURES, reservoir=ReservoirSettings(size=20), units="percent", clip=1e-9 if task == IDLE else 0.99
    )
    result = run(hs.Tape.scan_bars(path, instrument()), agent)
    return {"peak_mb": peak_rss_mb(), "fills": len(result.fill_records), "fills_mb": result.fill_records.nbytes / 2**20}


def memory_of_runs() -> dict[str, dict[str, Any]]:
    """Peak memory of streamed runs of two lengths, each in a process of its own."""
    found = {}
    with tempfile.TemporaryDirectory(prefix="halfspread-bench-") as folder:
        for times in LENGTHS:
            path = Path(folder) / f"long{times}.parquet"
            long_market(path, times)
            for task in (IDLE, BUSY):
                command = [sys.executable, "-m", "benchmarks.esn_rrl", "--task", task, str(path)]
                done = subprocess.run(command, cwd=machine.ROOT, capture_output=True, text=True, check=False)
                if done.returncode:
                    raise SystemExit(f"{task}: {(done.stderr.strip().splitlines() or ['no message'])[-1]}")
                found[f"{times * common_job.BARS:,} bars streamed, {task}"] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES), choices=list(SIZES))
    parser.add_argument("--task", nargs=2, metavar=("TASK", "PATH"), help="used by this script itself")
    options = parser.parse_args()
    if options.task:
        print(json.dumps(child(*options.task)))
        return
    about = machine.describe()
    rows = []
    for size in options.sizes:
        rows.append(measure(size, options.repeat))
        print({key: value for key, value in rows[-1].items() if key != "rounds"}, file=sys.stderr)
    tape = tape_of(200_000)[0]
    run(tape, Idle())
    idle = least(lambda: run(tape, Idle())) / len(tape)
    report(about, rows, idle, memory_of_runs(), options.repeat)


def report(about: Any, rows: list[Any], idle: float, held: dict[str, Any], repeat: int) -> None:
    """Write the tables."""
    lines = [
        "# A step of ESN-RRL",
        "",
        machine.in_words(about),
        "",
        f"Microseconds of processor time of a step, the least of {repeat} rounds in turns (NumPy: 3). {len(FEATURES)} "
        "features and a constant, 10 past positions, the paper's gradient. Ours: a backtest with features, fills, all "
        "accounting and the curve. Loops: compiled, dense, two passes over P; these and NumPy get ready features and "
        f"only learn. All end at the same weights (largest difference {max(row['apart'] for row in rows):.0e}). "
        "Floors: what the multiplications alone, and reading and writing P and the reservoir alone, take on this core.",
        "",
        "| units | weights | ours | loops | NumPy | loops / ours | NumPy / ours | arithmetic | memory |",
        "|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for row in rows:
        ours, loops, plain = (1e6 * row[name] for name in ("ours", "loops", "numpy"))
        lines.append(
            f"| {row['size']} | {row['width']} | {ours:.2f} | {loops:.2f} | {plain:.1f} | {loops / ours:.1f} | "
            f"{plain / ours:.1f} | {1e6 * row['floors']['arithmetic']:.2f} | {1e6 * row['floors']['memory']:.2f} |"
        )
    lines += [
        "",
        f"An agent that decides nothing takes {1e6 * idle:.2f} us a bar.",
        "",
        "| goal | wanted | got | reached |",
        "|---|---:|---:|---|",
    ]
    goals = goals_of(rows, held)
    lines += [
        f"| {what} | {wanted:g} | {got:.2f} | {'yes' if reached else 'no'} |" for what, wanted, got, reached in goals
    ]
    lines += ["", "| memory | peak MB | fills | of which MB |", "|---|---:|---:|---:|"]
    lines += [f"| {k} | {v['peak_mb']} | {v['fills']:,} | {v['fills_mb']:.1f} |" for k, v in held.items()]
    lines += ["", "Fills are results and are kept; without them the peak does not depend on the length of the market."]
    data = {"machine": about, "rows": rows, "idle": idle, "memory": held, "goals": goals}
    machine.write("esn_rrl", data, lines)


def goals_of(rows: list[Any], held: dict[str, Any]) -> list[tuple[str, float, float, bool]]:
    """(what, wanted, got, reached)."""
    found = []
    for row in rows:
        if row["size"] == 100:
            ours = row["ours"]
            found = [
                ("a step with 100 units, us", WANTED_US, 1e6 * ours, 1e6 * ours <= WANTED_US),
                (
                    "times as fast as plain loops",
                    WANTED_LOOPS,
                    row["loops"] / ours,
                    row["loops"] >= WANTED_LOOPS * ours,
                ),
                ("times as fast as NumPy", WANTED_NUMPY, row["numpy"] / ours, row["numpy"] >= WANTED_NUMPY * ours),
            ]
    short, long = (held[f"{times * common_job.BARS:,} bars streamed, {IDLE}"]["peak_mb"] for times in LENGTHS)
    what = f"{LENGTHS[1]} times as many bars, MB more at most"
    return [*found, (what, float(FLAT_MB), float(long - short), long - short <= FLAT_MB)]


if __name__ == "__main__":
    main()
