"""How much memory a backtest takes: the common job from Parquet, and streamed runs of two lengths, of bars and events.

    python -m benchmarks.memory

Each figure is the most that a fresh process has held (VmHWM, so Linux only). "Engine loaded" has run a small backtest,
so that every library and kernel is in memory. A streamed run keeps its fills, which are results; so its flatness is
judged by a strategy that trades once. Writes results/memory.json and results/memory.md.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import common_job, machine
from benchmarks.peers.clock import peak_rss_mb

SMALL = 2_000
LENGTHS = (4, 16)  # of the streamed runs, in common jobs
LOADED = f"engine loaded ({SMALL:,} bars)"
LIMIT_MB, LIMIT_FACTOR, FLAT_MB = 350, 1.2, 25
BLOCK, LEVELS = 100_000, 5  # snapshots in a block of the files of events, and levels of each
BLOCKS = (5, 20)  # of the streamed runs
EVENTS = ("quotes and trades", "snapshots and trades")


def long_market(path: Path, times: int) -> None:
    """The market of the common job ``times`` times one after the other, written in blocks of one."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = common_job.bars()
    span = common_job.BARS * common_job.INTERVAL
    with pq.ParquetWriter(path, pa.table(columns).schema, compression="zstd") as writer:
        for turn in range(times):
            writer.write_table(pa.table({**columns, "ts": columns["ts"] + turn * span}), row_group_size=65_536)


def long_events(folder: Path, blocks: int) -> None:
    """Snapshots, quotes and trades of one block of market, so many times one after the other, as three files."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from halfspread.datafeeds.synthetic.worlds import book_world

    world = book_world(np.random.default_rng(5), snapshots=BLOCK, levels=LEVELS, trades_per_snapshot=1.0)
    for name in ("books", "quotes", "trades"):
        table = world.table(name)
        schema = pa.Schema.from_pandas(table, preserve_index=False)
        with pq.ParquetWriter(folder / f"{name}.parquet", schema, compression="zstd") as writer:
            for turn in range(blocks):
                shifted = table.assign(ts=table["ts"] + turn * (world.end - world.start))
                writer.write_table(pa.Table.from_pandas(shifted, schema), row_group_size=65_536)


def replay_events(task: str, folder: Path) -> dict[str, Any]:
    """Stream quotes or snapshots, and trades, to a strategy that trades once."""
    import pyarrow.parquet as pq

    import halfspread as hs
    from benchmarks.event_agents import HoldOnBooks, HoldOnQuotes

    name = "quotes" if task == EVENTS[0] else "books"
    contract = hs.instruments.linear("BOOK", lot=0.001, tick=0.1)
    paths: dict[str, Any] = {each: folder / f"{each}.parquet" for each in (name, "trades")}
    fees = hs.Fees(taker=5.5e-4, maker=0.0)
    costs = hs.Costs(half_spread=hs.HalfSpread.from_quotes(), fees=fees, funding=hs.Funding.none())
    agent = HoldOnQuotes() if name == "quotes" else HoldOnBooks()
    result = hs.backtest(hs.Tape.scan(contract, **paths), agent, costs, sizing=hs.FixedContracts(0.001), capital=1e6)
    rows = sum(pq.ParquetFile(path).metadata.num_rows for path in paths.values())
    if result.counts["events"] != rows or result.counts["fills"] != 1:
        raise SystemExit(
            f"{rows} rows were replayed as {result.counts['events']} events, {result.counts['fills']} fills"
        )
    return {"events": rows, "fills": 1}


def child(task: str, path: str) -> dict[str, Any]:
    """Do one task and say how much memory it took."""
    report: dict[str, Any] = {}
    if task == "libraries":
        import numba  # noqa: F401
        import pandas  # noqa: F401
        import pyarrow.parquet  # noqa: F401
    elif task in EVENTS:
        report |= replay_events(task, Path(path))
    elif task != "nothing":
        import halfspread as hs
        from benchmarks.engine_job import CAPITAL, MARGIN, costs, instrument

        read = hs.Tape.scan_bars if task.startswith("streamed") else hs.Tape.from_bars
        tape = read(path, instrument())
        agent: hs.Strategy = hs.strategies.SmaCross(fast=common_job.FAST, slow=common_job.SLOW)
        if task == "streamed, one fill":
            agent = hs.strategies.BuyAndHold()
        result = hs.backtest(tape, agent, costs(), sizing=hs.FixedContracts(1), capital=CAPITAL, margin=MARGIN)
        if task == "common job" and abs(result.attribution["total"] - common_job.PNL_NEXT_OPEN) > 0.005:
            raise SystemExit(f"PnL {result.attribution['total']:.2f}, expected {common_job.PNL_NEXT_OPEN}")
        arrays = [result.curve_times, result.curve_values, result.fill_records, result.period_records]
        report["results_mb"] = round(sum(array.nbytes for array in arrays) / 2**20, 1)
        report["fills"] = len(result.fill_records)
        if not task.startswith("streamed"):
            report["tape_mb"] = round(len(tape) * 8 * (1 + len(tape.columns)) / 2**20, 1)
    return {**report, "peak_mb": peak_rss_mb()}


def fresh(task: str, path: Path) -> dict[str, Any]:
    """`child` in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.memory", "--task", task, str(path)]
    done = subprocess.run(command, cwd=machine.ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{task}: {(done.stderr.strip().splitlines() or ['no message'])[-1]}")
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def measure(folder: Path) -> dict[str, Any]:
    """All tasks."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    common = common_job.write(folder)[1]
    small = folder / "small.parquet"
    first: dict[str, np.ndarray] = {name: values[:SMALL] for name, values in common_job.bars().items()}
    pq.write_table(pa.table(first), small)
    fresh("small", small)  # so that no later one compiles
    rows = {
        "a bare interpreter": fresh("nothing", small),
        "numba, pandas and pyarrow imported": fresh("libraries", small),
        LOADED: fresh("small", small),
        "engine loaded, streamed": fresh("streamed", small),
        "common job from Parquet": fresh("common job", common),
        "common job streamed": fresh("streamed", common),
    }
    for times in LENGTHS:
        path = folder / f"long{times}.parquet"
        long_market(path, times)
        rows[f"{times} x common job, streamed"] = fresh("streamed", path)
        rows[f"{times} x common job, streamed, one fill"] = fresh("streamed, one fill", path)
        path.unlink()
    for blocks in BLOCKS:
        long_events(folder, blocks)
        for task in EVENTS:
            fresh(task, folder)  # compiles, the first time
            rows[events_name(task, blocks)] = fresh(task, folder)
    return rows


def events_name(task: str, blocks: int) -> str:
    """Of a row of the table."""
    return f"{blocks * BLOCK:,} {task}, streamed, one fill"


def goals(rows: dict[str, Any]) -> list[tuple[str, float, float]]:
    """(what, wanted at most, got)."""
    job = rows["common job from Parquet"]
    short, long = (rows[f"{times} x common job, streamed, one fill"]["peak_mb"] for times in LENGTHS)
    allowed = LIMIT_FACTOR * (job["tape_mb"] + job["results_mb"])
    above = job["peak_mb"] - rows[LOADED]["peak_mb"]
    flat = []
    for task in EVENTS:
        few, many = (rows[events_name(task, blocks)]["peak_mb"] for blocks in BLOCKS)
        what = f"{task} streamed, {BLOCKS[1] * BLOCK:,} against {BLOCKS[0] * BLOCK:,}, MB more"
        flat.append((what, float(FLAT_MB), many - few))
    return [
        ("common job from Parquet, MB", LIMIT_MB, job["peak_mb"]),
        ("the same above the loaded engine, MB (1.2 x tape and results)", allowed, above),
        (f"streamed with one fill, {LENGTHS[1]} against {LENGTHS[0]} common jobs, MB more", FLAT_MB, long - short),
        *flat,
    ]


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", nargs=2, metavar=("TASK", "PATH"), help="used by this script itself")
    options = parser.parse_args(arguments)
    if options.task:
        print(json.dumps(child(*options.task)))
        return
    about = machine.describe()
    with tempfile.TemporaryDirectory(prefix="halfspread-bench-") as folder:
        rows = measure(Path(folder))
    lines = [
        "# Memory",
        "",
        machine.in_words(about),
        "",
        "| what | peak MB | tape MB | results MB |",
        "|---|---:|---:|---:|",
    ]
    lines += [f"| {k} | {v['peak_mb']} | {v.get('tape_mb', '')} | {v.get('results_mb', '')} |" for k, v in rows.items()]
    lines += ["", "| goal | at most | got | reached |", "|---|---:|---:|---|"]
    found = goals(rows)
    lines += [f"| {what} | {most:.0f} | {got:.0f} | {'yes' if got <= most else 'no'} |" for what, most, got in found]
    machine.write("memory", {"machine": about, "rows": rows, "goals": found}, lines)


if __name__ == "__main__":
    main()
