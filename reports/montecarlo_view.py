"""What a Monte Carlo leaves, and how it is said in words: what was varied, and what that does not say."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from halfspread.reports import formats
from halfspread.reports.montecarlo_statistics import (
    AgentTrials,
    Difference,
    Distribution,
    Parts,
    difference,
    distribution,
    parts_of,
)
from halfspread.reports.sweep_page import SHARES

__all__ = ["MonteCarlo", "cell_text", "column_name", "sentences"]

#: Metrics and parts of the attribution in words.
NAMES = {
    "total_return": "Net return",
    "information_ratio": "Information ratio",
    "max_drawdown": "Max. drawdown",
    "turnover": "Turnover",
    "execution_return": "Execution",
    "price": "Price",
    "half_spread": "Half-spread",
    "fee": "Fees",
    "impact": "Impact",
    "funding": "Carry (funding)",
    "liquidation": "Liquidation",
    "collateral": "Collateral",
    "total": "All together",
}


@dataclass(frozen=True, eq=False)
class MonteCarlo:
    """What is shown: the trials of each agent; ``seeds`` and ``paths`` (0: one market) that there were; ``market``:
    ``one``, ``bootstrap`` or ``drawn``; ``block`` and ``days`` of the bootstrap; ``varied``: keys with their
    distributions."""

    title: str
    what: str
    agents: Sequence[AgentTrials]
    seeds: int
    paths: int
    market: str
    varied: Mapping[str, str]
    block: float
    days: int
    assumptions: Mapping[str, str]
    as_it_was: Mapping[str, float] = field(default_factory=dict)

    @property
    def crossed(self) -> bool:
        """Whether every seed ran on every path, several of both."""
        return self.seeds > 1 and self.paths > 1

    @property
    def count(self) -> int:
        """How many trials each agent was to do."""
        return self.seeds * max(self.paths, 1)

    def parts(self, agent: AgentTrials, name: str) -> Parts | None:
        """The variance of a column of an agent by seeds and paths; None unless these were crossed."""
        return parts_of(agent.columns[name], agent.draws, agent.paths) if self.crossed else None

    def distribution(self, agent: AgentTrials, name: str) -> Distribution:
        """Of a column of an agent; of a crossed design with the error that knows seeds and paths."""
        return distribution(agent.columns[name], self.parts(agent, name))

    def pairs(self) -> list[Difference]:
        """The first agent against each other one, in the same trials."""
        found = (difference(self.agents[0], each) for each in self.agents[1:])
        return [each for each in found if each is not None]

    @property
    def columns(self) -> list[str]:
        """Names of what is tabled: all that is not zero throughout."""
        names = dict.fromkeys(name for agent in self.agents for name in agent.columns)
        return [
            name
            for name in names
            if name != "total" and any(np.any(agent.columns.get(name, np.zeros(1)) != 0.0) for agent in self.agents)
        ]


def column_name(name: str) -> str:
    """A metric, or a part of the attribution, in words."""
    return NAMES.get(name, name.replace("_", " "))


def cell_text(name: str, values: Sequence[float]) -> Callable[[float], str]:
    """How values of a column are written: what is a fraction of the notional in percent."""
    if name in SHARES or (name in NAMES and name not in ("information_ratio", "turnover")):
        digits = formats.returned_digits(values)
        return lambda value: formats.percent(value, digits)
    if name == "turnover":
        return lambda value: f"{formats.compact(value)}\N{MULTIPLICATION SIGN}"
    return lambda value: formats.number(value, 2)


def sentences(made: MonteCarlo) -> list[str]:
    """What was varied, and what the standard errors speak of."""
    each = f"{made.seeds:,} seeds of the agent{'s' if len(made.agents) > 1 else ''}"
    drawn = f" and draws of {', '.join(made.varied)}" if made.varied else ""
    if made.market == "bootstrap":
        paths = (
            f"{made.paths:,} paths of the market, its own {made.days:,} days in blocks of "
            f"{formats.number(made.block, 1)} days on average"
        )
    else:
        paths = f"{made.paths:,} markets made with seeds of their own"
    if not made.paths:
        found = [
            f"Varied: {each}{drawn}. The market is one and the same in all trials.",
            "The standard error says how well the mean over seeds is known on this market. It says nothing about what "
            "another stretch of market would have given: that takes --paths.",
        ]
    elif made.seeds == 1:
        found = [
            f"Varied: {paths}{drawn}. The seed of the agent is the same in all trials.",
            "The standard error says how well the mean over such paths is known; the spread between trials is what the "
            "order of the days alone does to the result. What one seed more or less does is not in it: --seeds.",
        ]
    else:
        found = [
            f"Varied: {each}{drawn}, each on {paths}.",
            "The standard error of the mean knows both: the variance is split into what differs between seeds, what "
            "differs between paths, and the rest.",
        ]
    if made.market == "bootstrap":
        found.append(
            "Paths know no other days than those of this history, and no order of them within less than a block; "
            "what lasts longer than a block, such as a long trend, is cut. A tick, and a half-spread in ticks, is "
            "another share of the price where the path has another level."
        )
    idle = [agent.name for agent in made.agents if made.seeds > 1 and not made.varied and _seed_is_idle(agent)]
    if idle:
        each = "all trials are" if not made.paths else "all trials on one path are"
        found.append(
            f"The seed of {', '.join(idle)} changes nothing: {each} one and the same run, so that nothing was learnt "
            "from having several of them."
        )
    for agent in made.agents:
        if agent.name in made.as_it_was and len(agent.trials):
            net = made.as_it_was[agent.name]
            less = formats.percent(float((agent.metrics["total_return"] < net).mean()), 0)
            found.append(
                f"On the market as it was, with the first seed, {agent.name} has {formats.returned(net, sign=True)}; "
                f"{less} of the trials have less."
            )
    return found


def _seed_is_idle(agent: AgentTrials) -> bool:
    """Whether trials with different seeds gave the same on every path, several on one of them."""
    groups = [agent.paths == path for path in np.unique(agent.paths)]
    found = [value[group] for group in groups for value in agent.columns.values()]
    alike = all(np.array_equal(each, np.full(len(each), each[0]), equal_nan=True) for each in found)
    return alike and any(len(each) > 1 for each in found)
