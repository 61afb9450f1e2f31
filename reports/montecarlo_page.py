"""The page of a Monte Carlo: what was varied, how the results are distributed, and what that does not say."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from halfspread.reports import formats
from halfspread.reports.basis_sections import provenance
from halfspread.reports.charts import histogram
from halfspread.reports.html import document, page_head
from halfspread.reports.html_tables import definitions, figure_cells, row, table
from halfspread.reports.montecarlo_charts import fan_chart, scatter_chart
from halfspread.reports.montecarlo_statistics import (
    AgentTrials,
    Difference,
    Distribution,
    Parts,
    difference,
    distribution,
    parts_of,
)
from halfspread.reports.page_style import series_style
from halfspread.reports.svg import element, text
from halfspread.reports.sweep_page import SHARES
from halfspread.reports.view import percent_label, section

__all__ = ["MonteCarlo", "cell_text", "column_name", "montecarlo_page", "sentences"]

#: Trials that one page draws and lists as they are.
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
_HEAD = ("", "Trials", "Mean", "Std.", "Min.", "25%", "Median", "75%", "Max.", "Std. error", "95% bounds of the mean")


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
    return found


def montecarlo_page(made: MonteCarlo, manifest: Mapping[str, object] | None = None) -> str:
    """The page; ``manifest`` is shown as its provenance. Everything that came from outside is escaped."""
    count = f"{formats.plural(made.count, 'trial')} of {', '.join(each.name for each in made.agents)}"
    said = element("div", element("ul", *(element("li", text(each)) for each in sentences(made))), class_="alert")
    content = [figures(made), said]
    shown = [each for each in made.agents if len(each.trials)]
    content += [_distributions(made), _histograms(shown), _fans(shown), _scatter(shown)]
    content += [_split(made), _paired(made), _failed(made.agents)]
    varied = {f"{key} drawn from": words for key, words in made.varied.items()}
    basis = section("Assumptions", "Of all trials.", definitions({**varied, **made.assumptions}), anchor="assumptions")
    head = page_head(made.title, made.what, count)
    return document(made.title, head, *content, basis, provenance(manifest))


def figures(made: MonteCarlo) -> str:
    """The numbers to read first, of the first agent."""
    agent = made.agents[0]
    net, ratio = made.distribution(agent, "total_return"), made.distribution(agent, "information_ratio")
    name = f"{agent.name}: " if len(made.agents) > 1 else ""
    write = cell_text("total_return", [net.mean])
    total = agent.metrics["total_return"]
    gained = float((total > 0.0).mean()) if len(total) else math.nan
    gains = formats.percent(gained, 0)
    parts = [
        (
            "Mean net return",
            formats.returned(net.mean, sign=True),
            f"{name}{gains} of {net.count:,} trials gain",
            net.mean,
        ),
        ("Its standard error", write(net.standard_error), f"95% bounds {write(net.lower)} to {write(net.upper)}", 0.0),
        ("Spread of trials", write(net.std), f"standard deviation; {write(net.min)} to {write(net.max)}", 0.0),
        (
            "Mean ratio",
            formats.number(ratio.mean),
            f"information ratio, 365 days; std. {formats.number(ratio.std)}",
            0.0,
        ),
    ]
    return figure_cells(parts)


def _distributions(made: MonteCarlo) -> str:
    rows = []
    for agent in made.agents:
        if len(made.agents) > 1:
            rows.append(row(agent.name, *(10 * [""]), kind="group"))
        for name in made.columns:
            if name not in agent.columns:
                continue
            found = made.distribution(agent, name)
            write = cell_text(name, agent.columns[name].tolist())
            cells = (found.mean, found.std, found.min, found.q25, found.median, found.q75, found.max)
            bounds = f"{write(found.lower)} to {write(found.upper)}"
            error = write(found.standard_error)
            rows.append(row(column_name(name), f"{found.count:,}", *map(write, cells), error, bounds))
    lead = "Returns, drawdowns and parts of the return in units of the notional. Trials without a value are left out."
    return section("Distribution", lead, table(_HEAD, rows), anchor="distribution")


def _histograms(agents: Sequence[AgentTrials]) -> str:
    drawn = []
    for agent in agents:
        values = agent.metrics["total_return"]
        if len(values) >= 5:
            own = f"Net return of {agent.name}" if len(agents) > 1 else "Net return"
            drawn.append(histogram(values, caption=own, note="how many trials", label=percent_label(values), bins=31))
    return section("How often what came out", "", *drawn, anchor="histogram") if drawn else ""


def _fans(agents: Sequence[AgentTrials]) -> str:
    drawn = []
    for i, agent in enumerate(agents):
        if agent.equity is None or len(agent.trials) < 2 or len(agent.days) < 2:
            continue
        order = np.argsort(agent.metrics["total_return"], kind="stable")
        picked = {0: ("first", "net"), int(order[0]): ("worst", "loss"), int(order[-1]): ("best", "gain")}
        named = [(f"trial {agent.trials[at]} ({what})", at, line) for at, (what, line) in picked.items()]
        own = f"Net PnL of {agent.name}" if len(agents) > 1 else "Net PnL"
        label = percent_label(agent.equity.ravel())
        style = series_style(i)[0]
        note = f"{formats.plural(len(agent.trials), 'trial')}, units of the notional"
        drawn.append(fan_chart(agent.days, agent.equity, named, caption=own, note=note, label=label, style=style))
    lead = "No trial need follow the median: it is that of each day by itself."
    return section("Equity curves", lead, *drawn, anchor="curves") if drawn else ""


def _scatter(agents: Sequence[AgentTrials]) -> str:
    groups = []
    for agent in agents:
        execution, carry = agent.metrics.get("execution_return"), agent.attribution.get("funding")
        if execution is not None and carry is not None and (np.any(execution) or np.any(carry)):
            groups.append((agent.name, execution, carry, agent.trials.tolist()))
    if not groups:
        return ""
    every = np.concatenate([values for _, one, two, _ in groups for values in (one, two)])
    chart = scatter_chart(
        groups,
        caption="Execution against carry",
        note="carry (funding) upwards, a dot for each trial",
        across="execution (half-spread, fees, impact)",
        label=percent_label(every),
        styles=[series_style(i)[0] for i in range(len(groups))],
    )
    lead = "What a trial paid for trading, and what holding its positions cost or earned."
    return section("Execution and carry", lead, chart, anchor="carry")


def _split(made: MonteCarlo) -> str:
    """Variance between seeds and between paths."""
    rows = []
    for agent in made.agents:
        for name in made.columns:
            parts = made.parts(agent, name) if name in agent.columns else None
            if parts is None:
                continue
            write, shares = cell_text(name, agent.columns[name].tolist()), parts.shares
            own = f"{agent.name}: {column_name(name)}" if len(made.agents) > 1 else column_name(name)
            roots = (parts.between_seeds, parts.between_paths, parts.rest)
            spread = [
                f"{write(math.sqrt(value))} ({formats.percent(share, 0)})"
                for value, share in zip(roots, shares.values(), strict=True)
            ]
            rows.append(row(own, *spread, write(parts.standard_error), formats.number(parts.freedom, 1)))
    if not rows:
        return ""
    head = ("", "Between seeds", "Between paths", "Rest", "Std. error of the mean", "Degrees of freedom")
    lead = (
        "Standard deviations, and shares of the variance: between seeds, between paths, and what a seed does on one "
        "path and not on another."
    )
    return section("Seeds or market", lead, table(head, rows), anchor="parts")


def _paired(made: MonteCarlo) -> str:
    rows = []
    for pair in made.pairs():
        found = pair.found
        write = cell_text("total_return", [found.mean])
        bounds = f"{write(found.lower)} to {write(found.upper)}"
        cells = (write(found.mean), write(found.std), write(found.standard_error), bounds)
        rows.append(row(f"{pair.first} less {pair.second}", f"{found.count:,}", *cells, formats.percent(pair.more, 0)))
    if not rows:
        return ""
    head = ("", "Trials", "Mean difference", "Std.", "Std. error", "95% bounds of the mean", "More in")
    lead = "Net returns of two agents in the same trials: the same seed, values and path."
    return section("Agents against each other", lead, table(head, rows), anchor="pairs")


def _failed(agents: Sequence[AgentTrials]) -> str:
    counts = Counter((agent.name, reason.splitlines()[0]) for agent in agents for _, reason in agent.failed)
    if not counts:
        return ""
    numbers = {(a.name, r.splitlines()[0]): i for a in agents for i, r in reversed(list(a.failed))}
    rows = [
        row(name, f"{count:,}", f"{numbers[name, reason]}", reason, words=(3,))
        for (name, reason), count in counts.most_common(20)
    ]
    head = ("Agent", "Trials", "The first", "Reason")
    lead = "They are in no figure above: what the others did may be better than what these would have done."
    return section("Trials that did not run to their end", lead, table(head, rows, words=(3,)), anchor="failed")
