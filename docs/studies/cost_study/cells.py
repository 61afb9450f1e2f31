"""Every run of the study as a cell of the project's own runner: kept on disk as it is finished, the same whatever the
number of workers."""

from __future__ import annotations

import dataclasses
import sys
from argparse import Namespace
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from cost_study.experts import EXPERTS, Grid, agent_setting, sends_orders
from cost_study.markets import CONVENTIONS, LEVELS, RUNGS, Market, cost_settings

from halfspread.commands.bases import base_of
from halfspread.commands.cell_store import CellStore
from halfspread.commands.data_hashes import TapeHash
from halfspread.commands.many_runs import run_all
from halfspread.commands.progress import Progress
from halfspread.configs.cell_work import CellWork, Outcome
from halfspread.configs.cells import Cell
from halfspread.engine.codes import CLOSE, OPEN
from halfspread.engine.tape import Tape

__all__ = ["Key", "MarketRuns", "fills_of", "ladder_keys", "only", "run_market", "sweep_keys"]


@dataclass(frozen=True)
class Key:
    """What a cell is of: ``part`` "ladder" or "sweep", the expert, what it is charged (a rung), when it is filled, and
    in a sweep the number of its setting."""

    part: str
    expert: str
    rung: str
    fill: str = "next_open"
    setting: int = -1


@dataclass(frozen=True)
class MarketRuns:
    """The outcomes of one market (of one ``seed``, where it is drawn), the hash of its data, and what its bars are
    like."""

    market: Market
    seed: int | None
    outcomes: dict[Key, Outcome]
    data: TapeHash
    config: dict[str, Any]
    facts: dict[str, Any]
    store: CellStore


def ladder_keys(market: Market, whole: bool = True) -> list[Key]:
    """Every rung at the next open, and both ends of the ladder under the other conventions; where it is not the
    ``whole``, what buy and hold makes at both ends."""
    if not whole:
        return [Key("ladder", "buy_and_hold", rung) for rung in LEVELS]
    rungs = [*RUNGS, *(["fees_by_date"] if market.fees_by_date else [])]
    keys = [Key("ladder", expert, rung) for expert in EXPERTS for rung in rungs]
    others = [(expert, fill) for expert in EXPERTS for fill in fills_of(expert) if fill != "next_open"]
    return keys + [Key("ladder", expert, rung, fill) for expert, fill in others for rung in LEVELS]


def fills_of(expert: str) -> list[str]:
    """The conventions under which an expert can trade: an order knows no next close, which is for targets."""
    return [fill for fill in CONVENTIONS if fill != "next_close" or not sends_orders(expert)]


def sweep_keys(grids: Sequence[Grid]) -> list[Key]:
    """Every setting of every grid, with nothing charged and with everything."""
    return [
        Key("sweep", grid.expert, rung, setting=i)
        for grid in grids
        for rung in LEVELS
        for i in range(len(grid.settings))
    ]


def run_market(
    market: Market,
    grids: Sequence[Grid],
    *,
    seed: int | None,
    ladder: bool,
    out: Path,
    workers: int,
    progress: Progress,
) -> MarketRuns:
    """Run what is not kept from before. Raises what `run_all` raises, KeyboardInterrupt among it."""
    own = (*market.settings, *([f"market.seed={seed}"] if seed is not None else []))
    base = base_of(Namespace(config=str(market.config), set=list(own), agent="buy_and_hold"))
    keys = [*ladder_keys(market, ladder), *sweep_keys(grids)]
    cells = [Cell(i, _settings(market, grids, key)) for i, key in enumerate(keys)]
    work = CellWork(base.source)
    print(f"{market.title}{'' if seed is None else f', seed {seed}'}: {len(cells):,} runs", file=sys.stderr, flush=True)
    finished, store = run_all(
        base, work, cells, out=out, kind="study", workers=workers, progress=progress, check=lambda outcome: None
    )
    outcomes = dict(zip(keys, finished.outcomes, strict=True))
    if finished.data is None or finished.tape is None:
        raise RuntimeError("the runner gave no market")
    config = {name: part for name, part in base.config.items() if name != "agents"}
    return MarketRuns(market, seed, outcomes, finished.data, config, _facts(finished.tape), store)


def _settings(market: Market, grids: Sequence[Grid], key: Key) -> tuple[str, ...]:
    settings = list(cost_settings(market, key.rung))
    parameters = EXPERTS[key.expert]
    if key.part == "sweep":
        grid = next(each for each in grids if each.expert == key.expert)
        named, parameters = grid.settings[key.setting]
        settings += [f"seed={named['seed']}"] if grid.control else []
    settings.append(agent_setting(key.expert, parameters, market.contracts))
    return (*settings, f"execution.fill={key.fill}")


def _facts(tape: Tape) -> dict[str, Any]:
    """What the bars are like: how many, how many open at the close of the one before."""
    bars = same = 0
    before = np.nan
    for rows in _bars(tape):
        closes = np.concatenate([[before], rows[:-1, CLOSE]])
        same += int(np.count_nonzero(rows[:, OPEN] == closes))
        bars, before = bars + len(rows), rows[-1, CLOSE]
    return {"bars": bars, "opens_at_close_before": same / max(bars - 1, 1)}


def _bars(tape: Tape) -> Iterator[np.ndarray[Any, np.dtype[np.float64]]]:
    for block in tape.feeds[0].blocks("bars"):
        if len(block.rows):
            yield block.rows


def only(grids: dict[str, Grid], values: int) -> list[Grid]:
    """The grids with at most so many values of each setting, for a quick look and for tests."""
    return [
        dataclasses.replace(
            grid, axes={name: tuple(each)[:: max(len(each) // values, 1)][:values] for name, each in grid.axes.items()}
        )
        for grid in grids.values()
    ]
