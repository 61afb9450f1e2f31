"""A taker and a maker on one recorded book, here and in hftbacktest: every difference listed, with its cause.

    python -m benchmarks.hftbacktest --data FOLDER --peer HFT/bin/python

FOLDER holds books/binance_usdm_btcusdt_20230404_2358_8min_{l2,trades}.parquet ($HALFSPREAD_DATA); HFT is an environment
with hftbacktest ($HALFSPREAD_BENCH_HFTBACKTEST). Both engines get the same messages, trades, clock, orders, latencies
and fees. From our default to theirs one thing is changed at a time; orders that a step changes are listed, each with a
cause, and what cannot be explained ends the run. Writes results/hftbacktest.json and hftbacktest.md;
docs/hftbacktest.md says what it means.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np

import halfspread as hs
from benchmarks import machine
from benchmarks.capture_agents import books_of, tape_of, trades_of
from benchmarks.hftbacktest_cases import LEVELS, MORE_LEVELS, ROUNDS, STEM, cases, trade
from benchmarks.hftbacktest_report import markdown
from benchmarks.hftbacktest_steps import maker_steps, taker_steps
from benchmarks.order_fates import Market, fates_of_rows

JOB = Path(__file__).parent / "peers" / "hftbacktest_job.py"


def ask_peer(python: str, stem: Path) -> dict[str, Any]:
    """All cases in hftbacktest. Raises SystemExit where it fails."""
    with tempfile.TemporaryDirectory() as folder:
        asked, told = Path(folder, "cases.json"), Path(folder, "found.json")
        asked.write_text(json.dumps(cases()))
        command = [python, str(JOB), "--books", str(stem), "--cases", str(asked), "--out", str(told)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
        if done.returncode:
            raise SystemExit(f"{python} {JOB.name} failed:\n{done.stderr[-2000:]}")
        return dict(json.loads(told.read_text()))


def fills_of(peer: dict[str, Any], name: str) -> list[list[float]]:
    """Of hftbacktest: number of each order that was filled, when (ns after the first decision), at which price."""
    terms = cases()[name]
    fates = fates_of_rows(peer["cases"][name]["rows"], terms)
    filled = np.flatnonzero(fates.filled > 0)
    prices = fates.value[filled] / fates.filled[filled]
    return [
        [int(i), int(fates.last[i]) - terms["first"], round(float(price), 1)]
        for i, price in zip(filled, prices, strict=True)
    ]


def speed(tape: hs.Tape, peer: dict[str, Any], stem: Path) -> dict[str, Any]:
    """Processor seconds of the small maker, the least of all rounds; results were checked before."""
    terms = cases()["maker small 1 s"]
    seconds = []
    for _ in range(ROUNDS):
        clock = process_time()
        trade(tape, terms)
        seconds.append(process_time() - clock)
    clock = process_time()
    books_of(Path(f"{stem}_l2.parquet"), LEVELS)
    build = process_time() - clock
    feed: Any = tape.feeds[0]
    events = len(feed.depth.times) + len(feed.trades.times)
    theirs = peer["cases"]["maker small 1 s"]["seconds"]
    return {
        "ours": {"events": events, "seconds": seconds, "prepare_seconds": build},
        "theirs": {
            "events": peer["about"]["events"]["received"],
            "seconds": theirs,
            "prepare_seconds": peer["about"]["convert_seconds"],
        },
    }


def measure(data: Path, python: str) -> dict[str, Any]:
    """Everything. Raises SystemExit at a difference that is not explained."""
    stem = data / "books" / STEM
    peer = ask_peer(python, stem)
    trades = trades_of(Path(f"{stem}_trades.parquet"))
    instrument = hs.instruments.get("binance-futures:BTCUSDT")
    books = {levels: books_of(Path(f"{stem}_l2.parquet"), levels) for levels in (LEVELS, MORE_LEVELS)}
    tapes = {levels: tape_of(book, trades, instrument) for levels, book in books.items()}
    feed: Any = tapes[LEVELS].feeds[0]
    shift = feed.depth.clock_shift
    if shift != peer["about"]["shift"]:
        raise SystemExit(
            f"clocks: halfspread shifts local times by {shift} ns, hftbacktest by {peer['about']['shift']}"
        )
    stopped = {name: found["status"] for name, found in peer["cases"].items() if found["status"] != 1}
    market = Market(feed.depth, feed.trades)
    makers = {
        name: maker_steps(name, tapes[LEVELS], peer, market)
        for name, terms in cases().items()
        if terms["agent"] == "maker" and "," not in name
    }
    small, waited, large = taker_steps(peer, tapes)
    return {
        "version": peer["about"]["version"],
        "shift_ms": shift / 1e6,
        "market": repr(tapes[LEVELS]).strip("<>"),
        "stopped": stopped,
        "taker_small": small,
        "taker_small_waits": waited,
        "taker_large": large,
        "makers": makers,
        "their_fills": {name: fills_of(peer, name) for name in ("taker small", "maker small 1 s", "maker small 10 s")},
        "speed": speed(tapes[LEVELS], peer, stem),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--data", default=os.environ.get("HALFSPREAD_DATA"), help="default: $HALFSPREAD_DATA")
    parser.add_argument("--peer", default=os.environ.get("HALFSPREAD_BENCH_HFTBACKTEST"), help="interpreter")
    given = parser.parse_args()
    if not given.data or not given.peer:
        raise SystemExit("name the folder of the captures with --data, and an interpreter with hftbacktest with --peer")
    about = machine.describe()
    found = measure(Path(given.data), given.peer)
    machine.write("hftbacktest", {"machine": about, **found}, markdown(about, found))


if __name__ == "__main__":
    main()
