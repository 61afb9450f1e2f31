"""Self-contained HTML pages: one file, no network, no script, readable in light, in dark, on a phone and on paper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from halfspread.errors import ConfigError
from halfspread.reports import formats
from halfspread.reports.basis_sections import assumptions, provenance
from halfspread.reports.compare_sections import comparison_sections
from halfspread.reports.comparison import rank_results
from halfspread.reports.headline import headline
from halfspread.reports.instrument_sections import by_instrument, position
from halfspread.reports.measured import looks_ahead
from halfspread.reports.names import amount_of_data
from halfspread.reports.order_sections import liquidations, orders
from halfspread.reports.page_style import CSS
from halfspread.reports.performance_section import performance
from halfspread.reports.pnl_sections import attribution, returns
from halfspread.reports.proof_section import Proof, proof_alert, proof_section
from halfspread.reports.protocol import ResultLike
from halfspread.reports.svg import element, text
from halfspread.reports.table_sections import months, paper_table, round_trips
from halfspread.reports.time_sections import clock, rolling_figures
from halfspread.reports.view import View

__all__ = ["compare_page", "run_page"]


def run_page(result: ResultLike, manifest: Mapping[str, object] | None = None, proof: Proof | None = None) -> str:
    """The tear sheet of one run; ``manifest`` is shown as its provenance, ``proof`` as its audit.

    Order: headline, liquidations, cost attribution (of each instrument too), performance with intervals, equity and
    drawdown in both views, position, orders, round trips, rolling figures, hours and weekdays, days (Table I), months,
    assumptions, warnings and counts, audit, provenance. A section that has nothing to say is left out. Everything that
    came from outside is escaped.
    """
    view = View.of(result)
    instruments = ", ".join(f"{one.venue} {one.symbol}" for one in result.instruments)
    what = f"{instruments}, {formats.span(result.start, result.end)} UTC, {amount_of_data(result)}"
    params = ", ".join(f"{name}={value}" for name, value in result.agent_params.items())
    head = page_head(result.name, what, f"{result.agent}({params})")
    foresees = looks_ahead(result)
    split = (rolling_figures, clock, paper_table, months) if not view.brief else ()
    sections = (liquidations, attribution, by_instrument, performance, returns, position, orders, round_trips, *split)
    shown = [proof_alert(proof, foresees), headline(view), *(write(view) for write in (*sections, assumptions))]
    return document(result.name, head, *shown, proof_section(proof, foresees), provenance(manifest))


def compare_page(
    results: Sequence[ResultLike],
    ranking: str = "total_return",
    manifest: Mapping[str, object] | None = None,
    *,
    title: str = "Comparison",
    proofs: Mapping[str, Proof] | None = None,
    failed: Sequence[str] = (),
) -> str:
    """The page that compares agents on one market, best first by the metric ``ranking``; ``failed``: sentences on
    agents that are left out.

    Order: ranked table, attribution of each side by side, how sure the ranking is, all equities on one axis,
    assumptions once (and those that differ), audits (``proofs`` by name), provenance. Raises `ConfigError` without
    results or for an unknown metric.
    """
    if not results:
        raise ConfigError("compare_page: expected at least one result, got none")
    views = [View.of(result) for result in rank_results(results, ranking)]
    markets = dict.fromkeys(f"{one.venue} {one.symbol}" for view in views for one in view.result.instruments)
    start = min(view.result.start for view in views)
    end = max(view.result.end for view in views)
    what = f"{', '.join(markets)}, {formats.span(start, end)} UTC"
    head = page_head(title, what, f"{len(views)} {'agent' if len(views) == 1 else 'agents'}")
    if failed:
        lines = [element("li", text(f"{each} (failed, left out)")) for each in failed]
        head += element("div", element("ul", *lines), class_="alert", role="note")
    return document(title, head + comparison_sections(views, ranking, proofs or {}) + provenance(manifest))


def page_head(title: str, what: str, detail: str) -> str:
    """Name of the page and what it is about."""
    return element(
        "header",
        element("p", "halfspread", class_="brand"),
        element("h1", text(title)),
        element("p", text(what), class_="what"),
        element("p", text(detail), class_="params") if detail else "",
    )


def document(title: str, *content: str) -> str:
    """A whole page around ``content``."""
    policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    head = [
        '<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="color-scheme" content="light dark">',
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
        element("title", f"{text(title)} - halfspread"),
        element("style", CSS),
    ]
    footer = element("footer", "All times are UTC. Past prices say little about future ones.")
    body = element("body", element("main", *content, footer))
    return f'<!doctype html>\n<html lang="en"><head>{"".join(head)}</head>{body}</html>\n'
