"""Run all agents of a comparison by the one runner: those of one market together, what is finished kept on disk."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from halfspread.commands.agent_store import AgentStore
from halfspread.commands.agent_work import AgentOutcome, AgentPlan, AgentSource, AgentWork
from halfspread.commands.benchmarks import against, beside, series_of
from halfspread.commands.look_ahead import REPLAYS, sampled_part
from halfspread.commands.manifest import data_entry
from halfspread.commands.progress import Progress
from halfspread.commands.replay import HashBeside
from halfspread.configs.build import BuiltAgent
from halfspread.configs.cell_work import CellSource
from halfspread.configs.cells import Cell
from halfspread.configs.held import market_of
from halfspread.configs.load import Loaded
from halfspread.configs.runner import run_cells
from halfspread.engine.agent import looks_ahead
from halfspread.engine.audit import Audit
from halfspread.engine.tape import Tape
from halfspread.errors import InternalError, StrategyError
from halfspread.reports.benchmark import Benchmark
from halfspread.reports.result import Result

__all__ = ["FAILED_AGENTS", "Ran", "run_agents", "sources_of"]

#: Exit code where an agent has failed beside others that have not.
FAILED_AGENTS = 2


@dataclass
class Ran:
    """Outcomes of all agents in their order; by config the ``data`` entry of the manifest and the series of its
    benchmark, where that is a file."""

    configs: Sequence[Loaded]
    agents: Sequence[Sequence[BuiltAgent]]
    outcomes: dict[int, AgentOutcome] = field(default_factory=dict)
    data: dict[int, dict[str, Any]] = field(default_factory=dict)
    series: dict[int, Benchmark | None] = field(default_factory=dict)

    @property
    def labels(self) -> list[str]:
        """What the agents are called, in their order."""
        return [each.label for built in self.agents for each in built]

    @property
    def failed(self) -> dict[str, str]:
        """Why agents failed, by label."""
        return {
            label: self.outcomes[i].message for i, label in enumerate(self.labels) if self.outcomes[i].result is None
        }

    @property
    def audits(self) -> dict[str, Audit | None]:
        """What was found of agents that were to be audited, by label; None where the market is streamed."""
        built = [each for some in self.agents for each in some]
        return {
            each.label: self.outcomes[i].audit
            for i, each in enumerate(built)
            if self.outcomes[i].result is not None and not looks_ahead(each.agent)
        }

    def results(self) -> list[Result]:
        """Those that did not fail, measured against the benchmark of their config. Raises the reason of the first where
        all have failed, and StrategyError where the agent that is the benchmark has."""
        found: list[Result] = []
        index = 0
        for i, (loaded, built) in enumerate(zip(self.configs, self.agents, strict=True)):
            made: dict[str, Result] = {}
            for each in built:
                result = self.outcomes[index].result
                made |= {} if result is None else {each.label: result}
                index += 1
            series = self._benchmark(loaded, built, made, self.series[i])
            found += [against(loaded, each, series) for each in made.values()]
        if not found:
            raise self.outcomes[0].error or InternalError(self.outcomes[0].message)
        return found

    def _benchmark(
        self, loaded: Loaded, built: Sequence[BuiltAgent], made: Mapping[str, Result], series: Benchmark | None
    ) -> Benchmark | None:
        table = loaded.config.benchmark
        named = next((each.label for each in built if table is not None and each.config.label == table.agent), None)
        if made and named is not None and named not in made:
            raise StrategyError(f"the benchmark of all others has failed: {self.failed[named]}")
        return beside(loaded, built, made, series) if made else series


def run_agents(
    configs: Sequence[Loaded],
    agents: Sequence[Sequence[BuiltAgent]],
    store: AgentStore,
    arguments: Namespace,
    workers: int,
    progress: Progress,
) -> Ran:
    """Run what is not kept from an earlier, interrupted try. Raises what reading a market raises; what is finished is
    kept then."""
    ran, of_config = Ran(configs, agents), list[int]()
    plans: dict[int, AgentPlan] = {}
    for i, (loaded, built) in enumerate(zip(configs, agents, strict=True)):
        for each in built:
            plans[len(plans)] = AgentPlan(Cell(len(plans)), loaded, each, market_of(loaded))
            of_config.append(i)
    sources = [each for loaded, built in zip(configs, agents, strict=True) for each in sources_of(loaded, built)]
    source = AgentSource(tuple(sources), tuple(ran.labels), store.path, not arguments.no_audit)
    work = AgentWork(source, plans)
    markets: list[_Market] = []
    of_market: dict[int, _Market] = {}

    def choose(_: str, tape: Tape, cells: Sequence[Cell]) -> list[Cell]:
        markets.append(_Market(tape, sorted({of_config[cell.index] for cell in cells})))
        of_market.update(dict.fromkeys((cell.index for cell in cells), markets[-1]))
        ran.series |= {i: series_of(configs[i], tape) for i in markets[-1].configs}
        if store.kept:
            known = [store.known(cell.index, markets[-1].digest(), tape.instruments) for cell in cells]
            ran.outcomes |= {outcome.index: outcome for outcome in known if outcome is not None}
        left = [cell for cell in cells if cell.index not in ran.outcomes]
        if len(left) < len(cells):
            told = f"{len(cells) - len(left)} of {len(cells)} agents are kept from before, {len(left)} to run"
            print(f"halfspread: {told}", file=sys.stderr)
        return left

    def take(outcome: AgentOutcome) -> None:
        market = of_market.get(outcome.index)
        kept = outcome if market is None else store.take(outcome, market.digest, market.instruments)
        ran.outcomes[outcome.index] = kept
        report(outcome.index, events[outcome.index])

    with progress.step("read the market"):
        tape = work.tape(plans[0])
    events = {index: _events(tape, plan, not arguments.no_audit) for index, plan in plans.items()}
    del tape
    count = "1 agent" if len(plans) == 1 else f"{len(plans)} agents"
    with progress.agents(f"replay {count}", events) as report:
        work.report = report
        run_cells(work, [plan.cell for plan in plans.values()], take, workers=workers, choose=choose)
    if len(ran.failed) < len(plans):
        for market in markets:
            found = market.beside.result()
            ran.data |= {i: data_entry(configs[i], found, market.origin) for i in market.configs}
    return ran


def sources_of(loaded: Loaded, agents: Sequence[BuiltAgent]) -> tuple[CellSource, ...]:
    """What a worker process makes each of the agents of a config from."""
    text = loaded.path.read_text(encoding="utf-8")
    labels = [agent.label for agent in loaded.config.all_agents]
    numbers = [labels.index(each.config.label) for each in agents]
    return tuple(CellSource(loaded.path, text, loaded.overrides, number) for number in numbers)


def _events(tape: Tape, plan: AgentPlan, audited: bool) -> int:
    """About how many events are replayed for an agent."""
    if not audited or tape.streamed or looks_ahead(plan.built.agent):
        return len(tape)
    return int(len(tape) * (1.0 + REPLAYS * sampled_part(tape, plan.in_python)))


class _Market:
    """What agents of one market share: the numbers of the configs that it is of, and the hash of its tape, computed
    beside; the tape itself is let go of."""

    def __init__(self, tape: Tape, configs: Sequence[int]) -> None:
        self.configs, self.instruments, self.origin = configs, tape.instruments, tape.origin
        self.beside = HashBeside(tape)

    def digest(self) -> str:
        """The hash of the tape, once it is there."""
        return self.beside.result().total
