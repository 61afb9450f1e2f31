"""Sections of the page of a training: fidelity, money, rounds, fit, data, and the file of the model."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd

from halfspread.reports import formats
from halfspread.reports.html_tables import bar_cell, definitions, row, table
from halfspread.reports.names import PART_NAMES
from halfspread.reports.svg import element, text
from halfspread.reports.sweep_charts import value_text
from halfspread.reports.training_charts import calibration_curve, loss_curves, rounds_chart
from halfspread.reports.training_view import Fidelity, Money, Party, Rows, TrainingView
from halfspread.reports.view import section

__all__ = ["attribution", "data", "fidelity", "fit", "model", "rounds"]


def fidelity(view: TrainingView) -> str:
    """Who wanted what on the learner's own trajectory."""
    found = view.fidelity
    if found is None or not found.confusion:
        return ""
    lead = (
        "On the learner's own trajectory through data held out: a row for what the expert wanted, a column for what "
        "the learner did, in % of the row. Off the diagonal it erred."
    )
    return section("Fidelity", lead, element("div", _confusion(found), class_="narrow"), anchor="fidelity")


def _confusion(found: Fidelity) -> str:
    rows = []
    for name, line in zip(found.classes, found.confusion, strict=True):
        total = sum(line)
        cells = []
        for other, many in zip(found.classes, line, strict=True):
            share = many / total if total else math.nan
            depth = round(70 * math.sqrt(share)) if total else 0
            words = formats.percent(share) if total else formats.MISSING
            kind = "month up" if other == name else "month down"
            cells.append(element("td", text(words), class_=kind, style=f"--depth: {depth}%", title=f"{many:,}"))
        rows.append(row(name, *cells, element("td", text(f"{total:,}"), class_="year")))
    return table(["Expert wants", *found.classes, "Decisions"], rows, kind="months")


def attribution(view: TrainingView) -> str:
    """What the PnL on the judged part is made of, for each agent."""
    if not view.money:
        return ""
    amounts = {part: [float(each.parts.get(part, 0.0)) for each in view.money] for part in PART_NAMES}
    totals = [each.total for each in view.money]
    digits = formats.decimals([*totals, *(value for line in amounts.values() for value in line)])
    ends = [0.0, *totals, *(value for line in amounts.values() for value in line)]
    low, high = min(ends), max(ends)

    def line(name: str, values: Sequence[float], style: str, kind: str | None = None) -> str:
        cells: list[str] = []
        for value in values:
            cells += [formats.number(value, digits, sign=True), bar_cell([(value, style, name)], low, high)]
        return row(name, *cells, kind=kind)

    rows = [
        line(PART_NAMES[part], values, f"part-{part.replace('_', '-')}")
        for part, values in amounts.items()
        if any(values) or part in ("price", "half_spread", "fee", "funding")
    ]
    rows.append(line("Net PnL", totals, "net", "total"))
    rows += [_plain(name, view.money, kind) for name, kind in _FACTS]
    if any(each.collateral for each in view.money):
        rows.append(_plain("Margin coin, not counted", view.money, "collateral"))
    head = [""]
    for each in view.money:
        head += [each.name, ""]
    listing = table(head, rows, kind="instruments")
    lead = (
        f"{view.currency}, on data that nothing was learnt from, every cost paid. A cost is negative. Imperfect copies "
        "can earn more than what they copy: this table ranks nobody as an imitator."
    )
    return section("Money after costs", lead, listing, anchor="money")


_FACTS = (("Turnover, of the notional", "turnover"), ("Fills", "fills"), ("Max. drawdown", "max_drawdown"))


def _plain(name: str, money: Sequence[Money], field: str) -> str:
    cells: list[str] = []
    for each in money:
        value = float(getattr(each, field))
        if field == "turnover":
            words = f"{formats.compact(value)}\N{MULTIPLICATION SIGN}"
        elif field == "fills":
            words = formats.count(value)
        elif field == "collateral":
            words = formats.money(value, sign=True)
        else:
            words = formats.returned(value)
        cells += [words, element("td", " ", class_="bar")]
    return row(name, *cells, kind="aside")


def rounds(view: TrainingView) -> str:
    """Rounds of aggregation."""
    if not view.rounds:
        return ""
    rows = []
    for each in view.rounds:
        error = f" \N{PLUS-MINUS SIGN} {formats.percent(each.judged_error, 2)}" * math.isfinite(each.judged_error)
        cells = [formats.number(each.beta), f"{each.labels:,}", formats.percent(each.disagreement, 2)]
        cells += [f"{formats.percent(each.judged, 2)}{error}", "kept" if each.best else ""]
        rows.append(row(f"{each.number}", *cells, kind="total" if each.best else None))
    head = ["Round", "Beta", "Labels", "At its states", "Judged", "\N{NO-BREAK SPACE}"]
    listing = table(head, rows)
    lead = (
        "In every round the learner acts with probability 1 \N{MINUS SIGN} beta, the expert labels the states that are "
        "visited, and the learner is fitted anew to all labels so far. Judged: by itself on fresh data; "
        "\N{PLUS-MINUS SIGN} one standard error."
    )
    return section("Rounds", lead, rounds_chart(view.rounds), listing, anchor="rounds")


def fit(view: TrainingView) -> str:
    """How the fit went."""
    drawn = [chart for chart in (loss_curves(view.fit), calibration_curve(view.fit.calibration)) if chart]
    if not drawn:
        return ""
    charts = element("div", *drawn, class_="pair") if len(drawn) == 2 else drawn[0]
    words = [f"Epoch {view.fit.best_epoch} of {len(view.fit.training)} is kept"]
    words += [f"temperature {formats.number(view.fit.temperature, 3)}"] if view.fit.temperature != 1.0 else []
    if math.isfinite(view.fit.calibration_error):
        words.append(f"expected calibration error {formats.percent(view.fit.calibration_error)}")
    words += [f"it took {formats.duration(view.fit.seconds / 3_600.0)}"] if math.isfinite(view.fit.seconds) else []
    last = " Of the last round that is kept." if view.rounds else ""
    return section("Fit", f"{'; '.join(words)}.{last}", charts, anchor="fit")


def data(view: TrainingView) -> str:
    """What was learnt from and judged on."""
    classes = list(dict.fromkeys(name for part in (*view.learnt, *view.judged) for name in part.labels))
    rows = [_part("learnt from", part, classes) for part in view.learnt]
    rows += [_part("judged on", part, classes) for part in view.judged]
    head = ["", "Instrument", "From", "To", "Bars", "Episodes", "Decisions", *(f"wants {name}" for name in classes)]
    listing = table(head, rows, kind="ranking", words=(1,))
    lead = f"Times UTC. Between the two: {view.embargo or 'nothing left out'}."
    parties = {"expert": _party(view.expert), "learner": _party(view.learner), "seed": str(view.seed)}
    return section("Data", lead, listing, definitions(parties), anchor="data")


def _part(name: str, part: Rows, classes: Sequence[str]) -> str:
    cells = [part.instrument, *(formats.stamp(pd.Timestamp(time)) for time in (part.start, part.end))]
    cells += [f"{part.bars:,}" if part.bars else formats.MISSING, f"{part.episodes:,}", f"{part.rows:,}"]
    total = sum(part.labels.values())
    cells += [formats.percent(part.labels.get(each, 0) / total) if total else formats.MISSING for each in classes]
    return row(name, *cells, words=(1,))


def _party(party: Party) -> str:
    settings = ", ".join(f"{name}={value_text(value)}" for name, value in party.parameters.items())
    who = party.name if party.kind in ("", party.name) else f"{party.name}, {party.kind}"
    return f"{who}({settings})" if settings else who


def model(view: TrainingView) -> str:
    """The file."""
    found = view.model
    if found is None:
        return ""
    entries = {
        "file": f"{found.file}, {found.bytes:,} bytes" if found.bytes else found.file,
        "hash": found.hash,
        "network": f"{found.architecture}, {found.parameters:,} parameters" if found.parameters else found.architecture,
        "looks at": ", ".join(found.features) + (f"; the last {found.stack} decisions" if found.stack > 1 else ""),
        "has seen": found.trained,
    }
    lead = "A run on any part of what it has seen is refused."
    return section(
        "Model", lead, definitions({name: words for name, words in entries.items() if words}), anchor="model"
    )
