"""Run the cells of a command: read the market, measure the first cell, say how long it takes, keep what is finished."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from halfspread.commands.bases import Base
from halfspread.commands.cell_store import CellStore
from halfspread.commands.data_hashes import TapeHash, tape_hash
from halfspread.commands.progress import Progress
from halfspread.commands.repeats import refuse_changed_outcome
from halfspread.commands.sources import package_hash, plugin_sources
from halfspread.configs.cell_work import DONE, FAILED, REFUSED, CellWork, Outcome, Plan
from halfspread.configs.cells import Cell
from halfspread.configs.runner import run_cells
from halfspread.engine.agent import is_compiled
from halfspread.engine.tape import Tape
from halfspread.errors import ConfigError, StrategyError, UserError

__all__ = [
    "MANY",
    "MOST",
    "Finished",
    "first_plan",
    "interrupted",
    "run_all",
    "seconds_text",
    "too_many",
]

INTERRUPTED = 130
#: More cells than this need --yes.
MANY = 20_000
#: More cannot be held: a cell takes a few kB until all are written.
MOST = 1_000_000
#: How many cells are looked at for one that can run, where there are too many to look at all.
PROBED = 1_000
#: A compiled agent whose first cell takes longer (seconds) is not run twice.
LONG = 60.0


@dataclass
class Finished:
    """Outcomes of all cells in their order, and what they ran on: the first ``tape``, its hash, a ``plan`` on it;
    ``markets``: hashes of all tapes in the order of their first cells."""

    outcomes: list[Outcome] = field(default_factory=list)
    data: TapeHash | None = None
    tape: Tape | None = None
    plan: Plan | None = None
    markets: list[str] = field(default_factory=list)

    def of_state(self, state: str) -> list[Outcome]:
        """The outcomes of one state."""
        return [each for each in self.outcomes if each.state == state]


def too_many(work: CellWork, cells: Iterator[Cell], count: int, workers: int, progress: Progress) -> ConfigError:
    """What to say of more cells than `MANY`: how long they would take, by the first of them that runs."""
    plan = first_plan(work, list(islice(cells, PROBED)))
    with progress.step("measure the first cell"):
        work.tape(plan)
        seconds = _measured(work, plan, lambda outcome: None)
    took = seconds_text(seconds * count / workers)
    return ConfigError(
        f"{count:,} cells, about {took} with {_workers(workers)} at {seconds_text(seconds)} each; "
        + ("add --yes to run so many, or try" if count <= MOST else f"more than {MOST:,} cannot be held: try")
        + " fewer: larger steps, or --random N"
    )


def run_all(
    base: Base,
    work: CellWork,
    cells: Sequence[Cell],
    *,
    out: Path,
    kind: str,
    workers: int,
    progress: Progress,
    check: Callable[[Outcome], None],
    market: Cell | None = None,
    noun: str = "cells",
) -> tuple[Finished, CellStore]:
    """Run ``cells`` that are not kept from an earlier, interrupted try. ``check`` gets the first outcome that is done.
    ``noun``: what they are called. ``market``: a cell whose market all others are made from, by nothing but what the
    cells set; without it every market is hashed.

    Raises the reason of the first cell where none can run, StrategyError for an agent whose first cell is not the same
    again, and what `run_cells` raises; what is finished is kept then.
    """
    first = first_plan(work, cells)
    with progress.step("read the market"):
        tape = work.tape(first if market is None else work.plan(market))
        data = tape_hash(tape)
    facts = {
        "config": base.config,
        "agent": base.built.label if len(base.agents) == 1 else [each.label for each in base.agents],
        "code": package_hash(),
        "plugins": plugin_sources(base.built.agent, base.loaded.folder)
        if len(base.agents) == 1
        else [plugin_sources(each.agent, base.loaded.folder) for each in base.agents],
    }
    store = CellStore(out / base.loaded.config.name, kind, facts, cells, data.total)
    taken = _Taken(store, check, data.total)
    hashes = {first.market: data.total}

    def choose(name: str, tape: Tape, some: Sequence[Cell]) -> list[Cell]:
        if market is None:
            if name not in hashes:
                hashes[name] = tape.hash()
            taken.data |= dict.fromkeys((cell.index for cell in some), hashes[name])
        return [cell for cell in some if not taken.recall(cell)]

    try:
        told = _measure(work, None if market is not None else first.market, cells, taken, progress, workers)
        _say(told.format(noun=noun))
        left = cells if market is None else [cell for cell in cells if not taken.recall(cell)]
        with progress.cells(kind, len(cells), noun) as report:
            taken.report = report
            run_cells(work, left, taken, workers=workers, choose=choose)
        store.flush()
    except BaseException:
        with suppress(Exception):
            store.flush()
        store.close()
        raise
    outcomes = [taken.outcomes[cell.index] for cell in cells]
    finished = Finished(outcomes, data, tape, first, list(hashes.values()))
    if not finished.of_state(DONE):
        failed = finished.of_state(FAILED)
        worst = failed[0] if failed else outcomes[0]
        store.remove()
        raise (StrategyError if failed else ConfigError)(f"no cell ran to its end; the first: {worst.message}")
    return finished, store


class _Taken:
    """Takes outcomes: those that are done are kept on disk. ``data``: hashes of the tapes that cells run on, by cell,
    where it is not the first one."""

    def __init__(self, store: CellStore, check: Callable[[Outcome], None], first: str) -> None:
        self.outcomes: dict[int, Outcome] = {}
        self.data: dict[int, str] = {}
        self.report: Callable[[int], None] = lambda done: None
        self._store, self._check, self._checked, self._first = store, check, False, first

    def __call__(self, outcome: Outcome) -> None:
        self._put(outcome)
        if outcome.state == DONE:
            self._store.add(outcome, self.data.get(outcome.index, self._first))

    def recall(self, cell: Cell) -> bool:
        """Whether the outcome is known already, here or on disk."""
        if cell.index in self.outcomes:
            return True
        kept = self._store.known(cell.index, self.data.get(cell.index, self._first))
        if kept is not None:
            self._put(kept)
        return kept is not None

    def _put(self, outcome: Outcome) -> None:
        if outcome.state == DONE and not self._checked:
            self._check(outcome)
            self._checked = True
        self.outcomes[outcome.index] = outcome
        self.report(len(self.outcomes))


def first_plan(work: CellWork, cells: Sequence[Cell], what: str = "cells") -> Plan:
    """The first cell that can run. Raises ConfigError, or StrategyError, with the reason of the first where none
    can."""
    reasons: list[Outcome] = []
    for cell in cells:
        planned = work.planned(cell)
        if isinstance(planned, Plan):
            return planned
        reasons.append(planned)
    kind = ConfigError if reasons[0].state == REFUSED else StrategyError
    if len(cells) == 1:
        raise kind(f"the only cell, {_name(cells[0])}, cannot run: {reasons[0].message}")
    raise kind(f"none of {len(cells):,} {what} can run; the first, {_name(cells[0])}: {reasons[0].message}")


def _name(cell: Cell) -> str:
    return ", ".join(cell.settings)


def _measure(
    work: CellWork, market: str | None, cells: Sequence[Cell], taken: _Taken, progress: Progress, workers: int
) -> str:
    """Run the first cell of a ``market`` (None: of any) that is not known yet; how many there are, and how long they
    take, in words with a place for what they are called. Of markets that are made for the cells, that takes its time
    too."""
    left = [cell for cell in cells if not taken.recall(cell)]
    kept = len(cells) - len(left)
    told = f"{len(left):,} {{noun}}"
    if kept:
        told = f"{kept:,} of {len(cells):,} {{noun}} are kept from before, {len(left):,} to run"
    plan = next((each for each in _unknown(work, left, taken) if market in (None, each.market)), None)
    if plan is None:
        return told
    with progress.step("measure the first one"):
        began = time.perf_counter()
        if market is None:
            with suppress(UserError):  # told by the run
                work.tape(plan)
        making = time.perf_counter() - began
        seconds = _measured(work, plan, taken)
    made = {text for cell in left for text in cell.settings if text.startswith(("bootstrap=", "market"))}
    markets = len(made) if market is None else 1
    whole = (seconds * (len(left) - 1) + making * max(markets - 1, 0)) / workers
    return f"{told}, about {seconds_text(whole)} with {_workers(workers)}"


def _unknown(work: CellWork, cells: Sequence[Cell], taken: _Taken) -> Iterator[Plan]:
    for cell in cells:
        if cell.index not in taken.outcomes:
            planned = work.planned(cell)
            if isinstance(planned, Plan):
                yield planned


def _measured(work: CellWork, plan: Plan, take: Callable[[Outcome], None]) -> float:
    """Seconds of a cell that has to repeat itself: the less of two runs, since the first may have compiled its agent.
    Raises StrategyError for an agent that does not."""
    began = time.perf_counter()
    outcome = work.run(plan)
    seconds = time.perf_counter() - began
    if seconds < LONG or not is_compiled(plan.built.agent):
        again = work.plan(plan.cell)
        began = time.perf_counter()
        second = work.run(again)
        seconds = min(seconds, time.perf_counter() - began)
        refuse_changed_outcome(outcome, second, plan.cell, plan.built.agent, plan.built.label)
    take(outcome)
    return seconds


def seconds_text(seconds: float) -> str:
    """A time to wait in words."""
    if seconds < 1.0:
        return f"{max(seconds, 0.001):.2g} s"
    if seconds < 120.0:
        return f"{seconds:.0f} s"
    if seconds < 7_200.0:
        return f"{seconds / 60.0:.0f} min"
    return f"{seconds / 3_600.0:.1f} h" if seconds < 172_800.0 else f"{seconds / 86_400.0:,.0f} days"


def interrupted(what: str) -> int:
    """Say what becomes of the finished ones of ``what`` after Ctrl-C; the exit code."""
    _say(f"interrupted; finished {what} are kept, the same command goes on from there")
    return INTERRUPTED


def _workers(count: int) -> str:
    return "1 worker" if count == 1 else f"{count} workers"


def _say(message: str) -> None:
    print(f"halfspread: {message}", file=sys.stderr)
