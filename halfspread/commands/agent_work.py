"""Run one agent of a comparison: its replay, its sampled audit, and its result in a folder of its own.

A worker process gets an `AgentSource`, which is text, builds the tape itself and leaves the result on disk; threads
hand it over as it is. An agent that fails is told; the others go on.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from halfspread.commands.folder import writing
from halfspread.commands.look_ahead import audit_agent, sample_agent
from halfspread.commands.replay import replay_into
from halfspread.commands.result_store import plain_result, write_result
from halfspread.configs.build import BuiltAgent, build_agents
from halfspread.configs.cell_work import DONE, FAILED, CellSource, Outcome, decides_in_python
from halfspread.configs.cells import Cell
from halfspread.configs.held import Tapes, market_of
from halfspread.configs.learners import fitted
from halfspread.configs.load import Loaded
from halfspread.engine.agent import looks_ahead
from halfspread.engine.audit import Audit
from halfspread.engine.tape import Tape
from halfspread.errors import InternalError, UserError
from halfspread.reports.result import Result

__all__ = ["AgentOutcome", "AgentPlan", "AgentSource", "AgentWork"]


@dataclass(frozen=True, eq=False)
class AgentOutcome(Outcome):
    """What became of an agent. ``result``: None where it failed, and where it lies in ``home`` only; ``error``: why it
    failed, where this process knows it; ``events`` that were replayed."""

    home: Path | None = None
    result: Result | None = None
    audit: Audit | None = None
    error: Exception | None = None


@dataclass(frozen=True)
class AgentSource:
    """The agents of a comparison, by the config that each is of, and what each is called; ``home``: where results go;
    ``audited``: whether a sample of each is audited. Without ``home`` all of each is audited, and nothing else."""

    sources: tuple[CellSource, ...]
    labels: tuple[str, ...]
    home: Path | None
    audited: bool = True

    def work(self) -> AgentWork:
        """What runs these agents in a worker process: results go to disk."""
        return AgentWork(self, {}, to_disk=True)


@dataclass(frozen=True)
class AgentPlan:
    """An agent that can run."""

    cell: Cell
    loaded: Loaded
    built: BuiltAgent
    market: str

    audit: bool = False

    @property
    def in_python(self) -> bool:
        """Whether it holds the interpreter's lock: `decides_in_python`, or an audit of all, one event at a time."""
        return self.audit or decides_in_python(self.loaded, self.built.agent)


@dataclass
class AgentWork:
    """Plans and runs the agents of a source. ``plans``: those that are known; ``report`` is called with the number of
    an agent and its events so far."""

    source: AgentSource
    plans: Mapping[int, AgentPlan]
    to_disk: bool = False
    report: Callable[[int, int], None] = lambda index, done: None
    tapes: Tapes = field(default_factory=Tapes)

    def planned(self, cell: Cell) -> AgentPlan | AgentOutcome:
        """The plan of an agent, or why there is none."""
        if cell.index in self.plans:
            return self.plans[cell.index]
        source = self.source.sources[cell.index]
        try:
            loaded = source.load(cell)
            (built,) = build_agents(loaded, loaded.config.all_agents[source.agent].label)
        except UserError as error:
            return AgentOutcome(cell.index, FAILED, str(error), error=error)
        built = replace(built, label=self.source.labels[cell.index])
        return AgentPlan(cell, loaded, built, market_of(loaded), audit=self.source.home is None)

    def tape(self, plan: AgentPlan) -> Tape:
        """The tape of a plan's config, read once for all that share it. Raises what `build_tape` does."""
        return self.tapes.of(plan.loaded, plan.market)

    @property
    def size(self) -> int:
        """Bytes of the tapes that are held."""
        return self.tapes.size

    def release(self, keep: Collection[str]) -> None:
        """Let go of the tapes of all markets but those of ``keep``."""
        self.tapes.release(keep)

    def run(self, plan: AgentPlan, progress: Callable[[int], None] | None = None) -> AgentOutcome:
        """Replay an agent and audit a sample of it. A failure of the agent, or of halfspread, is an outcome; a full
        disk is not. Raises what ``progress`` raises to stop it."""
        tape, index, home = self.tape(plan), plan.cell.index, None
        if self.source.home is not None:
            home = self.source.home / f"agent-{index:03d}-{os.getpid()}"
            with writing(home):
                home.mkdir(parents=True, exist_ok=True)
        try:
            return self._audit(plan, tape, progress) if home is None else self._run(plan, tape, home, progress)
        except BaseException as error:
            if home is not None:
                shutil.rmtree(home, ignore_errors=True)
            if not isinstance(error, Exception) or isinstance(error, MemoryError) or _disk(error):
                raise
            said = str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
            kept = error if isinstance(error, UserError) else InternalError(said)
            return AgentOutcome(index, FAILED, said, error=kept)

    def _audit(self, plan: AgentPlan, tape: Tape, progress: Callable[[int], None] | None) -> AgentOutcome:
        report, built = self._reporter(plan, progress), fitted(plan.loaded, plan.built)
        return AgentOutcome(plan.cell.index, DONE, audit=audit_agent(plan.loaded, tape, built, report))

    def _run(self, plan: AgentPlan, tape: Tape, home: Path, progress: Callable[[int], None] | None) -> AgentOutcome:
        built = fitted(plan.loaded, plan.built)
        result = plain_result(replay_into(plan.loaded, tape, built, home, self._reporter(plan, progress)))
        audit = None
        if self.source.audited and not looks_ahead(built.agent):
            audit = sample_agent(plan.loaded, tape, built, self._reporter(plan, progress, len(tape)))
        if self.to_disk:
            with writing(home):
                write_result(result, home)
        return AgentOutcome(plan.cell.index, DONE, home=home, result=None if self.to_disk else result, audit=audit)

    def _reporter(
        self, plan: AgentPlan, progress: Callable[[int], None] | None, before: int = 0
    ) -> Callable[[int], None]:
        def report(events: int) -> None:
            if progress is not None:
                progress(events)
            self.report(plan.cell.index, before + events)

        return report


def _disk(error: Exception) -> bool:
    """Whether a write failed (`writing`), which stops a comparison: no agent can go on."""
    return isinstance(error, UserError) and isinstance(error.__cause__, OSError)
