"""The page of `halfspread data check`: what was found in stored market data, where, and how the data look."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from halfspread.reports import formats
from halfspread.reports.data_charts import TONES, coverage_chart, moves_chart
from halfspread.reports.data_view import SEVERITIES, FindingView, SeriesView, StepView
from halfspread.reports.html import document, page_head
from halfspread.reports.html_tables import definitions, figure_cells, row, table
from halfspread.reports.svg import element, text
from halfspread.reports.view import section

__all__ = ["data_page"]

#: Examples that are written out below a finding.
_SHOWN = 5


def data_page(views: Sequence[SeriesView], store: str = "") -> str:
    """The page. Everything that came from outside is escaped."""
    first, last = (pick(getattr(view, end) for view in views) for pick, end in ((min, "start"), (max, "end")))
    rows = sum(view.rows for view in views)
    what = f"{len(views):,} series, {formats.span(_time(first), _time(last))} UTC"
    head = page_head("Market data", what, store)
    seconds = sum(view.seconds for view in views)
    counts = {severity: sum(view.count(severity) for view in views) for severity in SEVERITIES}
    figures = figure_cells(
        [
            ("Rows", formats.compact(rows), f"looked at in {formats.number(seconds, 1)} s", 0.0),
            ("Errors", f"{counts['error']:,}", "cannot be true", -float(counts["error"])),
            ("Warnings", f"{counts['warning']:,}", "may mislead a backtest", 0.0),
            ("Notes", f"{counts['note']:,}", "true, and good to know", 0.0),
        ]
    )
    return document("Market data", head, figures, _overview(views), *map(_series, views), _terms())


def _overview(views: Sequence[SeriesView]) -> str:
    lines = []
    for view in views:
        name = element("a", text(view.name), href=f"#{_anchor(view)}")
        cells = [
            element("td", formats.count(view.rows)),
            element("td", text(_date(view.start))),
            element("td", text(_date(view.end))),
            *(_tally(view, severity) for severity in SEVERITIES),
        ]
        lines.append(element("tr", element("th", name, scope="row"), *cells))
    grid = table(["Series", "Rows", "From", "To", "Errors", "Warnings", "Notes"], lines)
    return section("Series", "What was looked at, and how many findings each has.", grid)


def _tally(view: SeriesView, severity: str) -> str:
    count = view.count(severity)
    style = f"color: {TONES[severity]}; font-weight: 650" if count and severity != "note" else None
    return element("td", f"{count:,}" if count else formats.MISSING, style=style)


def _series(view: SeriesView) -> str:
    lead = f"{view.about[:1].upper()}{view.about[1:]}, {formats.span(_time(view.start), _time(view.end))} UTC, "
    lead += formats.plural(view.rows, "row")
    if view.expected:
        lead += f" of {view.expected:,} that the spans asked for should hold"
    facts = {"beside": "; ".join(view.beside), "source": "; ".join(view.sources)}
    content = [definitions({name: words for name, words in facts.items() if words})]
    content.append(element("div", style="height: 12px"))
    content += [_findings(view.findings) if view.findings else element("p", "Nothing was found.", class_="lead after")]
    content.append(coverage_chart(view))
    if view.moves is not None and sum(view.moves.up) + sum(view.moves.down):
        content.append(moves_chart(view.moves))
    if view.steps or view.own_ticks:
        content.append(_steps(view))
    return section(view.name, lead, *content, anchor=_anchor(view))


def _findings(findings: Sequence[FindingView]) -> str:
    lines = []
    for finding in findings:
        shown = [element("li", text(f"{_when(one.start)}: {one.text}")) for one in finding.examples[:_SHOWN]]
        more = finding.count - len(shown)
        if shown and more > 0:
            shown.append(element("li", f"and {more:,} more"))
        style = "margin: 2px 0 0; padding-left: 16px; color: var(--soft); font-size: 12px"
        summary = element("summary", text(finding.message), style="cursor: pointer")
        words = element("details", summary, element("ul", *shown, style=style)) if shown else text(finding.message)
        tone = f"color: {TONES[finding.severity]}; font-weight: 600"
        lines.append(
            element(
                "tr",
                element("th", element("span", finding.severity, style=tone), scope="row"),
                element("td", text(finding.check), class_="words"),
                element("td", f"{finding.count:,}"),
                element("td", words, class_="words wrap"),
            )
        )
    return table(["", "Check", "Places", "What"], lines, words=(1, 3))


def _steps(view: SeriesView) -> str:
    lines = [_step(step, "of the contract") for step in view.steps]
    lines += [_step(step, "of the data themselves") for step in view.own_ticks]
    head = ["Step", "", "From", "To", "Rows", "On it", "Off it"]
    grid = table(head, lines, words=(1,))
    return element("h3", "Ticks and lots") + grid


def _step(step: StepView, whose: str) -> str:
    share = 1.0 - step.off / step.rows if step.rows else float("nan")
    digits = 4 if 0 < step.off < 0.0005 * step.rows else 2
    cells = (
        whose,
        _when(step.start),
        _when(step.end),
        f"{step.rows:,}",
        formats.percent(share, digits),
        f"{step.off:,}",
    )
    return row(f"{step.what} {step.step:g}", *cells, words=(1,))


def _terms() -> str:
    words = {
        "error": "The data cannot be true, or are not what they say. Fetch or import them again, or leave them out.",
        "warning": "A backtest over the span may be misled: look at the places before you trust its result.",
        "note": "True of the market or the venue; nothing has to be done.",
        "usual move": "The median of the moves that are not zero, of the same hour and month, times 1.4826.",
    }
    return section("How to read this page", "What the words mean.", definitions(words), anchor="terms")


def _anchor(view: SeriesView) -> str:
    return view.name.replace(":", "-")


def _time(nanoseconds: int) -> pd.Timestamp:
    return pd.Timestamp(nanoseconds)


def _date(nanoseconds: int) -> str:
    return formats.day(_time(nanoseconds))


def _when(nanoseconds: int) -> str:
    return formats.stamp(_time(nanoseconds), seconds=nanoseconds % 60_000_000_000 != 0)
