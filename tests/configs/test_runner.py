"""The runner: outcomes do not depend on workers, an error of the caller stops them, and memory does not pile up."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from halfspread.configs.build import build_tape
from halfspread.configs.cell_work import CellSource, CellWork, Outcome, Plan
from halfspread.configs.cells import Axis, Cell, grid_cells
from halfspread.configs.load import Loaded
from halfspread.configs.runner import run_cells
from halfspread.engine.tape import Tape

CONFIG = """\
name = "cells"
seed = 1
market = { source = "synthetic", days = 3 }
costs = { half_spread = { kind = "bars" }, fees = { taker = 5e-4, maker = 0.0 }, funding = { kind = "published" } }
sizing = { kind = "fixed_notional", amount = 10_000 }
agent = { type = "sma_cross", fast = 5, slow = 20 }
"""
CELLS = list(grid_cells([Axis("agent.fast", tuple(map(str, range(2, 32))))]))


@pytest.fixture
def work(tmp_path: Path) -> CellWork:
    return CellWork(CellSource(tmp_path / "cells.toml", CONFIG))


def outcomes(work: CellWork, workers: int, cells: list[Cell] = CELLS) -> dict[int, Outcome]:
    found: dict[int, Outcome] = {}
    run_cells(work, cells, lambda outcome: found.update({outcome.index: outcome}), workers=workers)
    return found


def test_outcomes_do_not_depend_on_the_worker_count(work: CellWork) -> None:
    one, three = outcomes(work, 1), outcomes(work, 3)
    assert sorted(one) == sorted(three) == list(range(30))
    for index, outcome in one.items():
        other = three[index]
        assert (outcome.state, outcome.message) == (other.state, other.message)
        assert repr(outcome.metrics) == repr(other.metrics)
        assert outcome.pnl.tolist() == other.pnl.tolist()
    assert [one[index].state for index in (0, 17, 18, 29)] == ["done", "done", "refused", "refused"]


def test_an_error_of_the_caller_stops_all_workers(work: CellWork) -> None:
    seen: list[int] = []

    def full(outcome: Outcome) -> None:
        seen.append(outcome.index)
        if outcome.state == "done":
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        run_cells(work, CELLS[:10], full, workers=2)
    assert len(seen) == 1
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("cell")]


def test_a_run_on_its_way_is_stopped_too(work: CellWork, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(self: CellWork, plan: Plan, progress: Callable[[int], None]) -> Outcome:
        end = time.monotonic() + (5.0 if plan.cell.index else 0.1)
        while time.monotonic() < end:
            progress(0)
            time.sleep(0.001)
        return Outcome(plan.cell.index, "done")

    def stop(outcome: Outcome) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(CellWork, "run", run)
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        run_cells(work, CELLS[:10], stop, workers=2)
    assert time.monotonic() - began < 3.0


def test_the_market_is_read_once_for_cells_that_share_it(work: CellWork, monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[Loaded] = []

    def counted(loaded: Loaded) -> Tape:
        built.append(loaded)
        return build_tape(loaded)

    monkeypatch.setattr("halfspread.configs.held.build_tape", counted)
    outcomes(work, 2, CELLS[:6])
    assert len(built) == 1
    seeds = list(grid_cells([Axis("seed", ("1", "2")), Axis("agent.fast", ("3", "4"))]))
    found = outcomes(work, 2, seeds)
    assert len(built) == 2  # the first seed is that of the tape that is held
    assert found[0].metrics["final_equity"] != found[2].metrics["final_equity"]


def test_as_many_markets_as_workers_are_held_where_each_has_few_cells(
    work: CellWork, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One cell a market: two run at once, and no more tapes are held than these and one that waits."""
    held: list[int] = []
    together: list[int] = []
    running: set[int] = set()

    def run(self: CellWork, plan: Plan, progress: Callable[[int], None]) -> Outcome:
        running.add(plan.cell.index)
        held.append(len(self._tapes._held))
        time.sleep(0.05)
        together.append(len(running))
        running.discard(plan.cell.index)
        return CellWork._run(self, plan, None)

    monkeypatch.setattr(CellWork, "run", run)
    cells = list(grid_cells([Axis("seed", tuple(map(str, range(8))))]))
    assert sorted(outcomes(work, 2, cells)) == list(range(8))
    assert max(together) == 2
    assert max(held) <= 3
    held.clear()
    outcomes(work, 1, cells)
    assert max(held) == 1


def test_tapes_that_are_large_are_held_one_at_a_time(work: CellWork, monkeypatch: pytest.MonkeyPatch) -> None:
    held: list[int] = []

    def run(self: CellWork, plan: Plan, progress: Callable[[int], None]) -> Outcome:
        held.append(len(self._tapes._held))
        time.sleep(0.02)
        return Outcome(plan.cell.index, "done")

    monkeypatch.setattr(CellWork, "run", run)
    monkeypatch.setattr("halfspread.configs.market_queue.HELD_BYTES", 1)
    outcomes(work, 2, list(grid_cells([Axis("seed", tuple(map(str, range(5))))])))
    assert max(held) == 1


def test_outcomes_over_markets_do_not_depend_on_the_worker_count(work: CellWork) -> None:
    cells = list(grid_cells([Axis("seed", ("1", "2", "3")), Axis("agent.fast", ("3", "4"))]))
    one, three = outcomes(work, 1, cells), outcomes(work, 3, cells)
    assert {i: (each.metrics["final_equity"], each.pnl.tolist()) for i, each in one.items()} == {
        i: (each.metrics["final_equity"], each.pnl.tolist()) for i, each in three.items()
    }


def test_agents_in_python_of_several_markets_run_in_processes_together(
    work: CellWork, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[int] = []

    def elsewhere(source: CellSource, jobs: list[Any], take: Callable[[Outcome], None], workers: int) -> None:
        sent.extend(job.cell.index for job in jobs)

    monkeypatch.setattr(Plan, "in_python", True)
    monkeypatch.setattr("halfspread.configs.runner._in_processes", elsewhere)
    monkeypatch.setattr("halfspread.configs.runner.PATIENT_EVENTS", 0)
    outcomes(work, 2, list(grid_cells([Axis("seed", ("1", "2", "3"))])))
    assert sent == [0, 1, 2]


def test_the_collector_of_cycles_is_left_as_it_was(work: CellWork) -> None:
    outcomes(work, 1, CELLS[:2])
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0


@pytest.mark.parametrize(("patience", "done"), [(60.0, 3), (0.05, 1)])
def test_agents_in_python_run_here_until_that_takes_longer_than_starting_processes(
    work: CellWork, monkeypatch: pytest.MonkeyPatch, patience: float, done: int
) -> None:
    """The second cell takes longer than a short patience: it is stopped, and begins anew with the third elsewhere."""

    def run(self: CellWork, plan: Plan, progress: Callable[[int], None]) -> Outcome:
        if plan.cell.index == 1:
            time.sleep(0.1)
            progress(1)
        return Outcome(plan.cell.index, "done")

    def elsewhere(source: CellSource, jobs: list[Any], take: Callable[[Outcome], None], workers: int) -> None:
        assert source is work.source
        sent.extend(job.cell.index for job in jobs)

    sent: list[int] = []
    monkeypatch.setattr(CellWork, "run", run)
    monkeypatch.setattr(Plan, "in_python", True)
    monkeypatch.setattr("halfspread.configs.runner._in_processes", elsewhere)
    monkeypatch.setattr("halfspread.configs.runner.PATIENCE", patience)
    assert sorted(outcomes(work, 2, CELLS[:3])) == list(range(done))
    assert sent == list(range(done, 3))
