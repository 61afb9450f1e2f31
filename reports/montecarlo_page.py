"""The page of a Monte Carlo: what was varied, how the results are distributed, and what that does not say."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from halfspread.reports import formats
from halfspread.reports.basis_sections import provenance
from halfspread.reports.charts import histogram
from halfspread.reports.html import document, page_head
from halfspread.reports.html_tables import definitions, figure_cells, row, table
from halfspread.reports.montecarlo_charts import fan_chart, scatter_chart
from halfspread.reports.montecarlo_statistics import AgentTrials
from halfspread.reports.montecarlo_view import MonteCarlo, cell_text, column_name, sentences
from halfspread.reports.page_style import series_style
from halfspread.reports.svg import element, text
from halfspread.reports.view import percent_label, section

__all__ = ["montecarlo_page"]

_HEAD = ("", "Trials", "Mean", "Std.", "Min.", "25%", "Median", "75%", "Max.", "Std. error", "95% bounds of the mean")


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
