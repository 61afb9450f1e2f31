"""Run the rows: every seed of a row over one shared tape, in threads; what came of a row is kept in a file.

A `Runs` holds, by seed and day (UTC), the parts of the return and the position at its end, in units of the notional.
"""

from __future__ import annotations

import hashlib
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from esn_rrl_study.rows import Row

from halfspread.compiled import source_hash
from halfspread.configs.agents import parameters_of
from halfspread.configs.build import build_agents, build_tape, run_terms
from halfspread.configs.costs import build_costs
from halfspread.configs.load import Loaded, load
from halfspread.engine.result import BacktestResult
from halfspread.engine.run import run_backtest
from halfspread.engine.tape import Tape
from halfspread.reports.files import atomic_write_bytes

__all__ = ["Runs", "run_rows"]

Floats = np.ndarray[Any, np.dtype[np.float64]]
DAY = 86_400_000_000_000
#: Hours with less than this of a notional held are flat, with more than that long or short.
FLAT, SIDE = 1e-3, 0.5


@dataclass(frozen=True, eq=False)
class Runs:
    """``days``: midnights at which a day ends (ns UTC). By seed and day: ``price``, ``half_spread``, ``fee``,
    ``carry``, and ``position`` at the end of the day. By seed: ``turnover``, mean position ``mean``, shares of hours
    ``long``, ``flat`` and ``short``, ``changes`` of the gate, ``skipped`` decisions and updates. ``seconds`` of all."""

    days: Floats
    price: Floats
    half_spread: Floats
    fee: Floats
    carry: Floats
    position: Floats
    turnover: Floats
    mean: Floats
    long: Floats
    flat: Floats
    short: Floats
    changes: Floats
    skipped: Floats
    seconds: Floats

    @property
    def execution(self) -> Floats:
        """Half-spread and fees."""
        return self.half_spread + self.fee

    @property
    def net(self) -> Floats:
        """All of the return."""
        return self.price + self.execution + self.carry


def run_rows(rows: Sequence[Row], out: Path, workers: int, told: Callable[[str], None]) -> dict[str, Runs]:
    """What came of each row, by its key: from its file in ``out`` where the same code has run the same, else run."""
    out.mkdir(parents=True, exist_ok=True)
    found: dict[str, Runs] = {}
    tapes: dict[str, Tape] = {}
    for row in rows:
        loaded = load(row.config, row.settings)
        path, code = out / f"{row.key}.npz", _code(row, loaded)
        kept = _kept(path, code)
        if kept is None:
            began = time.perf_counter()
            kept = _run(row, loaded, _tape(loaded, tapes), workers, began)
            _keep(path, code, kept)
            told(f"{row.key}: {row.seeds} seeds, {time.perf_counter() - began:.0f} s")
        found[row.key] = kept
    return found


def _tape(loaded: Loaded, tapes: dict[str, Tape]) -> Tape:
    """The tape of a config; those of one market are read once."""
    key = repr(loaded.config.all_markets)
    if key not in tapes:
        tapes.clear()
        tapes[key] = build_tape(loaded)
    return tapes[key]


def _run(row: Row, loaded: Loaded, tape: Tape, workers: int, began: float) -> Runs:
    def one(number: int) -> dict[str, Floats]:
        mine, seed = loaded, number
        if row.nudge:
            mine, seed = load(row.config, (*row.settings, row.nudge.format(k=number))), 0
        costs = build_costs(mine.config.costs, mine.folder, mine.places)
        agent = build_agents(mine, row.agent)[0].agent
        terms = {**run_terms(mine), "seed": seed, "period": "1h", "keep_curve": False}
        return _of(run_backtest(tape, agent, costs, **terms), agent.lookback)

    first = one(0)  # compiles once, before threads start
    with ThreadPoolExecutor(workers) as pool:
        results = [first, *pool.map(one, range(1, row.seeds))]
    stacked = {name: np.stack([each[name] for each in results]) for name in first if name != "days"}
    return Runs(days=first["days"], seconds=np.array(time.perf_counter() - began), **stacked)


def _of(result: BacktestResult, lookback: int) -> dict[str, Floats]:
    """One run by day, from the first day on that it could decide on whole."""
    periods, notional = result.periods, result.notional
    times: Any = np.array(pd.DatetimeIndex(periods.index).as_unit("ns").asi8)
    exposure = periods["exposure"].to_numpy()
    decided = result.start.value + lookback * result.interval  # the open of the first bar that it decided on
    ends = np.flatnonzero((times % DAY == 0) & (times > decided))
    parts = {
        name: np.diff(periods[column].to_numpy()[ends] / notional, prepend=0.0)
        for name, column in (("price", "price"), ("half_spread", "half_spread"), ("fee", "fee"), ("carry", "funding"))
    }
    hours = exposure[times > decided]
    counts = result.counts
    single = {
        "turnover": result.turnover / notional,
        "mean": hours.mean(),
        "long": (hours > SIDE).mean(),
        "flat": (np.abs(hours) < FLAT).mean(),
        "short": (hours < -SIDE).mean(),
        "changes": counts.get("gate_changes", 0),
        "skipped": counts.get("decisions_skipped", 0) + counts.get("updates_skipped", 0),
    }
    return {
        "days": times[ends].astype(np.float64),
        **parts,
        "position": exposure[ends],
        **{name: np.array(float(value)) for name, value in single.items()},
    }


def _code(row: Row, loaded: Loaded) -> str:
    """Hash of what the numbers come from: the kernels, the config as it runs with the agent's defaults, the seeds."""
    agents = [parameters_of(each.agent, each.config) for each in build_agents(loaded, row.agent)]
    found = hashlib.blake2b(digest_size=8)
    found.update(f"{source_hash()} {loaded.config!r} {agents} {row.agent} {row.seeds} {row.nudge}".encode())
    return found.hexdigest()


def _kept(path: Path, code: str) -> Runs | None:
    if not path.is_file():
        return None
    with np.load(path, allow_pickle=False) as held:
        if str(held["code"]) != code:
            return None
        return Runs(**{field.name: held[field.name] for field in fields(Runs)})


def _keep(path: Path, code: str, runs: Runs) -> None:
    buffer = BytesIO()
    np.savez(buffer, code=np.array(code), **{field.name: getattr(runs, field.name) for field in fields(Runs)})
    atomic_write_bytes(path, buffer.getvalue())


def tell(text: str) -> None:
    """What is being done, on standard error."""
    print(text, file=sys.stderr, flush=True)
