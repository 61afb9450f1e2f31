"""``halfspread audit``: does any agent of a config look at what it has not received?"""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Sequence
from typing import Any

from halfspread.commands.agent_runs import FAILED_AGENTS, sources_of
from halfspread.commands.agent_work import AgentOutcome, AgentPlan, AgentSource, AgentWork
from halfspread.commands.bases import worker_count
from halfspread.commands.look_ahead import REPLAYS, audit_object
from halfspread.commands.output import print_json, print_table
from halfspread.commands.progress import Progress
from halfspread.configs.build import BuiltAgent, build_agents
from halfspread.configs.cells import Cell
from halfspread.configs.held import market_of
from halfspread.configs.load import Loaded, load
from halfspread.configs.runner import run_cells
from halfspread.engine.agent import looks_ahead
from halfspread.engine.audit import Audit
from halfspread.engine.times import time_text
from halfspread.errors import InternalError

__all__ = ["execute"]

#: Exit code where an agent looks ahead.
LOOKS_AHEAD = 1


def execute(arguments: Namespace) -> int:
    """Audit all agents of a config, or the one that ``--agent`` names. 0 where all pass, 1 where one looks ahead, 2
    where one fails."""
    loaded, workers = load(arguments.config, arguments.set), worker_count(arguments)
    built = build_agents(loaded, arguments.agent)
    agents = [each for each in built if not looks_ahead(each.agent)] or built  # an audit refuses a bound by itself
    bounds = [each.label for each in built if each not in agents]
    found, failed = _audit_all(loaded, agents, workers, Progress(shown=not arguments.json))
    passed = all(each.passed for each in found.values())
    for name, message in failed.items():
        print(f"halfspread: warning: {message if name in message else f'{name}: {message}'}", file=sys.stderr)
    if arguments.json:
        each = [{"name": name, **audit_object(audit)} for name, audit in found.items()]
        failures = [{"name": name, "error": message} for name, message in failed.items()]
        said = {"name": loaded.config.name, "passed": passed and not failed, "agents": each, "failed": failures}
        print_json({**said, "left_out": bounds}, arguments.stdout)
    else:
        print_table(_table(found, failed), "", *_lines(found), *_left_out(bounds))
    return FAILED_AGENTS if failed else 0 if passed else LOOKS_AHEAD


def _audit_all(
    loaded: Loaded, agents: Sequence[BuiltAgent], workers: int, progress: Progress
) -> tuple[dict[str, Audit], dict[str, str]]:
    """What was found of each agent, and why some failed, by label. Raises the reason of the first where all fail."""
    plans = {i: AgentPlan(Cell(i), loaded, each, market_of(loaded), audit=True) for i, each in enumerate(agents)}
    work = AgentWork(AgentSource(sources_of(loaded, agents), tuple(each.label for each in agents), None), plans)
    outcomes: dict[int, AgentOutcome] = {}
    with progress.step("read the market"):
        events = REPLAYS * len(work.tape(plans[0]))
    count = "1 agent" if len(plans) == 1 else f"{len(plans)} agents"
    with progress.agents(f"audit {count}", dict.fromkeys(plans, events)) as report:

        def take(outcome: AgentOutcome) -> None:
            outcomes[outcome.index] = outcome
            report(outcome.index, events)

        work.report = report
        run_cells(work, [plan.cell for plan in plans.values()], take, workers=workers)
    found = {agents[i].label: audit for i in plans if (audit := outcomes[i].audit) is not None}
    failed = {agents[i].label: outcomes[i].message for i in plans if outcomes[i].audit is None}
    if not found:
        raise outcomes[0].error or InternalError(outcomes[0].message)
    return found, failed


def _table(found: dict[str, Audit], failed: dict[str, str]) -> Any:
    from rich.table import Table

    table = Table("agent", "look-ahead", "decision at", "looks at the future of", box=None, pad_edge=False)
    for name, audit in found.items():
        if audit.differs is not None:
            table.add_row(name, "[red]unknown[/red]", time_text(audit.differs), "it does not repeat itself")
        elif audit.peek is None:
            table.add_row(name, f"none in {audit.moments:,} moments")
        else:
            table.add_row(name, "[red]yes[/red]", time_text(audit.peek.time), ", ".join(audit.peek.inputs))
    for name in failed:
        table.add_row(name, "[red]failed[/red]")
    return table


def _left_out(bounds: list[str]) -> list[str]:
    return [f"Left out: {', '.join(bounds)}, which is told the future and says so."] if bounds else []


def _lines(found: dict[str, Audit]) -> list[str]:
    """What was done, in words."""
    moments = next(iter(found.values())).moments
    return [
        f"At each of {moments:,} moments all that was not received yet was poisoned (NaN, higher, lower numbers), and",
        "the decisions were compared with those without. Not seen: what was read from elsewhere or computed before,",
        "and the times of rows.",
    ]
