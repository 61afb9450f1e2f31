"""``halfspread audit``: does any agent of a config look at what it has not received?"""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from halfspread.commands.look_ahead import audit_agent, audit_object
from halfspread.commands.output import print_json, print_table
from halfspread.commands.progress import Progress
from halfspread.configs.build import build_agents, build_tape
from halfspread.configs.foresight import looks_ahead
from halfspread.configs.load import load
from halfspread.engine.audit import Audit
from halfspread.engine.times import time_text

__all__ = ["execute"]

#: Exit code where an agent looks ahead.
LOOKS_AHEAD = 1


def execute(arguments: Namespace) -> int:
    """Audit all agents of a config, or the one that ``--agent`` names. 0 where all pass, 1 where one looks ahead."""
    loaded = load(arguments.config, arguments.set)
    built = build_agents(loaded, arguments.agent)
    agents = [each for each in built if not looks_ahead(each.agent)] or built  # an audit refuses a bound by itself
    bounds = [each.label for each in built if each not in agents]
    progress = Progress(shown=not arguments.json)
    with progress.step("read the market"):
        tape = build_tape(loaded)
    found = {built.label: audit_agent(loaded, tape, built, progress) for built in agents}
    passed = all(each.passed for each in found.values())
    if arguments.json:
        each = [{"name": name, **audit_object(audit)} for name, audit in found.items()]
        print_json({"name": loaded.config.name, "passed": passed, "agents": each, "left_out": bounds}, arguments.stdout)
    else:
        print_table(_table(found), "", *_lines(found), *_left_out(bounds))
    return 0 if passed else LOOKS_AHEAD


def _table(found: dict[str, Audit]) -> Any:
    from rich.table import Table

    table = Table("agent", "look-ahead", "decision at", "looks at the future of", box=None, pad_edge=False)
    for name, audit in found.items():
        if audit.peek is None:
            table.add_row(name, f"none in {audit.moments:,} moments")
        else:
            table.add_row(name, "[red]yes[/red]", time_text(audit.peek.time), ", ".join(audit.peek.inputs))
    return table


def _left_out(bounds: list[str]) -> list[str]:
    return [f"Left out: {', '.join(bounds)}, which is told the future and says so."] if bounds else []


def _lines(found: dict[str, Audit]) -> list[str]:
    """What was done, in words."""
    moments = next(iter(found.values())).moments
    return [
        f"At each of {moments:,} moments all that was not received yet was poisoned (NaN, higher, lower numbers), and",
        "the decisions were compared with those without. An agent that reads a file of its own is not seen through.",
    ]
