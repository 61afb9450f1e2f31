"""Run one cell: its config, its agent, its tape, and what is kept of the result.

A worker process gets a `CellSource`, which is text, and builds the tape itself; threads share the tapes of one
`CellWork`. A cell that contradicts itself is refused, one that fails is recorded with what went wrong; neither stops
the others.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from halfspread.configs.agents import parameters_of
from halfspread.configs.build import BuiltAgent, build_agents, run_terms
from halfspread.configs.cells import Cell
from halfspread.configs.costs import build_costs
from halfspread.configs.foresight import with_foresight
from halfspread.configs.held import Tapes, market_of
from halfspread.configs.learners import fitted, is_learner
from halfspread.configs.load import Loaded, load
from halfspread.configs.scales import Scales, scaled_costs, scaled_tape
from halfspread.costs.model import Costs
from halfspread.engine.agent import is_compiled
from halfspread.engine.result import BacktestResult
from halfspread.engine.run import run_backtest
from halfspread.engine.tape import Tape
from halfspread.errors import ConfigError, UserError
from halfspread.reports.cell_metrics import cell_metrics

__all__ = [
    "DONE",
    "FAILED",
    "REFUSED",
    "CellSource",
    "CellWork",
    "Outcome",
    "Plan",
    "decides_in_python",
]

DONE, FAILED, REFUSED = "done", "failed", "refused"
#: So many fitted learners are held for cells that share them.
LEARNT = 64

Floats = np.ndarray[Any, np.dtype[np.float64]]
Integers = np.ndarray[Any, np.dtype[np.int64]]
Progress = Callable[[int], None]


@dataclass(frozen=True, eq=False)
class Outcome:
    """What became of a cell. ``state``: `DONE`, `FAILED` or `REFUSED`, with the reason as ``message``. Of one that is
    done, ``metrics`` and ``attribution`` (units of the notional), and ``pnl`` of each of the ``days`` (midnights,
    nanoseconds UTC)."""

    index: int
    state: str
    message: str = ""
    metrics: dict[str, float | int | str] = field(default_factory=dict)
    attribution: dict[str, float] = field(default_factory=dict)
    days: Integers = field(default_factory=lambda: np.zeros(0, np.int64), repr=False)
    pnl: Floats = field(default_factory=lambda: np.zeros(0), repr=False)


@dataclass(frozen=True)
class CellSource:
    """A config as text with what ``--set`` puts in, and which of its agents runs (by position)."""

    path: Path
    text: str
    settings: tuple[str, ...] = ()
    agent: int = 0

    def work(self) -> CellWork:
        """What runs cells of this source, in whichever process it is."""
        return CellWork(self)

    def load(self, cell: Cell) -> Loaded:
        """The config of a cell. Raises ConfigError."""
        return load(self.path, (*self.settings, *cell.settings), text=self.text)


@dataclass(frozen=True)
class Plan:
    """A cell that can run. ``market``: equal for cells that share the tape of their config."""

    cell: Cell
    loaded: Loaded
    built: BuiltAgent
    market: str

    @property
    def in_python(self) -> bool:
        """See `decides_in_python`."""
        return decides_in_python(self.loaded, self.built.agent)

    @property
    def parameters(self) -> dict[str, Any]:
        """All parameters of the agent, defaults included."""
        return parameters_of(self.built.agent, self.built.config)


class CellWork:
    """Plans and runs cells of one source. Held are the tapes of the markets that were asked for (see `release`), the
    last scaled form of one, and learners that were fitted."""

    def __init__(self, source: CellSource) -> None:
        self.source = source
        self._lock = threading.Lock()
        self._tapes = Tapes()
        self._scaled: tuple[str, Scales, Tape] | None = None
        self._learnt: dict[str, BuiltAgent] = {}
        self._fitting: dict[str, threading.Lock] = {}

    def plan(self, cell: Cell) -> Plan:
        """Raises ConfigError for settings that contradict each other, StrategyError for an agent that fails."""
        loaded = self.source.load(cell)
        agents = loaded.config.all_agents
        number = self.source.agent if cell.agent is None else cell.agent
        (built,) = build_agents(loaded, agents[min(number, len(agents) - 1)].label)
        return Plan(cell, loaded, built, market_of(loaded))

    def planned(self, cell: Cell) -> Plan | Outcome:
        """The plan, or why there is none."""
        try:
            return self.plan(cell)
        except ConfigError as error:
            return Outcome(cell.index, REFUSED, str(error))
        except UserError as error:
            return Outcome(cell.index, FAILED, str(error))

    def tape(self, plan: Plan) -> Tape:
        """The tape of a plan's config, read once for all that share it. Raises what `build_tape` does."""
        return self._tapes.of(plan.loaded, plan.market)

    @property
    def size(self) -> int:
        """Bytes of the tapes that are held."""
        return self._tapes.size

    def release(self, keep: Collection[str]) -> None:
        """Let go of the tapes of all markets but those of ``keep``."""
        with self._lock:
            if self._scaled is not None and self._scaled[0] not in keep:
                self._scaled = None
        self._tapes.release(keep)

    def _tape_of(self, plan: Plan, costs: Costs) -> Tape:
        """The tape as a cell is charged; the last form that is a copy is kept for the next cell."""
        base, scales = self.tape(plan), replace(plan.cell.scales, latency=1.0)
        if scales == Scales():
            return base
        with self._lock:
            if self._scaled is not None and self._scaled[:2] == (plan.market, scales):
                return self._scaled[2]
            tape = scaled_tape(base, costs, scales)
            if tape is not base:
                self._scaled = (plan.market, scales, tape)
            return tape

    def run(self, plan: Plan, progress: Progress | None = None) -> Outcome:
        """Replay a cell. What goes wrong is an outcome, but for what ``progress`` raises to stop it (no Exception)."""
        try:
            return self._run(plan, progress)
        except ConfigError as error:
            return Outcome(plan.cell.index, REFUSED, str(error))
        except UserError as error:
            return Outcome(plan.cell.index, FAILED, str(error))
        except Exception as error:
            return Outcome(plan.cell.index, FAILED, f"{type(error).__name__}: {error}")

    def _run(self, plan: Plan, progress: Progress | None) -> Outcome:
        result = self.result(plan, progress)
        metrics, days, pnl = cell_metrics(result)
        attribution = {name: amount / result.notional for name, amount in result.attribution.items()}
        return Outcome(plan.cell.index, DONE, "", metrics, attribution, days, pnl)

    def _ready(self, plan: Plan) -> Any:
        """The agent of a plan; one that learns is fitted once for all cells of its config, which scale its costs."""
        if not is_learner(plan.built.agent):
            return plan.built.agent
        lessons = plan.loaded.config.model_copy(update={"bootstrap": None})  # these stay as they were
        config = repr((plan.built.label, lessons))
        with self._lock:
            fitting = self._fitting.setdefault(config, threading.Lock())
        with fitting:  # others may be fitted meanwhile
            learnt = self._learnt.get(config)
            if learnt is None:
                learnt = fitted(plan.loaded, plan.built, self._tapes.lessons(plan.loaded))
                with self._lock:
                    while len(self._learnt) >= LEARNT:
                        del self._learnt[next(iter(self._learnt))]
                    self._learnt[config] = learnt
                    self._fitting.pop(config, None)
            return learnt.anew(plan.loaded.folder)

    def result(self, plan: Plan, progress: Progress | None = None) -> BacktestResult:
        """The result of a cell, without its curve. Raises what `run_backtest` does."""
        loaded = plan.loaded
        costs = build_costs(loaded.config.costs, loaded.folder, loaded.places)
        tape, scaled, terms = self._tape_of(plan, costs), scaled_costs(costs, plan.cell.scales), run_terms(loaded)
        return run_backtest(
            tape,
            with_foresight(self._ready(plan), tape, scaled, terms),
            scaled,
            **terms,
            name=plan.built.label,
            keep_curve=False,
            progress=progress,
        )


def decides_in_python(loaded: Loaded, agent: Any) -> bool:
    """Whether an agent decides in Python, one call an event, under the interpreter's lock."""
    return loaded.config.execution.mode == "python" or not is_compiled(agent)
