"""How long the report of a long run takes and how large it is, after its figures were compared with the result's.

    python -m benchmarks.report [--repeat 5] [--years 5]

Five years of five-minute bars, an agent that trades about 10,000 times, every cost charged. The page is written anew
each time: tables, intervals (1,000 resamples) and all. Writes results/report.json and results/report.md.
"""

from __future__ import annotations

import argparse
import html
import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np

import halfspread as hs
from benchmarks import machine
from halfspread.datafeeds.synthetic.market import SyntheticMarket
from halfspread.reports import formats
from halfspread.reports.certainty import find_intervals
from halfspread.reports.result import Result

SECONDS, BYTES = 2.0, 2_000_000
INTERVAL_SECONDS = 1.0


def long_run(years: int) -> Result:
    """A crossover on ``years`` of five-minute bars."""
    tape = SyntheticMarket(days=365 * years, interval="5m").tape(np.random.default_rng(1))
    costs = hs.Costs(half_spread=hs.HalfSpread.ticks(1), fees=hs.Fees.venue(), funding=hs.Funding.published())
    agent = hs.strategies.SmaCross(fast=16, slow=72)
    return hs.backtest(tape, agent, costs, sizing=hs.FixedNotional(10_000), margin=hs.Margin.none(), seed=1)


def check(page: str, result: Result) -> int:
    """Compare figures on the page with ``result.metrics`` and its intervals; how many there were.

    Raises SystemExit where one differs.
    """
    metrics, intervals = result.metrics, result.intervals
    shown: dict[str, tuple[str, Callable[[float], str]]] = {
        "Net return": ("total_return", lambda value: formats.percent(value, 1, sign=True)),
        "Costs and funding": ("cost_and_funding_return", lambda value: formats.percent(value, 1, sign=True)),
        "Information ratio": ("information_ratio", formats.number),
        "Volatility a year": ("annual_volatility", formats.percent),
        "Expected shortfall": ("expected_shortfall", lambda value: formats.percent(value, 2)),
        "Cost per turnover": ("cost_per_turnover", formats.basis_points),
        "Break-even cost": ("break_even_cost", formats.basis_points),
    }
    part = re.findall(r'<section id="performance">.*?</section>', page, flags=re.DOTALL)[0]
    rows = dict(re.findall(r'<tr><th scope="row">(.*?)</th>(.*?)</tr>', part, flags=re.DOTALL))
    if intervals is None:
        raise SystemExit("the run is too short for intervals")
    compared = 0
    for words, (name, write) in shown.items():
        cells = [html.unescape(cell) for cell in re.findall(r"<td[^>]*>([^<]*)</td>", rows[words])]
        values = (float(metrics[name]), intervals[name].low, intervals[name].high)
        for cell, value in zip(cells, values, strict=False):
            if cell != write(value):
                raise SystemExit(f"{words}: the page says {cell}, the result {write(value)}")
            compared += 1
    return compared


def measure(result: Result, repeat: int) -> dict[str, Any]:
    """Medians over ``repeat`` pages, none of which reuses anything but the result."""
    seconds, interval_seconds, size, compared = [], [], 0, 0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "report.html"
        Result.of(result).report(path)  # kernels are loaded
        for _ in range(repeat):
            fresh = Result.of(result)
            start = perf_counter()
            fresh.report(path)
            seconds.append(perf_counter() - start)
            size = path.stat().st_size
            compared = check(path.read_text(encoding="utf-8"), fresh)
            start = perf_counter()
            find_intervals(fresh.measured.series, fresh.seed)
            interval_seconds.append(perf_counter() - start)
    return {
        "days": result.metrics["days"],
        "bars": result.bars,
        "fills": len(result.fills),
        "report_s": median(seconds),
        "report_bytes": size,
        "intervals_s": median(interval_seconds),
        "figures_compared": compared,
        "repeat": repeat,
    }


def markdown(about: dict[str, Any], found: dict[str, Any]) -> list[str]:
    """The table for people."""
    return [
        "# Report of a long run",
        "",
        f"`python -m benchmarks.report`: {found['bars']:,} bars, {found['fills']:,} fills, {found['days']:,} days; "
        f"medians of {found['repeat']}. {found['figures_compared']} figures on the page were compared with the "
        "result's.",
        "",
        machine.in_words(about),
        "",
        "| what | goal | found |",
        "|---|---:|---:|",
        f"| report written, tables and intervals made anew | {SECONDS:.0f} s | {found['report_s']:.2f} s |",
        f"| its size | {BYTES / 1e6:.0f} MB | {found['report_bytes'] / 1e6:.2f} MB |",
        f"| of that, intervals from 1,000 resamples | {INTERVAL_SECONDS:.0f} s | {found['intervals_s']:.2f} s |",
    ]


def main() -> None:
    """Measure, print, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=5, help="reports written (default 5)")
    parser.add_argument("--years", type=int, default=5, help="length of the run (default 5)")
    options = parser.parse_args()
    about = machine.describe()
    found = measure(long_run(options.years), options.repeat)
    machine.write("report", {"machine": about, **found}, markdown(about, found))


if __name__ == "__main__":
    main()
