"""The table of a training for the terminal, plain and readable in 100 columns."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from halfspread.reports import formats
from halfspread.reports.names import PART_NAMES
from halfspread.reports.shift_section import measure_value, p_text
from halfspread.reports.shift_view import ShiftView
from halfspread.reports.training_page import verdict
from halfspread.reports.training_view import Rows, TrainingView

__all__ = ["shift_table", "training_table"]

#: Features in the table, the most distant first.
SHOWN = 8


def training_table(view: TrainingView) -> RenderableType:
    """Fidelity, shift, money and where the numbers come from, for a rich console."""
    title = Text(view.title, style="bold").append(f"  {view.what}", style="not bold dim")
    parts: list[RenderableType] = [title, "", _headline(view), ""]
    if view.rounds:
        parts += [_rounds(view), ""]
    for shift in view.shifts:
        parts += [shift_table(shift), ""]
    if view.money:
        parts += [_money(view), ""]
    parts.append(Text(verdict(view)))
    parts += [Text(f"{topic}: {words}", style="dim") for topic, words in view.assumptions.items()]
    parts += [Text(f"warning: {words}", style="yellow") for words in view.warnings]
    return Group(*parts)


def _headline(view: TrainingView) -> Table:
    entries: list[tuple[str, str, str]] = []
    found = view.fidelity
    if found is not None:
        between = f"{formats.percent(found.low)} to {formats.percent(found.high)}, " if math.isfinite(found.low) else ""
        entries += [
            ("disagreement", formats.percent(found.disagreement, 2), f"{between}of its decisions when it acts alone"),
            ("agreement", formats.percent(found.agreement, 2), "at the expert's own states, held out"),
        ]
        if math.isfinite(found.missed):
            entries.insert(
                1, ("missed", formats.percent(found.missed), f"of {found.changes:,} changes that its expert wanted")
            )
        if math.isfinite(found.apart):
            entries.append(("apart", formats.percent(found.apart), "elsewhere than its expert in its own run"))
        if math.isfinite(found.regret):
            error = f"\N{PLUS-MINUS SIGN} {formats.money(found.regret_error)} " * math.isfinite(found.regret_error)
            entries.append(("regret", formats.money(found.regret, sign=True), f"{error}{found.regret_unit}"))
    kept = f"epoch {view.fit.best_epoch} of {len(view.fit.training)} is kept"
    if math.isfinite(view.fit.calibration_error):
        kept += f"; calibration error {formats.percent(view.fit.calibration_error)}"
    entries.append(("labels", f"{view.labels:,}", kept))
    entries += [("learnt from", f"{part.rows:,}", _range(part)) for part in view.learnt]
    entries += [("judged on", f"{part.rows:,}", _range(part)) for part in view.judged]
    if view.model is not None:
        size = f"{view.model.parameters:,} parameters" if view.model.parameters else ""
        entries.append(("model", view.model.architecture, f"{size}; {view.model.file}".removeprefix("; ")))
    grid = _table(["", "", ""], header=False)
    grid.columns[2].justify, grid.columns[2].no_wrap, grid.columns[2].overflow = "left", False, "fold"
    for name, value, basis in entries:
        grid.add_row(name, Text(value), Text(basis, style="dim"))
    return grid


def _range(part: Rows) -> str:
    episodes = f", {formats.plural(part.episodes, 'episode')}" if part.episodes > 1 else ""
    return f"decisions, {part.instrument} {formats.span(pd.Timestamp(part.start), pd.Timestamp(part.end))}{episodes}"


def _rounds(view: TrainingView) -> Table:
    grid = _table(["round", "beta", "labels", "at its states", "judged", "\N{PLUS-MINUS SIGN} se", ""])
    for each in view.rounds:
        cells = [f"{each.number}", formats.number(each.beta), f"{each.labels:,}"]
        cells += [formats.percent(value, 2) for value in (each.disagreement, each.judged, each.judged_error)]
        grid.add_row(*cells, "kept" if each.best else "", style="bold" if each.best else "")
    return grid


def shift_table(shift: ShiftView) -> RenderableType:
    """Measures of a shift, and its largest features."""
    level = f"{formats.percent(shift.level, 0)} interval"
    first = _table(["shift", "value", level, "p"])
    for each in shift.measures:
        digits = 2 if abs(each.high) >= 0.1 else 4
        between = _between(each.low, each.high, digits)
        first.add_row(Text(each.name), measure_value(each.value, each.unit), between, p_text(each.p))
    second = _table(["by feature", "drift, sd", level, "distance, sd", "PSI", "p"])
    order = sorted(shift.features, key=lambda each: -each.distance if not math.isnan(each.distance) else 1.0)
    for feature in order[:SHOWN]:
        cells = [formats.number(feature.drift, 2, sign=True), _between(feature.drift_low, feature.drift_high, 2)]
        cells += [formats.number(feature.distance), formats.number(feature.index, 3), p_text(feature.p)]
        second.add_row(Text(feature.feature), *cells)
    words = f"{shift.visited} ({shift.visited_rows:,} rows) against {shift.reference} ({shift.reference_rows:,}), "
    words += f"blocks of {shift.block:,} rows"
    return Group(first, *([second] if order else []), Text(words, style="dim"))


def _between(low: float, high: float, digits: int) -> str:
    if not (math.isfinite(low) and math.isfinite(high)):
        return formats.MISSING
    return f"{formats.number(low, digits)} to {formats.number(high, digits)}"


def _money(view: TrainingView) -> Table:
    grid = _table([view.currency, *(each.name for each in view.money)])
    lines = {part: [float(each.parts.get(part, 0.0)) for each in view.money] for part in PART_NAMES}
    totals = [each.total for each in view.money]
    digits = formats.decimals([*totals, *(value for values in lines.values() for value in values)])
    for part, values in lines.items():
        if any(values):
            grid.add_row(PART_NAMES[part].lower(), *(formats.number(value, digits, sign=True) for value in values))
    grid.add_row("net PnL", *(formats.number(value, digits, sign=True) for value in totals), style="bold")
    grid.add_row("turnover", *(f"{formats.compact(each.turnover)}x" for each in view.money))
    grid.add_row("fills", *(f"{each.fills:,}" for each in view.money))
    grid.add_row("max. drawdown", *(formats.returned(each.max_drawdown) for each in view.money))
    return grid


def _table(columns: Sequence[str], *, header: bool = True) -> Table:
    grid = Table(box=None, show_header=header, header_style="dim", pad_edge=False, padding=(0, 2, 0, 0))
    for index, name in enumerate(columns):
        grid.add_column(Text(name), justify="right" if index else "left", no_wrap=True)
    return grid
