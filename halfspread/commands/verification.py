"""What ``halfspread verify`` has found of a run, and how it says so."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from halfspread.commands.cell_differences import TABLES as CELL_TABLES
from halfspread.commands.differences import HARMLESS, Difference
from halfspread.commands.output import print_table
from halfspread.commands.registry import RunRecord
from halfspread.commands.result_differences import TABLES

__all__ = ["Verification", "as_json", "show"]


@dataclass
class Verification:
    """What was found: ``inputs``, differences of what the run rests on; ``results``, differences of what came out;
    ``agents`` that were run again."""

    run: RunRecord
    inputs: list[Difference] = field(default_factory=list)
    results: list[Difference] = field(default_factory=list)
    agents: list[str] = field(default_factory=list)
    data: list[str] = field(default_factory=list)
    seconds: float = 0.0
    sample: str = ""

    @property
    def same_bits(self) -> bool:
        """Whether every result was computed again, with the same bits."""
        return bool(self.agents) and all(each.kind in HARMLESS for each in self.results)

    @property
    def verified(self) -> bool:
        """Whether the bits are the same, of the same data, and the files are as they were written."""
        return self.same_bits and all(each.kind in HARMLESS for each in self.inputs)

    @property
    def first(self) -> Difference | None:
        """The first difference, a cause before its effects; None where there is none."""
        return min([*self.inputs, *self.results], key=lambda each: each.rank, default=None)

    @property
    def verdict(self) -> str:
        """The outcome in a few words."""
        first, of = self.first, f" in {self.sample}" if self.sample else ""
        if first is None:
            return f"verified: the same bits again{of}"
        if self.verified:
            kinds = ", ".join(dict.fromkeys(each.kind for each in [*self.inputs, *self.results]))
            return f"verified: the same bits again{of}, although this differs: {kinds}"
        if self.same_bits:
            return f"not verified: {first.kind} differs, although the same bits came out: {first}"
        return f"not verified: {first.kind} differs: {first}"


def as_json(found: Verification) -> dict[str, Any]:
    """The same for JSON."""
    run, first = found.run, found.first
    return {
        "name": run.name,
        "run_dir": str(run.path),
        "kind": run.kind,
        "verified": found.verified,
        "same_bits": found.same_bits if found.agents else None,
        "verdict": found.verdict,
        "first": None if first is None else first.plain(),
        "inputs": [each.plain() for each in found.inputs],
        "results": [each.plain() for each in found.results],
        "agents": found.agents,
        "sample": found.sample or None,
        "seconds": round(found.seconds, 3),
    }


def show(found: Verification) -> None:
    """The same on the terminal: one line for each part of a run, and the verdict."""
    from rich.table import Table
    from rich.text import Text

    run = found.run
    if not run.sealed:
        print_table(Text(""), found.verdict)
        return
    grid = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for name, kinds, detail in _lines(found):
        here = [each for each in [*found.inputs, *found.results] if each.kind in kinds]
        if not here:
            grid.add_row(
                name,
                Text("as it was" if detail else "not looked at", style="green" if detail else "dim"),
                Text(detail),
            )
        for i, each in enumerate(here):
            word = Text("differs", style="yellow" if each.kind in HARMLESS else "red")
            grid.add_row("" if i else name, word, Text(str(each)))
    made = f"{run.kind} of {run.created:%Y-%m-%d %H:%M} UTC by halfspread {run.entries[0]['halfspread']}"
    print_table(grid, "", f"{run.label}, {made}", found.verdict)
    sys.stdout.flush()


def _lines(found: Verification) -> Sequence[tuple[str, tuple[str, ...], str]]:
    """Name, kinds of difference, and what to say where nothing differs (nothing where it was not looked at)."""
    facts = found.run.entries[0]
    ran = bool(found.agents)
    agents = found.agents if len(found.agents) <= 4 else [*found.agents[:3], f"{len(found.agents) - 3} more"]
    return (
        ("files", ("file",), f"{len(found.run.manifest['files'])} files hold what was written"),
        ("config", ("config", "seed"), str(facts["config_file"]) if ran else ""),
        ("data", ("data",), "; ".join(found.data)),
        ("code", ("code",), f"halfspread {facts['halfspread']}" if ran else ""),
        ("packages", ("package",), f"Python {facts['python']}, {len(facts['packages'])} packages" if ran else ""),
        ("CPU", ("cpu",), f"{facts['cpu']}" if ran else ""),
        (
            "results",
            ("event", "cell", "window", "metrics", "words"),
            f"{', '.join(CELL_TABLES.get(found.run.kind, TABLES))}, metrics of {', '.join(agents)}" if ran else "",
        ),
    )
