"""Which trials ``halfspread montecarlo`` runs: what the command line asks for, as a design and its cells."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence

import numpy as np

from halfspread.commands.bases import Base, of_agent, refuse_idle
from halfspread.commands.many_runs import MANY, first_plan
from halfspread.configs.bootstrap import Bootstrap
from halfspread.configs.cell_work import CellWork
from halfspread.configs.cells import Cell
from halfspread.configs.trials import Design, Trial, parse_vary
from halfspread.errors import ConfigError

__all__ = ["cells_of", "design_of", "own_key", "refuse_impossible", "sampled"]

#: Trials where the command line does not say.
TRIALS = 250


def sampled(count: int, sample: int) -> list[int]:
    """Numbers of ``sample`` of ``count`` trials, always the same, the first among them."""
    others = np.random.default_rng(count).permutation(np.arange(1, count))[: max(sample - 1, 0)]
    return sorted([0, *others.tolist()])


def design_of(base: Base, arguments: Namespace) -> Design:
    """Raises ConfigError for numbers of trials that do not go together."""
    for name in ("trials", "seeds", "paths"):
        number = getattr(arguments, name)
        if number is not None and number < 1:
            raise ConfigError(f"--{name}: expected 1 or more, got {number}")
    trials, seeds, paths = arguments.trials, arguments.seeds, arguments.paths
    if trials is not None and (seeds is not None or paths is not None):
        raise ConfigError(
            "--trials: so many seeds on one market; give --seeds and --paths instead for each seed on each path, or "
            "--paths alone for paths with one seed"
        )
    if arguments.block is not None and paths is None:
        raise ConfigError("--block: is the mean length of the blocks that --paths are made of; say how many paths")
    fixed = [f"{of_agent(each.partition('=')[0].strip(), base)}=" for each in arguments.set]
    vary = parse_vary([own_key(text, base) for text in arguments.vary], fixed)
    refuse_idle([each.key for each in vary], base, "--vary")
    if paths is None:
        seeds = trials or seeds or TRIALS
    if arguments.block is not None:
        Bootstrap.checked(arguments.block)
    design = Design(base.loaded.config, seeds or 1, paths or 0, arguments.block, vary)
    if paths is not None and design.varies_market:
        raise ConfigError("--paths: paths are made of one market; leave --vary of the market out, or the paths")
    if design.count * len(base.agents) > MANY:
        raise ConfigError(f"{design.count * len(base.agents):,} runs are more than {MANY:,}; ask for fewer trials")
    return design


def own_key(text: str, base: Base) -> str:
    """A distribution as typed, with its key as that of the one agent that runs. Raises ConfigError where several do."""
    key, equals, rest = text.partition("=")
    if key.strip().startswith("agent.") and len(base.agents) > 1:
        labels = ", ".join(each.label for each in base.agents)
        field = key.strip().partition(".")[2]
        raise ConfigError(
            f"--vary {text}: {len(base.agents)} agents run, {labels}; say whose: "
            f"agents.{base.agents[0].label}.{field}, or pick one with --agent NAME"
        )
    return f"{of_agent(key.strip(), base)}{equals}{rest}"


def cells_of(base: Base, trials: Sequence[Trial], chosen: Sequence[int] | None = None) -> list[Cell]:
    """A cell for every agent of every trial, or of those that are ``chosen``."""
    count = len(base.agents)
    several = base.numbers if count > 1 else (None,)
    picked = range(len(trials)) if chosen is None else set(chosen)
    return [
        Cell(trial.index * count + i, trial.settings, agent=number)
        for trial in trials
        if trial.index in picked
        for i, number in enumerate(several)
    ]


def refuse_impossible(base: Base, work: CellWork, design: Design) -> None:
    """Raise the reason where an agent can run in none of the trials."""
    cells = cells_of(base, design.trials())
    for i in range(len(base.agents)):
        first_plan(work, cells[i :: len(base.agents)], what="trials")
