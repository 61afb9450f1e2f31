"""A sweep of 100 pairs of averages on the common job: wall time, processor time and peak memory.

    python -m benchmarks.sweep [--repeat 5] [--workers 2]

Each round is a fresh process that loads the bars from Parquet, runs one cell unclocked (kernels come from the disk
cache) and then clocks the runner over all 100 cells: plans, replays with every cost attributed, metrics and daily PnL.
Five cells have to equal single runs with the full result, bit for bit. Writes results/sweep.json and results/sweep.md.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import common_job, machine

WANTED_SECONDS, WANTED_MB = 3.0, 512.0
FAST, SLOW = range(5, 51, 5), range(60, 241, 20)
CONFIG = """\
name = "sweep"

[market]
source = "bars"
venue = "none"
symbol = "TEST"
bars = "bars.parquet"
contract = { kind = "linear", base = "TEST", quote = "USD", multiplier = 1.0, lot = 1.0, tick = 0.1 }

[costs]
half_spread = { kind = "none" }
fees = { kind = "constant", taker = 5e-4, maker = 5e-4 }
funding = { kind = "none" }

[margin]
kind = "none"

[sizing]
kind = "fixed_contracts"
contracts = 1.0

[execution]
capital = 1e6

[agent]
type = "sma_cross"
"""


def one_round(folder: Path, workers: int) -> dict[str, float]:
    """Clock one sweep in this process."""
    from halfspread.configs.cell_work import CellSource, CellWork, Outcome
    from halfspread.configs.cells import Axis, Cell, grid_cells
    from halfspread.configs.runner import run_cells

    path = folder / "sweep.toml"
    work = CellWork(CellSource(path, path.read_text(encoding="utf-8")))
    axes = [Axis("agent.fast", tuple(map(str, FAST))), Axis("agent.slow", tuple(map(str, SLOW)))]
    cells = list(grid_cells(axes))
    began = time.perf_counter()
    tape = work.tape(work.plan(cells[0]))
    read = time.perf_counter() - began
    run_cells(work, [Cell(0, ("agent.fast=20", "agent.slow=100"))], _check_common_job)
    found: dict[int, Outcome] = {}
    wall, cpu = time.perf_counter(), time.process_time()
    run_cells(work, cells, lambda outcome: found.update({outcome.index: outcome}), workers=workers)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0
    assert len(found) == len(cells) == 100
    for index in range(0, 100, 22):
        _check(work, tape, cells[index], found[index])
    return {"wall": wall, "cpu": cpu, "read": read, "peak_mb": peak, "bars": len(tape)}


def _check_common_job(outcome: Any) -> None:
    """The pair of the common job gives its PnL to the cent."""
    metrics = outcome.metrics
    pnl = metrics["total_return"] * metrics["notional"]
    assert abs(pnl - common_job.PNL_NEXT_OPEN) < 0.01, pnl
    assert metrics["fills"] == common_job.FILLS


def _check(work: Any, tape: Any, cell: Any, outcome: Any) -> None:
    """A cell is the single run, with its curve and its tables, bit for bit."""
    import halfspread as hs

    result = hs.backtest(
        tape,
        hs.strategies.SmaCross(**{key.split(".")[1]: value for key, value in cell.parameters.items()}),
        hs.Costs(
            half_spread=hs.HalfSpread.none(),
            fees=hs.Fees(taker=common_job.FEE_RATE, maker=common_job.FEE_RATE),
            funding=hs.Funding.none(),
        ),
        sizing=hs.FixedContracts(1),
        capital=1e6,
        margin=hs.Margin.none(),
    )
    for name, value in outcome.metrics.items():
        assert repr(value) == repr(result.metrics[name]), (cell, name, value, result.metrics[name])
    assert outcome.pnl.tolist() == result.daily()["pnl"].tolist()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--inside", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside is not None:
        print(json.dumps(one_round(options.inside, options.workers)))
        return
    about = machine.describe()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        common_job.write(folder)
        (folder / "sweep.toml").write_text(CONFIG, encoding="utf-8")
        command = [sys.executable, "-m", "benchmarks.sweep", "--inside", name, "--workers", str(options.workers)]
        rounds = []
        for _ in range(options.repeat + 1):  # the first one may have to compile
            done = subprocess.run(command, cwd=machine.ROOT, check=True, stdout=subprocess.PIPE, text=True)
            rounds.append(json.loads(done.stdout))
    _report(about, rounds[1:], options.workers)


def _report(about: dict[str, Any], rounds: list[dict[str, float]], workers: int) -> None:
    walls = [each["wall"] for each in rounds]
    cpu, peak = median(each["cpu"] for each in rounds), max(each["peak_mb"] for each in rounds)
    per_second = 100.0 * rounds[0]["bars"] / median(walls)
    lines = [
        "# Sweep of 100 pairs on the common job",
        "",
        machine.in_words(about),
        "",
        f"{rounds[0]['bars']:,.0f} five-minute bars, fast 5 to 50 by 5, slow 60 to 240 by 20, fee 5 bp, {workers} "
        f"workers; {len(rounds)} fresh processes with warm kernels. Five cells equal single runs bit for bit.",
        "",
        "| | measured | wanted |",
        "|---|---:|---:|",
        f"| wall time, median (least to most) | {median(walls):.2f} s ({min(walls):.2f} to {max(walls):.2f}) | "
        f"{WANTED_SECONDS:g} s |",
        f"| processor time, median | {cpu:.2f} s | |",
        f"| bars a second, all workers | {per_second / 1e6:.1f} M | |",
        f"| peak memory of the process | {peak:.0f} MB | {WANTED_MB:.0f} MB |",
        f"| reading the bars, median, beside it | {median(each['read'] for each in rounds):.2f} s | |",
    ]
    machine.write("sweep", {"machine": about, "workers": workers, "rounds": rounds}, lines)


if __name__ == "__main__":
    main()
